"""Expressions over the columns of a table: an immutable syntax tree, its types and its values.

A condition is true, false, or neither: a comparison with a missing value is neither (Kleene's
three-valued logic, as in SQL). A rule is broken only where its condition is false: ``a = b`` holds
where one of them is missing, and where both are.

Trees survive as JSON: a tree is a list of a tag and what belongs to it, so that programs in other
languages evaluate it with one function and no parser::

    ["number", 1.5]                     finite; if whole, up to 2**53
    ["text", "a"]
    ["time", 1577836800000]             milliseconds since 1970, UTC
    ["column", "price"]
    ["negative", x]
    ["sum", x, "+", y, "-", z]          from left to right
    ["product", x, "*", y, "/", z]
    ["days", x]                         also hours, minutes, seconds
    ["compare", x, "<=", y, "<", z]     each with its neighbour: =, !=, <, <=, >, >=
    ["missing", x]
    ["in", x, literal, literal]
    ["not", x]  ["and", x, y, z]  ["or", x, y, z]
"""

from __future__ import annotations

import enum
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.relations.values import (
    DIFFERENCE,
    NUMBER,
    PRESENT,
    TEXT,
    TIME,
    TYPE_OF_KIND,
    Numbers,
    Table,
    TableValues,
    Texts,
    Truth,
    Values,
    added,
    divided,
    multiplied,
    negated,
    subtracted,
)

__all__ = [
    "IDENTIFIER",
    "KEYWORDS",
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_TEXT",
    "UNITS",
    "Binding",
    "Chain",
    "Duration",
    "Expression",
    "Kinds",
    "Literal",
    "Moment",
    "Negative",
    "Number",
    "Product",
    "Reference",
    "Sum",
    "Text",
    "Unary",
    "as_numbers",
    "check_size",
    "columns_of",
    "evaluate",
    "expect_type",
    "quoted_name",
    "quoted_text",
    "shortened",
    "unit_hint",
    "wrong_pair",
]

MAX_DEPTH = 32
"""Largest depth of a tree; sums, products and chains of ``and`` are one node each."""

MAX_NODES = 4_096
"""Largest number of nodes of a tree."""

UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1_000}
"""Milliseconds of each unit of time."""

KEYWORDS = frozenset({"and", "in", "is", "missing", "not", "or"})
"""Words that are no names of columns, unless quoted."""

IDENTIFIER = re.compile(r"[^\W\d][\w.]*")
"""Names of columns that need no quotes."""

_MAX_WHOLE = 2**53  # integers up to here are exact in every program that reads JSON

MAX_TEXT = 10_000
"""Largest number of characters of a text or a name."""

_MAX_SHOWN = 80

_MOMENTS = (-62_167_219_200_000, 253_402_300_799_999)  # years 0 to 9999

Kinds = Mapping[str, str]
_Calculation = Callable[[Numbers, Numbers], Numbers]


class Binding(enum.IntEnum):
    """How tightly the text of each kind of node binds."""

    OR = 0
    AND = 1
    NOT = 2
    COMPARE = 3
    SUM = 4
    PRODUCT = 5
    UNARY = 6
    ATOM = 7


@dataclass(frozen=True)
class Expression(ABC):
    """A node of the tree: ``str()`` is text that the grammar parses to the same tree."""

    tag: ClassVar[str]
    binding: ClassVar[int] = Binding.ATOM

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The nodes right below."""
        return ()

    @property
    def depth(self) -> int:
        """Number of nodes on the longest way down."""
        return 1 + max((part.depth for part in self.parts), default=0)

    @abstractmethod
    def type_in(self, kinds: Kinds) -> str:
        """The type of the values.

        Args:
            kinds: kind of each column, by its name.

        Raises:
            TypeError: parts have types that do not go together.
            KeyError: there is no such column.
        """

    @abstractmethod
    def values(self, table: TableValues) -> Values:
        """The values, of shape () where no column is referred to.

        Raises:
            OverflowError: a whole number does not fit into 64 bits.
        """

    @abstractmethod
    def to_json(self) -> list[Any]:
        """The tree as JSON; :func:`restore` is the inverse."""

    def text_within(self, binding: int) -> str:
        """The text, in parentheses if something around it would bind tighter."""
        return f"({self})" if self.binding < binding else str(self)


class Literal(Expression):
    """A value that is written out."""


@dataclass(frozen=True)
class Number(Literal):
    """A number; whole ones are int, whatever they are written as.

    Raises:
        ValueError: it is not finite, or whole and above 2**53.
    """

    tag: ClassVar[str] = "number"
    value: int | float

    def __post_init__(self) -> None:
        if isinstance(self.value, int):
            valid = abs(self.value) <= _MAX_WHOLE
        else:
            valid = math.isfinite(self.value)
        if not valid:
            raise ValueError(f"the number {self.value!r:.30} is too large to be exact")
        if float(self.value).is_integer() and abs(self.value) <= _MAX_WHOLE:
            object.__setattr__(self, "value", int(self.value))

    @override
    def __str__(self) -> str:
        return str(self.value)

    @override
    def type_in(self, kinds: Kinds) -> str:
        return NUMBER

    @override
    def values(self, table: TableValues) -> Numbers:
        if isinstance(self.value, int):
            return Numbers(np.asarray(self.value, np.int64), PRESENT)
        return Numbers(np.asarray(self.value), PRESENT, _decimals(self.value))

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.value]


@dataclass(frozen=True)
class Text(Literal):
    """A text value.

    Raises:
        ValueError: it is very long, or not Unicode.
    """

    tag: ClassVar[str] = "text"
    value: str

    def __post_init__(self) -> None:
        if len(self.value) > MAX_TEXT:
            raise ValueError(f"a text has {len(self.value):,} characters")
        self.value.encode()  # raises for half of a surrogate pair

    @override
    def __str__(self) -> str:
        return quoted_text(self.value)

    @override
    def type_in(self, kinds: Kinds) -> str:
        return TEXT

    @override
    def values(self, table: TableValues) -> Texts:
        levels = pa.array([self.value], pa.string())
        return Texts(np.asarray(0, np.int64), PRESENT, levels)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.value]


@dataclass(frozen=True)
class Moment(Literal):
    """A time, in milliseconds since 1970, UTC.

    Raises:
        ValueError: it is outside the years 0 to 9999.
    """

    tag: ClassVar[str] = "time"
    value: int

    def __post_init__(self) -> None:
        if not _MOMENTS[0] <= self.value <= _MOMENTS[1]:
            raise ValueError(f"the time {self.value!r:.30} is outside the years 0 to 9999")

    @override
    def __str__(self) -> str:
        day, clock = str(np.datetime64(self.value, "ms")).split("T")
        clock = clock.removesuffix(".000").removesuffix(":00").removesuffix("00:00")
        return f"time('{day} {clock}".rstrip() + "')"

    @override
    def type_in(self, kinds: Kinds) -> str:
        return TIME

    @override
    def values(self, table: TableValues) -> Numbers:
        return Numbers(np.asarray(self.value, np.int64), PRESENT, 0, TIME)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.value]


@dataclass(frozen=True)
class Reference(Expression):
    """The values of a column."""

    tag: ClassVar[str] = "column"
    name: str

    @override
    def __str__(self) -> str:
        return quoted_name(self.name)

    @override
    def type_in(self, kinds: Kinds) -> str:
        return TYPE_OF_KIND[kinds[self.name]]

    @override
    def values(self, table: TableValues) -> Values:
        return table.column(self.name)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.name]


@dataclass(frozen=True)
class Unary(Expression):
    """A node with one node below."""

    of: Expression

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of,)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.of.to_json()]


@dataclass(frozen=True)
class Negative(Unary):
    """A number or time difference with the other sign."""

    tag: ClassVar[str] = "negative"
    binding: ClassVar[int] = Binding.UNARY

    @override
    def __str__(self) -> str:
        # -3 is a number with a sign.
        bare = isinstance(self.of, Number) and self.of.value >= 0
        return f"-({self.of})" if bare else f"-{self.of.text_within(Binding.UNARY)}"

    @override
    def type_in(self, kinds: Kinds) -> str:
        return expect_type(self.of, kinds, NUMBER, DIFFERENCE)

    @override
    def values(self, table: TableValues) -> Numbers:
        return negated(_numbers(self.of, table))


@dataclass(frozen=True)
class Duration(Expression):
    """``days(x)`` and the like: the length of a time difference, or a difference of that length.

    Raises:
        ValueError: there is no such unit.
    """

    tag: ClassVar[str] = "duration"
    unit: str
    of: Expression

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"there is no unit {self.unit!r:.30}")

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of,)

    @override
    def __str__(self) -> str:
        return f"{self.unit}({self.of})"

    @override
    def type_in(self, kinds: Kinds) -> str:
        of = expect_type(self.of, kinds, NUMBER, DIFFERENCE)
        return NUMBER if of == DIFFERENCE else DIFFERENCE

    @override
    def values(self, table: TableValues) -> Numbers:
        of = _numbers(self.of, table)
        unit = Numbers(np.asarray(UNITS[self.unit], np.int64), PRESENT)
        if of.type == DIFFERENCE:
            return divided(of, unit)
        return _typed(multiplied(of, unit), DIFFERENCE)

    @override
    def to_json(self) -> list[Any]:
        return [self.unit, self.of.to_json()]


@dataclass(frozen=True)
class Chain(Expression):
    """Parts with operators between them.

    Raises:
        ValueError: there are too few parts, or operators that do not belong there.
    """

    operators_allowed: ClassVar[tuple[str, ...]]
    operands: tuple[Expression, ...]
    operators: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = set(self.operators) - set(self.operators_allowed)
        if wrong or not self.operators or len(self.operands) != len(self.operators) + 1:
            raise ValueError(f"{len(self.operands)} parts do not go with {self.operators!r:.50}")

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return self.operands

    @override
    def __str__(self) -> str:
        first, *others = (operand.text_within(self.binding + 1) for operand in self.operands)
        return " ".join([first, *(f"{o} {t}" for o, t in zip(self.operators, others, strict=True))])

    @override
    def to_json(self) -> list[Any]:
        data: list[Any] = [self.tag, self.operands[0].to_json()]
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            data += [operator, operand.to_json()]
        return data


@dataclass(frozen=True)
class Arithmetic(Chain):
    """Calculations with two operators of the same precedence, from left to right.

    Attributes:
        verbs: by operator, what it does, for messages.
        results: by the types of both sides and the operator between them, the type of the result.
            Each type that a part may have is the first of some.
        functions: by operator, the calculation.
    """

    verbs: ClassVar[Mapping[str, str]]
    results: ClassVar[Mapping[tuple[str, str, str], str]]
    functions: ClassVar[Mapping[str, _Calculation]]

    @override
    def type_in(self, kinds: Kinds) -> str:
        allowed = dict.fromkeys(one for one, _, _ in self.results)
        types = [expect_type(part, kinds, *allowed) for part in self.operands]
        total = types[0]
        for index, operator in enumerate(self.operators):
            other = types[index + 1]
            found = self.results.get((total, operator, other))
            if found is None:
                left, right = self.operands[index : index + 2]
                hint = unit_hint({total: left, other: right})
                raise wrong_pair(left, total, right, other, self.verbs[operator], hint)
            total = found
        return total

    @override
    def values(self, table: TableValues) -> Numbers:
        total = _numbers(self.operands[0], table)
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            other = _numbers(operand, table)
            result = self.functions[operator](total, other)
            total = _typed(result, self.results.get((total.type, operator, other.type)))
        return total


@dataclass(frozen=True)
class Sum(Arithmetic):
    """Sums and differences."""

    tag: ClassVar[str] = "sum"
    binding: ClassVar[int] = Binding.SUM
    operators_allowed: ClassVar[tuple[str, ...]] = ("+", "-")
    verbs: ClassVar[Mapping[str, str]] = {"+": "add", "-": "subtract"}
    functions: ClassVar[Mapping[str, _Calculation]] = {"+": added, "-": subtracted}
    results: ClassVar[Mapping[tuple[str, str, str], str]] = {
        (NUMBER, "+", NUMBER): NUMBER,
        (NUMBER, "-", NUMBER): NUMBER,
        (TIME, "-", TIME): DIFFERENCE,
        (TIME, "+", DIFFERENCE): TIME,
        (TIME, "-", DIFFERENCE): TIME,
        (DIFFERENCE, "+", TIME): TIME,
        (DIFFERENCE, "+", DIFFERENCE): DIFFERENCE,
        (DIFFERENCE, "-", DIFFERENCE): DIFFERENCE,
    }


@dataclass(frozen=True)
class Product(Arithmetic):
    """Products and quotients; missing where a divisor is zero."""

    tag: ClassVar[str] = "product"
    binding: ClassVar[int] = Binding.PRODUCT
    operators_allowed: ClassVar[tuple[str, ...]] = ("*", "/")
    verbs: ClassVar[Mapping[str, str]] = {"*": "multiply", "/": "divide"}
    functions: ClassVar[Mapping[str, _Calculation]] = {"*": multiplied, "/": divided}
    results: ClassVar[Mapping[tuple[str, str, str], str]] = {
        (NUMBER, "*", NUMBER): NUMBER,
        (NUMBER, "/", NUMBER): NUMBER,
        (NUMBER, "*", DIFFERENCE): DIFFERENCE,
        (DIFFERENCE, "*", NUMBER): DIFFERENCE,
        (DIFFERENCE, "/", NUMBER): DIFFERENCE,
        (DIFFERENCE, "/", DIFFERENCE): NUMBER,
    }


def evaluate(
    expression: Expression, table: Table, decimals: Mapping[str, int | None]
) -> Numbers | Texts | Truth:
    """The values of an expression, with one for every row.

    Args:
        expression: whose types go together.
        table: with the columns that it refers to.
        decimals: of real columns; None or absent for one whose values are not rounded.

    Returns:
        Arrays of shape (rows,).

    Raises:
        OverflowError: a whole number does not fit into 64 bits.
        KeyError: the table has no such column.
    """
    values = expression.values(TableValues(table, decimals))
    rows = (table.num_rows,)
    if isinstance(values, Truth):
        return Truth(np.broadcast_to(values.true, rows), np.broadcast_to(values.false, rows))
    missing = np.broadcast_to(values.missing, rows)
    if isinstance(values, Texts):
        return replace(values, codes=np.broadcast_to(values.codes, rows), missing=missing)
    return replace(values, numbers=np.broadcast_to(values.numbers, rows), missing=missing)


def columns_of(expression: Expression) -> tuple[str, ...]:
    """Names of the columns that an expression refers to, each once, in the order of the text."""
    return tuple(
        dict.fromkeys(node.name for node in nodes_of(expression) if isinstance(node, Reference))
    )


def check_size(expression: Expression) -> None:
    """Check that a tree is within the bounds of stored trees.

    Raises:
        ValueError: it has too many nodes, or is too deep.
    """
    if expression.depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if sum(1 for _ in nodes_of(expression)) > MAX_NODES:
        raise ValueError(f"it has more than {MAX_NODES:,} parts")


def quoted_name(name: str) -> str:
    """The name of a column as the grammar reads it: in double quotes where it needs them."""
    if IDENTIFIER.fullmatch(name) and name not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text value as the grammar reads it: in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def nodes_of(expression: Expression) -> Iterator[Expression]:
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.parts)


def expect_type(part: Expression, kinds: Kinds, *types: str) -> str:
    """The type of a part, which must be one of some."""
    found = part.type_in(kinds)
    if found not in types:
        needed = " or ".join(types)
        raise TypeError(f"{shortened(part)} is {found}, where {needed} is needed")
    return found


def wrong_pair(
    left: Expression, one: str, right: Expression, other: str, verb: str, hint: str = ""
) -> TypeError:
    """The error of two parts whose types do not go together."""
    return TypeError(
        f"{shortened(left)} is {one} and {shortened(right)} is {other}: cannot {verb} them{hint}"
    )


def unit_hint(operands: Mapping[str, Expression]) -> str:
    """How to make a number of a time difference, or the other way round."""
    if set(operands) == {NUMBER, DIFFERENCE}:
        return f"; count it: days({shortened(operands[DIFFERENCE])}), or hours, minutes, seconds"
    if set(operands) == {NUMBER, TIME}:
        number = shortened(operands[NUMBER])
        return f"; give the number a unit: days({number}), or hours, minutes, seconds"
    return ""


def shortened(part: Expression) -> str:
    """The text of an expression in a message, which may be too long."""
    text = str(part)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def as_numbers(values: Values) -> Numbers:
    """The same values.

    Raises:
        TypeError: they are not numbers.
    """
    if not isinstance(values, Numbers):
        raise TypeError("numbers are needed")
    return values


def _decimals(value: float) -> int:
    """The decimals of the shortest text of a number."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _numbers(part: Expression, table: TableValues) -> Numbers:
    return as_numbers(part.values(table))


def _typed(values: Numbers, type_: str | None) -> Numbers:
    if type_ is None:
        raise TypeError("times and numbers do not go together")
    return replace(values, type=type_)
