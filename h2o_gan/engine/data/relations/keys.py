"""Values of columns as numbers that are equal where the values are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.values import Table, chunked, text_values
from h2o_gan.engine.data.schema import NUMBER_KINDS, Array, kind_of

__all__ = ["first_codes", "key_values", "same_numbers", "same_zero"]


def key_values(table: Table, name: str) -> tuple[Array, Array]:
    """Read a column of any kind.

    Returns:
        (rows,) int64 or float64, equal numbers for equal values; and (rows,) bool, where values
        are missing.
    """
    values = chunked(table, name)
    kind = kind_of(values.type)
    if kind in NUMBER_KINDS:
        return same_numbers(values, kind)
    texts = text_values(values)
    return np.where(texts.missing, 0, texts.codes), texts.missing


def same_numbers(values: pa.ChunkedArray, kind: str) -> tuple[Array, Array]:
    """Read a column of numbers or times; see :func:`key_values`."""
    numbers, missing = numbers_of(values, kind)
    return same_zero(numbers), missing


def same_zero(numbers: Array) -> Array:
    """Numbers with 0 in place of -0, which Arrow tells from it."""
    return numbers + 0.0 if numbers.dtype == np.float64 else numbers


def first_codes(values: Array) -> Array:
    """Integers as codes that count up in the order in which they first occur."""
    codes: Array = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes
