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

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.relations.values import (
    CONDITION,
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
    equal,
    less,
    multiplied,
    negated,
    same_text,
    subtracted,
)
from h2o_gan.engine.exceptions import Damaged

__all__ = [
    "COMPARISONS",
    "IDENTIFIER",
    "KEYWORDS",
    "MAX_DEPTH",
    "MAX_NODES",
    "UNITS",
    "Comparison",
    "Duration",
    "Expression",
    "Literal",
    "Logic",
    "Membership",
    "Missing",
    "Moment",
    "Negative",
    "Not",
    "Number",
    "Product",
    "Reference",
    "Sum",
    "Text",
    "check_size",
    "columns_of",
    "evaluate",
    "quoted_name",
    "quoted_text",
    "restore",
]

MAX_DEPTH = 32
"""Largest depth of a tree; sums, products and chains of ``and`` are one node each."""

MAX_NODES = 4_096
"""Largest number of nodes of a tree."""

UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1_000}
"""Milliseconds of each unit of time."""

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")

KEYWORDS = frozenset({"and", "in", "is", "missing", "not", "or"})
"""Words that are no names of columns, unless quoted."""

IDENTIFIER = re.compile(r"[^\W\d][\w.]*")
"""Names of columns that need no quotes."""

_MAX_WHOLE = 2**53  # integers up to here are exact in every program that reads JSON
_MAX_TEXT = 10_000
_MAX_SHOWN = 80
_MOMENTS = (-62_167_219_200_000, 253_402_300_799_999)  # years 0 to 9999
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _ATOM = range(8)  # how tightly each binds

Kinds = Mapping[str, str]


@dataclass(frozen=True)
class Expression(ABC):
    """A node of the tree: ``str()`` is text that the grammar parses to the same tree."""

    tag: ClassVar[str]
    binding: ClassVar[int] = _ATOM

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

    def _text(self, binding: int) -> str:
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
        if len(self.value) > _MAX_TEXT:
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
class Negative(Expression):
    """A number or time difference with the other sign."""

    tag: ClassVar[str] = "negative"
    binding: ClassVar[int] = _UNARY
    of: Expression

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of,)

    @override
    def __str__(self) -> str:
        # -3 is a number with a sign.
        bare = isinstance(self.of, Number) and self.of.value >= 0
        return f"-({self.of})" if bare else f"-{self.of._text(_UNARY)}"

    @override
    def type_in(self, kinds: Kinds) -> str:
        return _expect(self.of, kinds, NUMBER, DIFFERENCE)

    @override
    def values(self, table: TableValues) -> Numbers:
        return negated(_numbers(self.of, table))

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.of.to_json()]


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
        of = _expect(self.of, kinds, NUMBER, DIFFERENCE)
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
class _Chain(Expression):
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
        first, *others = (operand._text(self.binding + 1) for operand in self.operands)
        return " ".join([first, *(f"{o} {t}" for o, t in zip(self.operators, others, strict=True))])

    @override
    def to_json(self) -> list[Any]:
        data: list[Any] = [self.tag, self.operands[0].to_json()]
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            data += [operator, operand.to_json()]
        return data


@dataclass(frozen=True)
class Sum(_Chain):
    """Sums and differences, from left to right."""

    tag: ClassVar[str] = "sum"
    binding: ClassVar[int] = _SUM
    operators_allowed: ClassVar[tuple[str, ...]] = ("+", "-")

    @override
    def type_in(self, kinds: Kinds) -> str:
        types = [_expect(part, kinds, NUMBER, TIME, DIFFERENCE) for part in self.operands]
        total = types[0]
        for index, operator in enumerate(self.operators):
            other = types[index + 1]
            found = _SUM_TYPES.get((total, operator, other))
            if found is None:
                left, right = self.operands[index : index + 2]
                verb = "add" if operator == "+" else "subtract"
                hint = _unit_hint({total: left, other: right})
                raise _wrong_pair(left, total, right, other, verb, hint)
            total = found
        return total

    @override
    def values(self, table: TableValues) -> Numbers:
        total = _numbers(self.operands[0], table)
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            other = _numbers(operand, table)
            result = (added if operator == "+" else subtracted)(total, other)
            total = _typed(result, _SUM_TYPES.get((total.type, operator, other.type)))
        return total


@dataclass(frozen=True)
class Product(_Chain):
    """Products and quotients, from left to right; missing where a divisor is zero."""

    tag: ClassVar[str] = "product"
    binding: ClassVar[int] = _PRODUCT
    operators_allowed: ClassVar[tuple[str, ...]] = ("*", "/")

    @override
    def type_in(self, kinds: Kinds) -> str:
        types = [_expect(part, kinds, NUMBER, DIFFERENCE) for part in self.operands]
        total = types[0]
        for index, operator in enumerate(self.operators):
            other = types[index + 1]
            found = _PRODUCT_TYPES.get((total, operator, other))
            if found is None:
                left, right = self.operands[index : index + 2]
                verb = "multiply" if operator == "*" else "divide"
                raise _wrong_pair(left, total, right, other, verb)
            total = found
        return total

    @override
    def values(self, table: TableValues) -> Numbers:
        total = _numbers(self.operands[0], table)
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            other = _numbers(operand, table)
            result = (multiplied if operator == "*" else divided)(total, other)
            total = _typed(result, _PRODUCT_TYPES.get((total.type, operator, other.type)))
        return total


@dataclass(frozen=True)
class Comparison(_Chain):
    """Comparisons, each part with the next: true where all are.

    Two numbers are equal if they are as soon as both are rounded to their decimals. A column also
    equals a calculated number that is rounded to it: ``share = part / whole``.
    """

    tag: ClassVar[str] = "compare"
    binding: ClassVar[int] = _COMPARE
    operators_allowed: ClassVar[tuple[str, ...]] = COMPARISONS

    @override
    def type_in(self, kinds: Kinds) -> str:
        types = [_expect(part, kinds, NUMBER, TIME, DIFFERENCE, TEXT) for part in self.operands]
        for index, operator in enumerate(self.operators):
            left, right = self.operands[index : index + 2]
            _check_comparable(left, types[index], right, types[index + 1])
            if types[index] == TEXT and operator not in ("=", "!="):
                raise TypeError(f"{_shown(left)} is text, which has no order: use =, != or in")
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        values = [operand.values(table) for operand in self.operands]
        truths = []
        for index, operator in enumerate(self.operators):
            parts, (one, other) = self.operands[index : index + 2], values[index : index + 2]
            rounded_to = _rounded_to(parts[0], parts[1], one, other)
            truths.append(_compared(operator, one, other, rounded_to))
        return _all(truths)


@dataclass(frozen=True)
class Missing(Expression):
    """Where values are missing: always true or false."""

    tag: ClassVar[str] = "missing"
    binding: ClassVar[int] = _COMPARE
    of: Expression

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of,)

    @override
    def __str__(self) -> str:
        return f"{self.of._text(_SUM)} is missing"

    @override
    def type_in(self, kinds: Kinds) -> str:
        _expect(self.of, kinds, NUMBER, TIME, DIFFERENCE, TEXT)
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        values = self.of.values(table)
        if isinstance(values, Truth):
            raise TypeError(f"{_shown(self.of)} is {CONDITION}")
        return Truth(values.missing, ~values.missing)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.of.to_json()]


@dataclass(frozen=True)
class Membership(Expression):
    """Where values are among those of a list.

    Raises:
        ValueError: the list is empty.
    """

    tag: ClassVar[str] = "in"
    binding: ClassVar[int] = _COMPARE
    of: Expression
    options: tuple[Literal, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError("the list of values is empty")

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of, *self.options)

    @override
    def __str__(self) -> str:
        return self._with("in")

    @override
    def type_in(self, kinds: Kinds) -> str:
        of = _expect(self.of, kinds, NUMBER, TIME, DIFFERENCE, TEXT)
        for option in self.options:
            _check_comparable(self.of, of, option, option.type_in(kinds))
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        of = self.of.values(table)
        return _any([_compared("=", of, option.values(table), None) for option in self.options])

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, *(part.to_json() for part in self.parts)]

    def _with(self, word: str) -> str:
        return f"{self.of._text(_SUM)} {word} ({', '.join(map(str, self.options))})"


@dataclass(frozen=True)
class Not(Expression):
    """Where a condition is false."""

    tag: ClassVar[str] = "not"
    of: Expression

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return (self.of,)

    @property
    def binding(self) -> int:  # type: ignore[override]
        """As tight as its text binds."""
        return _COMPARE if isinstance(self.of, Missing | Membership) else _NOT

    @override
    def __str__(self) -> str:
        if isinstance(self.of, Missing):
            return f"{self.of.of._text(_SUM)} is not missing"
        if isinstance(self.of, Membership):
            return self.of._with("not in")
        return f"not {self.of._text(_NOT)}"

    @override
    def type_in(self, kinds: Kinds) -> str:
        return _expect(self.of, kinds, CONDITION)

    @override
    def values(self, table: TableValues) -> Truth:
        of = _truth(self.of, table)
        return Truth(of.false, of.true)

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, self.of.to_json()]


@dataclass(frozen=True)
class Logic(Expression):
    """Where all (``and``) or some (``or``) of two or more conditions are true.

    Raises:
        ValueError: there are fewer than two, or another word.
    """

    word: str
    operands: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if self.word not in ("and", "or") or len(self.operands) < 2:
            raise ValueError(f"{len(self.operands)} conditions do not go with {self.word!r:.30}")

    @property
    def binding(self) -> int:  # type: ignore[override]
        """As tight as its word binds."""
        return _AND if self.word == "and" else _OR

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return self.operands

    @override
    def __str__(self) -> str:
        return f" {self.word} ".join(part._text(self.binding + 1) for part in self.operands)

    @override
    def type_in(self, kinds: Kinds) -> str:
        for operand in self.operands:
            _expect(operand, kinds, CONDITION)
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        truths = [_truth(operand, table) for operand in self.operands]
        return _all(truths) if self.word == "and" else _any(truths)

    @override
    def to_json(self) -> list[Any]:
        return [self.word, *(part.to_json() for part in self.operands)]


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
        dict.fromkeys(node.name for node in _nodes(expression) if isinstance(node, Reference))
    )


def check_size(expression: Expression) -> None:
    """Check that a tree is within the bounds that :func:`restore` sets.

    Raises:
        ValueError: it has too many nodes, or is too deep.
    """
    if expression.depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if sum(1 for _ in _nodes(expression)) > MAX_NODES:
        raise ValueError(f"it has more than {MAX_NODES:,} parts")


def restore(data: Any, kinds: Kinds) -> Expression:
    """Rebuild an expression from JSON that may be hostile.

    Args:
        data: what ``to_json`` returned.
        kinds: kind of each column, by its name.

    Raises:
        Damaged: it is not the JSON of an expression over these columns.
    """
    try:
        expression = _restored(data, _Budget(), 1)
        expression.type_in(kinds)
    except (TypeError, ValueError) as error:
        raise Damaged(f"an expression is invalid: {error}") from error
    except KeyError as error:
        raise Damaged(f"an expression refers to the column {error!s:.50}") from error
    return expression


def quoted_name(name: str) -> str:
    """The name of a column as the grammar reads it: in double quotes where it needs them."""
    if IDENTIFIER.fullmatch(name) and name not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text value as the grammar reads it: in single quotes."""
    return "'" + value.replace("'", "''") + "'"


class _Budget:
    """Counts nodes while a tree is restored."""

    def __init__(self) -> None:
        self.nodes = 0

    def spend(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise ValueError("it is too large")


def _restored(data: Any, budget: _Budget, depth: int) -> Expression:
    budget.spend(depth)
    if not isinstance(data, list) or len(data) < 2 or not isinstance(data[0], str):
        raise ValueError(f"{data!r:.50}")
    tag, *items = data

    def child(item: Any) -> Expression:
        return _restored(item, budget, depth + 1)

    if tag in ("and", "or"):
        return Logic(tag, tuple(map(child, items)))
    if tag in _CHAINS:
        if not all(isinstance(item, str) for item in items[1::2]):
            raise ValueError(f"{data!r:.50}")
        return _CHAINS[tag](tuple(map(child, items[::2])), tuple(items[1::2]))
    if tag == Membership.tag:
        options = [child(item) for item in items[1:]]
        literals = tuple(option for option in options if isinstance(option, Literal))
        if len(literals) < len(options):
            raise ValueError(f"{data!r:.50}")
        return Membership(child(items[0]), literals)
    if len(items) != 1:
        raise ValueError(f"{data!r:.50}")
    if tag in UNITS:
        return Duration(tag, child(items[0]))
    if tag in _UNARIES:
        return _UNARIES[tag](child(items[0]))
    if tag in _LEAVES:
        make, types = _LEAVES[tag]
        value = items[0]
        if type(value) not in types:
            raise ValueError(f"{data!r:.50}")
        return make(value)
    raise ValueError(f"{data!r:.50}")


_CHAINS: dict[str, type[_Chain]] = {made.tag: made for made in (Sum, Product, Comparison)}
_UNARIES: dict[str, Callable[[Expression], Expression]] = {
    Negative.tag: Negative,
    Missing.tag: Missing,
    Not.tag: Not,
}
_LEAVES: dict[str, tuple[Callable[[Any], Expression], tuple[type, ...]]] = {
    Number.tag: (Number, (int, float)),
    Text.tag: (Text, (str,)),
    Moment.tag: (Moment, (int,)),
    Reference.tag: (Reference, (str,)),
}

_SUM_TYPES: dict[tuple[str, str, str], str] = {
    (NUMBER, "+", NUMBER): NUMBER,
    (NUMBER, "-", NUMBER): NUMBER,
    (DIFFERENCE, "+", DIFFERENCE): DIFFERENCE,
    (DIFFERENCE, "-", DIFFERENCE): DIFFERENCE,
    (TIME, "-", TIME): DIFFERENCE,
    (TIME, "+", DIFFERENCE): TIME,
    (TIME, "-", DIFFERENCE): TIME,
    (DIFFERENCE, "+", TIME): TIME,
}
_PRODUCT_TYPES: dict[tuple[str, str, str], str] = {
    (NUMBER, "*", NUMBER): NUMBER,
    (NUMBER, "/", NUMBER): NUMBER,
    (NUMBER, "*", DIFFERENCE): DIFFERENCE,
    (DIFFERENCE, "*", NUMBER): DIFFERENCE,
    (DIFFERENCE, "/", NUMBER): DIFFERENCE,
    (DIFFERENCE, "/", DIFFERENCE): NUMBER,
}


def _nodes(expression: Expression) -> Iterator[Expression]:
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.parts)


def _decimals(value: float) -> int:
    """The decimals of the shortest text of a number."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _shown(part: Expression) -> str:
    """The text of an expression in a message, which may be too long."""
    text = str(part)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _wrong_pair(
    left: Expression, one: str, right: Expression, other: str, verb: str, hint: str = ""
) -> TypeError:
    """The error of two parts whose types do not go together."""
    return TypeError(
        f"{_shown(left)} is {one} and {_shown(right)} is {other}: cannot {verb} them{hint}"
    )


def _expect(part: Expression, kinds: Kinds, *types: str) -> str:
    """The type of a part, which must be one of some."""
    found = part.type_in(kinds)
    if found not in types:
        needed = " or ".join(types)
        raise TypeError(f"{_shown(part)} is {found}, where {needed} is needed")
    return found


def _check_comparable(left: Expression, one: str, right: Expression, other: str) -> None:
    if one == other:
        return
    operands = {one: left, other: right}
    hint = _unit_hint(operands)
    if isinstance(operands.get(TEXT), Reference) and isinstance(operands.get(NUMBER), Number):
        hint = f"; write the level in single quotes: '{operands[NUMBER]}'"
    elif isinstance(operands.get(TEXT), Text) and isinstance(operands.get(TIME), Expression):
        hint = "; a time is written as '2020-01-31' or '2020-01-31 12:00:00'"
    elif isinstance(operands.get(TEXT), Text) and NUMBER in operands:
        hint = "; write numbers without quotes"
    raise _wrong_pair(left, one, right, other, "compare", hint)


def _unit_hint(operands: Mapping[str, Expression]) -> str:
    """How to make a number of a time difference, or the other way round."""
    if set(operands) == {NUMBER, DIFFERENCE}:
        return f"; count it: days({_shown(operands[DIFFERENCE])}), or hours, minutes, seconds"
    if set(operands) == {NUMBER, TIME}:
        number = _shown(operands[NUMBER])
        return f"; give the number a unit: days({number}), or hours, minutes, seconds"
    return ""


def _rounded_to(left: Expression, right: Expression, one: Values, other: Values) -> int | None:
    """The decimals of a column that is compared with a calculated number."""
    for part, opposite, values in ((left, right, one), (right, left, other)):
        if isinstance(part, Reference) and not isinstance(opposite, Reference | Literal):
            return values.decimals if isinstance(values, Numbers) else None
    return None


def _as_numbers(values: Values) -> Numbers:
    if not isinstance(values, Numbers):
        raise TypeError("numbers are needed")
    return values


def _numbers(part: Expression, table: TableValues) -> Numbers:
    return _as_numbers(part.values(table))


def _truth(part: Expression, table: TableValues) -> Truth:
    values = part.values(table)
    if not isinstance(values, Truth):
        raise TypeError(f"{_shown(part)} is not {CONDITION}")
    return values


def _typed(values: Numbers, type_: str | None) -> Numbers:
    if type_ is None:
        raise TypeError("times and numbers do not go together")
    return replace(values, type=type_)


def _compared(operator: str, left: Values, right: Values, rounded_to: int | None) -> Truth:
    if isinstance(left, Truth) or isinstance(right, Truth):
        raise TypeError("conditions cannot be compared")
    if isinstance(left, Texts) and isinstance(right, Texts):
        result = same_text(left, right)
    else:
        one, other = _as_numbers(left), _as_numbers(right)
        if operator in (">", ">="):
            one, other = other, one
        if operator in ("=", "!="):
            result = equal(one, other, rounded_to)
        else:
            result = less(one, other)
            if operator in ("<=", ">="):
                result = result | equal(one, other)
    if operator == "!=":
        result = ~result
    known = ~(left.missing | right.missing)
    return Truth(known & result, known & ~result)


def _all(truths: Sequence[Truth]) -> Truth:
    true, false = truths[0].true, truths[0].false
    for truth in truths[1:]:
        true, false = true & truth.true, false | truth.false
    return Truth(true, false)


def _any(truths: Sequence[Truth]) -> Truth:
    all_false = _all([Truth(truth.false, truth.true) for truth in truths])
    return Truth(all_false.false, all_false.true)
