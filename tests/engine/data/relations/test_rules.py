"""Formulas, conditions and unique columns: the rows that break them, and what formulas compute."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relation_tables import DAY
from relation_tables import ORDERS as TABLE

from h2o_gan.engine.data.relations.checking import columns_in
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.relations.rules import Formula
from h2o_gan.engine.data.schema import Column

COLUMNS = columns_in(TABLE)
DECIMALS = {"total": 2, "price": 2}


def rule(text):
    return parse(text, COLUMNS, DECIMALS)


@pytest.mark.parametrize(
    ("text", "broken", "values"),
    [
        ("total = price * quantity", [4], [2.01, 5.0, 3.0, None, 4.0]),
        ("half = quantity / 2", [], [1, 1, 2, 2, 2]),
        ("half = quantity / (quantity - 3) + 0.2", [0, 1, 3, 4], [0, -2, None, 4, 4]),
        ("stay = days(end - start)", [2], [1, 0, -2, None, 1]),
        ("end = start + days(stay)", [2, 4], [DAY, DAY, 7 * DAY, None, DAY]),
        ("end = start + seconds(price / 9)", [0, 1, 2, 4],
         [223, 86_400_278, 172_800_111, None, 111]),
        ("city = town", [1], ["Paris", "Oslo", None, "Oslo", "Oslo"]),
        ("town = city", [1], ["Paris", None, None, "Oslo", "Oslo"]),
        ("city = 'Oslo'", [0, 1], ["Oslo"] * 5),
        ("note = city", [0, 1, 3, 4], ["Paris", "Rome", None, "Oslo", "Oslo"]),
        ("total = 1", [0, 1, 4], [1.0] * 5),
    ],
)  # fmt: skip
def test_formulas(text, broken, values):
    formula = rule(text)
    for table in TABLE, TABLE.combine_chunks().to_batches()[0]:
        assert np.flatnonzero(formula.broken(table)).tolist() == broken
        found = formula.compute(table.drop_columns([formula.column.name]))
        assert found.type == formula.column.arrow_type
        if formula.column.kind == "time":
            found = found.cast(pa.int64())
        assert found.to_pylist() == values
    assert formula.compute(TABLE.slice(0, 0)).type == formula.column.arrow_type
    computed = TABLE.set_column(
        TABLE.column_names.index(formula.column.name),
        formula.column.name,
        formula.compute(TABLE),
    )
    assert not formula.broken(computed).any()


amounts = st.lists(st.integers(-(10**5), 10**5), min_size=1, max_size=5)


@given(amounts, amounts, st.integers(0, 3), st.integers(0, 3), st.integers(0, 4))
@settings(deadline=None, max_examples=40)
def test_computed_values_are_those_of_decimal_numbers(prices, rates, one, two, decimals):
    pairs = [
        (Decimal(price).scaleb(-one), Decimal(rate).scaleb(-two))
        for price, rate in zip(prices, rates, strict=False)
    ]
    table = pa.table(
        {
            "price": pa.array([float(price) for price, _ in pairs]),
            "rate": pa.array([float(rate) for _, rate in pairs]),
        }
    )
    columns = [Column(name, "real") for name in ("total", "price", "rate")]
    formula = parse(
        "total = price * rate - price", columns, {"total": decimals, "price": one, "rate": two}
    )
    exact = [price * rate - price for price, rate in pairs]
    unit = Decimal(1).scaleb(-decimals)
    expected = [float(value.quantize(unit, ROUND_HALF_UP)) for value in exact]
    assert formula.compute(table).to_pylist() == expected
    filled = table.append_column("total", pa.array(expected))
    assert not formula.broken(filled).any()
    wrong = [float(Decimal(value) + 2 * unit) for value in expected]
    assert formula.broken(table.append_column("total", pa.array(wrong))).all()


def test_a_whole_number_out_of_range_is_an_error():
    formula = Formula("", Column("n", "int"), rule("total = price * 1e300").expression)
    with pytest.raises(OverflowError, match="64 bits"):
        formula.compute(TABLE)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("start <= end", [2]),
        ("start < end", [1, 2]),
        ("price <= total <= 3", [1]),
        ("quantity >= 3 or city is not missing", []),
        ("quantity < 3 or price is missing", [2, 4]),
        ("not (city = 'Oslo' and half = 2)", [3, 4]),
        ("end > '1970-01-02'", [0, 1, 2, 3]),
        ("note in ('a', 'b')", [4]),
        ("total + price = 4.02", [1, 4]),
    ],
)
def test_conditions(text, broken):
    assert np.flatnonzero(rule(text).broken(TABLE)).tolist() == broken


def test_unique():
    assert np.flatnonzero(rule("unique(half)").broken(TABLE)).tolist() == [1, 3, 4]
    assert np.flatnonzero(rule("unique(city)").broken(TABLE)).tolist() == [4]
    assert np.flatnonzero(rule("unique(half, city)").broken(TABLE)).tolist() == [4]
    assert np.flatnonzero(rule("unique(city, stay, note)").broken(TABLE)).tolist() == []
    for values, broken in {
        (None, 1, 0, 1, None, 0): [3, 5],  # a missing value is read as 0, but is not one
        (0.0, -0.0, None): [1],
        (None, None): [],
        (): [],
    }.items():
        table = pa.table({"x": pa.array(values, pa.float64())})
        unique = parse("unique(x)", columns_in(table))
        assert np.flatnonzero(unique.broken(table)).tolist() == broken
    # The codes of five columns together need 80 bits: the last row differs in the highest.
    keys = np.append(np.arange(2**16), 0)
    wide = pa.table({"a": np.append(keys[:-1], 1), **dict.fromkeys("bcde", keys)})
    unique = parse("unique(a, b, c, d, e)", columns_in(wide))
    assert not unique.broken(wide).any()
    assert unique.broken(pa.concat_tables([wide, wide])).sum() == len(wide)
    ids = pa.array([b"x" * 16, b"y" * 16, b"x" * 16], pa.binary(16))
    table = pa.table({"id": pa.ExtensionArray.from_storage(pa.uuid(), ids)})
    assert parse("unique(id)", columns_in(table)).broken(table).tolist() == [False, False, True]
