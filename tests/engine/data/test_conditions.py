"""Values of conditions: numbers, times, ranges, and messages about others."""

import datetime as dt

import numpy as np
import pytest

from h2o_gan.engine.data.conditions import as_number, on_grid, range_of, value_text
from h2o_gan.engine.data.schema import Column

INT, REAL, TIME = (Column("x", kind) for kind in ("int", "real", "time"))
NEW_YEAR = 1_577_836_800_000  # 2020-01-01, UTC


@pytest.mark.parametrize(
    "value",
    [
        "2020-01-01",
        "2020-01-01T00:00",
        dt.datetime(2020, 1, 1),
        dt.date(2020, 1, 1),
        dt.datetime(2020, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        np.datetime64("2020-01-01", "s"),
        NEW_YEAR,
    ],
)
def test_times_are_milliseconds(value):
    assert as_number(TIME, value) == NEW_YEAR


@pytest.mark.parametrize("value", [3, 3.5, np.int16(3), np.float32(3.5), -np.inf, 10**18])
def test_numbers_stay(value):
    assert as_number(REAL, value) == value


@pytest.mark.parametrize("value", [10**30, -(10**400), 2**64])
def test_numbers_beyond_every_column_are_numbers(value):
    for column in (INT, REAL, TIME):
        assert (as_number(column, value) > 0) == (value > 0)
        assert not -(2**63) <= as_number(column, value) < 2**63


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (REAL, "much", "'x' is numeric, but 'much' is not a number"),
        (REAL, True, "True is not a number"),
        (INT, None, "None is not a number"),
        (INT, [1], r"\[1\] is not a number"),
        (TIME, "noon", "'noon' is not a time, which column 'x' needs: use a datetime"),
        (TIME, [1], r"\[1\] is not a time"),
    ],
)
def test_other_types_are_named(column, value, message):
    with pytest.raises(TypeError, match=message):
        as_number(column, value)


def test_nan_is_not_missing():
    with pytest.raises(ValueError, match="'x' cannot be NaN; use None for missing"):
        as_number(REAL, float("nan"))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (INT, 5, (5, 5)),
        (INT, (2, 5), (2, 5)),
        (INT, (None, 5), (-np.inf, 5)),
        (INT, (2, None), (2, np.inf)),
        (INT, [7, 3, None], (3, 7)),
        (REAL, {0.5}, (0.5, 0.5)),
        (TIME, ("2020-01-01", None), (NEW_YEAR, np.inf)),
    ],
)
def test_ranges(column, value, expected):
    assert range_of(column, value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((1, 2, 3), r"takes one value or a pair \(low, high\), not \(1, 2, 3\)"),
        ((2, 1), r"the range \(2, 1\) of column 'x' has its low above its high"),
        ([], "'x' has an empty list of values"),
        ([None], "'x' has an empty list of values"),
    ],
)
def test_what_is_no_range_is_named(value, message):
    with pytest.raises(ValueError, match=message):
        range_of(INT, value)


@pytest.mark.parametrize(
    ("column", "decimals", "value", "up", "down"),
    [
        (INT, None, 2.5, 3, 2),
        (INT, None, 2**62 + 1, 2**62 + 1, 2**62 + 1),
        (TIME, None, NEW_YEAR + 0.5, NEW_YEAR + 1, NEW_YEAR),
        (REAL, None, 0.123456789012, 0.123456789012, 0.123456789012),
        (REAL, 1, 0.25, 0.3, 0.2),
        (REAL, 1, 0.1 + 0.2, 0.3, 0.3),  # 0.30000000000000004
        (REAL, 0, -0.5, 0.0, -1.0),
        (INT, None, np.inf, np.inf, np.inf),
        (REAL, 2, -np.inf, -np.inf, -np.inf),
    ],
)
def test_values_on_the_grid(column, decimals, value, up, down):
    assert on_grid(column, decimals, value, up=True) == up
    assert on_grid(column, decimals, value, up=False) == down


def test_values_as_text():
    assert value_text(INT, 5.0) == "5"
    assert value_text(REAL, 0.1 + 0.2) == "0.3"
    assert value_text(TIME, NEW_YEAR) == "2020-01-01 00:00:00"


def test_ranges_may_reach_beyond_every_column():
    assert range_of(INT, (0, 10**30)) == (0, 1e30)
    assert range_of(INT, (-(10**400), 10**400)) == (-np.inf, np.inf)
