"""Rules that hold for every row of a table, and the rows that break them.

To add a kind, write a subclass of :class:`Rule`, its syntax in
:mod:`~h2o_gan.engine.data.relations.grammar`, and its name in
:mod:`~h2o_gan.engine.data.relations.stored_rules`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from h2o_gan.engine.data.codecs.categorical import dictionary_array
from h2o_gan.engine.data.relations.conditions import equation
from h2o_gan.engine.data.relations.expressions import (
    Expression,
    columns_of,
    evaluate,
)
from h2o_gan.engine.data.relations.keys import first_codes, key_values
from h2o_gan.engine.data.relations.stored_expressions import restore as restore_expression
from h2o_gan.engine.data.relations.values import (
    CONDITION,
    Numbers,
    Table,
    Texts,
    Truth,
    rounded,
)
from h2o_gan.engine.data.schema import Array, Column
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import dict_of, list_of, optional, record, text, whole

__all__ = [
    "MAX_COLUMNS",
    "MAX_RULES",
    "MAX_TEXT",
    "Condition",
    "Formula",
    "Rule",
    "Unique",
    "named_columns",
]

MAX_RULES = 1_000
"""Largest number of rules of a model."""

MAX_COLUMNS = 64
"""Largest number of columns that are unique together, or combined."""

MAX_TEXT = 2**16
"""Largest number of characters of a rule."""

Decimals = tuple[tuple[str, int | None], ...]
Arrays = Mapping[str, Array]
Columns = Mapping[str, Column]


@dataclass(frozen=True)
class Rule(ABC):
    """A rule that every row must keep.

    Two rules are equal if they say the same thing of the same columns, however it is written.

    Attributes:
        text: the rule as the user wrote it, its name in messages.
    """

    kind: ClassVar[str]
    text: str = field(compare=False)

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the rule is about."""

    @abstractmethod
    def broken(self, table: Table) -> Array:
        """Where rows break the rule, (rows,) bool.

        Raises:
            OverflowError: a whole number does not fit into 64 bits.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The rule as JSON; with :meth:`arrays`, :func:`~.stored_rules.restore` is the inverse."""

    def arrays(self) -> dict[str, Array]:
        """Arrays of the rule that are too large for JSON."""
        return {}

    def describe(self) -> dict[str, Any]:
        """The text of the rule, its kind, and the share of the training rows that keep it."""
        return {"relation": self.text, "kind": self.kind, "share": 1.0}

    @classmethod
    @abstractmethod
    def restore(cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns) -> Rule:
        """Inverse of :meth:`to_json` and :meth:`arrays`.

        Args:
            data: JSON, of which nothing but the kind and the text is checked.
            arrays: the arrays.
            columns: of the table, by name.

        Raises:
            Damaged: it is not such a rule.
        """


@dataclass(frozen=True)
class Formula(Rule):
    """``total = price * quantity``: a column that follows from others.

    Attributes:
        column: the one that is calculated.
        expression: of the others.
        decimals: of the real columns; None for those whose values are not rounded.
    """

    kind: ClassVar[str] = "formula"
    column: Column
    expression: Expression
    decimals: Decimals = ()

    @property
    @override
    def columns(self) -> tuple[str, ...]:
        return (self.column.name, *self.sources)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the columns from which it is calculated."""
        return columns_of(self.expression)

    @override
    def broken(self, table: Table) -> Array:
        """Where the column has another value than the formula, (rows,) bool.

        A row in which the column or one of its sources is missing breaks nothing. A number that
        lies halfway between two values of the column may have been rounded to either.

        Raises:
            OverflowError: a whole number does not fit into 64 bits.
        """
        return _false(equation(self.column.name, self.expression), table, self.decimals)

    def compute(self, table: Table) -> pa.Array:
        """The column's values, from the others.

        Args:
            table: with the columns `sources`.

        Returns:
            (rows,) of the column's Arrow type. Numbers are rounded to the column's decimals, whole
            numbers or milliseconds, halves away from zero. Missing where a source is missing,
            where a divisor is zero, and where the column has no such level.

        Raises:
            OverflowError: a whole number does not fit into 64 bits.
        """
        values = evaluate(self.expression, table, dict(self.decimals))
        if isinstance(values, Numbers):
            return self._numbers(values)
        if isinstance(values, Texts):
            return self._texts(values)
        raise TypeError(f"{self.text!r} calculates a condition")

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "text": self.text,
            "column": self.column.name,
            "expression": self.expression.to_json(),
            "decimals": dict(self.decimals),
        }

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns) -> Formula:
        record({"column": text})(data, "formula")
        kinds = {name: column.kind for name, column in columns.items()}
        expression = restore_expression(data.get("expression"), kinds)
        names = columns_of(expression)
        if data["column"] not in columns or data["column"] in names:
            raise Damaged(f"a formula calculates the column {data['column']!r:.50}")
        column = columns[data["column"]]
        try:
            equation(column.name, expression).type_in(kinds)
        except TypeError as error:
            raise Damaged(f"a formula is invalid: {error}") from error
        return cls(data["text"], column, expression, _decimals(data))

    def _numbers(self, values: Numbers) -> pa.Array:
        if self.column.kind == "real":
            numbers = rounded(values, dict(self.decimals).get(self.column.name))
            return pa.array(np.asarray(numbers, np.float64), mask=values.missing)
        whole_ = np.where(values.missing, 0, rounded(values, 0))
        if whole_.dtype == np.float64 and not (np.abs(whole_) < 2.0**63).all():
            raise OverflowError("a whole number does not fit into 64 bits")
        return pa.array(whole_.astype(np.int64), mask=values.missing).cast(self.column.arrow_type)

    def _texts(self, values: Texts) -> pa.Array:
        if self.column.kind != "enum":
            indices = pa.array(values.codes, mask=values.missing)
            return values.levels.take(indices).cast(self.column.arrow_type)
        levels = pa.array(self.column.levels, pa.string())
        found = pc.fill_null(pc.index_in(values.levels, value_set=levels), -1).to_numpy()
        indices = np.append(found, -1)[values.codes]
        missing = values.missing | (indices < 0)
        return dictionary_array(np.where(missing, 0, indices), missing, self.column)


@dataclass(frozen=True)
class Condition(Rule):
    """``start <= end``, or any other condition: broken where it is false.

    Attributes:
        expression: the condition.
        decimals: of the real columns; None for those whose values are not rounded.
    """

    kind: ClassVar[str] = "condition"
    expression: Expression
    decimals: Decimals = ()

    @property
    @override
    def columns(self) -> tuple[str, ...]:
        return columns_of(self.expression)

    @override
    def broken(self, table: Table) -> Array:
        return _false(self.expression, table, self.decimals)

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "text": self.text,
            "expression": self.expression.to_json(),
            "decimals": dict(self.decimals),
        }

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns) -> Condition:
        kinds = {name: column.kind for name, column in columns.items()}
        expression = restore_expression(data.get("expression"), kinds)
        if expression.type_in(kinds) != CONDITION or not columns_of(expression):
            raise Damaged(f"{expression!s:.50} is not a condition over columns")
        return cls(data["text"], expression, _decimals(data))


@dataclass(frozen=True)
class Unique(Rule):
    """``unique(order_id)``: no two rows have the same values in these columns.

    Rows in which one of them is missing may repeat, as in SQL.

    Attributes:
        keys: names of the columns.
    """

    kind: ClassVar[str] = "unique"
    keys: tuple[str, ...]

    @property
    @override
    def columns(self) -> tuple[str, ...]:
        return self.keys

    @override
    def broken(self, table: Table) -> Array:
        """All but the first of equal rows, (rows,) bool."""
        rows = table.num_rows
        codes, missing, size = np.zeros(rows, np.int64), np.zeros(rows, bool), 1
        for key in self.keys:
            values, absent = key_values(table, key)
            encoded = pa.array(values).dictionary_encode()
            missing |= absent
            if size * len(encoded.dictionary) > 2**62:
                codes = first_codes(codes)
                size = rows
            codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
            size *= len(encoded.dictionary)
        present = np.flatnonzero(~missing)
        # Codes count up in the order in which they first occur.
        first = first_codes(codes[present]) if len(self.keys) > 1 or missing.any() else codes
        repeated = np.zeros(rows, bool)
        repeated[present[1:]] = first[1:] <= np.maximum.accumulate(first)[:-1]
        return repeated

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "columns": list(self.columns)}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns) -> Unique:
        return cls(data["text"], tuple(key.name for key in named_columns(data, columns, least=1)))


def _false(expression: Expression, table: Table, decimals: Decimals) -> Array:
    truth = evaluate(expression, table, dict(decimals))
    if not isinstance(truth, Truth):
        raise TypeError(f"{expression} is not a condition")
    false: Array = truth.false.copy()
    return false


def _decimals(data: Mapping[str, Any]) -> Decimals:
    record({"decimals": dict_of(optional(whole(0, 8)))})(data, "rule")
    return tuple(data["decimals"].items())


def named_columns(data: Mapping[str, Any], columns: Columns, least: int) -> tuple[Column, ...]:
    """The columns that the JSON of a rule names.

    Args:
        data: JSON of a file that may be hostile.
        columns: of the table, by name.
        least: number of columns that a rule of this kind needs.

    Raises:
        Damaged: the table has no such columns.
    """
    record({"columns": list_of(text, least, MAX_COLUMNS)})(data, "rule")
    names = data["columns"]
    if not set(names) <= set(columns) or len(set(names)) < len(names):
        raise Damaged(f"a rule is about the columns {names!r:.100}")
    return tuple(columns[name] for name in names)
