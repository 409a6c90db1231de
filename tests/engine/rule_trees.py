"""Random expressions over a small table, and their values row by row, without NumPy."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from h2o_gan.engine.data.relations.conditions import (
    COMPARISONS,
    Comparison,
    Logic,
    Membership,
    Missing,
    Not,
)
from h2o_gan.engine.data.relations.expressions import (
    UNITS,
    Duration,
    Moment,
    Negative,
    Number,
    Product,
    Reference,
    Sum,
    Text,
)
from h2o_gan.engine.data.schema import Column

COLUMNS = [
    Column("a", "int"),
    Column('odd "name"', "int"),
    Column("or", "real"),
    Column("start", "time"),
    Column("time", "time"),
    Column("city", "enum", ("x", "y", "it's")),
    Column("note", "string"),
]
KINDS = {column.name: column.kind for column in COLUMNS}
_NUMBERS, _TIMES = ("a", 'odd "name"', "or"), ("start", "time")


def _references(names):
    return st.sampled_from(names).map(Reference)


def _chain(made, operand, operators, most=3):
    def build(drawn):
        first, *others = drawn
        operands = (first[1], *(other[1] for other in others))
        return made(operands, tuple(other[0] for other in others))

    pair = st.tuples(st.sampled_from(operators), operand)
    return st.lists(pair, min_size=2, max_size=most).map(build)


def _grown(base, more):
    return st.recursive(base, more, max_leaves=4)


def numbers(values, division=True):
    """Expressions that are numbers, with literals of `values`."""
    leaves = st.one_of(values.map(Number), _references(_NUMBERS))
    factors = ("*", "/") if division else ("*",)
    return _grown(
        leaves,
        lambda part: st.one_of(
            _chain(Sum, part, ("+", "-")), _chain(Product, part, factors), part.map(Negative)
        ),
    )


def conditions(values, division=True):
    """Conditions over `COLUMNS`, with literals of `values`."""
    number = numbers(values, division)
    time = st.one_of(st.integers(-(10**13), 10**13).map(Moment), _references(_TIMES))
    difference = st.one_of(
        st.tuples(time, time).map(lambda pair: Sum(pair, ("-",))),
        st.tuples(st.sampled_from([*UNITS]), number).map(lambda pair: Duration(*pair)),
    )
    later = st.tuples(time, difference).map(lambda pair: Sum(pair, ("+",)))
    city, note = Reference("city"), Reference("note")
    level = st.sampled_from(COLUMNS[5].levels).map(Text)
    equal = st.sampled_from(("=", "!="))
    leaves = st.one_of(
        _chain(Comparison, number, COMPARISONS),
        _chain(Comparison, st.one_of(time, later), COMPARISONS),
        _chain(Comparison, difference, COMPARISONS, 2),
        st.tuples(level, equal).map(lambda pair: Comparison((city, pair[0]), (pair[1],))),
        st.tuples(st.text(max_size=3).map(Text), equal).map(
            lambda pair: Comparison((note, pair[0]), (pair[1],))
        ),
        st.lists(level, min_size=1, max_size=3).map(lambda found: Membership(city, tuple(found))),
        st.tuples(number, st.lists(values.map(Number), min_size=1, max_size=3)).map(
            lambda pair: Membership(pair[0], tuple(pair[1]))
        ),
        st.one_of(number, time, st.sampled_from([city, note])).map(Missing),
    )
    return _grown(
        leaves,
        lambda part: st.one_of(
            part.map(Not),
            st.tuples(st.sampled_from(["and", "or"]), st.lists(part, min_size=2, max_size=3)).map(
                lambda pair: Logic(pair[0], tuple(pair[1]))
            ),
        ),
    )


def value_in_row(node, row):
    """A value: a Fraction, (milliseconds, is a difference), text or bool; None if missing."""
    parts = [value_in_row(part, row) for part in node.parts]
    match node:
        case Number(value):
            return Fraction(value), None
        case Moment(value):
            return Fraction(value), "time"
        case Text(value):
            return value
        case Reference(name):
            value, kind = row[name], KINDS[name]
            if value is None or kind in ("enum", "string"):
                return value
            return Fraction(value), "time" if kind == "time" else None
        case Missing():
            return parts[0] is None
        case Not():
            return None if parts[0] is None else not parts[0]
        case Logic("and"):
            return False if False in parts else None if None in parts else True
        case Logic("or"):
            return True if True in parts else None if None in parts else False
        case Membership():
            return None if parts[0] is None else parts[0] in parts[1:]
        case Comparison(_, operators):
            truths = [
                None if None in pair else _holds(operator, *pair)
                for operator, pair in zip(operators, pairwise(parts), strict=True)
            ]
            return False if False in truths else None if None in truths else True
    if None in parts:
        return None
    return _number_in_row(node, parts)


def _holds(operator, left, right):
    return {
        "=": left == right, "!=": left != right, "<": left < right, "<=": left <= right,
        ">": left > right, ">=": left >= right,
    }[operator]  # fmt: skip


def _number_in_row(node, parts):
    match node:
        case Negative():
            return -parts[0][0], parts[0][1]
        case Duration(unit):
            value, type_ = parts[0]
            return (value / UNITS[unit], None) if type_ else (value * UNITS[unit], "difference")
    total, type_ = parts[0]
    for operator, (value, other) in zip(node.operators, parts[1:], strict=True):
        if operator == "/" and value == 0:
            return None
        if operator in "+-":
            total = total + value if operator == "+" else total - value
            difference = type_ == other == "time"
            type_ = "difference" if difference else "time" if "time" in (type_, other) else type_
        else:
            total = total * value if operator == "*" else total / value
            type_ = None if type_ == other else type_ or other
    return total, type_
