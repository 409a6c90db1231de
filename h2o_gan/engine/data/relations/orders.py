"""Finds conditions on two columns that hold in every training row.

A condition counts only where chance cannot explain it. Of two independent columns, the first is at
most as large as the second in a row with the probability sum_v p(v) P(second >= v); n rows are in
order with that to the power of n.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.relations.conditions import (
    Comparison,
    Logic,
)
from h2o_gan.engine.data.relations.expressions import (
    Expression,
    Number,
    Reference,
    columns_of,
)
from h2o_gan.engine.data.relations.finding import NumberColumn, chance_bound
from h2o_gan.engine.data.relations.gaps import equal_sets, find_gaps
from h2o_gan.engine.data.relations.rules import Condition
from h2o_gan.engine.data.schema import Array

__all__ = ["find_conditions"]

_SCREENED_ROWS = 500
_MIN_ROWS = 20  # in which both columns are present
_MOST_CHECKED = 2000  # pairs, on all rows
_MAX_CONDITIONS = 500


def find_conditions(
    table: pa.Table,
    columns: Sequence[NumberColumn],
    decimals: Mapping[str, int | None],
    computed: Sequence[str] = (),
    of_gaps: bool = True,
) -> list[Condition]:
    """Find orders of numbers and times, what is missing when, and numbers zero together.

    Orders that follow from others are left out.

    Args:
        table: the training rows.
        columns: its columns of numbers and times.
        decimals: of real columns; None for those whose values are not rounded.
        computed: columns that formulas give.
        of_gaps: whether conditions about missing values are sought.
    """
    found = []
    gaps = find_gaps(table, columns, computed) if of_gaps else ()
    for expression in chain(_orders(columns), gaps, _zero_together(columns)):
        names = [name for name in columns_of(expression) if name in decimals]
        rule = Condition(str(expression), expression, tuple((n, decimals[n]) for n in names))
        # Doubles, with which pairs are searched, tell no large whole numbers apart.
        if not rule.broken(table).any():
            found.append(rule)
        if len(found) == _MAX_CONDITIONS:
            break
    return found


def _orders(columns: Sequence[NumberColumn]) -> Iterator[Expression]:
    for of_times in (False, True):
        some = [column for column in columns if column.is_time == of_times]
        if len(some) < 2:
            continue
        holds = _candidates(some)
        if holds.sum() > _MOST_CHECKED:
            holds = _reduced(holds)
        least = {}
        for low, high in np.argwhere(holds)[:_MOST_CHECKED].tolist():
            gap = some[high].values - some[low].values
            gap = gap[~np.isnan(gap)]
            least[low, high] = gap.min() if len(gap) >= _MIN_ROWS else -1.0
            holds[low, high] = least[low, high] >= 0
        for low, high in np.argwhere(_reduced(holds)).tolist():
            names = Reference(some[low].name), Reference(some[high].name)
            yield Comparison(names, ("<" if least[low, high] > 0 else "<=",))


def _candidates(columns: Sequence[NumberColumn]) -> Array:
    """Pairs of columns, (columns, columns) bool, that are in order beyond chance in some rows."""
    rows, count = len(columns[0].values), len(columns)
    rng = np.random.default_rng(0)
    picked = rng.permutation(rows)[:_SCREENED_ROWS]
    some = np.stack([column.values[picked] for column in columns], 1)
    others = some[rng.permutation(len(some))]
    holds = np.zeros((count, count), bool)
    bound = chance_bound(count**2)
    for column in range(count):
        both = ~np.isnan(some[:, [column]]) & ~np.isnan(some)
        in_order = ~both | (some[:, [column]] <= some)
        crossed = ~np.isnan(some[:, [column]]) & ~np.isnan(others)
        by_chance = (crossed & (some[:, [column]] <= others)).sum(0) / np.maximum(crossed.sum(0), 1)
        evidence = -rows * both.mean(0) * np.log(np.maximum(by_chance, 1 / len(some)))
        holds[column] = in_order.all(0) & (evidence > bound)
    ordered: Array = holds & ~holds.T  # equal columns have a formula
    return ordered


def _reduced(holds: Array) -> Array:
    """Orders without those that follow from two others."""
    links = holds.astype(np.float32)
    reduced: Array = holds & ~((links @ links) > 0)
    return reduced


def _zero_together(columns: Sequence[NumberColumn]) -> Iterator[Expression]:
    masks = {column.name: column.values == 0 for column in columns if not column.is_time}
    for first, second in equal_sets(masks):
        names = Reference(first), Reference(second)
        are = Logic("and", tuple(Comparison((name, Number(0)), ("=",)) for name in names))
        are_not = Logic("and", tuple(Comparison((name, Number(0)), ("!=",)) for name in names))
        yield Logic("or", (are, are_not))
