"""Reads the frames that a report compares: samples, counts and hashes of their rows.

Each frame is read once, the training frame twice where it is larger than the sample, since its
bins have to be known before its rows are counted. Memory does not grow with the frames, except for
8 bytes a row, the hash by which copies are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import h2o
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h2o.exceptions import H2OError, H2OJobCancelled, H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster.frames import write_frame
from h2o_gan.cluster.scanning import scan
from h2o_gan.reporting.comparison import as_rows, as_table, compared_fields
from h2o_gan.reporting.inputs import Inputs, Options, Part
from h2o_gan.reporting.measures.columns import Bins, Counts
from h2o_gan.reporting.measures.hashes import level_hashes, row_hashes, shares_of_copies
from h2o_gan.reporting.measures.rows import Field, Rows

__all__ = ["SAMPLE_ROWS", "Source", "gathered"]

SAMPLE_ROWS = 20_000
"""Most rows of each table in samples."""
_FEWEST_ROWS = 20
_UNSEEN_SHARE = 0.2  # of the real rows, where there are no others

Numbers = npt.NDArray[np.int64]
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Source:
    """The frames to compare.

    Attributes:
        training: the frame that the model was trained on, or any real rows.
        synthetic: the frame that is judged.
        unseen: real rows that are not among the training rows; None for some of the training frame.
        held_out: indices of the rows of the training frame that the model was not trained on; they
            are the unseen rows where there is no such frame.
        columns: names of the columns to compare; None for all.
        names: of the parameters that the frames were given as, for messages.
        relations: computes, from tables of sample rows (training, synthetic, unseen), in how many
            rows the model's relations hold; see :class:`~h2o_gan.reporting.inputs.Inputs`.
        model_file: what the model's file holds about rows.
    """

    training: H2OFrame
    synthetic: H2OFrame
    unseen: H2OFrame | None = None
    held_out: Numbers | None = None
    columns: Sequence[str] | None = None
    names: tuple[str, str, str] = ("training_frame", "synthetic", "test_frame")
    relations: Callable[[pa.Table, pa.Table, pa.Table], Sequence[Mapping[str, Any]]] | None = None
    model_file: Mapping[str, Any] | None = None


class _Pass:
    """What a pass over a frame collects beside the kept rows.

    Args:
        fields: the columns.
        bins: to count in; None not to count.
        skipped: indices of rows that do not belong to the table, ascending.
        progress: called with the share of rows that were read.
        rows: number of rows of the frame.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        bins: Mapping[str, Bins] | None,
        skipped: Numbers,
        progress: Progress,
        rows: int,
    ) -> None:
        self._fields, self._bins, self._skipped = fields, bins, skipped
        self._progress, self._rows = progress, rows
        self._levels = {f.name: level_hashes(f.levels) for f in fields if f.is_category}
        self.counts: dict[str, Counts] = {}
        self._hashes: list[npt.NDArray[np.uint64]] = []

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """(rows,) hashes of the rows, in no particular order."""
        return np.concatenate([np.zeros(0, np.uint64), *self._hashes])

    def __call__(self, batch: pa.RecordBatch, first: int) -> None:
        """Take a batch."""
        self._progress(first / max(self._rows, 1))
        start, end = np.searchsorted(self._skipped, [first, first + batch.num_rows])
        if end > start:
            mask = np.ones(batch.num_rows, bool)
            mask[self._skipped[start:end] - first] = False
            batch = batch.filter(pa.array(mask))
        self.add(as_rows(batch, self._fields))

    def add(self, rows: Rows) -> None:
        """Take rows."""
        hashed: list[npt.NDArray[Any]] = []
        for field, values in rows:
            if self._bins is not None:
                counts = self._bins[field.name].count(values)
                before = self.counts.get(field.name)
                self.counts[field.name] = counts if before is None else before + counts
            hashed.append(values if not field.is_category else self._hash(field, values))
        self._hashes.append(row_hashes(hashed))

    def _hash(self, field: Field, values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
        missing = np.isnan(values)
        known = np.append(self._levels[field.name], np.uint64(0))
        return known[np.where(missing, len(field.levels), values).astype(np.int64)]


@contextmanager
def gathered(source: Source, options: Options, stop: Any, progress: Progress) -> Iterator[Inputs]:
    """Read the frames; temporary frames are removed at the end of the context.

    Args:
        source: the frames.
        options: what the user asks for.
        stop: an event; once set, reading ends.
        progress: called with the share that is done.

    Yields:
        What sections are computed from.

    Raises:
        H2OValueError: the frames do not compare.
        H2OJobCancelled: `stop` was set before all was read.
    """
    frames = dict(zip(source.names, (source.training, source.synthetic), strict=False))
    if source.unseen is not None:
        frames[source.names[2]] = source.unseen
    fields, left_out = compared_fields(frames, source.columns)
    names = [field.name for field in fields]
    rng = np.random.default_rng(options.seed)

    def step(first: float, last: float) -> Progress:
        def report(share: float) -> None:
            if stop.is_set():
                raise H2OJobCancelled("the report was cancelled before its first part.")
            progress(first + (last - first) * share)

        return report

    total = source.training.nrow
    if min(frame.nrow for frame in frames.values()) < _FEWEST_ROWS:
        name, frame = min(frames.items(), key=lambda item: int(item[1].nrow))
        raise H2OValueError(
            f"{name} has {frame.nrow} rows, of which nothing can be said: give at least "
            f"{_FEWEST_ROWS}."
        )
    held_out = _held_out(source, total, rng)
    training_index = np.setdiff1d(np.arange(total), held_out, assume_unique=True)
    size = min(len(training_index), source.synthetic.nrow, SAMPLE_ROWS)
    index = rng.permutation(training_index)[:size]
    unseen_index = held_out[:SAMPLE_ROWS]
    table = scan(
        source.training,
        names,
        np.concatenate([index, unseen_index]),
        lambda batch, first: step(0.0, 0.3)(first / total),
    )
    training = as_rows(table.slice(0, size), fields)
    bins = {field.name: Bins.fit(field, values) for field, values in training}
    parts: dict[str, tuple[Rows, H2OFrame | None, int, _Pass]] = {}
    passes = _Pass(fields, bins, np.sort(held_out), step(0.3, 0.5), total)
    if size == len(training_index):
        passes.add(training)
    else:
        scan(source.training, names, np.zeros(0, np.int64), passes)
    parts["training"] = training, source.training, len(training_index), passes

    rows = source.synthetic.nrow
    passes = _Pass(fields, bins, np.zeros(0, np.int64), step(0.5, 0.75), rows)
    kept = rng.permutation(rows)[:size]
    sample = as_rows(scan(source.synthetic, names, kept, passes), fields)
    parts["synthetic"] = sample, source.synthetic, rows, passes

    if source.unseen is None:
        passes = _Pass(fields, bins, np.zeros(0, np.int64), step(0.75, 0.9), len(held_out))
        sample = as_rows(table.slice(size), fields)
        passes.add(sample)
        parts["unseen"] = sample, None, len(held_out), passes
    else:
        rows = source.unseen.nrow
        passes = _Pass(fields, bins, np.zeros(0, np.int64), step(0.75, 0.9), rows)
        kept = rng.permutation(rows)[:SAMPLE_ROWS]
        sample = as_rows(scan(source.unseen, names, kept, passes), fields)
        parts["unseen"] = sample, source.unseen, rows, passes
    independent = training.shuffled(rng)
    hashes = {name: passes.hashes for name, (_, _, _, passes) in parts.items()}
    known = hashes.pop("training")
    if source.unseen is None and source.held_out is None:
        # The rows that stand in for unseen ones may have been copied as well.
        known = np.concatenate([known, hashes["unseen"]])
    copies = shares_of_copies(known, hashes)
    tables = [as_table(part[0]) for part in parts.values()]
    relations = () if source.relations is None else tuple(source.relations(*tables))
    made: list[H2OFrame] = []
    try:
        for table in (*tables, as_table(independent)):
            made.append(write_frame(table))
        done = {
            name: Part(name, sample, frame, whole, total, passes.counts)
            for (name, (sample, whole, total, passes)), frame in zip(
                parts.items(), made[:3], strict=True
            )
        }
        step(0.9, 1.0)(1.0)
        yield Inputs(
            **done,
            independent=Part("independent", independent, made[3], None, size),
            fields=fields,
            options=options,
            bins=bins,
            left_out=left_out,
            unseen_is_training=source.unseen is None and source.held_out is None,
            relations=relations,
            copies=copies,
            model_file=source.model_file or {},
            stop=stop,
        )
    finally:
        for frame in made:
            with suppress(H2OError):  # the cluster may be lost
                h2o.remove(frame)


def _held_out(source: Source, total: int, rng: np.random.Generator) -> Numbers:
    """Indices of the training frame's rows that serve as unseen ones, in random order."""
    if source.unseen is not None:
        return np.zeros(0, np.int64)
    if source.held_out is not None:
        return rng.permutation(source.held_out).astype(np.int64)
    count = max(min(int(total * _UNSEEN_SHARE), SAMPLE_ROWS), 1)
    return rng.permutation(total)[:count].astype(np.int64)
