"""When columns are missing: together, or unless another column says so."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.relations.finding import NumberColumn
from h2o_gan.engine.data.relations.orders import find_conditions

ROWS = 1000


def texts(columns, computed=(), unit=0.0):
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    numeric = []
    for field in table.schema:
        if not pa.types.is_dictionary(field.type):
            values = table[field.name].to_numpy(zero_copy_only=False).astype(np.float64)
            numeric.append(NumberColumn(field.name, values, unit))
    reals = {column.name: None for column in numeric}
    rules = find_conditions(table, numeric, reals, computed)
    assert not any(rule.broken(table).any() for rule in rules)
    return [rule.text for rule in rules]


def normal(seed, rows=ROWS):
    return np.random.default_rng(seed).normal(0, 1, rows)


def present(where, seed=9):
    return np.where(where, normal(seed, len(where)), np.nan)


def levels(names, seed=0, rows=ROWS):
    return pa.array(np.random.default_rng(seed).choice(names, rows)).dictionary_encode()


def is_level(column, *names):
    return np.isin(column.to_numpy(zero_copy_only=False), names)


def test_columns_missing_together():
    rng = np.random.default_rng(0)
    here = rng.random(ROWS) < 0.9
    alone = present(rng.random(ROWS) < 0.9, 3)
    assert texts({"a": present(here, 1), "b": present(here, 2), "c": alone}) == [
        "a is missing and b is missing or a is not missing and b is not missing",
    ]


def test_few_gaps_in_common_are_no_rule():
    assert texts({name: present(np.arange(ROWS) >= 2, i) for i, name in enumerate("ab")}) == []


def test_a_column_that_needs_another():
    rng = np.random.default_rng(0)
    first = rng.random(ROWS) < 0.7
    second = first & (rng.random(ROWS) < 0.5)
    third = second & (rng.random(ROWS) < 0.5)
    columns = {"third": present(third, 1), "first": present(first, 2), "second": present(second, 3)}
    assert texts(columns) == [
        "third is missing or second is not missing",
        "second is missing or first is not missing",
    ]
    row = np.flatnonzero(first & ~second)[0]
    columns["third"][row] = 1.0
    assert texts(columns) == [
        "third is missing or first is not missing",
        "second is missing or first is not missing",
    ]


def test_levels_that_say_what_is_missing():
    status = levels(["closed", "open", "void"])
    status = pa.DictionaryArray.from_arrays(status.indices, sorted(status.dictionary.to_pylist()))
    end = present(is_level(status, "closed"))
    assert texts({"status": status, "end": end}) == [
        "end is missing or status not in ('open', 'void')",
        "end is not missing or status != 'closed'",
    ]
    sometimes = present(is_level(status, "closed") & (normal(2) > 0))
    assert texts({"status": status, "end": sometimes}) == [
        "end is missing or status not in ('open', 'void')"
    ]


def test_levels_that_are_missing_with_a_number_say_nothing():
    kind, here = levels(["x", "y"]), normal(1) > 0
    with_gaps = pa.DictionaryArray.from_arrays(
        pa.array(kind.indices.to_numpy(), mask=~here), kind.dictionary
    )
    assert texts({"price": present(here), "kind": with_gaps}) == [
        "price is missing and kind is missing or price is not missing and kind is not missing"
    ]


def test_levels_of_few_rows_are_not_told():
    status = levels(["open", "closed"]).to_pylist()
    status[:3] = ["secret"] * 3
    status = pa.array(status).dictionary_encode()
    assert texts({"status": status, "end": present(is_level(status, "closed"))}) == [
        "end is missing or status != 'open'",
        "end is not missing or status != 'closed'",
    ]


def test_a_number_from_which_on_a_column_is_missing():
    age = np.random.default_rng(0).integers(5, 80, ROWS)
    assert texts({"age": age, "school": present(age < 18)}) == [
        "school is not missing or age >= 18",
        "school is missing or age < 18",
    ]
    assert texts({"age": age, "wage": present(age >= 18)}) == [
        "wage is missing or age >= 18",
        "wage is not missing or age < 18",
    ]
    assert texts({"age": age, "wage": present((age >= 18) & (normal(1) > 0))}) == []


@pytest.mark.parametrize(
    ("end", "start", "threshold"),
    [(17.93, 18.02, "18"), (0.0, 0.004, "0.004"), (-0.3, 7.1, "0"), (-250, -120, "-200")],
)
def test_a_threshold_is_the_roundest_number_between(end, start, threshold):
    values = np.r_[np.linspace(end - 1, end, 100), np.linspace(start, start + 1, 100)]
    first, _ = texts({"x": values, "gap": 1e6 * present(values > end)})
    assert first == f"gap is missing or x >= {threshold}"


@pytest.mark.parametrize("missing", [0.02, 0.5, 0.97])
def test_unrelated_gaps_follow_from_nothing(missing):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        columns = {f"c{i}": levels([*"abcdefgh"[: i + 2]], seed + i) for i in range(6)}
        columns |= {f"n{i}": present(rng.random(ROWS) >= missing, seed + i) for i in range(6)}
        columns["few"] = rng.integers(0, 3, ROWS)
        assert texts(columns) == []


def test_what_a_formula_computes_needs_no_condition():
    rng = np.random.default_rng(0)
    price, quantity = (present(rng.random(ROWS) < 0.9, i) for i in range(2))
    columns = {"price": price, "quantity": quantity, "total": price * quantity}
    assert texts(columns, computed=["total"]) == []
    assert "total is missing or price is not missing" in texts(columns)


@pytest.mark.parametrize(("rows", "told"), [(4, False), (5, True)])
def test_a_threshold_is_no_value_of_few_rows(rows, told):
    """17 and 18 are neighbours: the threshold can only be 18."""
    ages = np.r_[np.repeat(np.arange(5, 18), 20), [18] * rows, np.repeat(np.arange(19, 60), 20)]
    found = texts({"age": ages, "wage": 1e6 * present(ages >= 18)}, unit=1.0)
    assert found == (["wage is missing or age >= 18", "wage is not missing or age < 18"] * told)
