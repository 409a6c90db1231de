"""Values of expressions: columns of numbers, times and text, what is missing, and what is true.

Whole numbers and times stay int64 and exact. Other numbers are float64 and have the decimals that
their values are written with, so that .1 + .2 equals .3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.numbers import decimals_of, numbers_of
from h2o_gan.engine.data.schema import Array, kind_of

__all__ = [
    "CONDITION",
    "DIFFERENCE",
    "NUMBER",
    "PRESENT",
    "TEXT",
    "TIME",
    "TYPE_OF_KIND",
    "Numbers",
    "Table",
    "TableValues",
    "Texts",
    "Truth",
    "Values",
    "added",
    "chunked",
    "decimals_in",
    "divided",
    "equal",
    "less",
    "multiplied",
    "negated",
    "rounded",
    "same_text",
    "subtracted",
    "text_values",
]

Table: TypeAlias = "pa.Table | pa.RecordBatch"

NUMBER, TIME, DIFFERENCE = "a number", "a time", "a time difference"
TEXT, CONDITION = "text", "a condition"

TYPE_OF_KIND: Mapping[str, str] = {
    "int": NUMBER,
    "real": NUMBER,
    "time": TIME,
    "enum": TEXT,
    "string": TEXT,
    "uuid": TEXT,
}
"""The type of an expression that is a column of some kind."""

_RELATIVE = 1e-9  # tolerance of numbers without decimals
_ULPS = 4 * np.finfo(np.float64).eps  # what the roundings of some operations add up to


@dataclass(frozen=True)
class Numbers:
    """Numbers, times in milliseconds since 1970, or differences of times in milliseconds.

    Attributes:
        numbers: (rows,) or () int64 or float64; any value where it is missing.
        missing: (rows,) or () bool.
        decimals: the values are whole multiples of ``10 ** -decimals``; None: of nothing known.
        type: `NUMBER`, `TIME` or `DIFFERENCE`.
    """

    numbers: Array
    missing: Array
    decimals: int | None = 0
    type: str = NUMBER


@dataclass(frozen=True)
class Texts:
    """Text, as codes.

    Attributes:
        codes: (rows,) or () int64 indices in `levels`; any index where it is missing.
        missing: (rows,) or () bool.
        levels: distinct strings, an Arrow array.
    """

    codes: Array
    missing: Array
    levels: pa.Array


@dataclass(frozen=True)
class Truth:
    """The truth of a condition in Kleene's three-valued logic.

    Attributes:
        true: (rows,) or () bool, where it is true.
        false: (rows,) or () bool, where it is false; elsewhere it is neither.
    """

    true: Array
    false: Array


Values = Numbers | Texts | Truth

PRESENT: Array = np.zeros((), bool)
"""The mask of a literal, which is not missing."""


class TableValues:
    """The columns of a table as values of expressions, each read once.

    Args:
        table: with columns of H2O's kinds.
        decimals: of real columns; None or absent for one whose values are not rounded.
    """

    def __init__(self, table: Table, decimals: Mapping[str, int | None]) -> None:
        self._table, self._decimals = table, decimals
        self._read: dict[str, Numbers | Texts] = {}

    def column(self, name: str) -> Numbers | Texts:
        """The values of a column.

        Raises:
            KeyError: the table has no such column.
        """
        if name not in self._read:
            values = chunked(self._table, name)
            kind = kind_of(values.type)
            if TYPE_OF_KIND[kind] == TEXT:
                self._read[name] = text_values(values)
            else:
                numbers, missing = numbers_of(values, kind)
                decimals = self._decimals.get(name) if kind == "real" else 0
                self._read[name] = Numbers(numbers, missing, decimals, TYPE_OF_KIND[kind])
        return self._read[name]


def chunked(table: Table, name: str) -> pa.ChunkedArray:
    """A column of a table or a batch."""
    values = table.column(name)
    return pa.chunked_array([values]) if isinstance(values, pa.Array) else values


def decimals_in(table: Table, names: list[str]) -> dict[str, int | None]:
    """The decimals of the real ones among some columns; None for values that are not rounded."""
    found = {}
    for name in names:
        values = table.column(name)
        if kind_of(values.type) == "real":
            numbers, missing = numbers_of(values)
            found[name] = decimals_of(numbers[~missing])
    return found


def text_values(values: pa.ChunkedArray) -> Texts:
    """The values of an enum, string or uuid column."""
    if isinstance(values.type, pa.UuidType):
        values = pa.chunked_array([_uuid_text(chunk) for chunk in values.chunks], pa.string())
    elif pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    chunks = values.unify_dictionaries().chunks
    if not chunks:
        return Texts(np.zeros(0, np.int64), np.zeros(0, bool), pa.array([], pa.string()))
    encoded = pa.concat_arrays(chunks)
    missing = encoded.is_null().to_numpy(zero_copy_only=False)
    codes = pc.fill_null(encoded.indices, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return Texts(codes, missing, encoded.dictionary.cast(pa.string()))


def _uuid_text(chunk: pa.Array) -> pa.Array:
    storage = chunk.storage
    digits = np.frombuffer(b"".join(storage.fill_null(bytes(16)).to_pylist()).hex().encode(), "S1")
    dashes = np.insert(digits.reshape(-1, 32), [8, 12, 16, 20], b"-", axis=1)
    text = np.ascontiguousarray(dashes).view("S36").ravel()
    missing = storage.is_null().to_numpy(zero_copy_only=False)
    return pa.array(text, pa.binary(), mask=missing).cast(pa.string())


def added(left: Numbers, right: Numbers) -> Numbers:
    """Sums.

    Raises:
        OverflowError: a sum of whole numbers does not fit into 64 bits.
    """
    decimals = _most(left.decimals, right.decimals)
    return _calculated(left, right, decimals, pc.add_checked, np.add)


def subtracted(left: Numbers, right: Numbers) -> Numbers:
    """Differences.

    Raises:
        OverflowError: a difference of whole numbers does not fit into 64 bits.
    """
    decimals = _most(left.decimals, right.decimals)
    return _calculated(left, right, decimals, pc.subtract_checked, np.subtract)


def multiplied(left: Numbers, right: Numbers) -> Numbers:
    """Products.

    Raises:
        OverflowError: a product of whole numbers does not fit into 64 bits.
    """
    known = left.decimals is not None and right.decimals is not None
    decimals = (left.decimals or 0) + (right.decimals or 0) if known else None
    return _calculated(left, right, decimals, pc.multiply_checked, np.multiply)


def divided(left: Numbers, right: Numbers) -> Numbers:
    """Quotients as float64; missing where the divisor is zero."""
    zero = right.numbers == 0
    with np.errstate(all="ignore"):
        numbers = left.numbers / np.where(zero, 1, right.numbers)
    missing = left.missing | right.missing | zero | np.isnan(numbers)
    return Numbers(numbers, missing, None)


def negated(values: Numbers) -> Numbers:
    """Values with the other sign.

    Raises:
        OverflowError: a value is ``-2 ** 63``.
    """
    return replace(subtracted(Numbers(np.zeros((), np.int64), PRESENT), values), type=values.type)


def equal(left: Numbers, right: Numbers, rounded_to: int | None = None) -> Array:
    """Where two columns of numbers are equal.

    Whole numbers are compared exactly. Numbers with decimals are compared as if they were rounded
    to them, others with a relative tolerance of 1e-9.

    Args:
        left: the first.
        right: the second.
        rounded_to: decimals that one side was rounded to, if the other was not: then both
            neighbours of a number halfway between them are equal to it.

    Returns:
        (rows,) or () bool; any value where one is missing.
    """
    if left.numbers.dtype == right.numbers.dtype == np.int64:
        return np.equal(left.numbers, right.numbers)
    first, second = _double(left), _double(right)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(first), np.abs(second))
        decimals = _most(left.decimals, right.decimals)
        if decimals is None:
            tolerance = _RELATIVE * size
        else:  # a third of a unit: the values are whole multiples of it, but for their last bits
            tolerance = np.maximum(10.0**-decimals / 3, _ULPS * size)
        if rounded_to is not None:
            tolerance = np.maximum(tolerance, 10.0**-rounded_to * (0.5 + 1e-9) + _ULPS * size)
        close: Array = np.abs(first - second) <= np.where(np.isinf(size), 0, tolerance)
    same: Array = close | (first == second)
    return same


def less(left: Numbers, right: Numbers) -> Array:
    """Where `left` is less than `right` and not equal to it, (rows,) or () bool."""
    if left.numbers.dtype == right.numbers.dtype == np.int64:
        return np.less(left.numbers, right.numbers)
    smaller: Array = (_double(left) < _double(right)) & ~equal(left, right)
    return smaller


def same_text(left: Texts, right: Texts) -> Array:
    """Where two columns have the same text, (rows,) or () bool; any value where one is missing."""
    index = pc.fill_null(pc.index_in(left.levels, value_set=right.levels), -1)
    # One more, so that a column without any level has one for its missing values.
    codes = np.append(index.to_numpy(zero_copy_only=False), -2)[left.codes]
    same: Array = np.equal(codes, right.codes)
    return same


def rounded(values: Numbers, decimals: int | None) -> Array:
    """Round numbers to decimals, halves away from zero.

    Halves are those of the decimal numbers that the values stand for: 1.005 becomes 1.01, although
    the nearest double is less. Numbers that are so large that doubles have no more decimals stay.

    Args:
        values: the numbers.
        decimals: None for numbers that are not rounded.

    Returns:
        (rows,) or () of the dtype of the numbers.
    """
    numbers = values.numbers
    if decimals is None or numbers.dtype == np.int64:
        return numbers
    with np.errstate(all="ignore"):
        scale = 10.0**decimals
        scaled = np.abs(numbers) * scale
        # Some last bits less than a half are one half.
        units = np.floor(scaled + 0.5 + np.minimum(_ULPS * scaled, 1e-6))
        if values.decimals is not None and 0 <= values.decimals - decimals < 16:
            # Known decimals make halves whole numbers.
            finer = np.abs(numbers) * 10.0**values.decimals
            exact = finer < 2.0**51
            part = 10 ** (values.decimals - decimals)
            whole = np.rint(np.where(exact, finer, 0)).astype(np.int64)
            units = np.where(exact, (whole + part // 2) // part, units)
        # A quotient of whole numbers below 2**53 is the double nearest to the decimal number.
        result: Array = np.where(scaled < 2.0**52, np.copysign(units / scale, numbers), numbers)
    return result + 0.0  # no negative zero


def _calculated(
    left: Numbers,
    right: Numbers,
    decimals: int | None,
    exact: Callable[[Any, Any], Any],
    approximate: Callable[[Any, Any], Array],
) -> Numbers:
    missing = left.missing | right.missing
    if left.numbers.dtype == right.numbers.dtype == np.int64:
        try:
            result = exact(_arrow(left.numbers), _arrow(right.numbers))
        except pa.ArrowInvalid as error:
            raise OverflowError("a whole number does not fit into 64 bits") from error
        if isinstance(result, pa.Scalar):
            return Numbers(np.asarray(result.as_py(), np.int64), missing, decimals)
        return Numbers(result.to_numpy(), missing, decimals)
    with np.errstate(all="ignore"):
        numbers = approximate(_double(left), _double(right))
    return Numbers(numbers, missing | np.isnan(numbers), decimals)


def _arrow(numbers: Array) -> Any:
    return pa.array(numbers) if numbers.ndim else pa.scalar(int(numbers), pa.int64())


def _double(values: Numbers) -> Array:
    return np.asarray(values.numbers, np.float64)


def _most(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else max(left, right)
