"""Conditions over the columns of a table: comparisons, lists of values, what is missing, logic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from h2o_gan.engine.data.relations.expressions import (
    Binding,
    Chain,
    Expression,
    Kinds,
    Literal,
    Number,
    Reference,
    Text,
    Unary,
    as_numbers,
    expect_type,
    shortened,
    unit_hint,
    wrong_pair,
)
from h2o_gan.engine.data.relations.values import (
    CONDITION,
    DIFFERENCE,
    NUMBER,
    TEXT,
    TIME,
    Numbers,
    TableValues,
    Texts,
    Truth,
    Values,
    equal,
    less,
    same_text,
)

__all__ = ["COMPARISONS", "Comparison", "Logic", "Membership", "Missing", "Not", "equation"]

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Comparison(Chain):
    """Comparisons, each part with the next: true where all are.

    Two numbers are equal if they are as soon as both are rounded to their decimals. A column also
    equals a calculated number that is rounded to it: ``share = part / whole``.
    """

    tag: ClassVar[str] = "compare"
    binding: ClassVar[int] = Binding.COMPARE
    operators_allowed: ClassVar[tuple[str, ...]] = COMPARISONS

    @override
    def type_in(self, kinds: Kinds) -> str:
        types = [expect_type(part, kinds, NUMBER, TIME, DIFFERENCE, TEXT) for part in self.operands]
        for index, operator in enumerate(self.operators):
            left, right = self.operands[index : index + 2]
            _check_comparable(left, types[index], right, types[index + 1])
            if types[index] == TEXT and operator not in ("=", "!="):
                raise TypeError(f"{shortened(left)} is text, which has no order: use =, != or in")
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        values = [operand.values(table) for operand in self.operands]
        truths = []
        for index, operator in enumerate(self.operators):
            parts, (one, other) = self.operands[index : index + 2], values[index : index + 2]
            rounded_to = _rounded_to(parts[0], parts[1], one, other)
            truths.append(_compared(operator, one, other, rounded_to))
        return all_of(truths)


def equation(name: str, expression: Expression) -> Comparison:
    """The condition that a column equals an expression."""
    return Comparison((Reference(name), expression), ("=",))


@dataclass(frozen=True)
class Missing(Unary):
    """Where values are missing: always true or false."""

    tag: ClassVar[str] = "missing"
    binding: ClassVar[int] = Binding.COMPARE

    @override
    def __str__(self) -> str:
        return f"{self.of.text_within(Binding.SUM)} is missing"

    @override
    def type_in(self, kinds: Kinds) -> str:
        expect_type(self.of, kinds, NUMBER, TIME, DIFFERENCE, TEXT)
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        values = self.of.values(table)
        if isinstance(values, Truth):
            raise TypeError(f"{shortened(self.of)} is {CONDITION}")
        return Truth(values.missing, ~values.missing)


@dataclass(frozen=True)
class Membership(Expression):
    """Where values are among those of a list.

    Raises:
        ValueError: the list is empty.
    """

    tag: ClassVar[str] = "in"
    binding: ClassVar[int] = Binding.COMPARE
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
        of = expect_type(self.of, kinds, NUMBER, TIME, DIFFERENCE, TEXT)
        for option in self.options:
            _check_comparable(self.of, of, option, option.type_in(kinds))
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        of = self.of.values(table)
        return any_of([_compared("=", of, option.values(table), None) for option in self.options])

    @override
    def to_json(self) -> list[Any]:
        return [self.tag, *(part.to_json() for part in self.parts)]

    def _with(self, word: str) -> str:
        return f"{self.of.text_within(Binding.SUM)} {word} ({', '.join(map(str, self.options))})"


@dataclass(frozen=True)
class Not(Unary):
    """Where a condition is false."""

    tag: ClassVar[str] = "not"

    @property
    def binding(self) -> int:  # type: ignore[override]
        """As tight as its text binds."""
        return Binding.COMPARE if isinstance(self.of, Missing | Membership) else Binding.NOT

    @override
    def __str__(self) -> str:
        if isinstance(self.of, Missing):
            return f"{self.of.of.text_within(Binding.SUM)} is not missing"
        if isinstance(self.of, Membership):
            return self.of._with("not in")
        return f"not {self.of.text_within(Binding.NOT)}"

    @override
    def type_in(self, kinds: Kinds) -> str:
        return expect_type(self.of, kinds, CONDITION)

    @override
    def values(self, table: TableValues) -> Truth:
        of = _truth(self.of, table)
        return Truth(of.false, of.true)


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
        return Binding.AND if self.word == "and" else Binding.OR

    @property
    @override
    def parts(self) -> tuple[Expression, ...]:
        return self.operands

    @override
    def __str__(self) -> str:
        return f" {self.word} ".join(part.text_within(self.binding + 1) for part in self.operands)

    @override
    def type_in(self, kinds: Kinds) -> str:
        for operand in self.operands:
            expect_type(operand, kinds, CONDITION)
        return CONDITION

    @override
    def values(self, table: TableValues) -> Truth:
        truths = [_truth(operand, table) for operand in self.operands]
        return all_of(truths) if self.word == "and" else any_of(truths)

    @override
    def to_json(self) -> list[Any]:
        return [self.word, *(part.to_json() for part in self.operands)]


def _check_comparable(left: Expression, one: str, right: Expression, other: str) -> None:
    if one == other:
        return
    operands = {one: left, other: right}
    hint = unit_hint(operands)
    if isinstance(operands.get(TEXT), Reference) and isinstance(operands.get(NUMBER), Number):
        hint = f"; write the level in single quotes: '{operands[NUMBER]}'"
    elif isinstance(operands.get(TEXT), Text) and isinstance(operands.get(TIME), Expression):
        hint = "; a time is written as '2020-01-31' or '2020-01-31 12:00:00'"
    elif isinstance(operands.get(TEXT), Text) and NUMBER in operands:
        hint = "; write numbers without quotes"
    raise wrong_pair(left, one, right, other, "compare", hint)


def _rounded_to(left: Expression, right: Expression, one: Values, other: Values) -> int | None:
    """The decimals of a column that is compared with a calculated number."""
    for part, opposite, values in ((left, right, one), (right, left, other)):
        if isinstance(part, Reference) and not isinstance(opposite, Reference | Literal):
            return values.decimals if isinstance(values, Numbers) else None
    return None


def _truth(part: Expression, table: TableValues) -> Truth:
    values = part.values(table)
    if not isinstance(values, Truth):
        raise TypeError(f"{shortened(part)} is not {CONDITION}")
    return values


def _compared(operator: str, left: Values, right: Values, rounded_to: int | None) -> Truth:
    if isinstance(left, Truth) or isinstance(right, Truth):
        raise TypeError("conditions cannot be compared")
    if isinstance(left, Texts) and isinstance(right, Texts):
        result = same_text(left, right)
    else:
        one, other = as_numbers(left), as_numbers(right)
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


def all_of(truths: Sequence[Truth]) -> Truth:
    """Where all of some conditions are true, and where one is false."""
    true, false = truths[0].true, truths[0].false
    for truth in truths[1:]:
        true, false = true & truth.true, false | truth.false
    return Truth(true, false)


def any_of(truths: Sequence[Truth]) -> Truth:
    """Where one of some conditions is true, and where all are false."""
    all_false = all_of([Truth(truth.false, truth.true) for truth in truths])
    return Truth(all_false.false, all_false.true)
