"""Inputs of computed columns that give these their given values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.expressions import Product
from h2o_gan.engine.data.relations.overflow import computed_values
from h2o_gan.engine.data.relations.relations import formula_of, outside
from h2o_gan.engine.data.relations.rules import Formula
from h2o_gan.engine.data.relations.solving import solved
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.conditions import Conditions

__all__ = ["Inversion"]


class Inversion:
    """Changes inputs of computed columns so that these have the values that are given.

    Args:
        encoder: of the model.
        conditions: on the sample.
    """

    def __init__(self, encoder: TableEncoder, conditions: Conditions) -> None:
        self._encoder, self._conditions = encoder, conditions
        always = encoder.relations.always
        self._given = [name for name in always if name in conditions.cells]
        self._inverses = {name: self._inverses_of(name) for name in always if self._given}
        # Rounding leaves a product little choice; what it needs comes before sums.
        is_sum = {n: not isinstance(r.formula.expression, Product) for n, r in always.items()}
        self._order = sorted(always, key=lambda name: is_sum[name])

    def solve(
        self, arrays: dict[str, pa.Array], related: Mapping[str, Array], rows: Array
    ) -> list[tuple[str, Array]]:
        """Change inputs in place.

        Of each computed column, one input changes that is neither given nor used for another one.

        Args:
            arrays: of all columns but the computed ones, by name.
            related: by column, (rows,) int64, the relation that gives a row's value; -1 for none.
            rows: (rows,) int64, the index of each row in the sample.

        Returns:
            What cannot be solved, and the mask of those rows, (rows,) bool.
        """
        wrong: list[tuple[str, Array]] = []
        relations = self._encoder.relations
        taken = self._conditions.given(rows)
        wanted: dict[str, tuple[pa.Array, Array]] = {}
        for name in self._given:
            cells, given = self._conditions.cells_of(name, rows)
            cells = cells.cast(relations.always[name].formula.column.arrow_type)
            wanted[name] = cells, given & ~numbers_of(cells)[1]
        pending = {name: mask for name, (_, mask) in wanted.items() if mask.any()}
        none = np.zeros(len(rows), bool)
        while pending:
            name = next(name for name in self._order if name in pending)
            left = pending.pop(name)
            present = dict(arrays)
            relations.complete(present, related, wanted)
            for inverse in self._inverses[name]:
                target = inverse.column.name
                free = left & ~taken.get(target, none)
                if not free.any():
                    continue
                inputs = pa.table({c: present[c] for c in inverse.sources})
                values, _ = computed_values(inverse, inputs)
                if target in relations.always:
                    before, mask = wanted.get(target, (values, none))
                    values = pc.if_else(pa.array(free), values, before)
                    wanted[target] = values, mask | free
                    pending[target] = pending.get(target, none) | free
                else:
                    arrays[target] = pc.if_else(pa.array(free), values, arrays[target])
                low, high = self._encoder.range_of(target)
                absent = values.is_null().to_numpy(zero_copy_only=False)
                off = free & (outside(values, low, high) | absent)
                if off.any():
                    wrong.append((f"the condition on {name!r} (by {target!r})", off))
                used = [source for source in inverse.sources if source != name]
                self._take([target, *used], free, taken, wanted)
                left = left & ~free
        return wrong

    def _take(
        self,
        names: Iterable[str],
        rows: Array,
        taken: dict[str, Array],
        wanted: Mapping[str, tuple[pa.Array, Array]],
    ) -> None:
        """Note that columns, and what they are computed from, must not change any more."""
        always, none = self._encoder.relations.always, np.zeros(len(rows), bool)
        for name in names:
            taken[name] = taken.get(name, none) | rows
            if name in always:  # inputs may still change where the value is given
                inner = rows & ~wanted[name][1] if name in wanted else rows
                if inner.any():
                    self._take(always[name].formula.sources, inner, taken, wanted)

    def _inverses_of(self, name: str) -> list[Formula]:
        """Formulas that give an input of a computed column from the column itself.

        Those of columns with the finest values come first: a price can be found that gives a
        total, but hardly a whole number of pieces. Columns that are computed themselves are last.
        """
        encoder = self._encoder
        formula = encoder.relations.always[name].formula
        by_name = {column.name: column for column in encoder.columns}
        kinds = {column.name: column.kind for column in encoder.columns}
        decimals = dict(formula.decimals)

        def fineness(inverse: Formula) -> tuple[bool, float]:
            kind, target = inverse.column.kind, inverse.column.name
            places = decimals[target] if kind == "real" else {"time": 0.5}.get(kind, 0.0)
            return target not in encoder.relations.always, np.inf if places is None else places

        found = []
        for column in reversed(formula.sources):
            expression = solved(name, formula.expression, column)
            if expression is None:
                continue
            try:
                found.append(formula_of(by_name[column], expression, kinds, decimals))
            except TypeError:  # such as of the sum of two times
                continue
        return sorted(found, key=fineness, reverse=True)
