"""Finds when columns are missing: together, or unless another column has a value that says so.

A condition counts only where chance cannot explain it. With columns that are independent, k of n
rows lie within m other rows with the probability C(m, k) / C(n, k); see :func:`_within`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from math import lgamma

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.relations.conditions import Comparison, Logic, Membership, Missing, Not
from h2o_gan.engine.data.relations.expressions import Expression, Number, Reference, Text
from h2o_gan.engine.data.relations.finding import NumberColumn, chance_bound
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.tokens.rules import RULES

__all__ = ["equal_sets", "find_gaps"]

_SCREENED_ROWS = 500
_MIN_ROWS = 20  # with a gap, and without
_MAX_MASKS = 64  # of which explanations are sought
_MAX_LEVELS, _MAX_LENGTH = 20, 100  # of a column, and characters of a level
_MAX_EXPLANATIONS = 4  # of one mask


def find_gaps(
    table: pa.Table, columns: Sequence[NumberColumn], computed: Sequence[str]
) -> Iterator[Expression]:
    """Find conditions on what is missing that hold in all rows and that chance does not explain.

    ========================  =================================================
    columns missing together  ``a is missing and b is missing or ...``
    one needs another         ``end is missing or start is not missing``
    by levels                 ``spouse is missing or status != 'single'``
    from a number on          ``wage is missing or age >= 18``, and the reverse
    ========================  =================================================

    Args:
        table: the training rows.
        columns: its columns of numbers and times.
        computed: columns that formulas give, which are missing where an input is.
    """
    masks = {
        name: table.column(name).is_null(nan_is_null=True).to_numpy()
        for name in table.column_names
        if table.column(name).null_count or pa.types.is_floating(table.schema.field(name).type)
    }
    for first, second in equal_sets(masks):
        one, other = Missing(Reference(first)), Missing(Reference(second))
        yield Logic("or", (Logic("and", (one, other)), Logic("and", (Not(one), Not(other)))))
    gaps = _distinct({name: mask for name, mask in masks.items() if name not in computed})
    yield from _needs(gaps)
    yield from _explained(gaps, table, columns)


def equal_sets(masks: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """Neighbours among columns that have one mask, where chance cannot explain it.

    Args:
        masks: (rows,) bool by name.
    """
    groups: dict[bytes, list[str]] = {}
    for name, mask in masks.items():
        groups.setdefault(np.packbits(mask).tobytes(), []).append(name)
    for names in groups.values():
        rows, inside = len(masks[names[0]]), int(masks[names[0]].sum())
        if _within(inside, inside, rows) > chance_bound(len(masks) ** 2):
            yield from pairwise(names)


def _within(some: int, others: int, rows: int) -> float:
    """Evidence, in nats, that some of the rows do not lie within so many others by chance."""
    if some > others:
        return 0.0

    def ways(of: int) -> float:
        return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)

    return ways(rows) - ways(others)


@dataclass(frozen=True)
class _Gap:
    """Columns that are missing in the same rows.

    Attributes:
        name: the first of them.
        mask: (rows,) bool.
    """

    name: str
    mask: Array

    @property
    def missing(self) -> Expression:
        return Missing(Reference(self.name))


def _distinct(masks: Mapping[str, Array]) -> list[_Gap]:
    """One gap for each mask with enough rows on both sides, the first in the table's order."""
    found: dict[bytes, _Gap] = {}
    for name, mask in masks.items():
        if min(mask.sum(), (~mask).sum()) >= _MIN_ROWS:
            found.setdefault(np.packbits(mask).tobytes(), _Gap(name, mask))
    return list(found.values())[:_MAX_MASKS]


def _needs(gaps: Sequence[_Gap]) -> Iterator[Expression]:
    """One column is present only where another is; without what follows from two others."""
    bound = chance_bound(len(gaps) ** 2)
    holds = np.zeros((len(gaps), len(gaps)), bool)
    for one, first in enumerate(gaps):
        for other, second in enumerate(gaps):
            if one == other or (second.mask & ~first.mask).any():
                continue
            present, within = int((~first.mask).sum()), int((~second.mask).sum())
            holds[one, other] = _within(present, within, len(first.mask)) > bound
    links = holds.astype(np.float32)
    for one, other in np.argwhere(holds & ~((links @ links) > 0)).tolist():
        yield Logic("or", (gaps[one].missing, Not(gaps[other].missing)))


def _explained(
    gaps: Sequence[_Gap], table: pa.Table, columns: Sequence[NumberColumn]
) -> Iterator[Expression]:
    """Gaps that follow from the levels of a column, or from its numbers up to one of them."""
    numbers = [_Numbers(column) for column in columns if not column.is_time]
    deciders: list[_Levels | _Numbers] = [*_levels(table), *numbers]
    bound = chance_bound(len(gaps) * len(deciders))
    picked = np.random.default_rng(0).permutation(table.num_rows)[:_SCREENED_ROWS]
    screened = [decider.rows(picked) for decider in deciders]
    for gap in gaps:
        some, explanations = _Gap(gap.name, gap.mask[picked]), 0
        for decider, part in zip(deciders, screened, strict=True):
            if decider.name == gap.name or explanations == _MAX_EXPLANATIONS:
                continue
            if part.explains(some, 0.0):  # few rows refute most
                found = decider.conditions(gap, bound)
                yield from found
                explanations += bool(found)


@dataclass(frozen=True)
class _Levels:
    """A column of few levels.

    Attributes:
        codes: (rows,) the level of each row; negative where missing.
        levels: by code.
    """

    name: str
    codes: Array
    levels: Sequence[str]

    def rows(self, picked: Array) -> _Levels:
        return replace(self, codes=self.codes[picked])

    def explains(self, gap: _Gap, bound: float) -> bool:
        return bool(self.conditions(gap, bound))

    def conditions(self, gap: _Gap, bound: float) -> list[Expression]:
        """Levels in whose rows there is always, or never, a gap."""
        count, known = len(self.levels), self.codes >= 0
        rows = np.bincount(self.codes[known], minlength=count)
        missing = np.bincount(self.codes[known & gap.mask], minlength=count)
        conditions: list[Expression] = []
        if not missing.any():  # no level decides what all of them need: see `_needs`
            return conditions
        for condition, exceptions, mask in (
            (gap.missing, rows - missing, ~gap.mask),
            (Not(gap.missing), missing, gap.mask),
        ):
            # A level of fewer rows is not told.
            levels = np.flatnonzero((rows >= RULES.min_rows) & (exceptions == 0))
            outside = len(mask) - int(rows[levels].sum())
            if _within(int(mask.sum()), outside, len(mask)) > bound + count * math.log(2):
                named = tuple(Text(self.levels[level]) for level in levels.tolist())
                conditions.append(Logic("or", (condition, _none_of(self.name, named))))
        return conditions


def _levels(table: pa.Table) -> Iterator[_Levels]:
    for name in table.column_names:
        if pa.types.is_dictionary(table.schema.field(name).type):
            column = table.column(name).unify_dictionaries().combine_chunks()
            levels = column.dictionary.to_pylist()
            if len(levels) <= _MAX_LEVELS and max(map(len, levels), default=0) <= _MAX_LENGTH:
                codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
                yield _Levels(name, codes, levels)


def _none_of(name: str, levels: tuple[Text, ...]) -> Expression:
    if len(levels) == 1:
        return Comparison((Reference(name), levels[0]), ("!=",))
    return Not(Membership(Reference(name), levels))


@dataclass(frozen=True)
class _Numbers:
    """A column of numbers."""

    column: NumberColumn

    @property
    def name(self) -> str:
        return self.column.name

    def rows(self, picked: Array) -> _Numbers:
        return _Numbers(replace(self.column, values=self.column.values[picked]))

    def explains(self, gap: _Gap, bound: float) -> bool:
        return self._sides(gap, bound) is not None

    def conditions(self, gap: _Gap, bound: float) -> list[Expression]:
        """A number from which on there is always a gap, below which there is none; or the reverse.

        One side alone would often hold by luck near the ends of a column.
        """
        sides = self._sides(gap, bound)
        start = None if sides is None else self._start(*sides[:2])
        if sides is None or start is None:
            return []
        below, above = gap.missing, Not(gap.missing)
        if not sides[2]:
            below, above = above, below
        return [
            Logic("or", (part, Comparison((Reference(self.name), start), (operator,))))
            for part, operator in ((below, ">="), (above, "<"))
        ]

    def _sides(self, gap: _Gap, bound: float) -> tuple[Array, Array, bool] | None:
        """The values below and above where gaps begin or end, and whether gaps are below."""
        known = ~np.isnan(self.column.values)
        gaps, others = self.column.values[known & gap.mask], self.column.values[known & ~gap.mask]
        if not len(gaps) or not len(others):
            return None
        if _within(len(gaps), len(gaps), len(gaps) + len(others)) <= bound:
            return None
        if gaps.max() < others.min():
            return gaps, others, True
        return (others, gaps, False) if others.max() < gaps.min() else None

    def _start(self, below: Array, above: Array) -> Number | None:
        """The roundest number between; None if that is the value of fewer than five rows."""
        low, high = float(below.max()), float(above.min())
        largest = max(abs(low), abs(high))
        for power in range(math.ceil(math.log10(largest)), -16, -1):
            exact = Decimal(high).scaleb(-power).to_integral_value(ROUND_FLOOR).scaleb(power)
            if low < float(exact) <= high:
                # All its decimals are told, and not only that it is at least a round number.
                whole = float(exact) == high and 10.0**power < 1.5 * self.column.unit
                rare = (above == high).sum() < RULES.min_rows
                return None if whole and rare else Number(float(exact))
        return None
