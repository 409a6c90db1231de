"""Checks that generated rows fit into the cluster's memory before they are sent."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from h2o.exceptions import H2OValueError

from h2o_gan.cluster import rest

__all__ = ["check_memory"]

_USABLE_SHARE = 0.9  # of the free memory; the cluster works in the rest
_SCALES = (1, 10, 100, 1_000, 10_000)


def check_memory(rows: pa.RecordBatchReader, count: int) -> pa.RecordBatchReader:
    """Check that rows fit into the cluster.

    Args:
        rows: the rows; the first batch is read to estimate their size.
        count: how many rows will come.

    Returns:
        A reader of the same rows.

    Raises:
        H2OValueError: the cluster has too little memory; the message says how many rows fit.
    """
    nodes = rest.api("GET /3/Cloud", skip_ticks=True)["nodes"]
    free = _USABLE_SHARE * sum(max(int(node["free_mem"]), 0) for node in nodes)
    if count * 8 * len(rows.schema) < free / 4 and not _texts(rows.schema):
        return rows
    try:
        first = next(rows)
    except StopIteration:
        return rows
    width = sum(_bytes_per_row(column) for column in first.columns)
    if count * width > free:
        raise H2OValueError(
            f"n={count}: the cluster has {free / 1e9:.3g} GB free, and {count} rows take at least "
            f"{count * width / 1e9:.3g} GB. At most {int(free / width)} rows fit."
        )

    def replayed() -> Iterator[pa.RecordBatch]:
        yield first
        yield from rows

    return pa.RecordBatchReader.from_batches(rows.schema, replayed())


def _texts(schema: pa.Schema) -> bool:
    return any(pa.types.is_string(kind) for kind in schema.types)


def _bytes_per_row(values: pa.Array) -> float:
    """The bytes that H2O needs at least for a value; it stores numbers as small integers."""
    kind = values.type
    if len(values) == values.null_count:
        return 0.0
    if pa.types.is_dictionary(kind):
        return _bytes_of(0, len(values.dictionary))
    if isinstance(kind, pa.UuidType):
        return 16.0
    if pa.types.is_string(kind):
        lengths = pc.sum(pc.binary_length(values)).as_py() or 0
        return 4 + float(lengths) / len(values)
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.int64())
    numbers = values.drop_null().cast(pa.float64(), safe=False).to_numpy()
    for scale in _SCALES:
        scaled = numbers * scale
        if np.allclose(scaled, np.rint(scaled), rtol=0, atol=1e-6):
            return _bytes_of(float(scaled.min()), float(scaled.max()))
    return 8.0


def _bytes_of(low: float, high: float) -> float:
    span = high - low
    if span <= 1:
        return span / 8  # bits
    return float(min(2 ** math.ceil(math.log2(max(math.log2(span + 1) / 8, 1))), 8))
