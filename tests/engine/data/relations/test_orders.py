"""Orders, and columns that are zero together."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.relations.finding import NumberColumn
from h2o_gan.engine.data.relations.orders import find_conditions

ROWS = 1000


def texts(columns, times=()):
    table = pa.table(columns)
    numeric = []
    for name in table.column_names:
        values = table[name].to_numpy().astype(np.float64)
        numeric.append(NumberColumn(name, values, 0.0, name in times))
    reals = {
        n: None for n in table.column_names if pa.types.is_floating(table.schema.field(n).type)
    }
    rules = find_conditions(table, numeric, reals)
    assert not any(rule.broken(table).any() for rule in rules)
    return [rule.text for rule in rules]


def normal(seed, rows=ROWS):
    return np.random.default_rng(seed).normal(0, 1, rows)


def test_orders_without_those_that_follow():
    low = normal(0)
    columns = {"mid": low + 0.1, "high": low + 0.1 + np.abs(normal(1)), "low": low, "x": normal(2)}
    assert sorted(texts(columns)) == ["low < mid", "mid < high"]


def test_ties_make_an_order_weak():
    low = np.random.default_rng(0).integers(0, 50, ROWS)
    more = np.random.default_rng(1).integers(0, 3, ROWS)
    assert texts({"low": low, "high": low + more}) == ["low <= high"]
    assert texts({"low": low, "high": low + more + 1}) == ["low < high"]


def test_one_row_breaks_an_order():
    low = normal(0)
    high = low + 1
    high[777] = low[777] - 1
    assert texts({"low": low, "high": high}) == []


def test_missing_values_are_in_no_order():
    low = normal(0)
    high = np.where(np.arange(ROWS) % 3 == 0, np.nan, low + 1)
    assert texts({"low": low, "high": high}) == ["low < high"]
    assert texts({"low": low, "high": np.where(np.arange(ROWS) < 15, low + 1, np.nan)}) == []


@pytest.mark.parametrize("shift", [0, 1.5])
def test_orders_by_chance_are_none(shift):
    """Of 30 rows, all are in order by chance where columns hardly overlap."""
    assert texts({"a": normal(0, 30), "b": normal(1, 30) + 10}) == []
    for seed in range(3):
        columns = {str(i): normal(9 * seed + i) + shift * i for i in range(8)}
        assert texts(columns) == []


def test_numbers_and_times_are_not_compared():
    low = np.arange(ROWS)
    assert texts({"n": low, "t": low + 5}, times={"t"}) == []


def test_columns_zero_together():
    zeros = np.random.default_rng(0).random(ROWS) < 0.2
    columns = {"u": np.where(zeros, 0, normal(4)), "v": np.where(zeros, 0, normal(5))}
    assert texts(columns) == ["u = 0 and v = 0 or u != 0 and v != 0"]
