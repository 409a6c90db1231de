"""Kinds of rules: the rows that break them, what formulas compute, and their JSON."""

import json
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hostile import HOSTILE, places, with_value
from hypothesis import given, settings
from hypothesis import strategies as st
from relation_tables import DAY
from untrained import enum

from h2o_gan.engine.data.relations.checking import columns_in
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.relations.rules import MAX_COMBINATIONS, MAX_TEXT, Formula, restore
from h2o_gan.engine.data.schema import TIME, Column
from h2o_gan.engine.exceptions import Damaged

LEVELS = ("Paris", "Rome", "Oslo", "unused")


def cities(values):
    return enum(values, LEVELS)


TABLE = pa.table(
    {
        "total": [2.01, 5.0, None, 1.0, 3.0],
        "price": [2.01, 2.5, 1.0, None, 1.0],
        "quantity": [1, 2, 3, 4, 4],
        "half": [1, 1, 2, 2, 2],
        "start": pa.array([0, DAY, 2 * DAY, None, 0], TIME),
        "end": pa.array([DAY, DAY, 0, DAY, DAY + 1], TIME),
        "stay": [1, 0, 5, 1, 1],
        "city": cities(["Paris", "Rome", None, "Oslo", "Oslo"]),
        "town": enum(["Paris", "Oslo", None, "Oslo", "Oslo"], ("Oslo", "Paris")),
        "note": ["a", "b", None, "a", ""],
    }
)
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


COUNTS = {
    ("Rome", 2.5): 5,
    ("Paris", -0.0): 6,
    ("Paris", None): 7,
    (None, 2.5): 8,
    ("Oslo", 1.0): 4,
}
PAIRS = [pair for pair, count in COUNTS.items() for _ in range(count)]
CITIES = pa.table(
    {
        "city": cities([city for city, _ in PAIRS]),
        "rate": pa.array([rate for _, rate in PAIRS], pa.float64()),
        "day": pa.array([3] * len(PAIRS), TIME),
    }
)


def test_fixed_combinations():
    fitted = parse("city, rate, day", columns_in(CITIES)).fitted(CITIES)
    assert len(fitted) == 4
    city, rate, day = fitted.numbers
    assert list(zip(city.tolist(), rate.tolist(), strict=True)) == [
        (0, 0.0), (0, 0.0), (0, 2.5), (1, 2.5),
    ]  # fmt: skip
    assert set(day.tolist()) == {3}
    assert fitted.describe() == {
        "relation": "city, rate, day",
        "kind": "combinations",
        "share": 1.0,
    }
    assert np.flatnonzero(fitted.broken(CITIES)).tolist() == [26, 27, 28, 29]  # too rare
    others = pa.table(
        {
            "city": enum(
                ["Paris", "Paris", "new", None, "Rome", "Rome", None, "Rome"], ("new", *LEVELS)
            ),
            "rate": [0.0, 2.5, 2.5, 2.5, None, 2.5, None, 7.5],
            "day": pa.array([3, 3, 3, 3, 3, 4, 3, 3], TIME),
        }
    )
    assert fitted.broken(others).tolist() == [False, True, True, False, True, True, True, True]
    assert fitted.broken(others.slice(0, 0)).tolist() == []
    shuffled = CITIES.take(np.random.default_rng(0).permutation(len(PAIRS)))
    again = parse("city, rate, day", columns_in(CITIES)).fitted(shuffled)
    for name, values in fitted.arrays().items():  # nothing depends on the order of the rows
        np.testing.assert_array_equal(again.arrays()[name], values)


def test_combinations_that_cannot_be_kept_are_an_error():
    pair = parse("city, rate", columns_in(CITIES))
    with pytest.raises(ValueError, match="each of its 5 combinations is in fewer than 9"):
        pair.fitted(CITIES, min_rows=9)
    with pytest.raises(ValueError, match="not fitted"):
        pair.broken(CITIES)
    many = pa.table({"a": np.arange(MAX_COMBINATIONS + 1), "b": np.arange(MAX_COMBINATIONS + 1)})
    with pytest.raises(ValueError, match="65,537 combinations .* more than the 65,536"):
        parse("a, b", columns_in(many)).fitted(many, min_rows=1)


RULES = [
    *map(rule, ["total = price * quantity", "city = town", "start <= end", "unique(city, note)"]),
    parse("city, quantity, total", COLUMNS).fitted(TABLE, min_rows=1),
]


@pytest.mark.parametrize("kept", RULES, ids=lambda kept: kept.text)
def test_rules_come_back_from_json(kept):
    data = json.loads(json.dumps(kept.to_json(), allow_nan=False))
    restored = restore(data, kept.arrays(), COLUMNS)
    assert restored == kept and restored.text == kept.text
    assert restored.describe() == kept.describe()
    np.testing.assert_array_equal(restored.broken(TABLE), kept.broken(TABLE))


@pytest.mark.parametrize("kept", RULES, ids=lambda kept: kept.text)
def test_hostile_json_is_refused_or_restored_to_a_rule_that_works(kept):
    data, arrays = kept.to_json(), kept.arrays()
    for place in places(data, most=9):
        for value in HOSTILE:
            try:
                restored = restore(with_value(data, place, value), arrays, COLUMNS)
            except Damaged:
                continue
            assert len(restored.broken(TABLE)) == len(TABLE)
    for changed in [
        *HOSTILE, {**data, "text": "x" * (MAX_TEXT + 1)}, {**data, "kind": "eval"},
        {**data, "columns": ["city"] * 100, "expression": ["missing", ["column", "z"]]},
        {**data, "columns": ["city", "city"], "column": "price", "expression": ["column", "price"]},
        {**data, "columns": ["city", "z"], "column": "city", "expression": ["column", "price"]},
        {key: value for key, value in data.items() if key not in ("expression", "columns")},
    ]:  # fmt: skip
        with pytest.raises(Damaged):
            restore(changed, arrays, COLUMNS)


@pytest.mark.parametrize(
    "changed",
    [
        {"missing": np.zeros((2, 3), bool)},
        {"missing": np.zeros((3, 5), np.int8)},
        {"missing": np.zeros((3, 0), bool)},
        {"missing": np.zeros(15, bool)},
        {"missing": None},
        {"numbers_0": np.array([0, 1, 2, 2, 4])},
        {"numbers_0": np.array([0, 1, 2, 2, -1])},
        {"numbers_1": np.zeros(5)},
        {"numbers_1": np.zeros((5, 1), np.int64)},
        {"numbers_2": np.full(5, np.nan)},
        {"numbers_3": np.zeros(5)},
    ],
)
def test_hostile_arrays_are_refused(changed):
    kept = RULES[-1]
    arrays = {k: v for k, v in {**kept.arrays(), **changed}.items() if v is not None}
    with pytest.raises(Damaged):
        restore(kept.to_json(), arrays, COLUMNS)
    as_text = {**kept.to_json(), "columns": ["city", "quantity", "note"]}
    with pytest.raises(Damaged):
        restore(as_text, kept.arrays(), COLUMNS)
