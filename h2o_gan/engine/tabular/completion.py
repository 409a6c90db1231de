"""Completes drawn tokens to rows: relations give values, and rows that break a rule are redrawn.

A row whose values break a rule, a condition on a computed column, or the range of one is drawn
again: rejection sampling, so the rows follow the distribution of those that break none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.conditions import meets, value_text
from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.relations import Relations
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.conditions import Conditions
from h2o_gan.engine.tabular.inversion import Inversion
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.notices import listed

__all__ = ["Completion", "Drawn", "replaced"]

_ROUNDS = 24
_HOPELESS = 4  # rounds in which no row was accepted
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
        final: what they break by given values alone, so that no other draw would help.
    """

    arrays: Arrays
    wrong: Sequence[tuple[str, Array]]
    final: Sequence[tuple[str, Array]] = ()

    @property
    def broken(self) -> Array:
        """The mask of rows that break anything, (rows,) bool."""
        total = np.zeros(len(next(iter(self.arrays.values()))), bool)
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
        self._inversion = Inversion(encoder, conditions)

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
        generated = self.generated(start, count)

        def completed(owners: Array) -> Drawn:
            values, uniforms = draw(owners)
            taken = {name: array.take(pa.array(owners)) for name, array in generated.items()}
            return self.candidates(values, uniforms, taken, start + owners)

        drawn = completed(every)
        for text, mask in drawn.final:
            if mask.any():
                raise Unreachable(
                    f"{self._place(start + int(mask.argmax()))}the conditions break {text!r}: "
                    "change or leave out one."
                )
        arrays = drawn.arrays
        left = np.flatnonzero(drawn.broken)
        accepted = 1 - len(left) / count
        rounds = 0
        while len(left):
            if rounds == (_ROUNDS if len(left) < count else _HOPELESS):
                raise Unreachable(self._unreachable(drawn, start + left[0]))
            rounds += 1
            copies = min(
                max(int(1 / max(accepted, 1 / _MAX_COPIES)), 1),
                max(_MAX_CANDIDATES // len(left), 1),
            )
            owners = np.repeat(left, copies)
            drawn = completed(owners)
            good = ~drawn.broken.reshape(-1, copies)
            accepted = max(float(good.mean()), 1 / _MAX_COPIES)
            done = good.any(1)
            if done.any():
                taken = np.flatnonzero(done) * copies + good[done].argmax(1)
                arrays = replaced(arrays, drawn.arrays, left[done], taken)
                left = left[~done]
        return self._encoder.batch(arrays)

    def generated(self, start: int, count: int) -> Arrays:
        """Columns whose values follow from the index of consecutive rows, by name."""
        return self._encoder.generated(start, count, self._seed)

    def candidates(
        self, values: Array, uniforms: Array, generated: Mapping[str, pa.Array], rows: Array
    ) -> Drawn:
        """Complete candidates.

        Args:
            values: (candidates, tokens) float64.
            uniforms: (candidates, codecs) float64.
            generated: columns that follow from a row's index, by name.
            rows: (candidates,) the index of each one's row in the sample.
        """
        learned = self._layout.decode(values, uniforms, self._conditions.constraints)
        return self.completed(learned, self._layout.related(values), generated, rows)

    def completed(
        self,
        learned: Sequence[pa.Array],
        related: Mapping[str, Array],
        generated: Mapping[str, pa.Array],
        rows: Array,
    ) -> Drawn:
        """Complete candidates of which the learned columns have values.

        Args:
            learned: the arrays of each column of each learned codec, in order.
            related: see :meth:`RowLayout.related`.
            generated: columns that follow from a row's index, by name.
            rows: (candidates,) the index of each one's row in the sample.
        """
        conditions, encoder = self._conditions, self._encoder
        arrays = conditions.restored({**encoder.named(learned), **generated}, rows)
        related, drawn = dict(related), dict(arrays)
        given = conditions.given(rows) | {name: np.ones(len(rows), bool) for name in generated}
        fixed = _fixed(encoder.relations, given, len(rows))
        wrong = self._inversion.solve(arrays, related, rows)
        for text, mask, settled in self._misfits(drawn, arrays, related, given):
            wrong.append((text, mask & ~settled if conditions.completes else mask))
        impossible = encoder.relations.complete(arrays, related, self._observed(rows, fixed))
        for relation, mask in impossible:
            ends = (value_text(relation.formula.column, x) for x in (relation.low, relation.high))
            limits = " to ".join(ends)
            off = mask & ~fixed[relation.target]
            wrong.append((f"{relation.formula.text} (only values from {limits} occur)", off))
        by_name = {column.name: column for column in encoder.columns}
        for name, value in conditions.checks.items():
            column = by_name[name]
            wrong.append((f"the condition on {name!r}", ~meets(column, value, arrays[name])))
        final = []
        for name, mask in self._unmet(arrays, rows):
            wrong.append((f"the condition on {name!r}", mask))
            final.append((encoder.relations.always[name].formula.text, mask & fixed[name]))
        for rule, mask in encoder.broken_rules(arrays):
            settled = np.logical_and.reduce(
                [
                    given.get(c, False) | fixed.get(c, np.zeros(len(rows), bool))
                    for c in rule.columns
                ]
            )
            if conditions.completes:
                mask &= ~settled
            wrong.append((rule.text, mask))
            final.append((rule.text, mask & settled))
        return Drawn(arrays, wrong, final)

    def _misfits(
        self,
        drawn: Arrays,
        arrays: Arrays,
        related: Mapping[str, Array],
        given: Mapping[str, Array],
    ) -> list[tuple[str, Array, Array]]:
        """Columns that are functions of others, where the inversion changed either of the two.

        Args:
            drawn: the columns before the inversion.
            arrays: the columns after it.
            related: see :meth:`RowLayout.related`.
            given: by column, (rows,) bool, the given cells.

        Returns:
            What does not hold; the mask of the rows in which it does not, (rows,) bool; and that of
            the rows in which given cells alone decide that.
        """
        layout, found = self._layout, []
        for dependency in layout.dependencies:
            pair = [layout.codecs[index] for index in (dependency.source, dependency.token)]
            source, target = (codec.columns[0].name for codec in pair)
            changed = settled = np.zeros(len(arrays[target]), bool)
            for name, other in ((source, target), (target, source)):
                if arrays[name] is not drawn[name]:
                    differs = _differs(arrays[name], drawn[name])
                    changed = changed | differs
                    settled = settled | differs & self._settled(name, other, given, len(differs))
            if not changed.any():
                continue
            choices = []
            for index, codec in zip((dependency.source, dependency.token), pair, strict=True):
                values = [pa.chunked_array([arrays[column.name]]) for column in codec.columns]
                codes = codec.encode(values, related.get(codec.columns[0].name))
                choices.append(layout.columns[index].choices_of(codes))
            wanted = dependency.table[np.maximum(choices[0], 0)]
            off = changed & (choices[0] >= 0) & (choices[1] >= 0) & (choices[1] != wanted)
            if off.any():
                found.append((f"{target!r} as a function of {source!r}", off, settled))
        return found

    def _settled(self, name: str, other: str, given: Mapping[str, Array], rows: int) -> Array:
        """Where a column and all else in a formula with this input are given, (rows,) bool."""
        settled, none = np.zeros(rows, bool), np.zeros(rows, bool)
        for target, relation in self._encoder.relations.always.items():
            sources = relation.formula.sources
            if name in sources:
                known = {other, target, *sources} - {name}
                settled |= np.logical_and.reduce([given.get(column, none) for column in known])
        return settled

    def _observed(
        self, rows: Array, fixed: Mapping[str, Array]
    ) -> dict[str, tuple[pa.Array, Array]]:
        """Given cells of computed columns whose inputs are given too, in rows to be completed."""
        observed = {}
        for name in self._encoder.relations.always:
            if self._conditions.completes and name in self._conditions.cells:
                cells, given = self._conditions.cells_of(name, rows)
                observed[name] = cells, given & fixed[name]
        return observed

    def _unmet(self, arrays: Arrays, rows: Array) -> list[tuple[str, Array]]:
        """Computed columns that lack their given values, and the mask of those rows."""
        wrong = []
        for name in self._encoder.relations.always:
            if name not in self._conditions.cells:
                continue
            cells, given = self._conditions.cells_of(name, rows)
            differs = given & _differs(arrays[name], cells.cast(arrays[name].type))
            if differs.any():
                wrong.append((name, differs))
        return wrong

    def _unreachable(self, drawn: Drawn, row: int) -> str:
        broken = [item for item in drawn.wrong if item[1].any()]
        # What only some candidates break is not what keeps all of them out.
        by_all = [item for item in broken if item[1].all()]
        reasons = sorted(by_all or broken, key=lambda item: -int(item[1].sum()))[:_SHOWN]
        columns = {rule.text: rule.columns for rule in self._encoder.rules}
        about = {name for reason, _ in reasons for name in columns.get(reason, ())}
        named = [name for name in self._conditions.names if name in about]
        on = f" on {listed(named)}" if named else ""
        return (
            f"{self._place(row)}no row of the model meets "
            f"{listed([reason for reason, _ in reasons], show=str)} with the conditions{on}: "
            "loosen them."
        )

    def _place(self, row: int) -> str:
        """The row that a message is about, if they differ."""
        codes = self._conditions.codes
        return "" if codes is None or len(codes) == 1 else f"row {row % len(codes)}: "


def _differs(values: pa.Array, others: pa.Array) -> Array:
    """Where two columns of numbers or times differ, (rows,) bool."""
    now, absent = numbers_of(values)
    then, missing = numbers_of(others)
    differs: Array = ~((now == then) & ~absent & ~missing | absent & missing)
    return differs


def _fixed(relations: Relations, given: Mapping[str, Array], rows: int) -> dict[str, Array]:
    """The rows in which all inputs of a relation are given, or follow from given ones.

    Args:
        relations: of the model.
        given: by column, (rows,) bool, the cells that the user gave.
        rows: their number.

    Returns:
        By name of a relation's column, (rows,) bool; False for relations of a part of the rows.
    """
    fixed: dict[str, Array] = {}
    none = np.zeros(rows, bool)
    for relation in relations.relations:
        inputs = np.full(rows, relation.always)
        for name in relation.formula.sources:
            inputs &= given.get(name, none) | fixed.get(name, none)
        fixed[relation.target] = inputs
    return fixed


def replaced(arrays: Mapping[str, pa.Array], others: Arrays, at: Array, by: Array) -> Arrays:
    """Put rows `by` of other arrays in the place of rows `at`."""
    count = len(next(iter(arrays.values())))
    index = np.arange(count)
    index[at] = count + np.arange(len(at))
    picked, taken = pa.array(index), pa.array(by)
    result = {}
    for name, array in arrays.items():
        both = pa.chunked_array([array, others[name].take(taken)]).unify_dictionaries()
        result[name] = pa.concat_arrays(both.chunks).take(picked)
    return result
