"""Inputs that give computed columns their given values."""

import numpy as np
import pyarrow as pa
import pytest
from relation_tables import DAY, times
from untrained import enum, model_of

from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.exceptions import Unreachable

ROWS = 1500


@pytest.fixture(scope="module")
def table():
    """Sums of sums, a product that shares an input with them, and times."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.gamma(2, 30, ROWS).round(2) for _ in range(3))
    quantity, stay = rng.integers(1, 9, ROWS), rng.geometric(0.3, ROWS)
    start = 1_600_000_000_000 + rng.integers(0, 900, ROWS) * DAY
    return pa.table(
        {
            "a": a,
            "b": b,
            "c": c,
            "ab": (a + b).round(2),
            "abc": ((a + b).round(2) + c).round(2),
            "quantity": quantity,
            "total": (a * quantity).round(2),
            "start": times(start),
            "stay": stay,
            "end": times(start + stay * DAY),
            "city": enum(rng.choice(list("xyz"), ROWS).tolist()),
        }
    )


@pytest.fixture(scope="module")
def model(table):
    model = model_of(table)
    assert {*model.encoder.relations.always} == {"ab", "abc", "total", "end"}
    return model


def assert_consistent(sample):
    """All formulas hold exactly, up to the columns' decimals."""
    rows = {name: sample[name].to_numpy() for name in sample.column_names if name != "city"}
    assert np.array_equal((rows["a"] + rows["b"]).round(2), rows["ab"])
    assert np.array_equal((rows["ab"] + rows["c"]).round(2), rows["abc"])
    assert np.array_equal((rows["a"] * rows["quantity"]).round(2), rows["total"])
    apart = (rows["end"] - rows["start"]).astype("m8[ms]").astype(np.int64)
    assert np.array_equal(apart, rows["stay"] * DAY)


@pytest.mark.parametrize(
    "conditions",
    [
        {"ab": 120.5},
        {"abc": 150.25},
        {"abc": 150.25, "c": 20.0},  # by a column that is computed itself
        {"abc": 150.25, "ab": 100.1},
        {"total": 240.0},
        {"total": 240.0, "quantity": 3},
        {"total": 240.0, "ab": 120.0, "abc": 130.0},
        {"end": 1620000000000},
        {"ab": 100.0, "a": 10.0, "b": 90.0},
        {"total": 240.0, "city": "x"},
    ],
    ids=str,
)
def test_computed_columns_have_given_values(model, conditions):
    sample = model.sample(70, seed=1, conditions=conditions).read_all()
    assert_consistent(sample)
    for name, value in conditions.items():
        values = sample[name].cast(pa.int64()) if name == "end" else sample[name]
        assert set(values.to_pylist()) == {value}


def test_numbers_are_rounded_as_those_of_learned_columns(model):
    sample = model.sample(5, seed=1, conditions={"ab": 100.125}).read_all()
    assert set(sample["ab"].to_pylist()) == {100.13}


@pytest.mark.parametrize(
    "gaps",
    [("b",), ("ab",), ("a", "b"), ("ab", "a"), ("a", "c"), ("stay",), ("start",), ("a", "b", "c")],
    ids=str,
)
def test_gaps_that_the_rest_determines_are_filled_with_the_true_values(model, table, gaps):
    rows = table.slice(0, 40)
    for name in gaps:
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.nulls(40, rows.schema.field(name).type))
    filled = model.impute(rows, seed=1).read_all()
    for name in gaps:
        assert filled[name].equals(table[name].slice(0, 40)), name


def test_gaps_that_the_rest_leaves_open_are_filled_consistently(model, table):
    rows = table.slice(0, 40)
    for name in ("a", "b", "stay", "end", "ab", "quantity"):
        at = rows.schema.get_field_index(name)
        mask = pa.array(np.arange(40) % 3 != at % 3)
        rows = rows.set_column(at, name, pa.compute.if_else(mask, rows[name], None))
    filled = model.impute(rows, seed=1).read_all()
    assert_consistent(filled)
    for name in rows.column_names:
        given = rows[name].is_valid()
        assert filled[name].filter(given).equals(rows[name].filter(given))


def test_rows_have_conditions_each(model, table):
    wanted = table.slice(0, 50).select(["abc", "total", "end"])
    sample = model.sample(50, seed=1, conditions=wanted).read_all()
    assert_consistent(sample)
    assert sample.select(wanted.column_names).equals(wanted)


def test_contradictions_are_named_at_once(model, table):
    with pytest.raises(Unreachable, match="the conditions break 'ab = a \\+ b'"):
        model.sample(5, seed=1, conditions={"ab": 100.0, "a": 10.0, "b": 20.0}).read_all()
    wanted = table.slice(0, 2).select(["a", "b", "ab"])
    wanted = wanted.set_column(2, "ab", pa.array([wanted["ab"][0].as_py(), 3.0]))
    with pytest.raises(Unreachable, match="row 1: the conditions break"):
        model.sample(5, seed=1, conditions=wanted).read_all()


def test_rows_to_be_completed_keep_what_they_break(model, table):
    """Real data are not perfect: a row is no reason not to fill the gaps of others."""
    rows = table.slice(0, 3).set_column(3, "ab", pa.array([1.0, 2.0, 3.0]))
    rows = rows.set_column(2, "c", pa.nulls(3, pa.float64())).drop_columns(["abc"])
    filled = model.impute(rows, seed=1).read_all()
    assert filled["ab"].to_pylist() == [1.0, 2.0, 3.0] and filled["c"].null_count == 0
    total = np.add(filled["ab"].to_numpy(), filled["c"].to_numpy()).round(2)
    assert np.array_equal(filled["abc"].to_numpy(), total)


def test_functions_of_a_solved_input_fit_its_new_value():
    rng = np.random.default_rng(0)
    price, quantity = rng.integers(1, 60, ROWS), rng.integers(1, 9, ROWS)
    size = enum(np.where(quantity > 4, "large", "small").tolist())
    columns = {"price": price, "quantity": quantity, "total": price * quantity, "size": size}
    rows = pa.table(columns)
    model = model_of(rows)
    (function,) = model.layout.dependencies
    names = [
        model.layout.codecs[index].columns[0].name for index in (function.token, function.source)
    ]
    assert names == ["size", "quantity"] and [*model.encoder.relations.always] == ["total"]

    def assert_fits(sample):
        large = np.array(sample["size"].to_pylist()) == "large"
        assert np.array_equal(sample["quantity"].to_numpy() > 4, large)
        total = sample["price"].to_numpy() * sample["quantity"].to_numpy()
        assert np.array_equal(total, sample["total"].to_numpy())

    for conditions in {"total": 60}, {"total": 240, "price": 30}, {"total": 60, "size": "large"}:
        assert_fits(model.sample(60, seed=1, conditions=conditions).read_all())
    gaps = rows.slice(0, 40).select(["price", "total"])
    for name in ("quantity", "size"):
        gaps = gaps.append_column(name, pa.nulls(40, rows.schema.field(name).type))
    filled = model.impute(gaps, seed=1).read_all()
    assert_fits(filled)
    wanted = {"total": 240, "price": 30, "size": "small"}
    with pytest.raises(Unreachable, match="'size' as a function of 'quantity'"):
        model.sample(3, seed=1, conditions=wanted).read_all()
    # A row whose given cells disagree is filled nonetheless.
    odd = gaps.set_column(3, "size", enum(["large"] * 40))
    assert model.impute(odd, seed=1).read_all()["size"].to_pylist() == ["large"] * 40


def test_inputs_whose_solution_has_no_type_are_not_changed():
    rng = np.random.default_rng(2)
    a, b, c = 1_600_000_000_000 + rng.integers(0, 900, (3, 800)) * DAY
    table = pa.table({"a": times(a), "b": times(b), "c": times(c), "t": times(a - b + c)})
    rules, _ = check_rules(["t = a - b + c"], table)
    model = model_of(table, options={"rules": rules})
    assert {*model.encoder.relations.always} == {"t"}
    sample = model.sample(20, seed=1, conditions={"t": int(a[0])}).read_all()
    first, less, more, given = (sample[name].cast(pa.int64()).to_numpy() for name in "abct")
    assert (given == a[0]).all() and (first - less + more == given).all()
