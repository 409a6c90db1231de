"""Drawn tokens to whole rows: relations give their values, and rows that break a rule go back.

A row whose values break a rule, a condition on a computed column, or the range of one is drawn
again: rejection sampling, so the rows follow the distribution of those that break none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.conditions import meets
from h2o_gan.engine.data.relations.relations import formula_of, numbers, outside
from h2o_gan.engine.data.relations.rules import Formula
from h2o_gan.engine.data.relations.solving import solved
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.conditions import Conditions
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.notices import listed

__all__ = ["Completion", "Drawn"]

_ROUNDS = 24
_MAX_COPIES = 64  # candidates of a row in one round
_MAX_CANDIDATES = 16_384  # of a round
_SHOWN = 3  # reasons in a message

Arrays = dict[str, pa.Array]
Draw = Callable[[Array], tuple[Array, Array]]
"""Draws candidates for rows of a block, given by index: tokens, (rows, tokens) float64; and what
tokens leave open, (rows, codecs) float64 in [0, 1)."""


@dataclass(frozen=True)
class Drawn:
    """Rows, and what is wrong with them.

    Attributes:
        arrays: of all columns, by name.
        wrong: what they break, and the mask of the rows that do, (rows,) bool.
    """

    arrays: Arrays
    wrong: Sequence[tuple[str, Array]]

    def broken(self, rows: int) -> Array:
        """The mask of rows that break anything, (rows,) bool."""
        total = np.zeros(rows, bool)
        for _, mask in self.wrong:
            total |= mask
        return total


class Completion:
    """Completes the rows of one sample.

    Args:
        encoder: of the model.
        layout: of the model.
        conditions: on the sample.
        seed: of the sample.
    """

    def __init__(
        self, encoder: TableEncoder, layout: RowLayout, conditions: Conditions, seed: int
    ) -> None:
        self._encoder, self._layout = encoder, layout
        self._conditions, self._seed = conditions, seed
        self._inverses = {
            name: self._inverse_of(name)
            for name in encoder.relations.always
            if name in conditions.cells
        }

    def rows(self, draw: Draw, start: int, count: int) -> pa.RecordBatch:
        """Draw and complete the rows of a block.

        Args:
            draw: draws candidates; called first with all rows of the block, then with those that
                break something, each several times.
            start: index of the block's first row in the sample.
            count: number of rows of the block.

        Raises:
            Unreachable: rows break something however often they are drawn.
        """
        every = np.arange(count)
        drawn = self.candidates(*draw(every), start + every, start)
        arrays = drawn.arrays
        left = np.flatnonzero(drawn.broken(count))
        accepted = 1 - len(left) / count
        rounds = 0
        while len(left):
            if rounds == _ROUNDS:
                raise Unreachable(self._unreachable(drawn, start + left[0]))
            rounds += 1
            copies = min(
                max(int(1 / max(accepted, 1 / _MAX_COPIES)), 1),
                max(_MAX_CANDIDATES // len(left), 1),
            )
            owners = np.repeat(left, copies)
            drawn = self.candidates(*draw(owners), start + owners, start)
            good = ~drawn.broken(len(owners)).reshape(-1, copies)
            accepted = max(float(good.mean()), 1 / _MAX_COPIES)
            done = good.any(1)
            if done.any():
                taken = np.flatnonzero(done) * copies + good[done].argmax(1)
                arrays = _replaced(arrays, drawn.arrays, left[done], taken, self._kept)
                left = left[~done]
        return self._encoder.batch(arrays)

    @property
    def _kept(self) -> frozenset[str]:
        """Columns that follow from a row's index, and stay when it is drawn again."""
        return frozenset(self._encoder.generated_names)

    def candidates(self, values: Array, uniforms: Array, rows: Array, start: int) -> Drawn:
        """Complete candidates.

        Args:
            values: (candidates, tokens) float64.
            uniforms: (candidates, codecs) float64.
            rows: (candidates,) the index of each one's row in the sample.
            start: index of the block's first row.
        """
        learned = self._layout.decode(values, uniforms, self._conditions.constraints)
        return self.completed(learned, self._layout.related(values), rows, start)

    def completed(
        self, learned: Sequence[pa.Array], related: Mapping[str, Array], rows: Array, start: int
    ) -> Drawn:
        """Complete candidates of which the learned columns have values.

        Args:
            learned: the arrays of each column of each learned codec, in order.
            related: see :meth:`RowLayout.related`.
            rows: (candidates,) the index of each one's row in the sample.
            start: index of the block's first row.
        """
        conditions, encoder = self._conditions, self._encoder
        arrays = encoder.assemble(learned, start, self._seed)
        arrays = conditions.restored(arrays, rows)
        wrong: list[tuple[str, Array]] = []
        for inverse in self._inverses.values():
            self._solve(inverse, arrays, rows, wrong)
        impossible = encoder.relations.complete(arrays, related)
        for relation, mask in impossible:
            limits = f"{relation.low:.10g} to {relation.high:.10g}"
            wrong.append((f"{relation.formula.text} (only values from {limits} occur)", mask))
        wrong += self._unmet(arrays, rows)
        wrong += encoder.broken_rules(arrays, conditions.given(rows))
        return Drawn(arrays, wrong)

    def _unmet(self, arrays: Arrays, rows: Array) -> list[tuple[str, Array]]:
        """Conditions that computed values do not meet; given values are put in their place."""
        wrong = []
        by_name = {column.name: column for column in self._encoder.columns}
        for name, value in self._conditions.checks.items():
            wrong.append((f"the condition on {name!r}", ~meets(by_name[name], value, arrays[name])))
        for name in self._encoder.relations.always:
            if name not in self._conditions.cells:
                continue
            cells, given = self._conditions.cells_of(name, rows)
            now, absent = numbers(arrays[name])
            then, missing = numbers(cells.cast(arrays[name].type))
            differs = given & ~((now == then) & ~absent & ~missing | absent & missing)
            if differs.any():
                wrong.append((f"the condition on {name!r}", differs))
        return wrong

    def _inverse_of(self, name: str) -> list[Formula]:
        """Formulas that give an input of a computed column from the column itself."""
        encoder = self._encoder
        relation = encoder.relations.always[name]
        found = []
        for column in relation.formula.sources:
            expression = solved(name, relation.formula.expression, column)
            if expression is not None:
                kinds = {c.name: c.kind for c in encoder.columns}
                by_name = {c.name: c for c in encoder.columns}
                decimals = dict(relation.formula.decimals)
                found.append(formula_of(by_name[column], expression, kinds, decimals))
        return found

    def _solve(
        self,
        inverses: Sequence[Formula],
        arrays: Arrays,
        rows: Array,
        wrong: list[tuple[str, Array]],
    ) -> None:
        """Change one input of a computed column so that the column has its given value.

        The input is one that is not given itself; if there are several, the last one.
        """
        if not inverses:
            return
        conditions = self._conditions
        name = next(i for i in inverses[0].sources if i in self._encoder.relations.always)
        cells, wanted = conditions.cells_of(name, rows)
        wanted = wanted & cells.is_valid().to_numpy(zero_copy_only=False)
        present = {**arrays, name: cells}
        for inverse in reversed(inverses):
            if not wanted.any():
                return
            target = inverse.column.name
            if target in self._encoder.relations.always:
                continue
            free = wanted & ~conditions.given(rows).get(target, np.zeros(len(rows), bool))
            if not free.any():
                continue
            table = pa.table({column: present[column] for column in inverse.sources})
            values = inverse.compute(table)
            arrays[target] = pc.if_else(pa.array(free), values, arrays[target])
            low, high = self._encoder.range_of(target)
            off = free & (
                outside(values, low, high) | values.is_null().to_numpy(zero_copy_only=False)
            )
            if off.any():
                wrong.append((f"the condition on {name!r} (by {target!r})", off))
            wanted = wanted & ~free

    def _unreachable(self, drawn: Drawn, row: int) -> str:
        reasons = sorted(drawn.wrong, key=lambda item: -int(item[1].sum()))
        names = listed([reason for reason, _ in reasons[:_SHOWN]], show=str)
        of_row = f"row {row}: " if self._conditions.by_row else ""
        return f"{of_row}no row of the model meets {names} with the conditions: loosen them."


def _replaced(
    arrays: Mapping[str, pa.Array],
    others: Mapping[str, pa.Array],
    at: Array,
    by: Array,
    kept: frozenset[str],
) -> Arrays:
    """Put rows `by` of other arrays in the place of rows `at`."""
    count = len(next(iter(arrays.values())))
    index = np.arange(count)
    index[at] = count + np.arange(len(at))
    picked, taken = pa.array(index), pa.array(by)
    result = {}
    for name, array in arrays.items():
        if name in kept:
            result[name] = array
            continue
        both = pa.chunked_array([array, others[name].take(taken)]).unify_dictionaries()
        result[name] = pa.concat_arrays(both.chunks).take(picked)
    return result
