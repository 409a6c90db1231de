"""Columns of numbers and times as arrays of numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.schema import TIME, Array, kind_of

__all__ = ["decimals_of", "numbers_of"]

_MAX_DECIMALS = 8
_LARGEST_INT = np.nextafter(2.0**63, 0)


def numbers_of(values: pa.Array | pa.ChunkedArray, kind: str | None = None) -> tuple[Array, Array]:
    """Values as numbers.

    Args:
        values: (rows,) of a column of numbers or times.
        kind: of the column, int, real or time; None for that of its Arrow type.

    Returns:
        (rows,) int64 or, for reals, float64, with 0 for missing values; and (rows,) bool, where
        values are missing.
    """
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    kind = kind or kind_of(values.type)
    if kind == "real":
        numbers = pc.fill_null(values.cast(pa.float64(), safe=False), float("nan")).to_numpy()
        missing = np.isnan(numbers)
        return np.where(missing, 0.0, numbers), missing
    if kind == "time":
        values = values.cast(TIME, safe=False)
    elif pa.types.is_floating(values.type):  # H2O makes reals of whole numbers beside fractions
        numbers, missing = numbers_of(values, "real")
        return np.rint(numbers).clip(-_LARGEST_INT, _LARGEST_INT).astype(np.int64), missing
    missing = values.is_null().to_numpy()
    return pc.fill_null(values.cast(pa.int64()), 0).to_numpy(), missing


def decimals_of(distinct: Array) -> int | None:
    """The fewest decimals that write all values exactly, or None for more than 8."""
    finite = distinct[np.isfinite(distinct)]
    with np.errstate(over="ignore"):  # rounding scales up, which overflows for huge doubles
        for decimals in range(_MAX_DECIMALS + 1):
            if np.array_equal(np.round(finite, decimals), finite):
                return decimals
    return None
