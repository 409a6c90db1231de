"""Expressions: types, values, text and JSON of the syntax tree."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hostile import HOSTILE, places, with_value
from hypothesis import given, settings
from hypothesis import strategies as st
from relation_tables import DAY, condition_of, expression_of
from rule_trees import COLUMNS, KINDS, conditions, value_in_row

from h2o_gan.engine.data.relations.conditions import (
    Comparison,
    Logic,
    Membership,
    Missing,
    Not,
)
from h2o_gan.engine.data.relations.expressions import (
    MAX_DEPTH,
    MAX_NODES,
    Duration,
    Moment,
    Negative,
    Number,
    Product,
    Reference,
    Sum,
    Text,
    check_size,
    columns_of,
    evaluate,
    quoted_name,
    quoted_text,
)
from h2o_gan.engine.data.relations.stored_expressions import restore
from h2o_gan.engine.data.relations.values import CONDITION, DIFFERENCE, NUMBER, TEXT, Numbers, Texts
from h2o_gan.engine.data.schema import TIME, Column
from h2o_gan.engine.exceptions import Damaged

A, B, START, CITY = Reference("a"), Reference("or"), Reference("start"), Reference("city")

SOME = Logic(
    "or",
    (
        Not(Missing(CITY)),
        Comparison((Number(0), Sum((A, Negative(B)), ("-",)), Number(1.5)), ("<", "<=")),
        Membership(CITY, (Text("x"), Text("it's"))),
        Comparison((Duration("days", Sum((START, Moment(7)), ("-",))), A), ("=",)),
    ),
)


def truth(expression, table, decimals=None):
    found = evaluate(expression, table, decimals or {})
    assert not (found.true & found.false).any()
    unknown = np.where(found.false, False, None)
    return np.where(found.true, True, unknown).tolist()


def calculated(text, decimals=None, **columns):
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    kinds = {name: "int" if pa.types.is_integer(table[name].type) else "real" for name in columns}
    expression = expression_of(text, [Column(*item) for item in kinds.items()])
    found = evaluate(expression, table, decimals or {})
    return pa.array(found.numbers, mask=found.missing)


def row_lists():
    row = st.fixed_dictionaries(
        {
            "a": st.one_of(st.none(), st.integers(-3, 3)),
            'odd "name"': st.one_of(st.none(), st.integers(-3, 3)),
            "or": st.one_of(st.none(), st.integers(-3, 3).map(float)),
            "start": st.one_of(st.none(), st.integers(-2, 2).map(lambda days: days * DAY)),
            "time": st.one_of(st.none(), st.integers(-2, 2).map(lambda days: days * DAY)),
            "city": st.sampled_from([None, "x", "y"]),
            "note": st.sampled_from([None, "", "z"]),
        }
    )
    return st.lists(row, min_size=1, max_size=8)


@given(conditions(st.integers(-3, 3)), row_lists())
@settings(deadline=None, max_examples=100)
def test_values_are_those_of_row_by_row_fractions(condition, rows):
    schema = pa.schema(
        [pa.field(c.name, TIME if c.kind == "time" else c.arrow_type) for c in COLUMNS]
    )
    types = {"enum": pa.string()}
    table = pa.table(
        {
            c.name: pa.array([row[c.name] for row in rows], types.get(c.kind, c.arrow_type))
            for c in COLUMNS
        }
    ).cast(schema)
    assert truth(condition, table, {"or": 0}) == [value_in_row(condition, row) for row in rows]


@given(conditions(st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e300, 1e300))))
@settings(deadline=None, max_examples=100)
def test_text_and_json_give_the_tree_back(condition):
    assert condition_of(str(condition), COLUMNS) == condition
    data = json.loads(json.dumps(condition.to_json(), allow_nan=False))
    assert restore(data, KINDS) == condition
    assert condition.type_in(KINDS) == CONDITION


def test_json_is_lists_of_tags():
    assert SOME.to_json() == [
        "or",
        ["not", ["missing", ["column", "city"]]],
        [
            "compare", ["number", 0],
            "<", ["sum", ["column", "a"], "-", ["negative", ["column", "or"]]],
            "<=", ["number", 1.5],
        ],
        ["in", ["column", "city"], ["text", "x"], ["text", "it's"]],
        [
            "compare", ["days", ["sum", ["column", "start"], "-", ["time", 7]]],
            "=", ["column", "a"],
        ],
    ]  # fmt: skip
    assert str(SOME) == (
        "city is not missing or 0 < a - -\"or\" <= 1.5 or city in ('x', 'it''s') "
        "or days(start - time('1970-01-01 00:00:00.007')) = a"
    )
    assert columns_of(SOME) == ("city", "a", "or", "start")


def test_hostile_json_is_refused_or_restored_to_a_tree_that_works():
    data, restored = SOME.to_json(), 0
    table = pa.table({"a": [1, 2], "or": [0.5, None], "start": [5, 6], "city": ["x", None]})
    table = table.set_column(2, "start", table["start"].cast(TIME))
    for place in places(data, most=9):
        for value in HOSTILE:
            try:
                changed = restore(with_value(data, place, value), KINDS)
            except Damaged:
                continue
            assert len(truth(changed, table)) == 2
            restored += 1
    assert restored > 0
    deep = ["column", "a"]
    for _ in range(MAX_DEPTH):
        deep = ["negative", deep]
    wide = ["sum", ["column", "a"], *(["+", ["column", "a"]] * MAX_NODES)]
    a = ["column", "a"]
    for data in [
        *HOSTILE, deep, wide, ["sum", a], ["column", "b"], ["not", a], ["in", a, a],
        ["days", ["column", "start"]], ["in", ["number", 1]], ["sum", a, "*", a],
        ["number", float("nan")], ["number", 10**400], ["text", "x" * 20_000],
        ["and", ["missing", a]], ["and", *[["missing", a]] * (MAX_NODES // 2)],
        ["eval", "1"], ["column", "a", "a"],
    ]:  # fmt: skip
        with pytest.raises(Damaged):
            restore(data, KINDS)
    assert restore(deep[1], KINDS).depth == MAX_DEPTH


def test_a_tree_too_large_for_a_file_is_refused():
    deep = A
    for _ in range(MAX_DEPTH):
        deep = Negative(deep)
    for tree in deep, Sum((A,) * MAX_NODES, ("+",) * (MAX_NODES - 1)):
        with pytest.raises(ValueError, match="deeper than|more than"):
            check_size(tree)


def test_whole_numbers_stay_exact():
    assert calculated("a * b + 1", a=[3_037_000_499, None, -5], b=[3_037_000_499, 2, 7]).equals(
        pa.array([3_037_000_499**2 + 1, None, -34])
    )
    assert calculated("-a", a=[2**63 - 1]).to_pylist() == [-(2**63) + 1]
    assert calculated("7", a=[1, 2]).to_pylist() == [7, 7]


@pytest.mark.parametrize(
    ("text", "a"),
    [("a + 1", 2**63 - 1), ("a - 2", -(2**63) + 1), ("a * a", 2**32), ("-a", -(2**63))],
)
def test_overflow_is_an_error_unless_the_value_is_missing(text, a):
    with pytest.raises(OverflowError, match="64 bits"):
        calculated(text, a=[1, a])
    assert calculated(text, a=[1, None]).null_count == 1


def test_a_quotient_by_zero_is_missing():
    assert calculated("a / b", a=[1, 0, 1.5, None], b=[0, 0, 2, 2]).to_pylist() == [
        None, None, 0.75, None,
    ]  # fmt: skip
    assert calculated("a - b", a=[np.inf], b=[np.inf]).to_pylist() == [None]


def test_decimals_are_compared_as_decimals():
    table = pa.table({"a": [0.1, 0.1, 1e10 + 0.01], "b": [0.2, 0.2, 0.0], "c": [0.3, 0.31, 1e10]})
    columns = [Column(name, "real") for name in "abc"]
    known, unknown = {"a": 2, "b": 2, "c": 2}, {}

    def holds(text, decimals=known):
        return truth(condition_of(text, columns), table, decimals)

    assert holds("a + b = c") == holds("c = a + b") == [True, False, False]
    assert holds("a + b <= c") == [True, True, False]
    assert holds("a + b < c") == [False, True, False]
    assert holds("c != a + b") == [False, True, True]
    assert holds("a + b in (.3, 1)") == [True, True, False]
    assert holds("a + b = c", unknown) == [True, False, True]  # a relative tolerance of 1e-9


def test_a_column_equals_a_calculated_number_that_is_rounded_to_it():
    table = pa.table(
        {"a": [1, 1, 1, 5], "b": [3, 8, 8, 2], "c": [0.33, 0.12, 0.13, 2.0], "n": [0, 0, 0, 3]}
    )
    columns = [Column("a", "int"), Column("b", "int"), Column("c", "real"), Column("n", "int")]

    def holds(text):
        return truth(condition_of(text, columns), table, {"c": 2})

    assert holds("c = a / b") == [True, True, True, False]  # .125 may become .12 or .13
    assert holds("a / b = n") == [True, True, True, True]
    assert holds("c = a / b + 0.006") == [False, False, True, False]
    assert holds("n = c") == [False, False, False, False]
    assert holds("c <= a / b") == [True, True, False, True]


def test_what_is_missing_is_neither_true_nor_false():
    table = pa.table({"a": [1, None, None], "b": [1, 1, None]})
    columns = [Column("a", "int"), Column("b", "int")]
    for text, expected in {
        "a = b": [True, None, None],
        "a != b": [False, None, None],
        "not a = b": [False, None, None],
        "a = b or b = 1": [True, True, None],
        "a = b and b = 2": [False, False, None],
        "a is missing": [False, True, True],
        "a + b is not missing": [True, False, False],
        "a in (1, 2)": [True, None, None],
        "a not in (1, 2)": [False, None, None],
        "0 < b < a": [False, None, None],
    }.items():
        assert truth(condition_of(text, columns), table) == expected, text


def test_text_of_enums_strings_booleans_and_uuids():
    ids = ["00000000-0000-0000-0000-0000000000ff", None, "12345678-9abc-def0-1234-56789abcdef0"]
    raw = [None if text is None else bytes.fromhex(text.replace("-", "")) for text in ids]
    chunks = [["x", "y"], ["z"]]  # with dictionaries of their own
    table = pa.table(
        {
            "e": pa.chunked_array([pa.array(chunk).dictionary_encode() for chunk in chunks]),
            "s": ["x", None, "y"],
            "flag": [True, False, None],
            "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array(raw, pa.binary(16))),
            "none": pa.array([None] * 3, pa.dictionary(pa.int32(), pa.string())),
        }
    )
    e, s, none = Reference("e"), Reference("s"), Reference("none")
    for compared, expected in {
        (e, s): [True, None, False],
        (e, Text("z")): [False, False, True],
        (Text("w"), e): [False, False, False],
        (Reference("flag"), Text("true")): [True, False, None],
        (Reference("id"), Text(ids[0])): [True, None, False],
        (e, none): [None] * 3,
    }.items():
        assert truth(Comparison(compared, ("=",)), table) == expected
    assert truth(Comparison((e, s), ("=",)), table.slice(1)) == [None, False]
    assert truth(Comparison((e, s), ("=",)), table.slice(3)) == []
    assert truth(Comparison((e, s), ("=",)), table.to_batches()[0]) == [True, None]
    assert isinstance(evaluate(e, table, {}), Texts)


def test_times_and_their_differences():
    table = pa.table(
        {
            "start": pa.array([0, DAY, None], TIME),
            "time": pa.array([DAY // 2, 3 * DAY, DAY], TIME),
            "a": [0, 2, 1],
        }
    )

    def of(text):
        found = evaluate(expression_of(text, COLUMNS), table, {})
        return pa.array(found.numbers, mask=found.missing).to_pylist(), found.type

    assert of("time - start") == ([DAY // 2, 2 * DAY, None], DIFFERENCE)
    assert of("days(time - start)") == ([0.5, 2.0, None], NUMBER)
    assert of("hours(2 * (time - start) / 4)") == ([6.0, 24.0, None], NUMBER)
    assert of("start + days(a) - minutes(1)") == ([-60_000, 3 * DAY - 60_000, None], "a time")
    assert of("(time - start) / days(1)") == ([0.5, 2.0, None], NUMBER)
    assert of("seconds(-(start - time))") == ([43_200.0, 172_800.0, None], NUMBER)
    late = condition_of("'1970-01-01T12:00' < time <= '1970-01-04'", COLUMNS)
    assert truth(late, table) == [False, True, True]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (Sum((A, CITY), ("+",)), "city is text, where a number or"),
        (Sum((START, START), ("+",)), "cannot add them$"),
        (Sum((START, A), ("+",)), r"give the number a unit: days\(a\)"),
        (Sum((A, START), ("-",)), "cannot subtract"),
        (Product((START, A), ("*",)), "start is a time, where"),
        (Product((A, Duration("days", A)), ("/",)), "cannot divide"),
        (Comparison((A, CITY), ("=",)), "a is a number and city is text"),
        (Comparison((CITY, Number(3)), ("=",)), "in single quotes: '3'"),
        (Comparison((A, Text("3")), ("=",)), "numbers without quotes"),
        (Comparison((START, Text("3")), ("=",)), "a time is written as"),
        (Comparison((A, Sum((START, START), ("-",))), ("=",)), r"days\(start - start\)"),
        (Comparison((CITY, CITY), ("<",)), "no order"),
        (Comparison((Missing(A), A), ("=",)), "a is missing is a condition"),
        (Membership(A, (Number(1), Text("x"))), "'x' is text"),
        (Negative(START), "start is a time"),
        (Duration("days", START), "start is a time"),
        (Not(A), "a is a number, where a condition"),
        (Logic("and", (Missing(A), A)), "a is a number, where a condition"),
        (Missing(Missing(A)), "a is missing is a condition"),
    ],
)
def test_types_that_do_not_go_together_are_refused(expression, message):
    with pytest.raises(TypeError, match=message):
        expression.type_in(KINDS)
    with pytest.raises(Damaged, match=message):
        restore(expression.to_json(), KINDS)


def test_an_evaluation_never_mixes_types():
    """Where no check of types came first, as in a table with other columns than the model's."""
    table = pa.table({"a": [1], "start": pa.array([1], TIME), "city": ["x"]})
    for wrong in [
        Sum((A, CITY), ("+",)), Sum((START, START), ("+",)), Comparison((A, CITY), ("=",)),
        Not(A), Missing(Missing(A)), Comparison((Missing(A), A), ("=",)),
    ]:  # fmt: skip
        with pytest.raises(TypeError):
            evaluate(wrong, table, {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Number(float("inf")),
        lambda: Number(2**53 + 1),
        lambda: Text("\ud800"),
        lambda: Text("x" * 20_000),
        lambda: Moment(10**15),
        lambda: Duration("years", A),
        lambda: Sum((A, A), ("*",)),
        lambda: Sum((A,), ()),
        lambda: Comparison((A, A), ("=", "=")),
        lambda: Logic("xor", (A, A)),
        lambda: Logic("and", (A,)),
        lambda: Membership(A, ()),
    ],
)
def test_nodes_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_quotes_are_doubled():
    assert quoted_name('5 "x"') == '"5 ""x"""'
    assert quoted_name("missing") == '"missing"'
    assert quoted_name("größe.2") == "größe.2"
    assert quoted_text("it's") == "'it''s'"
    assert isinstance(evaluate(Number(0.5), pa.table({"a": [1]}), {}), Numbers)
    assert CITY.type_in(KINDS) == TEXT
