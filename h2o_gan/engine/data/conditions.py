"""Values of conditions as numbers, levels and text of messages."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.schema import Array, Column

__all__ = [
    "as_number",
    "meets",
    "no_list_error",
    "no_missing_error",
    "no_value_error",
    "on_grid",
    "range_of",
    "value_text",
]


def as_number(column: Column, value: Any) -> Any:
    """A condition's value as the column counts: times in milliseconds since 1970, UTC.

    Raises:
        TypeError: `value` is no number, or for a time column no time.
        ValueError: `value` is NaN.
    """
    name = column.name
    if column.kind == "time" and not _is_number(value):
        try:
            if isinstance(value, dt.datetime) and value.tzinfo is not None:
                value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
            return int(np.datetime64(value, "ms").astype(np.int64))
        except (ValueError, TypeError) as error:
            raise TypeError(
                f"conditions: {value!r} is not a time, which column {name!r} needs: use a "
                "datetime, an ISO date, or milliseconds since 1970."
            ) from error
    if not _is_number(value):
        raise TypeError(f"conditions: column {name!r} is numeric, but {value!r} is not a number.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return _as_double(value)
    if np.isnan(value):
        raise ValueError(f"conditions: column {name!r} cannot be NaN; use None for missing.")
    return value


def range_of(column: Column, value: Any) -> tuple[Any, Any]:
    """The smallest and the largest value that a condition names.

    Args:
        column: a numeric or time column.
        value: a value, a pair (low, high) in which None is no bound, or a list of values.

    Raises:
        TypeError: a value is of another type than the column.
        ValueError: there is no value, or `low` is above `high`.
    """
    name = column.name
    if isinstance(value, tuple):
        if len(value) != 2:
            raise ValueError(
                f"conditions: column {name!r} takes one value or a pair (low, high), not {value!r}."
            )
        low = -np.inf if value[0] is None else as_number(column, value[0])
        high = np.inf if value[1] is None else as_number(column, value[1])
        if not low <= high:
            raise ValueError(
                f"conditions: the range {value!r} of column {name!r} has its low above its high."
            )
        return low, high
    if isinstance(value, list | set):
        numbers = [as_number(column, v) for v in value if v is not None]
        if not numbers:
            raise ValueError(f"conditions: column {name!r} has an empty list of values.")
        return min(numbers), max(numbers)
    number = as_number(column, value)
    return number, number


def meets(column: Column, value: Any, values: pa.Array) -> Array:
    """Where the values of a numeric or time column meet a condition, (rows,) bool.

    Args:
        column: the column.
        value: as :func:`range_of`, or None for missing; a list may hold None, too.
        values: of the column.

    Raises:
        TypeError, ValueError: as :func:`range_of`.
    """
    numbers, missing = numbers_of(pa.chunked_array([values]), column.kind)
    wanted = list(value) if isinstance(value, list | set) else [value]
    found = missing & (None in wanted)
    if isinstance(value, list | set):
        return found | ~missing & np.isin(
            numbers, [as_number(column, v) for v in wanted if v is not None]
        )
    if value is None:
        return found
    low, high = range_of(column, value)
    inside: Array = ~missing & (low <= numbers) & (numbers <= high)
    return inside


def on_grid(column: Column, decimals: int | None, value: Any, up: bool) -> Any:
    """Round a value up or down to the column's resolution."""
    if not np.isfinite(value):
        return value
    if column.kind != "real":
        if isinstance(value, int | np.integer):  # doubles are not exact beyond 2**53
            return int(value)
        return int(np.ceil(value) if up else np.floor(value))
    if decimals is None:
        return float(value)
    # A small tolerance: 0.3 is not rounded up for being 0.30000000000000004.
    scale = 10.0**decimals
    tolerance = 1e-9 * max(abs(value * scale), 1.0)
    steps = np.ceil(value * scale - tolerance) if up else np.floor(value * scale + tolerance)
    return float(np.round(steps / scale, decimals))


def value_text(column: Column, value: Any) -> str:
    """A value of a numeric or time column as text for a message, times as H2O prints them."""
    if column.kind == "time":
        return str(np.datetime64(int(value), "ms")).replace("T", " ").removesuffix(".000")
    return f"{value:.10g}" if column.kind == "real" else str(int(value))


def no_missing_error(name: str) -> ValueError:
    """The error of a condition on missing values of a column that misses none."""
    return ValueError(f"conditions: column {name!r} has no missing values.")


def no_value_error(name: str, value: Any, low: object, high: object) -> ValueError:
    """The error of a condition outside the range of a column."""
    return ValueError(
        f"conditions: column {name!r} has no value {value!r}; it has values from {low} to {high}."
    )


def no_list_error(name: str) -> ValueError:
    """The error of a list of values of a column of which only ranges can be drawn."""
    return ValueError(
        f"conditions: column {name!r} has too many values for a list; give a number or a range "
        "(low, high)."
    )


def _as_double(value: int) -> float:
    """The nearest double of an integer; infinity beyond the largest double."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
