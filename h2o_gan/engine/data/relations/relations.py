"""Formulas between columns that a table's samples keep: found in the training rows, or declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.conditions import equation
from h2o_gan.engine.data.relations.expressions import (
    Expression,
    columns_of,
    quoted_name,
)
from h2o_gan.engine.data.relations.overflow import computed_values
from h2o_gan.engine.data.relations.rules import Formula
from h2o_gan.engine.data.relations.stored_rules import restore
from h2o_gan.engine.data.schema import Array, Column
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, anything, flag, list_of, number, record

__all__ = [
    "RELATIONS_CHECK",
    "Relation",
    "Relations",
    "agreeing",
    "formula_of",
    "outside",
]

NONE = -1
"""Relation of rows whose value no relation gives."""


@dataclass(frozen=True)
class Relation:
    """A formula for one column.

    Attributes:
        formula: the column, and the expression that gives its value.
        always: whether the formula gives the value in every row; then networks do not learn the
            column.
        share: of the training rows whose value it gives.
        low, high: smallest and largest value of the column in the training rows, as it counts:
            times in milliseconds.
        frequent: values of the column that are learned although the formula gives them, such as 0.
    """

    formula: Formula
    always: bool
    share: float
    low: float
    high: float
    frequent: tuple[float, ...] = ()

    @property
    def target(self) -> str:
        """Name of the column."""
        return self.formula.column.name

    def holds(self, table: pa.Table, values: tuple[Array, Array]) -> Array:
        """The rows whose value the formula gives, but for frequent values.

        Args:
            table: the rows.
            values: the column's numbers, and where they are missing.

        Returns:
            (rows,) bool.
        """
        agrees = agreeing(self.formula, table, values)
        return agrees & ~np.isin(values[0], self.frequent) if self.frequent else agrees

    def describe(self) -> dict[str, Any]:
        """The text of the formula, its kind, and the share of the training rows that it gives."""
        return {**self.formula.describe(), "share": self.share}

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types; :meth:`restore` is its inverse."""
        return {
            "formula": self.formula.to_json(),
            "always": self.always,
            "share": self.share,
            "low": self.low,
            "high": self.high,
            "frequent": list(self.frequent),
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any], columns: Mapping[str, Column]) -> Relation:
        """Inverse of :meth:`to_json`, for data that `RELATIONS_CHECK` accepts.

        Args:
            data: the JSON.
            columns: of the table, by name.

        Raises:
            Damaged: it is not a relation between such columns.
        """
        formula = restore(data["formula"], {}, list(columns.values()))
        if not isinstance(formula, Formula):
            raise Damaged(f"a relation is {formula.text!r:.50}")
        return cls(
            formula,
            data["always"],
            float(data["share"]),
            data["low"],
            data["high"],
            tuple(data["frequent"]),
        )


_LARGEST = 1.8e308

RELATIONS_CHECK: Check = list_of(
    record(
        {
            "formula": anything,
            "always": flag,
            "share": number(0, 1),
            "low": number(-_LARGEST, _LARGEST),
            "high": number(-_LARGEST, _LARGEST),
            "frequent": list_of(number(-_LARGEST, _LARGEST)),
        }
    )
)
"""Check of a list of :meth:`Relation.to_json`'s outputs."""


class Relations:
    """All relations of a table, in an order in which they can be computed.

    Args:
        relations: the relations. A column has either one that always holds or any number of others.

    Raises:
        Damaged: relations follow from each other in a circle, or a column has two that always hold.
    """

    def __init__(self, relations: Iterable[Relation] = ()) -> None:
        self.relations = ordered(list(relations))
        self.always = {r.target: r for r in self.relations if r.always}
        self.ranges = {r.target: (r.low, r.high) for r in self.relations}
        self._partial: dict[str, list[Relation]] = {}
        for relation in self.relations:
            if not relation.always:
                self._partial.setdefault(relation.target, []).append(relation)
        if len(self.always) != sum(r.always for r in self.relations) or (
            self.always.keys() & self._partial.keys()
        ):
            raise Damaged("a column has more than one relation that always holds")

    def __len__(self) -> int:
        return len(self.relations)

    def partial(self, name: str) -> Sequence[Relation]:
        """The relations that give a column's value in a part of the rows."""
        return self._partial.get(name, ())

    def count(self, name: str) -> int:
        """The number of relations that give a column's value in a part of the rows."""
        return len(self._partial.get(name, ()))

    def indices(self, table: pa.Table) -> dict[str, Array]:
        """Find the rows in which relations hold that give values in a part of the rows.

        Args:
            table: columns whose relations refer to others are left out.

        Returns:
            By column, (rows,) int64, the first of its relations that holds; -1 for none.
        """
        found = {}
        for name, relations in self._partial.items():
            if not {name, *(s for r in relations for s in r.formula.sources)} <= {
                *table.column_names
            }:
                continue
            values = numbers_of(table.column(name))
            index = np.full(table.num_rows, NONE)
            for number_, relation in reversed(list(enumerate(relations))):
                index[relation.holds(table, values)] = number_
            found[name] = index
        return found

    def complete(
        self,
        arrays: dict[str, pa.Array],
        related: Mapping[str, Array],
        observed: Mapping[str, tuple[pa.Array, Array]] | None = None,
    ) -> list[tuple[Relation, Array]]:
        """Compute the values that relations give.

        Args:
            arrays: of each column by name, changed in place; without those that are computed in
                every row.
            related: by column, (rows,) int64, the relation that gives a row's value; -1 for none.
            observed: by computed column, values, and (rows,) bool, the rows that have them
                whatever the relation gives.

        Returns:
            Relations that give impossible values, outside the training rows' range or of 64 bits,
            and the mask of those rows, (rows,) bool.
        """
        impossible = []
        numbers_by_target = {
            name: {id(r): n for n, r in enumerate(rs)} for name, rs in self._partial.items()
        }
        for relation in self.relations:
            name = relation.target
            if not relation.always and name not in related:
                continue
            inputs = relation.formula.sources
            table = pa.table({column: arrays[column] for column in inputs})
            values, wrong = computed_values(relation.formula, table)
            wrong = wrong | outside(values, relation.low, relation.high)
            if relation.always:
                arrays[name] = values
                if observed and name in observed:
                    cells, rows = observed[name]
                    arrays[name] = pc.if_else(pa.array(rows), cells.cast(values.type), values)
            else:
                mask = related[name] == numbers_by_target[name][id(relation)]
                wrong = mask & (wrong | values.is_null().to_numpy(zero_copy_only=False))
                arrays[name] = pc.if_else(pa.array(mask), values, arrays[name])
            if wrong.any():
                impossible.append((relation, wrong))
        return impossible

    def to_json(self) -> list[dict[str, Any]]:
        """A list of JSON types; :meth:`restore` is its inverse."""
        return [relation.to_json() for relation in self.relations]

    @classmethod
    def restore(cls, data: Sequence[Mapping[str, Any]], columns: Mapping[str, Column]) -> Relations:
        """Inverse of :meth:`to_json`, for data that `RELATIONS_CHECK` accepts.

        Args:
            data: the JSON.
            columns: of the table, by name.

        Raises:
            Damaged: the relations do not go together.
        """
        return cls([Relation.restore(item, columns) for item in data])


def formula_of(
    column: Column,
    expression: Expression,
    kinds: Mapping[str, str],
    decimals: Mapping[str, int | None],
) -> Formula:
    """A formula for a column.

    Args:
        column: whose values the expression gives.
        expression: of other columns.
        kinds: kind of each column, by its name.
        decimals: of real columns; None for those whose values are not rounded.

    Raises:
        TypeError: the types of its parts do not go together.
    """
    equation(column.name, expression).type_in(kinds)
    used = (column.name, *columns_of(expression))
    known = tuple((name, decimals[name]) for name in used if kinds[name] == "real")
    return Formula(f"{quoted_name(column.name)} = {expression}", column, expression, known)


def ordered(relations: Sequence[Relation]) -> tuple[Relation, ...]:
    """Put each relation after those that give its inputs.

    Raises:
        Damaged: they follow from each other in a circle.
    """
    by_target: dict[str, list[Relation]] = {}
    for relation in relations:
        by_target.setdefault(relation.target, []).append(relation)
    inputs = {
        name: [source for r in some for source in r.formula.sources if source in by_target]
        for name, some in by_target.items()
    }
    try:
        order = list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise Damaged("relations follow from each other in a circle") from error
    return tuple(relation for name in order for relation in by_target[name])


def agreeing(formula: Formula, table: pa.Table, values: tuple[Array, Array]) -> Array:
    """Where a formula gives the value of its column and neither is missing, (rows,) bool."""
    computed, missing = numbers_of(computed_values(formula, table)[0])
    agrees: Array = (computed == values[0]) & ~missing & ~values[1]
    return agrees


def outside(values: pa.Array, low: float, high: float) -> Array:
    """Where values are outside a range, (rows,) bool; missing ones are not."""
    found, missing = numbers_of(values)
    return ((found < low) | (found > high)) & ~missing
