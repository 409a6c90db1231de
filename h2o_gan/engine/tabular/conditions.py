"""Conditions on rows: constraints by column, rows with gaps, levels in equal numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.protocol import Constraint, GeneratedCodec
from h2o_gan.engine.data.relations.absence import lasting_gaps
from h2o_gan.engine.data.relations.expressions import Reference
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.bounds import Bounds, Link
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.sampling import Given
from h2o_gan.notices import listed

__all__ = ["Conditions"]

_FREE = -1  # code of a cell that is drawn


@dataclass(frozen=True)
class Partial:
    """Rows of a codec with several columns, of which some are given.

    Attributes:
        values: the values of each column, (rows,).
        given: for each column (rows,) bool, where its value is given.
    """

    values: tuple[pa.Array, ...]
    given: tuple[Array, ...]


@dataclass(frozen=True)
class Conditions:
    """Constraints on all rows, and cells that are given row by row.

    Attributes:
        layout: of the model.
        constraints: by column; see :class:`RowLayout`.
        bounds: the constraints by token.
        first: columns in the order in which they are drawn before all others.
        codes: (rows, codecs) int64 given codes, _FREE where there are none; after the last row
            comes the first again; None for no given cells.
        cells: the given values by name, and (rows,) bool, which rows have them.
        partial: rows of which only some columns of a codec are given, by column.
        filled: columns that are functions of another and whose gaps are filled with values.
        checks: conditions, by name, on columns whose values relations give: rows are drawn until
            they meet them.
        completes: whether the given cells are of rows to be completed, which may break rules
            among themselves.
    """

    layout: RowLayout
    constraints: Mapping[int, Constraint] = field(default_factory=dict)
    bounds: Mapping[int, Bounds] = field(default_factory=dict)
    first: tuple[int, ...] = ()
    codes: Array | None = None
    cells: Mapping[str, tuple[pa.Array, Array]] = field(default_factory=dict)
    partial: Mapping[int, Partial] = field(default_factory=dict)
    filled: tuple[int, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)
    completes: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no condition."""
        return not self.bounds and self.codes is None and not self.checks

    @property
    def names(self) -> list[str]:
        """The columns that have a condition, or a given cell in some row."""
        constrained = [c.name for i in self.constraints for c in self.layout.codecs[i].columns]
        return list(dict.fromkeys([*constrained, *self.cells, *self.checks]))

    @property
    def by_row(self) -> bool:
        """Whether rows have different conditions."""
        return self.codes is not None and len(self.codes) > 1

    @classmethod
    def by_column(
        cls, layout: RowLayout, encoder: TableEncoder, wanted: Mapping[str, Any]
    ) -> Conditions:
        """The same conditions for every row.

        Args:
            layout: of the model.
            encoder: of the model.
            wanted: by column name: a level, number or time; a list of them; a pair (low, high)
                for numbers and times, both included; None for missing.

        Raises:
            ValueError: there is no such column, level or value, or no row meets all conditions.
            TypeError: a value is of another type than its column.
        """
        owners = {column.name: codec for codec in encoder.codecs for column in codec.columns}
        constraints: dict[int, Constraint] = {}
        checks = {}
        cells: dict[str, tuple[pa.Array, Array]] = {}
        for name, value in wanted.items():
            if name not in owners:
                raise ValueError(
                    f"conditions: the model has no column {name!r}; it has {listed(list(owners))}."
                )
            codec, index = owners[name], layout.index_of(name)
            if isinstance(codec, GeneratedCodec):
                codec.check_condition(name, value)
                continue
            if isinstance(codec, ComputedCodec):
                decimals = dict(encoder.relations.always[name].formula.decimals).get(name)
                exact = codec.given(value, encoder.range_of(name), decimals)
                if exact is None:
                    checks[name] = value
                else:
                    cells[name] = exact, np.ones(1, bool)
                continue
            assert index is not None
            if layout.codecs[index].related and value is not None:
                checks[name] = value
            constraint = layout.columns[index].constraint(name, value)
            before = constraints.get(index)
            if before is not None:
                constraint = layout.codecs[index].joined(before.combined(constraint))
            if constraint.is_empty:
                raise _unmet(name)
            constraints[index] = constraint
        codes = np.full((1, len(layout.codecs)), _FREE, np.int64)
        for index, constraint in constraints.items():
            codes[0, index] = _FREE if constraint.code is None else constraint.code
            cells |= {name: (cell, np.ones(1, bool)) for name, cell in constraint.cells.items()}
        free = {index: c for index, c in constraints.items() if c.code is None}
        conditions = replace(_constrained(layout, free), checks=checks)
        conditions = conditions._linked(encoder, {n: v for n, v in wanted.items() if n in checks})
        return replace(conditions, codes=codes, cells=cells) if cells else conditions

    @classmethod
    def of_rows(
        cls,
        layout: RowLayout,
        encoder: TableEncoder,
        table: pa.Table,
        fill_missing: bool,
        predicted: str | None = None,
    ) -> Conditions:
        """Cells as `table` has them; other columns are drawn.

        Args:
            layout: of the model.
            encoder: of the model.
            table: some of the model's columns.
            fill_missing: whether missing cells are drawn, as anything but missing; without those
                that a rule leaves no value.
            predicted: a column that has a value in every row, whatever rules say.
        """
        if not table.num_rows:
            raise ValueError("the frame has no rows.")
        cells, lasting = {}, {}
        if fill_missing:
            lasting = _lasting(layout, encoder, table, predicted)
        for column in encoder.columns:
            if column.name in table.column_names:
                values = table.column(column.name)
                given = np.ones(len(values), bool)
                if fill_missing:
                    given = ~values.is_null(nan_is_null=True).to_numpy()
                    given |= lasting.get(column.name, False)
                cells[column.name] = (_whole(values), given)
        # Gaps agree with nothing.
        related = encoder.relations.indices(table)
        codes = np.full((table.num_rows, len(layout.codecs)), _FREE, np.int64)
        constraints: dict[int, Constraint] = {}
        bounds: dict[int, Bounds] = {}
        partial = {}
        filled = []
        for index, codec in enumerate(layout.codecs):
            names = [column.name for column in codec.columns]
            if not any(name in cells for name in names):
                continue
            absent = np.zeros(table.num_rows, bool)
            masks = tuple(cells[name][1] if name in cells else absent for name in names)
            arrays = tuple(
                cells[c.name][0] if c.name in cells else pa.nulls(table.num_rows, c.arrow_type)
                for c in codec.columns
            )
            whole = np.logical_and.reduce(masks)
            encoded = codec.encode(
                [pa.chunked_array([array]) for array in arrays], related.get(names[0])
            )
            codes[:, index] = np.where(whole, encoded, _FREE)
            if (np.logical_or.reduce(masks) & ~whole).any():
                partial[index] = Partial(arrays, masks)
            if not (fill_missing and codec.has_missing):
                continue
            if layout.source_of(index) is not None:
                filled.append(index)
            else:
                constraints[index] = layout.columns[index].present()
                bounds.update(_bounds_of(layout, index, constraints[index]))
        return cls(
            layout,
            constraints,
            bounds,
            (),
            codes,
            cells,
            partial,
            tuple(filled),
            completes=fill_missing,
        )

    def balanced(self, encoder: TableEncoder, column: str, rows: int) -> Conditions:
        """These conditions, and equally many rows of each level of `column`.

        Args:
            encoder: of the model.
            column: name of a categorical column; levels that training saw are drawn.
            rows: number of rows of the sample.

        Raises:
            ValueError: there is no such column, it has no levels, or it has a condition.
        """
        index = self.layout.index_of(column)
        if index is None or not self.layout.codecs[index].has_levels:
            names = [c.columns[0].name for c in self.layout.codecs if c.has_levels]
            raise ValueError(
                f"balance={column!r} is not a categorical column of the model; "
                f"these are: {listed(names)}."
            )
        if index in self.constraints or column in self.cells:
            raise ValueError(
                f"balance={column!r}: that column has a condition too. Give one of the two."
            )
        codec = self.layout.codecs[index]
        levels = codec.width - codec.has_missing
        # If nothing else is given row by row, one row of each level stands for all.
        count = rows if self.by_row else min(rows, levels)
        repeated = np.arange(count)
        codes = np.full((count, len(self.layout.codecs)), _FREE, np.int64)
        if self.codes is not None:
            codes[:] = self.codes[repeated % len(self.codes)]
        codes[:, index] = repeated % levels
        (values,) = codec.decode(codes[:, index], np.zeros(count))
        cells = {**self.cells, column: (values, np.ones(count, bool))}
        return replace(self, codes=codes, cells=cells)

    def block(
        self, start: int, rows: int, rng: torch.Generator, device: torch.device
    ) -> tuple[Given, dict[int, Bounds]]:
        """The conditions on a block of rows.

        Args:
            start: index of the first row in the sample.
            rows: number of rows.
            rng: draws the rank of a given number among its ties.
            device: of the tensors.

        Returns:
            What is given of the rows, and bounds by token.
        """
        tokens = self.layout.tokens
        bounds = {token: bound.to(device) for token, bound in self.bounds.items()}
        if self.codes is None:
            return Given.none(rows, len(tokens), device), bounds
        # After the last row comes the first again: a block is always drawn whole.
        picked = np.arange(start, start + rows) % len(self.codes)
        picked_codes = self.codes[picked]
        codes = torch.from_numpy(picked_codes).to(device)
        values, active = self.layout.tables(device).expand(codes, rng)
        indices = torch.tensor([token.column for token in tokens], device=device)
        # A code that the network does not see, or a number that is absent, is known nonetheless.
        known = (codes >= 0)[:, indices]
        for index in range(picked_codes.shape[1]):
            column_codes = picked_codes[:, index]
            if index in self.partial:
                bounds = _with_rows(bounds, self._partial_bounds(index, picked, device))
            dependency = self.layout.source_of(index)
            if dependency is None or (column_codes < 0).all():
                continue
            # A column that is a function of another bounds that one instead.
            choice = self.layout.columns[index].choices_of(column_codes)
            mask = dependency.table[None, :] == choice[:, None]
            # No source leads there: the given cell stays, and the source is drawn freely.
            mask[(choice < 0) | ~mask.any(1)] = True
            token = self.layout.spans[dependency.source].start
            tensor = torch.from_numpy(mask.astype(np.float32)).to(device)
            bounds = _with_rows(bounds, {token: tensor})
        for index in self.filled:
            gaps = torch.from_numpy(picked_codes[:, index] < 0).to(device)
            bounds = _with_rows(bounds, self._filled_bounds(index, gaps, bounds))
        return Given(values, active & known, known, alike=len(self.codes) == 1), bounds

    def restored(self, arrays: Mapping[str, pa.Array], rows: Array) -> dict[str, pa.Array]:
        """Put the given cells, exactly as given, into rows.

        Args:
            arrays: of columns by name.
            rows: (rows,) int64, the index of each one in the sample.
        """
        restored = dict(arrays)
        for name in self.cells:
            if name in arrays:
                restored[name] = _merged(arrays[name], *self.cells_of(name, rows))
        return restored

    def cells_of(self, name: str, rows: Array) -> tuple[pa.Array, Array]:
        """The cells of a column, and where they are given, of rows by their index."""
        cells, given = self.cells[name]
        # After the last row comes the first again: a block is always drawn whole.
        picked = rows % len(cells)
        return cells.take(pa.array(picked)), given[picked]

    def given(self, rows: Array) -> dict[str, Array]:
        """The columns that have given cells, and the mask of rows that do, (rows,) bool."""
        return {name: given[rows % len(given)] for name, (_, given) in self.cells.items()}

    def _linked(self, encoder: TableEncoder, wanted: Mapping[str, Any]) -> Conditions:
        """These conditions, passed on to columns that are equal in a part of the rows.

        Where a row takes its value from another column, that column has to meet the condition.
        """
        bounds = dict(self.bounds)
        for name, value in wanted.items():
            index = self.layout.index_of(name)
            if index is None or index not in self.layout.spans:
                continue
            for number, relation in enumerate(encoder.relations.partial(name)):
                expression = relation.formula.expression
                if not isinstance(expression, Reference):
                    continue
                source = self.layout.index_of(expression.name)
                if source is None or source not in self.layout.spans or source in self.first:
                    continue
                try:
                    constraint = self.layout.columns[source].constraint(expression.name, value)
                except (TypeError, ValueError):  # no value of that column meets the condition
                    continue
                choice = self.layout.columns[index].choice_of_relation(number)
                for token, bound in _bounds_of(self.layout, source, constraint).items():
                    if token not in bounds:
                        link = Link(self.layout.spans[index].start, choice, bound)
                        bounds[token] = Bounds(link=link)
        return replace(self, bounds=bounds)

    def _filled_bounds(
        self, index: int, gaps: torch.Tensor, bounds: Mapping[int, Bounds]
    ) -> dict[int, torch.Tensor]:
        """Masks by row, (rows, size), of the source of a column whose gaps are filled.

        Where other choices are left, those that the column's missing values follow from are not
        allowed.
        """
        dependency, column = self.layout.source_of(index), self.layout.columns[index]
        assert dependency is not None
        token = self.layout.spans[dependency.source].start
        (shares,) = column.masks(column.present())
        assert shares is not None
        possible = torch.from_numpy((shares > 0)[dependency.table]).to(gaps.device)
        before = bounds[token].mask if token in bounds else None
        left = possible if before is None else possible & (before > 0)
        narrowed = gaps & left.any(-1)
        return {token: (possible | ~narrowed[:, None]).float()}

    def _partial_bounds(
        self, index: int, picked: Array, device: torch.device
    ) -> dict[int, torch.Tensor]:
        """Masks by row, (rows, ...), of the tokens of a column that is given in part."""
        partial, column = self.partial[index], self.layout.columns[index]
        picked = picked % len(partial.values[0])
        given = [mask[picked] for mask in partial.given]
        partly = np.flatnonzero(np.logical_or.reduce(given) & ~np.logical_and.reduce(given))
        masks: dict[int, torch.Tensor] = {}
        if not len(partly):
            return masks
        rows = pa.array(picked[partly])
        values = [pa.chunked_array([array.take(rows)]) for array in partial.values]
        shares = self.layout.codecs[index].possible(values, [mask[partly] for mask in given])
        by_row = [column.masks(Constraint(row > 0, row)) for row in shares]
        for at, token in enumerate(self.layout.spans.get(index, ())):
            if by_row[0][at] is None:
                continue
            parts = np.stack([np.asarray(parts[at], np.float32) for parts in by_row])
            mask = torch.ones(len(picked), *parts.shape[1:])
            mask[torch.from_numpy(partly)] = torch.from_numpy(parts)
            masks[token] = mask.to(device)
        return masks


def _lasting(
    layout: RowLayout, encoder: TableEncoder, table: pa.Table, predicted: str | None
) -> dict[str, Array]:
    """The missing cells of learned columns that stay missing; see :func:`lasting_gaps`."""
    learned = {c.columns[0].name for c in layout.codecs if c.has_missing} - {predicted}
    # Computed columns are missing where an input is: their gaps tell which others last.
    either = learned | {*encoder.relations.always} - {predicted}
    empty = {
        codec.column.name
        for codec in encoder.codecs
        if isinstance(codec, ConstantCodec) and codec.value is None
    }
    filled = [column.name for column in encoder.columns if column.name not in either | empty]
    found = lasting_gaps(encoder.rules, table, sorted(either), filled)
    return {name: mask for name, mask in found.items() if name in learned}


def _constrained(layout: RowLayout, constraints: Mapping[int, Constraint]) -> Conditions:
    """Conditions that hold for every row."""
    kept = dict(constraints)
    on_roots = {i: c for i, c in constraints.items() if layout.source_of(i) is None}
    for index, constraint in constraints.items():
        dependency = layout.source_of(index)
        if dependency is None:
            continue
        # A column that is a function of another bounds that one instead.
        (choices,) = layout.columns[index].masks(constraint)
        source_choices = layout.columns[dependency.source].choices
        assert choices is not None and source_choices is not None
        possible = (choices > 0)[dependency.table]
        reachable = Constraint(possible[np.maximum(source_choices, 0)] | (source_choices < 0))
        before = on_roots.get(dependency.source)
        reachable = reachable if before is None else before.combined(reachable)
        if reachable.is_empty:
            raise _unmet(layout.codecs[index].columns[0].name)
        on_roots[dependency.source] = kept[dependency.source] = reachable
    # Columns with the fewest allowed codes first: what follows from a single one is then the same
    # for all rows. Ranges come last.
    first = sorted(
        on_roots,
        key=lambda i: np.inf if on_roots[i].codes is None else on_roots[i].codes.sum(),  # type: ignore[union-attr]
    )
    bounds: dict[int, Bounds] = {}
    for index in first:
        bounds.update(_bounds_of(layout, index, on_roots[index]))
    return Conditions(layout, kept, bounds, tuple(first))


def _bounds_of(layout: RowLayout, index: int, constraint: Constraint) -> dict[int, Bounds]:
    """A column's constraint by token."""
    bounds = {}
    masks = layout.columns[index].masks(constraint)
    for token, mask in zip(layout.spans[index], masks, strict=True):
        if mask is None:
            continue
        if not layout.tokens[token].is_number:
            bounds[token] = Bounds(torch.from_numpy(mask).float())
        elif mask[0] <= mask[1]:
            bounds[token] = Bounds(low=float(mask[0]), high=float(mask[1]))
    return bounds


def _with_rows(
    bounds: Mapping[int, Bounds], masks: Mapping[int, torch.Tensor]
) -> dict[int, Bounds]:
    """Bounds with masks by row added, by token."""
    merged = dict(bounds)
    for token, mask in masks.items():
        before = merged[token].mask if token in merged else None
        merged[token] = Bounds(mask if before is None else mask * before, by_row=True)
    return merged


def _unmet(name: str) -> ValueError:
    return ValueError(
        f"conditions: no row meets the one on {name!r} together with the others: leave one out."
    )


def _whole(values: pa.ChunkedArray) -> pa.Array:
    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # what pyarrow gives for no chunks, or too many
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array


def _merged(drawn: pa.Array, cells: pa.Array, given: Array) -> pa.Array:
    """Given cells in place of drawn ones; a dictionary gets the levels that it lacks."""
    if given.all() and cells.type == drawn.type:
        return cells
    if pa.types.is_dictionary(drawn.type):
        mask = pa.array(given)
        text = pa.compute.if_else(mask, cells.cast(pa.string()), drawn.cast(pa.string()))
        levels = drawn.dictionary.to_pylist()
        extra = [
            v for v in pa.compute.unique(text).to_pylist() if v not in levels and v is not None
        ]
        known = pa.array([*levels, *extra], pa.string())
        return pa.DictionaryArray.from_arrays(pa.compute.index_in(text, value_set=known), known)
    if isinstance(drawn.type, pa.UuidType):  # Arrow merges no arrays of extension types
        merged = pa.compute.if_else(pa.array(given), cells.storage, drawn.storage)
        return pa.ExtensionArray.from_storage(drawn.type, merged)
    return pa.compute.if_else(pa.array(given), cells.cast(drawn.type), drawn)
