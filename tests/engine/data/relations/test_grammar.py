"""The grammar: text to rules, and errors that point at the place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relation_tables import DAY

from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.conditions import (
    Comparison,
    Logic,
    Membership,
    Missing,
    Not,
)
from h2o_gan.engine.data.relations.expressions import (
    Duration,
    Moment,
    Negative,
    Number,
    Product,
    Reference,
    Sum,
    Text,
)
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.relations.rules import Condition, Formula, Unique
from h2o_gan.engine.data.schema import Column

COLUMNS = [
    *(Column(name, "real") for name in ("total", "price", "hours-per-week", 'the `odd` "one"')),
    *(Column(name, "int") for name in ("quantity", "age", "or", "unique", "days", "größe")),
    *(Column(name, "time") for name in ("start", "end")),
    Column("city", "enum", ("Paris", "Rome", "it's")),
    Column("guardian", "enum", ("mother", "father")),
    Column("note", "string"),
]
BY_NAME = {column.name: column for column in COLUMNS}
TOTAL, PRICE, QUANTITY = Reference("total"), Reference("price"), Reference("quantity")
AGE, CITY, START = Reference("age"), Reference("city"), Reference("start")


def condition(text):
    rule = parse(text, COLUMNS)
    assert isinstance(rule, Condition) and rule.text == text.strip()
    return rule.expression


def test_formulas():
    product = Product((PRICE, QUANTITY), ("*",))
    formula = Formula("", BY_NAME["total"], product, (("total", 2), ("price", None)))
    for text in "total = price * quantity", "total==price*quantity", " (total) = (price*quantity) ":
        assert parse(text, COLUMNS, {"total": 2}) == formula
    assert parse("price * quantity = total", COLUMNS).column.name == "total"
    assert parse("city = guardian", COLUMNS).columns == ("city", "guardian")
    assert parse("age = 18", COLUMNS) == Formula("", BY_NAME["age"], Number(18))
    for text in "total = total * 2", "total != price", "total = price = 1", "total - price = 1":
        assert isinstance(parse(text, COLUMNS), Condition)


def test_unique_and_combinations():
    assert parse("unique(age)", COLUMNS) == Unique("", ("age",))
    assert parse('unique (age, "or")', COLUMNS).columns == ("age", "or")
    assert parse("city, guardian,`or`", COLUMNS) == FixedCombinations(
        "", (BY_NAME["city"], BY_NAME["guardian"], BY_NAME["or"])
    )
    assert parse("unique, days", COLUMNS).columns == ("unique", "days")
    assert condition("unique > days") == Comparison(
        (Reference("unique"), Reference("days")), (">",)
    )


def test_what_binds_tighter():
    one, two, missing = (
        (Comparison((AGE, Number(n)), (">",)) for n in (1, 2)),
        Number(2),
        Missing(CITY),
    )
    one, three = one
    assert condition("age > 1 or age > 2 and city is missing") == Logic(
        "or", (one, Logic("and", (three, missing)))
    )
    assert condition("not age > 1 and city is not missing") == Logic(
        "and", (Not(one), Not(missing))
    )
    assert condition("age - -price * 2 - (1 - 3) < -2") == Comparison(
        (
            Sum(
                (
                    AGE,
                    Product((Negative(PRICE), two), ("*",)),
                    Sum((Number(1), Number(3)), ("-",)),
                ),
                ("-", "-"),
            ),
            Number(-2),
        ),
        ("<",),
    )
    assert condition("0 <= price <= total < 1e6") == Comparison(
        (Number(0), PRICE, TOTAL, Number(1_000_000)), ("<=", "<=", "<")
    )
    assert condition("price + 1 not in (-1, .5)") == Not(
        Membership(Sum((PRICE, Number(1)), ("+",)), (Number(-1), Number(0.5)))
    )


def test_names_texts_and_times():
    assert condition('"hours-per-week" > größe').operands[0] == Reference("hours-per-week")
    odd = Reference('the `odd` "one"')
    for name in '`the ``odd`` "one"`', '"the `odd` ""one"""':
        assert condition(f"{name} > 1").operands[0] == odd
    assert condition("city != 'it''s'").operands[1] == Text("it's")
    assert condition("'1970-01-02' <= start < '1970-01-03 00:00:00.5Z'") == Comparison(
        (Moment(DAY), START, Moment(2 * DAY + 500)), ("<=", "<")
    )
    assert condition("start in ('1970-01-02', time('1970-01-03T00:00'))") == Membership(
        START, (Moment(DAY), Moment(2 * DAY))
    )
    assert condition("days(start - '1970-01-02') > days").operands[0] == Duration(
        "days", Sum((START, Moment(DAY)), ("-",))
    )


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("total = prise * age", "prise", "no column 'prise'; did you mean price[?]"),
        ("total = PRICE", "PRICE", "did you mean price[?]"),
        ("total = zzz", "zzz", "the columns are 'total', 'price'"),
        ("hours-per-week > 3", "hours", 'in double quotes: "hours-per-week"'),
        ("age > 1 and 2 < hours-per-week", "hours", 'in double quotes: "hours-per-week"'),
        ("prise > hours-per-week", "prise", "did you mean price"),
        ("city = Paris", "Paris", "a level of 'city'; text is written in single quotes: 'Paris'"),
        ("city = London", "London", "in single quotes: 'London'"),
        ("city in (London)", "London", "in single quotes: 'London'"),
        ("city = 'Pariss'", "'Pariss'", "no level 'Pariss'; did you mean 'Paris'[?]"),
        ("'xyz' != city", "'xyz'", "no level 'xyz'; it has 'Paris', 'Rome'"),
        ("city in ('Rome', 'xyz')", "'xyz'", "no level 'xyz'"),
        ('city = "Paris"', '"Paris"', "in single quotes: 'Paris'"),
        ("age > 1 AND age < 3", "AND", "write 'and' in lower case"),
        ("NOT age > 1", "NOT", "write 'not' in lower case"),
        ("age > 1 && age < 3", "&", "unexpected '&'; write 'and'"),
        ("city = 'Paris", "'", "the quote is not closed"),
        ("city = \u2018Paris\u2019", "\u2018", "straight quotes"),
        ("age > 1 age", "age", "expected an operator, 'and', 'or', or the end, found 'age'"),
        ("or > 1", "or", "found 'or'; the column is written \"or\""),
        ("age > ", "", "expected a column, a number, .*, found the end of the rule"),
        ("age ** 2 > 1", "* 2", "expected a column"),
        ("age > 1)", ")", "expected an operator"),
        ("(age > 1", "", r"expected '\)'"),
        ("age", "", "expected a comparison .* or ',' and another column"),
        ("age + 1", "", "expected a comparison such as = or <=, 'is missing', 'in', found"),
        ("age is 3", "3", "expected 'missing' or 'not missing'"),
        ("age in 3", "3", r"expected '\('"),
        ("age in (days)", "days", "only numbers, texts and times"),
        ("abs(age) > 1", "abs", "no function 'abs'; there are days, hours"),
        ("and(age) > 1", "and", "expected a column"),
        ("start > '2020-02-30'", "'2020", "'2020-02-30' is not a time"),
        ("start > 'today'", "'today'", "'today' is not a time; write '2020-01-31'"),
        ("start > time(3)", "3", "expected a text"),
        ("unique(age, age)", "age)", "column 'age' occurs twice"),
        ("unique(age", "", r"expected '\)'"),
        ("city,", "", "expected a column"),
        ("city + 1, age", "+", "city is text"),
        ("age + 1, city", "age", "only columns can be combined"),
        ("1 < 2", "1", "the rule is about no column"),
        ("age > 1e999", "1e999", "too large"),
        ("age > " + "1" * 50, "1", "at most 40 digits"),
        ("(" * 40 + "age" + ")" * 40 + " > 1", "(" * 8 + "a", "nested deeper than 32"),
        ("not " * 40 + "age > 1", "not " * 8 + "a", "nested deeper than 32"),
    ],
)  # fmt: skip
def test_errors_point_at_the_place(text, at, message):
    with pytest.raises((ValueError, TypeError), match=message) as found:
        parse(text, COLUMNS)
    first, shown, caret = str(found.value).split("\n")
    assert first.startswith("constraints: ")
    assert shown[len(caret) - 1 :].startswith(at) and caret.strip() == "^"
    assert shown.strip() in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("city > 'Paris'", "no order"),
        ("age = 'x'", "without quotes"),
        ("city = 3", "in single quotes: '3'"),
        ("age = end - start", r"count it: days\(end - start\)"),
        ("end = start + age", r"a unit: days\(age\)"),
        ("age and age > 1", "age is a number, where a condition is needed"),
        ("not age", "where a condition"),
        ("-city = 1", "city is text"),
        ("days(start) = 1", "start is a time"),
        ("city in (1)", "cannot compare"),
        ("note, city", "column 'note' is of type string, which cannot be combined"),
        (None, "None is not text"),
    ],
)
def test_errors_of_type(text, message):
    with pytest.raises(TypeError, match=message):
        parse(text, COLUMNS)


def test_texts_too_long_or_empty_are_refused():
    for text, message in {
        "age > 1" + " " * 2**16: "at most 65,536",
        " ": "empty",
        ", ".join(f"c{i}" for i in range(100)): "at most 64 columns",
        " + ".join(["age"] * 5_000) + " > 1": "more than 4,096 parts",
    }.items():
        with pytest.raises(ValueError, match=message):
            parse(text, [*COLUMNS, *(Column(f"c{i}", "int") for i in range(100))])
    long = " + ".join(["age"] * 1_000) + " > prise"
    with pytest.raises(ValueError, match="did you mean price") as found:
        parse(long, COLUMNS)
    assert len(str(found.value)) < 300
    with pytest.raises(TypeError, match=r"age [+] age [+] .*\.\.\. is a number and") as found:
        parse(" + ".join(["age"] * 1_000) + " > 'x'", COLUMNS)
    assert len(str(found.value)) < 400
    assert len(condition(" + ".join(["(age)"] * 1_000) + " > 1").operands[0].operands) == 1_000


PIECES = """
    total price age start end city note ' " ` ( ) , + - * / = != < <= is not missing in and or é _
    'Rome' '2020-01-01' 1 .5 days( time( unique( \x00 ##
"""


@given(st.lists(st.sampled_from([*PIECES.split(), "\n"]), max_size=12).map(" ".join))
@settings(deadline=None, max_examples=200)
def test_any_text_is_a_rule_or_an_error_of_ours(text):
    message = "constraints: "
    try:
        assert set(parse(text, COLUMNS).columns) <= set(BY_NAME)
    except (ValueError, TypeError) as error:
        message = str(error)
    assert message.startswith("constraints: ")
