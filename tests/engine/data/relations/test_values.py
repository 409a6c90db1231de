"""Values of expressions: rounding and equality of decimals."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from h2o_gan.engine.data.relations.values import (
    Numbers,
    TableValues,
    decimals_in,
    equal,
    less,
    multiplied,
    rounded,
    subtracted,
)

PRESENT = np.zeros(1, bool)


def number(value, decimals=None):
    return Numbers(np.array([float(value)]), PRESENT, decimals)


def to_decimals(value, decimals):
    """Rounded halves away from zero, by Python's decimal numbers."""
    return float(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def decimal_numbers(places):
    return st.integers(-(10**6), 10**6).map(lambda whole: Decimal(whole).scaleb(-places))


@given(decimal_numbers(2), decimal_numbers(3), st.integers(0, 5))
@example(Decimal("1.01"), Decimal("0.005"), 2)
@settings(deadline=None)
def test_results_round_as_decimal_numbers_do(price, rate, decimals):
    product = multiplied(number(price, 2), number(rate, 3))
    assert product.decimals == 5
    assert rounded(product, decimals) == to_decimals(price * rate, decimals)
    difference = subtracted(number(price, 2), number(rate, 3))
    assert rounded(difference, decimals) == to_decimals(price - rate, decimals)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.integers(0, 8))
@settings(deadline=None)
def test_numbers_of_unknown_decimals_round_by_their_shortest_text(whole, places, decimals):
    value = Decimal(whole).scaleb(-places)
    assert rounded(number(value), decimals) == to_decimals(value, decimals)


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1.005, 2, 1.01),
        (-1.005, 2, -1.01),
        (0.5, 0, 1),
        (-2.5, 0, -3),
        (0.49999, 0, 0),
        (2.675, 2, 2.68),
        (1e300, 2, 1e300),
        (float("inf"), 2, float("inf")),
        (float("-inf"), 0, float("-inf")),
        (1.23456789, None, 1.23456789),
        (123456789.125, 2, 123456789.13),
        (134364244112.40121, 8, 134364244112.40121),  # 10**8 times it is no exact double
    ],
)
def test_halves_round_away_from_zero(value, decimals, expected):
    assert rounded(number(value), decimals) == expected
    assert rounded(number(value, 12), decimals) == expected
    assert not np.signbit(rounded(number(-0.001), 2))
    assert rounded(Numbers(np.array([2**60 + 1]), PRESENT), 2) == 2**60 + 1


def test_a_difference_of_large_numbers_rounds_by_its_decimals():
    difference = subtracted(number(1_000_000.065, 3), number(1_000_000, 0))
    assert difference.numbers[0] < 0.065
    assert rounded(difference, 2) == 0.07


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (number(0.1 + 0.2, 1), number(0.3, 1), True),
        (number(1e10 + 0.01, 2), number(1e10, 0), False),
        (number(1e10 + 0.01), number(1e10), True),
        (number(1 + 1e-8), number(1), False),
        (number(1 + 1e-12), number(1), True),
        (number(0), number(1e-300), False),
        (number(np.inf), number(np.inf), True),
        (number(np.inf), number(-np.inf), False),
        (number(np.inf), number(1e308), False),
        (Numbers(np.array([2**53 + 1]), PRESENT), Numbers(np.array([2**53]), PRESENT), False),
        (Numbers(np.array([3]), PRESENT), number(3), True),
    ],
)
def test_equality(left, right, same):
    assert equal(left, right) == equal(right, left) == same
    if same:
        assert not less(left, right) and not less(right, left)


def test_a_number_halfway_equals_both_of_its_neighbours():
    half = number(0.125)
    assert [bool(equal(number(v, 2), half, 2)) for v in (0.11, 0.12, 0.13, 0.14)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_decimals_of_columns():
    table = pa.table({"a": [0.25, None], "b": [1 / 3, 0], "c": [1, 2], "d": [np.nan, np.inf]})
    assert decimals_in(table, table.column_names) == {"a": 2, "b": None, "d": 0}
    assert decimals_in(table.to_batches()[0], ["a"]) == {"a": 2}
    values = TableValues(table, {"a": 2, "c": 5})
    assert [values.column(name).decimals for name in "abc"] == [2, None, 0]
    assert values.column("a") is values.column("a")
    with pytest.raises(KeyError):
        values.column("z")
