"""Quantile functions: ranks to values and back."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import TIME, Column
from h2o_gan.engine.exceptions import Damaged

REAL, INT = Column("x", "real"), Column("x", "int")


def real():
    """A spike at 0, a range from 1 to 3, a spike at 5."""
    ends = np.array([0, 0.2, 0.7, 1.0])
    return Quantiles(REAL, np.array([0.0, 1.0, 5.0]), np.array([0.0, 3.0, 5.0]), ends)


@st.composite
def quantiles(draw, kind="real"):
    """Up to eight bins, single values and ranges."""
    if kind == "real":
        numbers = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda v: v + 0.0)
    else:
        numbers = st.integers(-(2**63) + 1, 2**63 - 1)
    ends = sorted(draw(st.lists(numbers, min_size=2, max_size=16, unique=True)))
    ends = ends[: len(ends) // 2 * 2]
    low, high = ends[::2], ends[1::2]
    single = draw(st.lists(st.booleans(), min_size=len(low), max_size=len(low)))
    high = [a if one else b for a, b, one in zip(low, high, single, strict=True)]
    masses = draw(st.lists(st.integers(1, 100), min_size=len(low), max_size=len(low)))
    cumulative = np.append(0.0, np.cumsum(masses) / sum(masses))
    dtype = np.float64 if kind == "real" else np.int64
    column = REAL if kind == "real" else INT
    return Quantiles(column, np.array(low, dtype), np.array(high, dtype), cumulative)


def test_values_at_ranks():
    ranks = np.array([-1, 0, 0.1, 0.2, 0.45, 0.7, 0.9, 1, 2])
    assert real().values(ranks) == pytest.approx([0, 0, 0, 1, 2, 5, 5, 5, 5])
    assert real().shares.tolist() == pytest.approx([0.2, 0.5, 0.3])
    assert len(real()) == 3


@pytest.mark.parametrize(
    ("value", "below", "up_to"),
    [
        (-1, 0, 0),
        (0, 0, 0.2),
        (0.5, 0.2, 0.2),
        (1, 0.2, 0.2),
        (2, 0.45, 0.45),
        (4, 0.7, 0.7),
        (5, 0.7, 1),
        (6, 1, 1),
        (-np.inf, 0, 0),
        (np.inf, 1, 1),
    ],
)
def test_ranks_of_values(value, below, up_to):
    assert real().rank_below(value) == pytest.approx(below)
    assert real().rank_up_to(value) == pytest.approx(up_to)


@given(st.one_of(quantiles(), quantiles("int")), st.lists(st.floats(0, 1), min_size=1))
@settings(deadline=None)
def test_values_ascend_stay_in_bins_and_have_their_ranks(function, ranks):
    ranks = np.sort(ranks)
    values = function.values(ranks)
    assert values.dtype == function.low.dtype and (values[1:] >= values[:-1]).all()
    inside = (function.low <= values[:, None]) & (values[:, None] <= function.high)
    assert inside.any(1).all()
    for rank, value in zip(ranks, values, strict=True):
        if function.low.dtype == np.float64:
            assert function.rank_below(value) <= rank + 1e-6
            assert function.rank_up_to(value) >= rank - 1e-6
        assert function.rank_below(value) <= function.rank_up_to(value)


def test_decimals_and_steps():
    rounded = Quantiles(REAL, np.array([0.0]), np.array([1.0]), np.array([0.0, 1.0]), 1, 1)
    assert set(rounded.values(np.linspace(0, 1, 99))) == {n / 10 for n in range(11)}
    stepped = Quantiles(INT, np.array([3]), np.array([23]), np.array([0.0, 1.0]), 5)
    assert set(stepped.values(np.linspace(0, 1, 99))) == {3, 8, 13, 18, 23}


def test_infinite_bins_stay_infinite():
    low = np.array([-np.inf, 0.0, np.inf])
    function = Quantiles(REAL, low, np.array([-np.inf, 1.0, np.inf]), np.array([0, 0.1, 0.9, 1]))
    assert function.values(np.array([0.05, 0.5, 0.95])).tolist() == [-np.inf, 0.5, np.inf]


def test_arrays_of_arrow():
    moments = Quantiles(Column("t", "time"), np.array([0]), np.array([0]), np.array([0.0, 1.0]))
    array = moments.array(np.array([0, 1_000]), np.array([False, True]))
    assert array.type == TIME and array.null_count == 1 and array.is_valid()[0].as_py()


@given(st.one_of(quantiles(), quantiles("int")))
@settings(deadline=None)
def test_state_round_trip(function):
    arrays = function.arrays()
    assert ("high" in arrays) == (function.low != function.high).any()
    again = Quantiles.restore(function.column, arrays, 1, None)
    ranks = np.linspace(0, 1, 33)
    assert np.array_equal(again.values(ranks), function.values(ranks))


@pytest.mark.parametrize(
    "change",
    [
        {"low": np.array([0, 1, 5])},  # integers
        {"low": np.array([0.0, 4.0, 5.0])},  # above high
        {"low": np.array([0.0, np.nan, 5.0])},
        {"low": np.array([-np.inf, 1.0, 5.0])},  # a range without a start
        {"low": np.array([[0.0, 1.0, 5.0]])},
        {"high": np.array([2.0, 3.0, 5.0])},  # bins overlap
        {"high": np.array([0.0, 3.0])},
        {"cumulative": np.array([0, 0.2, 0.7])},
        {"cumulative": np.array([0, 0.7, 0.2, 1.0])},
        {"cumulative": np.array([0.1, 0.2, 0.7, 1.1])},
        {"cumulative": np.array([0, 0.2, 0.7, 1], np.float32)},
        {"more": np.zeros(1)},
    ],
)
def test_damaged_arrays_are_found(change):
    with pytest.raises(Damaged, match="'x'.*bins"):
        Quantiles.restore(REAL, {**real().arrays(), **change}, 1, None)


def test_no_bins_are_damage():
    empty = {"low": np.zeros(0), "cumulative": np.zeros(1)}
    with pytest.raises(Damaged, match="do not match"):
        Quantiles.restore(REAL, empty, 1, None)
    with pytest.raises(Damaged, match="are missing"):
        Quantiles.restore(REAL, {"low": np.zeros(1)}, 1, None)


def test_values_survive_pyarrow():
    assert pa.array(real().values(np.array([0.45]))).to_pylist() == [pytest.approx(2.0)]


def test_numbers_become_the_nearest_values_of_the_column():
    assert real().nearest(np.array([-9.0, 2.34, 7.0])).tolist() == [0, 2.34, 5]
    tenths = dataclasses.replace(real(), decimals=1)
    assert tenths.nearest(np.array([2.34, 4.96])).tolist() == [2.3, 5]
    ends = np.array([0, 0.5, 1.0])
    days = Quantiles(INT, np.array([3, 13]), np.array([3, 33]), ends, step=10)
    assert days.nearest(np.array([-1e300, 7.9, 8.1, 40.0])).tolist() == [3, 3, 13, 33]
    limit = 2**63 - 1
    wide = Quantiles(INT, np.array([-limit, 0]), np.array([-limit, limit]), ends)
    found = wide.nearest(np.array([-1e300, 12.2, 1e300]))
    assert found.dtype == np.int64 and found.tolist() == [-limit, 12, limit]
