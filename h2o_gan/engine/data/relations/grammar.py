"""The grammar of rules: text to a rule, with errors that point at the place.

::

    rule        = "unique" "(" names ")" | name "," name {"," name} | condition
    names       = name {"," name}
    condition   = conjunction {"or" conjunction}
    conjunction = negation {"and" negation}
    negation    = "not" negation | comparison
    comparison  = sum ( {operator sum} | "is" ["not"] "missing" | ["not"] "in" "(" values ")" )
    operator    = "=" | "!=" | "<" | "<=" | ">" | ">="
    values      = value {"," value}
    sum         = product {("+" | "-") product}
    product     = factor {("*" | "/") factor}
    factor      = "-" factor | number | text | name | "(" condition ")"
                | ("days" | "hours" | "minutes" | "seconds") "(" sum ")" | "time" "(" text ")"

Names of columns that are not letters, digits, underscores and dots, and those that are words of the
grammar, stand in double quotes or backticks; text stands in single quotes. A quote inside is
doubled. Text beside a time is one, in ISO format, UTC.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn, TypeVar

import numpy as np

from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.conditions import (
    COMPARISONS,
    Comparison,
    Logic,
    Membership,
    Missing,
    Not,
)
from h2o_gan.engine.data.relations.expressions import (
    IDENTIFIER,
    KEYWORDS,
    MAX_DEPTH,
    UNITS,
    Duration,
    Expression,
    Literal,
    Moment,
    Negative,
    Number,
    Product,
    Reference,
    Sum,
    Text,
    check_size,
    columns_of,
    quoted_name,
    quoted_text,
)
from h2o_gan.engine.data.relations.lexer import Token, rule_error, tokens_of, unquoted
from h2o_gan.engine.data.relations.rules import (
    MAX_COLUMNS,
    MAX_TEXT,
    Condition,
    Formula,
    Rule,
    Unique,
)
from h2o_gan.engine.data.relations.values import CONDITION, TEXT, TIME
from h2o_gan.engine.data.schema import LEARNED_KINDS, Column
from h2o_gan.notices import listed

__all__ = ["parse"]

_MAX_DIGITS = 40
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?)?Z?"
)
_FUNCTIONS = (*UNITS, "time")
_VALUE = "a column, a number, a text in single quotes, or '('"


def parse(
    text: str, columns: Sequence[Column], decimals: Mapping[str, int | None] | None = None
) -> Rule:
    """Parse a rule and check its columns and types.

    Args:
        text: of the rule.
        columns: of the table; the levels of categorical ones are checked too.
        decimals: of real columns; None or absent for one whose values are not rounded.

    Returns:
        The rule. :meth:`~.combinations.FixedCombinations.fitted` of fixed combinations is still to
        be called.

    Raises:
        ValueError: the text is not a rule, or names a column or level that does not exist.
        TypeError: values are used as what they are not, such as text as a number.
    """
    return _Parser(text, columns, decimals or {}).rule()


class _Parser:
    """A recursive descent over the text, one method for each rule of the grammar."""

    def __init__(
        self, text: str, columns: Sequence[Column], decimals: Mapping[str, int | None]
    ) -> None:
        if not isinstance(text, str):
            raise TypeError(f"constraints: {text!r:.100} is not text.")
        if len(text) > MAX_TEXT:
            raise ValueError(
                f"constraints: {text[:40]!r}... has {len(text):,} characters; a rule has at most "
                f"{MAX_TEXT:,}."
            )
        self.text = text
        self.columns = {column.name: column for column in columns}
        self.kinds = {column.name: column.kind for column in columns}
        self.decimals = decimals
        self.tokens = tokens_of(text)
        self.at, self.nesting = 0, 0
        self.beside_text = False  # whether a comparison's left side is text

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def rule(self) -> Rule:
        """The whole text as a rule."""
        first = self.token
        name = self.text.strip()
        if not name:
            raise ValueError("constraints: a rule is empty; remove it.")
        if first.is_word("unique") and self.tokens[self.at + 1].is_sign("("):
            self.at += 2
            names = self._names([])
            self._close()
            self.end()
            return Unique(name, names)
        expression = self.condition()
        if self.token.is_sign(","):
            if not isinstance(expression, Reference):
                self._fail("only columns can be combined by commas", first.start)
            self.at += 1
            names = self._names([expression.name])
            self.end()
            return self._combinations(name, names)
        if expression.type_in(self.kinds) != CONDITION:
            more = ", or ',' and another column" if isinstance(expression, Reference) else ""
            self._expected(f"a comparison such as = or <=, 'is missing', 'in'{more}")
        self.end()
        if not columns_of(expression):
            self._fail("the rule is about no column", first.start)
        return self._formula_or_condition(name, expression)

    def end(self) -> None:
        """Check that nothing follows."""
        if self.token.kind != "end":
            self._expected("an operator, 'and', 'or', or the end")

    def condition(self) -> Expression:
        """One or more conjunctions."""
        return self._logic("or", lambda: self._logic("and", self._negation))

    def _logic(self, word: str, operand: Callable[[], Expression]) -> Expression:
        start = self.token.start
        operands = [operand()]
        while self.token.is_word(word):
            start = self.token.start if len(operands) == 1 else start
            self.at += 1
            operands.append(operand())
        if len(operands) == 1:
            return operands[0]
        return self._checked(lambda: Logic(word, tuple(operands)), start)

    def _negation(self) -> Expression:
        if not self.token.is_word("not"):
            return self._comparison()
        start = self.token.start
        self.at += 1
        of = self._nested(self._negation, start)
        return self._checked(lambda: Not(of), start)

    def _comparison(self) -> Expression:
        starts = [self.token.start]
        operands, operators = [self._sum()], list[str]()
        if self.token.is_word("is"):
            start = self.token.start
            self.at += 1
            negated = self._skip_word("not")
            if not self._skip_word("missing"):
                self._expected("'missing' or 'not missing'")
            missing = self._checked(lambda: Missing(operands[0]), start)
            return Not(missing) if negated else missing
        after = self.tokens[self.at + (self.token.kind != "end")]
        if self.token.is_word("in") or (self.token.is_word("not") and after.is_word("in")):
            return self._membership(operands[0])
        first_operator = self.token.start
        while self.token.is_sign(*COMPARISONS, "=="):
            operators.append("=" if self.token.text == "==" else self.token.text)
            self.at += 1
            self.beside_text = operands[-1].type_in(self.kinds) == TEXT
            starts.append(self.token.start)
            operands.append(self._sum())
            self.beside_text = False
        if not operators:
            return operands[0]
        operands = self._with_times(operands, starts)
        compared = self._checked(
            lambda: Comparison(tuple(operands), tuple(operators)), first_operator
        )
        for left, right in zip(range(len(operators)), range(1, len(operands)), strict=True):
            self._check_level(operands[left], operands[right], starts[right])
            self._check_level(operands[right], operands[left], starts[left])
        return compared

    def _membership(self, of: Expression) -> Expression:
        start = self.token.start
        negated = self._skip_word("not")
        self.at += 1
        self._open()
        starts, options = list[int](), list[Expression]()
        self.beside_text = of.type_in(self.kinds) == TEXT
        while True:
            starts.append(self.token.start)
            option = self._factor()
            if not isinstance(option, Literal):
                self._fail("only numbers, texts and times can stand in a list", starts[-1])
            options.append(option)
            if not self._skip_sign(","):
                break
        self.beside_text = False
        self._close()
        _, *options = self._with_times([of, *options], [start, *starts])
        literals = tuple(option for option in options if isinstance(option, Literal))
        member = self._checked(lambda: Membership(of, literals), start)
        for option, at in zip(literals, starts, strict=True):
            self._check_level(of, option, at)
        return Not(member) if negated else member

    def _sum(self) -> Expression:
        operands, operators, starts, first = self._chain(self._product, "+", "-")
        if not operators:
            return operands[0]
        operands = self._with_times(operands, starts)
        return self._checked(lambda: Sum(tuple(operands), tuple(operators)), first)

    def _product(self) -> Expression:
        operands, operators, _, first = self._chain(self._factor, "*", "/")
        if not operators:
            return operands[0]
        return self._checked(lambda: Product(tuple(operands), tuple(operators)), first)

    def _chain(
        self, operand: Callable[[], Expression], *signs: str
    ) -> tuple[list[Expression], list[str], list[int], int]:
        """Operands, operators, positions of the operands, and that of the first operator."""
        starts = [self.token.start]
        operands, operators = [operand()], list[str]()
        first = self.token.start
        while self.token.is_sign(*signs):
            operators.append(self.token.text)
            self.at += 1
            starts.append(self.token.start)
            operands.append(operand())
        return operands, operators, starts, first

    def _factor(self) -> Expression:
        token = self.token
        if token.is_sign("-"):
            self.at += 1
            if self.token.kind == "number":
                return self._number(-1)
            of = self._nested(self._factor, token.start)
            return self._checked(lambda: Negative(of), token.start)
        if token.is_sign("("):
            self.at += 1
            inner = self._nested(self.condition, token.start)
            self._close()
            return inner
        if token.kind == "number":
            return self._number(1)
        if token.kind == "text":
            self.at += 1
            return self._checked(lambda: Text(unquoted(token)), token.start)
        if token.kind == "name" and self.tokens[self.at + 1].is_sign("("):
            return self._function()
        if token.kind == "quoted" or (token.kind == "name" and token.text not in KEYWORDS):
            return Reference(self._name())
        return self._expected(_VALUE)

    def _function(self) -> Expression:
        token = self.token
        if token.text in KEYWORDS:
            self._expected(_VALUE)
        if token.text not in _FUNCTIONS:
            self._fail(
                f"there is no function {token.text!r:.50}; there are {', '.join(_FUNCTIONS)}",
                token.start,
            )
        self.at += 2
        if token.text == "time":
            if self.token.kind != "text":
                self._expected("a text in single quotes, such as '2020-01-31'")
            moment = self._moment(unquoted(self.token), self.token.start)
            self.at += 1
            self._close()
            return moment
        of = self._nested(self._sum, token.start)
        self._close()
        return self._checked(lambda: Duration(token.text, of), token.start)

    def _number(self, sign: int) -> Expression:
        token = self.token
        self.at += 1
        if len(token.text) > _MAX_DIGITS:
            self._fail(f"a number has at most {_MAX_DIGITS} digits", token.start)
        value = int(token.text) if token.text.isdecimal() else float(token.text)
        return self._checked(lambda: Number(sign * value), token.start)

    def _names(self, names: list[str]) -> tuple[str, ...]:
        while True:
            start = self.token.start
            if self.token.kind not in ("name", "quoted") or self.token.is_word(*KEYWORDS):
                self._expected("a column")
            name = self._name()
            if name in names:
                self._fail(f"column {name!r} occurs twice", start)
            names.append(name)
            if len(names) > MAX_COLUMNS:
                self._fail(f"a rule has at most {MAX_COLUMNS} columns", start)
            if not self._skip_sign(","):
                return tuple(names)

    def _name(self) -> str:
        token = self.token
        name = unquoted(token)
        if name not in self.columns:
            self._unknown(name, token)
        self.at += 1
        return name

    def _combinations(self, text: str, names: tuple[str, ...]) -> Rule:
        for name in names:
            if self.kinds[name] not in LEARNED_KINDS:
                self._fail(
                    f"column {name!r} is of type {self.kinds[name]}, which cannot be combined; "
                    "make it categorical",
                    next(token.start for token in self.tokens if unquoted(token) == name),
                    TypeError,
                )
        return FixedCombinations(text, tuple(self.columns[name] for name in names))

    def _formula_or_condition(self, text: str, expression: Expression) -> Rule:
        decimals = tuple(
            (name, self.decimals.get(name))
            for name in columns_of(expression)
            if self.kinds[name] == "real"
        )
        if isinstance(expression, Comparison) and expression.operators == ("=",):
            left, right = expression.operands
            for one, other in ((left, right), (right, left)):
                if isinstance(one, Reference) and one.name not in columns_of(other):
                    return Formula(text, self.columns[one.name], other, decimals)
        return Condition(text, expression, decimals)

    def _with_times(self, operands: list[Expression], starts: list[int]) -> list[Expression]:
        """Operands in which text beside a time is a time."""
        if all(operand.type_in(self.kinds) != TIME for operand in operands):
            return operands
        return [
            self._moment(operand.value, start) if isinstance(operand, Text) else operand
            for operand, start in zip(operands, starts, strict=True)
        ]

    def _moment(self, value: str, start: int) -> Moment:
        try:
            if not _MOMENT.fullmatch(value):
                raise ValueError
            return Moment(int(np.datetime64(value.rstrip("Z"), "ms").astype(np.int64)))
        except ValueError:
            return self._fail(
                f"{value!r:.50} is not a time; write '2020-01-31' or '2020-01-31 12:00:00'", start
            )

    def _check_level(self, one: Expression, other: Expression, start: int) -> None:
        """Check that text beside a categorical column is one of its levels."""
        if not isinstance(one, Reference) or not isinstance(other, Text):
            return
        levels = self.columns[one.name].levels
        if levels and other.value not in levels:
            near = _near(other.value, levels)
            hint = f"did you mean {_joined(map(quoted_text, near))}?" if near else ""
            hint = hint or f"it has {listed(levels)}"
            self._fail(f"column {one.name!r} has no level {other.value!r:.50}; {hint}", start)

    def _unknown(self, name: str, token: Token) -> NoReturn:
        """Raise the error of a name that is no column, with what may have been meant."""
        for column in self.columns:  # hours-per-week, without quotes
            begin = self.text.find(column, max(token.start - len(column) + 1, 0))
            if not IDENTIFIER.fullmatch(column) and 0 <= begin <= token.start:
                self._fail(
                    f"write the column's name in double quotes: {quoted_name(column)}", begin
                )
        message = f"there is no column {name!r:.50}"
        owners = [column.name for column in self.columns.values() if name in column.levels]
        near = _near(name, list(self.columns))
        if token.is_word(*(word.upper() for word in KEYWORDS)):
            message += f"; write {name.lower()!r} in lower case"
        elif owners or (self.beside_text and not near):
            of = f"; it is a level of {owners[0]!r:.50}" if owners else ""
            message += f"{of}; text is written in single quotes: {quoted_text(name)}"
        elif near:
            message += f"; did you mean {_joined(map(quoted_name, near))}?"
        else:
            message += f"; the columns are {listed(list(self.columns))}"
        self._fail(message, token.start)

    def _nested(self, inner: Callable[[], Expression], start: int) -> Expression:
        if self.nesting >= MAX_DEPTH:
            self._fail(f"it is nested deeper than {MAX_DEPTH} levels", start)
        self.nesting += 1
        found = inner()
        self.nesting -= 1
        return found

    def _checked(self, make: Callable[[], _Node], start: int) -> _Node:
        """A node whose parts have types that go together."""
        try:
            node = make()
            check_size(node)
            node.type_in(self.kinds)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            self._fail(str(error), start, kind)
        return node

    def _skip_word(self, word: str) -> bool:
        found = self.token.is_word(word)
        self.at += found
        return found

    def _skip_sign(self, sign: str) -> bool:
        found = self.token.is_sign(sign)
        self.at += found
        return found

    def _open(self) -> None:
        if not self._skip_sign("("):
            self._expected("'('")

    def _close(self) -> None:
        if not self._skip_sign(")"):
            self._expected("')'")

    def _expected(self, what: str) -> NoReturn:
        token = self.token
        found = "the end of the rule" if token.kind == "end" else f"{token.text!r:.50}"
        hint = ""
        if token.is_word(*KEYWORDS) and token.text in self.columns:
            hint = f"; the column is written {quoted_name(token.text)}"
        elif token.is_word(*(word.upper() for word in KEYWORDS)):
            hint = f"; write {token.text.lower()!r} in lower case"
        self._fail(f"expected {what}, found {found}{hint}", token.start)

    def _fail(self, message: str, start: int, kind: type[Exception] = ValueError) -> NoReturn:
        # Without the cause: it says the same, without the place.
        raise rule_error(self.text, message, start, kind) from None


_Node = TypeVar("_Node", bound=Expression)


def _near(name: str, names: Sequence[str]) -> list[str]:
    """Up to three names that are written much like another."""
    by_lower = {other.lower(): other for other in reversed(names)}
    return [by_lower[near] for near in difflib.get_close_matches(name.lower(), by_lower)]


def _joined(names: Iterable[str]) -> str:
    return " or ".join(names)
