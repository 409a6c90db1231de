"""Kinds of rules that hold for every row of a table, and the rows that break them.

To add a kind, write a subclass of :class:`Rule`, its syntax in
:mod:`~h2o_gan.engine.data.relations.grammar`, and its name in `RULES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from h2o_gan.engine.data.codecs.categorical import dictionary_array, level_indices
from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.conditions import equation
from h2o_gan.engine.data.relations.expressions import (
    Expression,
    columns_of,
    evaluate,
)
from h2o_gan.engine.data.relations.stored_expressions import restore as restore_expression
from h2o_gan.engine.data.relations.values import (
    CONDITION,
    Numbers,
    Table,
    Texts,
    Truth,
    chunked,
    rounded,
    text_values,
)
from h2o_gan.engine.data.schema import LEARNED_KINDS, TEXT_KINDS, Array, Column, kind_of
from h2o_gan.engine.data.tokens.rules import RULES as TOKEN_RULES
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import dict_of, list_of, one_of, optional, record, text, whole

__all__ = [
    "MAX_COLUMNS",
    "MAX_COMBINATIONS",
    "MAX_RULES",
    "MAX_TEXT",
    "RULES",
    "Condition",
    "FixedCombinations",
    "Formula",
    "Rule",
    "Unique",
    "restore",
]

MAX_RULES = 1_000
"""Largest number of rules of a model."""

MAX_COLUMNS = 64
"""Largest number of columns that are unique together, or combined."""

MAX_COMBINATIONS = 2**16
"""Largest number of combinations that a rule holds."""

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
        """The rule as JSON; with :meth:`arrays`, :func:`restore` is the inverse."""

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
            values, absent = _keys(table, key)
            encoded = pa.array(values).dictionary_encode()
            missing |= absent
            if size * len(encoded.dictionary) > 2**62:
                codes = _encoded(codes)
                size = rows
            codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
            size *= len(encoded.dictionary)
        present = np.flatnonzero(~missing)
        # Codes count up in the order in which they first occur.
        first = _encoded(codes[present]) if len(self.keys) > 1 or missing.any() else codes
        repeated = np.zeros(rows, bool)
        repeated[present[1:]] = first[1:] <= np.maximum.accumulate(first)[:-1]
        return repeated

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "columns": list(self.columns)}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns) -> Unique:
        return cls(data["text"], tuple(key.name for key in _named(data, columns, least=1)))


@dataclass(frozen=True)
class FixedCombinations(Rule):
    """``city, country``: only combinations of the training data occur, and never others.

    Combinations in fewer than five training rows (`min_rows` of the token rules) are left out of
    the rule, so that neither a model's file nor its samples disclose them. The file holds the
    other combinations, in the order of their values, without their numbers of rows. A missing
    value is a value like any other.

    Attributes:
        parts: the columns.
        numbers: for each column, (combinations,) float64 for reals, else int64: its numbers, times
            in milliseconds, or indices of its levels; 0 where it is missing.
        missing: (columns, combinations) bool.
    """

    kind: ClassVar[str] = "combinations"
    parts: tuple[Column, ...]
    numbers: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    missing: Array = field(
        default_factory=lambda: np.zeros((0, 0), bool), repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.missing[0]) if len(self.missing) else 0

    @property
    @override
    def columns(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def fitted(self, table: Table, min_rows: int = TOKEN_RULES.min_rows) -> FixedCombinations:
        """The rule with the combinations of a training table.

        Args:
            table: the training rows.
            min_rows: combinations in fewer rows are left out.

        Raises:
            ValueError: no combination is in so many rows, or there are too many.
        """
        read = [_numbers(table, part) for part in self.parts]
        rows = table.num_rows
        ids = np.zeros(rows, np.int64)
        for values, absent in read:
            encoded = pa.array(values, mask=absent).dictionary_encode(null_encoding="encode")
            ids = _encoded(ids * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy())
        counts = np.bincount(ids)
        example_rows = np.zeros(len(counts), np.int64)
        example_rows[ids] = np.arange(rows)
        example_rows = example_rows[counts >= min_rows]
        if not len(example_rows):
            raise ValueError(
                f"constraints: {self.text!r} cannot be kept: each of its {len(counts):,} "
                f"combinations is in fewer than {min_rows} training rows. Remove the rule, or "
                "combine columns with fewer values."
            )
        if len(example_rows) > MAX_COMBINATIONS:
            raise ValueError(
                f"constraints: {self.text!r} has {len(example_rows):,} combinations in {min_rows} "
                f"or more training rows, more than the {MAX_COMBINATIONS:,} that a rule may have."
            )
        numbers = [values[example_rows] for values, _ in read]
        missing = [absent[example_rows] for _, absent in read]
        order = np.lexsort(
            [key for pair in zip(numbers, missing, strict=True) for key in pair][::-1]
        )
        return replace(
            self,
            numbers=tuple(values[order] for values in numbers),
            missing=np.stack(missing)[:, order],
        )

    @override
    def broken(self, table: Table) -> Array:
        """Where rows have a combination that the rule does not hold, (rows,) bool.

        Raises:
            ValueError: the rule is not fitted.
        """
        if not self.numbers:
            raise ValueError(f"{self.text!r} is not fitted: it holds no combinations")
        known = np.zeros(len(self), np.int64)
        codes = np.zeros(table.num_rows, np.int64)  # -1 for what the rule does not hold
        for part, numbers, absent in zip(self.parts, self.numbers, self.missing, strict=True):
            values, missing = _numbers(table, part)
            distinct = np.unique(numbers[~absent])
            size = len(distinct) + 1
            at = np.where(missing, size - 1, _index_in(values, distinct))
            known_at = np.where(absent, size - 1, _index_in(numbers, distinct))
            prefixes, known = np.unique(known * size + known_at, return_inverse=True)
            codes = np.where((codes < 0) | (at < 0), -1, codes * size + at)
            codes = _index_in(codes, prefixes)
        return codes < 0

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "columns": list(self.columns)}

    @override
    def arrays(self) -> dict[str, Array]:
        arrays = {f"numbers_{index}": values for index, values in enumerate(self.numbers)}
        return {**arrays, "missing": self.missing}

    @classmethod
    @override
    def restore(
        cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns
    ) -> FixedCombinations:
        parts = _named(data, columns, least=2)
        names = [f"numbers_{index}" for index in range(len(parts))]
        if set(arrays) != {*names, "missing"} or arrays["missing"].ndim != 2:
            raise Damaged("arrays of fixed combinations are missing")
        missing = arrays["missing"]
        count = missing.shape[1]
        if (
            missing.dtype != np.bool_
            or len(missing) != len(parts)
            or not 0 < count <= MAX_COMBINATIONS
        ):
            raise Damaged("the arrays of fixed combinations do not match")
        for part, name in zip(parts, names, strict=True):
            values, dtype = arrays[name], np.float64 if part.kind == "real" else np.int64
            if (
                part.kind not in LEARNED_KINDS
                or values.dtype != dtype
                or values.shape != (count,)
                or np.isnan(values).any()
                or (
                    part.kind == "enum"
                    and not (values.min() >= 0 and values.max() < max(len(part.levels), 1))
                )
            ):
                raise Damaged(f"the combinations of column {part.name!r:.50} are invalid")
        numbers = [arrays[name] for name in names]
        numbers = [_same_zero(values) for values in numbers]
        return cls(data["text"], parts, tuple(numbers), missing)


RULES: dict[str, type[Rule]] = {
    made.kind: made for made in (Formula, Condition, Unique, FixedCombinations)
}
"""The kinds of rules, by name."""

_RULE_CHECK = record({"kind": one_of(*RULES), "text": text})


def restore(data: Any, arrays: Arrays, columns: Sequence[Column]) -> Rule:
    """Rebuild a rule from the content of a file that may be hostile.

    Args:
        data: what :meth:`Rule.to_json` returned.
        arrays: what :meth:`Rule.arrays` returned.
        columns: of the table.

    Raises:
        Damaged: it is not a rule over these columns.
    """
    _RULE_CHECK(data, "rule")
    if len(data["text"]) > MAX_TEXT:
        raise Damaged(f"the text of a rule has {len(data['text']):,} characters")
    return RULES[data["kind"]].restore(data, arrays, {column.name: column for column in columns})


def _false(expression: Expression, table: Table, decimals: Decimals) -> Array:
    truth = evaluate(expression, table, dict(decimals))
    if not isinstance(truth, Truth):
        raise TypeError(f"{expression} is not a condition")
    false: Array = truth.false.copy()
    return false


def _decimals(data: Mapping[str, Any]) -> Decimals:
    record({"decimals": dict_of(optional(whole(0, 8)))})(data, "rule")
    return tuple(data["decimals"].items())


def _named(data: Mapping[str, Any], columns: Columns, least: int) -> tuple[Column, ...]:
    record({"columns": list_of(text, least, MAX_COLUMNS)})(data, "rule")
    names = data["columns"]
    if not set(names) <= set(columns) or len(set(names)) < len(names):
        raise Damaged(f"a rule is about the columns {names!r:.100}")
    return tuple(columns[name] for name in names)


def _encoded(values: Array) -> Array:
    """Integers as codes that count up in the order in which they first occur."""
    codes: Array = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _index_in(values: Array, known: Array) -> Array:
    """Indices of values among distinct known ones, int64; -1 for others."""
    index = pc.index_in(pa.array(values), value_set=pa.array(known))
    found: Array = pc.fill_null(index, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _read_numbers(values: pa.ChunkedArray, kind: str) -> tuple[Array, Array]:
    numbers, missing = numbers_of(values, kind)
    return _same_zero(numbers), missing


def _same_zero(numbers: Array) -> Array:
    """Numbers with 0 in place of -0, which Arrow tells from it."""
    return numbers + 0.0 if numbers.dtype == np.float64 else numbers


def _keys(table: Table, name: str) -> tuple[Array, Array]:
    """Values as numbers that are equal where the values are, and a mask of missing ones."""
    values = chunked(table, name)
    kind = kind_of(values.type)
    if kind == "enum" or kind in TEXT_KINDS:
        texts = text_values(values)
        return np.where(texts.missing, 0, texts.codes), texts.missing
    return _read_numbers(values, kind)


def _numbers(table: Table, column: Column) -> tuple[Array, Array]:
    """Values of a column as numbers that a file holds, and a mask of missing ones."""
    values = chunked(table, column.name)
    if column.kind != "enum":
        return _read_numbers(values, column.kind)
    indices, missing = level_indices(values, column.levels)
    return np.where(missing, 0, indices), missing
