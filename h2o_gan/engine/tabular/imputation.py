"""Estimates of the missing cells of a table, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch

from h2o_gan.engine.blocks import block_seed, in_threads
from h2o_gan.engine.data.codecs.categorical import dictionary_array
from h2o_gan.engine.data.protocol import LearnedCodec
from h2o_gan.engine.data.schema import Array, Column
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.estimates import Estimate, prediction_schema
from h2o_gan.engine.tabular.completion import Completion, Drawn, replaced
from h2o_gan.engine.tabular.conditions import Conditions
from h2o_gan.engine.tabular.prediction import Predictor

__all__ = ["WEIGHTED_DRAWS", "Estimation"]

WEIGHTED_DRAWS = 32
"""Draws of a row where their number is not given."""


@dataclass(frozen=True)
class Estimation:
    """Estimates of the cells of a table that are not given.

    Attributes:
        encoder: of the model.
        predictor: of the model, on the device to compute on.
        conditions: the given cells.
        completion: completes rows by formulas between columns, and tells which break a rule.
        redraw: draws the gaps of some rows of the table, given by index and with their identifiers.
        rows: number of rows.
        seed: of all randomness.
        draws: of each row; 0 for the networks of the columns alone; None for the networks and the
            density of the whole row where one cell is missing, else WEIGHTED_DRAWS.
        block_rows: rows of a block.
    """

    encoder: TableEncoder
    predictor: Predictor
    conditions: Conditions
    completion: Completion
    redraw: Callable[[Array, Mapping[str, pa.Array]], pa.Table]
    rows: int
    seed: int
    draws: int | None
    block_rows: int

    def filled(self, method: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows with their gaps filled.

        Args:
            method: "mean" or "mode" of numbers and times; of levels the most probable one.
        """
        yield from in_threads(
            lambda block: self._filled_block(block, method), self._blocks, self.predictor.device
        )

    def predicted(self, column: Column, quantiles: Sequence[float]) -> Iterator[pa.RecordBatch]:
        """Yield the prediction of a column for each row, see :func:`prediction_schema`."""
        schema = prediction_schema(column, quantiles)

        def batch(block: int) -> pa.RecordBatch:
            rows = self._rows_of(block)
            parts = []
            every = np.arange(len(rows))
            for at, estimate in self._estimates(block, {column.name: (column, every)}, spread=True):
                arrays = estimate.prediction(quantiles)
                parts.append((at, pa.RecordBatch.from_arrays(arrays, schema=schema)))
            table = pa.Table.from_batches([part for _, part in parts], schema=schema)
            order = np.argsort(np.concatenate([at for at, _ in parts]), kind="stable")
            return table.combine_chunks().take(pa.array(order)).to_batches()[0]

        yield from in_threads(batch, self._blocks, self.predictor.device)

    @property
    def _blocks(self) -> int:
        return -(-self.rows // self.block_rows)

    def _rows_of(self, block: int) -> range:
        start = block * self.block_rows
        return range(start, min(start + self.block_rows, self.rows))

    def _filled_block(self, block: int, method: str) -> pa.RecordBatch:
        rows, layout = self._rows_of(block), self.predictor.layout
        arrays: dict[str, pa.Array] = {}
        wanted: dict[str, tuple[Column, Array]] = {}
        codecs: dict[str, LearnedCodec] = {}
        for index, codec in enumerate(layout.codecs):
            for column in codec.columns:
                codecs[column.name] = codec
                arrays[column.name] = pa.nulls(len(rows), column.arrow_type)
                gaps = self._gaps(column.name, rows)
                if len(gaps) and layout.source_of(index) is None:
                    wanted[column.name] = column, gaps
        found: dict[str, list[tuple[Array, pa.Array]]] = {}
        for at, estimate in self._estimates(block, wanted):
            name = estimate.column.name
            found.setdefault(name, []).append((at, _points(estimate, codecs[name], method)))
        for name, parts in found.items():
            at = np.concatenate([own for own, _ in parts])
            source = np.full(len(rows), -1)
            source[at] = np.arange(len(at))
            points = pa.concat_arrays([part for _, part in parts])
            arrays[name] = points.take(pa.array(source, mask=source < 0))
        self._add_functions(arrays, np.array(rows))
        none = np.full(len(rows), -1)
        related = {c.columns[0].name: none for c in layout.codecs if c.related}
        generated = self.completion.generated(rows.start, len(rows))
        done = self.completion.completed(list(arrays.values()), related, generated, np.array(rows))
        filled = done.arrays
        broken = np.flatnonzero(done.broken)
        if len(broken):  # estimates that together break a rule give way to drawn rows
            # Identifiers follow from a row's index in the frame, and other columns from them.
            at = pa.array(broken)
            identifiers = {name: filled[name].take(at) for name in self.encoder.generated_names}
            drawn = self.redraw(rows.start + broken, identifiers)
            (batch,) = drawn.combine_chunks().to_batches()
            others = dict(zip(batch.schema.names, batch.columns, strict=True))
            filled = replaced(filled, others, broken, np.arange(len(broken)))
        return self.encoder.batch(filled)

    def _add_functions(self, arrays: dict[str, pa.Array], rows: Array) -> None:
        """Add the columns that are functions of others, given cells and gaps alike."""
        layout = self.predictor.layout
        known = self.conditions.restored(arrays, rows)
        for dependency in layout.dependencies:
            source, column = layout.codecs[dependency.source], layout.columns[dependency.token]
            codes = source.encode([pa.chunked_array([known[source.columns[0].name]])])
            # Levels that the network does not see lead nowhere: take what the first choice does.
            chosen = np.maximum(layout.columns[dependency.source].choices_of(codes), 0)
            values = dependency.table[chosen].astype(float)[:, None]
            (made,) = column.decode(values, np.full(len(values), 0.5))
            arrays[column.codec.columns[0].name] = made

    def _gaps(self, name: str, rows: range) -> Array:
        """The positions in the block, (gaps,) int64, at which a column is not given."""
        if name not in self.conditions.cells:
            return np.arange(len(rows))
        return np.flatnonzero(~self.conditions.cells[name][1][rows.start : rows.stop])

    def _estimates(
        self, block: int, wanted: Mapping[str, tuple[Column, Array]], spread: bool = False
    ) -> Iterator[tuple[Array, Estimate]]:
        """Yield the estimates of columns at positions in the block, and those positions.

        Args:
            block: number of the block.
            wanted: by name, the column and the positions.
            spread: whether draws are made for each value of a column. That is more precise for one
                column, but columns do not share draws.
        """
        if not wanted:
            return
        rows, predictor = self._rows_of(block), self.predictor
        rng = torch.Generator(self.predictor.device).manual_seed(block_seed(self.seed, block))
        uniforms = np.random.default_rng([self.seed, block])
        width = len(predictor.layout.codecs)
        given, bounds = self.conditions.block(rows.start, len(rows), rng, self.predictor.device)
        if self.draws is None:
            whole = predictor.is_whole(given).cpu().numpy()
        else:
            whole = np.zeros(len(rows), bool)
        drawn: dict[str, tuple[Column, list[Array]]] = {}
        summaries = None if self.draws and not spread else predictor.summaries(given)
        for name, (column, gaps) in wanted.items():
            free = summaries is not None and self._is_free(name)
            for complete, at in ((True, gaps[whole[gaps]]), (False, gaps[~whole[gaps]])):
                if not len(at):
                    continue
                estimate = None
                if free and (complete or spread or self.draws == 0):
                    assert summaries is not None
                    picked = torch.from_numpy(at).to(self.predictor.device)
                    estimate = predictor.from_network(
                        column,
                        given.take(picked),
                        summaries[picked],
                        {token: bound.take(picked) for token, bound in bounds.items()},
                        complete or self.draws != 0,
                        None if complete else rng,
                        self.draws or WEIGHTED_DRAWS,
                    )
                if estimate is None:
                    drawn.setdefault(name, (column, []))[1].append(at)
                else:
                    yield at, estimate
        if not drawn:
            return
        at = np.unique(np.concatenate([part for _, parts in drawn.values() for part in parts]))
        picked = torch.from_numpy(at).to(self.predictor.device)

        generated = self.completion.generated(rows.start, len(rows))

        def completed(values: Array, owners: Array) -> Drawn:
            own = at[owners]
            made = {name: array.take(pa.array(own)) for name, array in generated.items()}
            drawn_uniforms = uniforms.random((len(values), width))
            return self.completion.candidates(values, drawn_uniforms, made, rows.start + own)

        found = predictor.from_draws(
            [column for column, _ in drawn.values()],
            given.take(picked),
            {token: bound.take(picked) for token, bound in bounds.items()},
            completed,
            rng,
            self.draws or WEIGHTED_DRAWS,
        )
        for name, (_, parts) in drawn.items():
            own = np.concatenate(parts)
            here = np.searchsorted(at, own)
            estimate = found[name]
            yield (
                own,
                replace(estimate, values=estimate.values[here], weights=estimate.weights[here]),
            )

    def _is_free(self, name: str) -> bool:
        """Whether no formula gives a column's value, nor a value that is given from the column."""
        index = self.predictor.layout.index_of(name)
        if index is None or self.predictor.layout.codecs[index].related:
            return False
        return not any(
            name in relation.formula.sources and target in self.conditions.cells
            for target, relation in self.encoder.relations.always.items()
        )


def _points(estimate: Estimate, codec: LearnedCodec, method: str) -> pa.Array:
    """One value a row."""
    column = estimate.column
    if column.kind == "enum":
        return dictionary_array(estimate.most_probable(), None, column)
    numbers = estimate.mean() if method == "mean" else estimate.mode()
    return codec.nearest(column.name, numbers)
