"""One pass over a frame's rows that keeps some of them, whatever the frame's size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h2o.frame import H2OFrame

from h2o_gan.cluster.frames import open_frame

__all__ = ["scan"]


def scan(
    frame: H2OFrame,
    columns: Sequence[str],
    kept: npt.NDArray[np.int64],
    on_batch: Callable[[pa.RecordBatch, int], None] | None = None,
) -> pa.Table:
    """Read all rows of a frame once, in bounded memory, and keep some of them.

    Args:
        frame: the frame.
        columns: names of the columns to read.
        kept: indices of the rows to return, each at most once.
        on_batch: called with each batch and the index of its first row; what it raises ends the
            pass.

    Returns:
        The kept rows, in the order of `kept`.

    Raises:
        H2OConnectionError: the cluster is lost.
        H2OValueError: the frame is gone or changes meanwhile.
    """
    ascending = np.sort(kept)
    parts: list[pa.RecordBatch] = []
    first = 0
    with closing(open_frame(frame, columns)) as source:
        schema = source.reader.schema
        for batch in source.reader:
            if on_batch is not None:
                on_batch(batch, first)
            start, end = np.searchsorted(ascending, [first, first + batch.num_rows])
            if end > start:
                parts.append(batch.take(pa.array(ascending[start:end] - first)))
            first += batch.num_rows
    table = pa.Table.from_batches(parts, schema).unify_dictionaries()
    return table.take(pa.array(np.argsort(np.argsort(kept, kind="stable"), kind="stable")))
