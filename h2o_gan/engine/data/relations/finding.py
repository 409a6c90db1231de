"""Finds formulas that hold between columns of numbers and times, in all rows or in a part of them.

Three searches on some thousand rows propose formulas:

* sums with whole, decimal or simple fractional factors, and products: by orthogonal matching
  pursuit (Pati et al. 1993) of the columns, or logarithms, of which a linear regression on all
  others leaves almost nothing;
* equal columns: by sorting the values of each row;
* sums, products and ratios of two columns: by trying all triples of up to 64 columns.

All rows then decide. Frequent values, such as 0, are no evidence: columns that are often 0 are
not equal for that. See :func:`explains_all` and :func:`explains_part` for the statistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from h2o_gan.engine.data.relations.expressions import UNITS
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.tokens.rules import RULES

__all__ = ["Candidate", "NumberColumn", "explains_all", "explains_part", "find_candidates"]

_ROWS = 4000  # of the searches
_MIN_ROWS = 20  # fewer show nothing
_MAX_TERMS = 16
_PURSUIT_WORK = 3e9  # products of numbers; more take too long
_MOST_MISSING = 0.3  # share of the rows
_RIDGE = 1e-9
_EXACT = 1e-6  # share of the variance that numbers which are not rounded may leave
_DENOMINATORS = (1, 10, 100, 1000, 10_000, 2, 3, 4, 6, 8, 12)
_TRIPLE_COLUMNS, _TRIPLE_ROWS, _MAX_TRIPLES = 64, 300, 200
_MAX_PAIRS = 1000
_FREQUENT = 0.02  # share of the rows
_SURPRISE = 25.0  # nats against chance, beyond those for the number of candidates
_WIDE = 10  # units of standard deviation, for formulas that are rounded to the unit
_LIFT = 3.0  # how many times as often a formula holds as one that is a little off
_OFFSETS = (1, 2, 3, 5, 10, 50, 100, 500, 1000)  # in units of the column


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers.

    Attributes:
        name: of the column.
        values: (rows,) float64, NaN where missing.
        unit: values are multiples of it: a power of ten for reals, 1 for whole numbers, and
            milliseconds for times; 0 for reals that are not rounded.
        is_time: whether values are milliseconds since 1970.
    """

    name: str
    values: Array = field(repr=False)
    unit: float
    is_time: bool = False

    @property
    def tolerance(self) -> float:
        """The largest difference that rounding explains.

        Where values are few units apart, any formula that is roughly right would round to them:
        there it has to be exact.
        """
        present = self.values[~np.isnan(self.values)]
        largest = float(np.abs(present).max(initial=0.0))
        rounds = len(present) > 0 and float(present.std()) >= _WIDE * self.unit
        return (0.5 * (1 + 1e-6) if rounds else 1e-6) * self.unit + 1e-9 * largest

    def frequent(self) -> Array:
        """The values that more than a fiftieth of the rows have, float64, sorted."""
        distinct, counts = np.unique(self.values[~np.isnan(self.values)], return_counts=True)
        often: Array = distinct[counts > _FREQUENT * len(self.values)]
        return often

    def without_frequent(self) -> Array:
        """(rows,) float64 values, NaN where missing or frequent."""
        return np.where(np.isin(self.values, self.frequent()), np.nan, self.values)


@dataclass(frozen=True)
class Candidate:
    """A formula for one column.

    Attributes:
        target: index of the column.
        terms: for sums, (factor, column); for products, (1, column) for a factor and (-1, column)
            for a divisor.
        constant: summand of a sum; factor of a product.
        is_product: which of the two it is.
    """

    target: int
    terms: tuple[tuple[float, int], ...]
    constant: float = 0.0
    is_product: bool = False

    @property
    def columns(self) -> frozenset[int]:
        """All columns that take part."""
        return frozenset({self.target, *(index for _, index in self.terms)})

    def values(self, columns: Sequence[NumberColumn]) -> Array:
        """(rows,) float64, the values of the formula before rounding; NaN where one is missing."""
        total = np.full(len(columns[self.target].values), self.constant)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for factor, index in self.terms:
                part = columns[index].values
                if not self.is_product:
                    total = total + factor * part
                elif factor > 0:
                    total = total * part
                else:
                    total = total / part
        return np.where(np.isfinite(total), total, np.nan)


def find_candidates(columns: Sequence[NumberColumn]) -> list[Candidate]:
    """Propose formulas from some of the rows.

    Args:
        columns: of the same rows.

    Returns:
        Candidates without duplicates, the simplest first.
    """
    rows = len(columns[0].values) if columns else 0
    if rows < _MIN_ROWS or len(columns) < 2:
        return []
    picked = np.sort(np.random.default_rng(0).permutation(rows)[:_ROWS])
    some = [_rows(c, picked) for c in columns]
    least = 0.5 * max(RULES.spike_share, RULES.spike_rows / rows) * len(picked)
    found = [*_sums(some), *_products(some), *_equal(some, least), *_triples(some)]
    unique = {(c.target, c.terms, round(c.constant, 9), c.is_product): c for c in found}
    return sorted(unique.values(), key=lambda c: (len(c.terms), c.is_product))


def _rows(column: NumberColumn, rows: Array) -> NumberColumn:
    """Some rows of a column, by index or mask."""
    return replace(column, values=column.values[rows])


def explains_all(values: Array, candidates: int) -> bool:
    """Whether chance cannot explain that a formula gives the right value in all rows.

    If the two were independent, a row's value would be right with the probability q that the
    formula has that value in any row. The sum of log q over the rows, those with the column's most
    frequent value left out, has to be far below what the number of candidates allows.

    Args:
        values: (rows,) of the column, NaN where missing.
        candidates: number of formulas that were tried.
    """
    present = ~np.isnan(values)
    distinct, inverse, counts = np.unique(values[present], return_inverse=True, return_counts=True)
    if len(distinct) < 2:
        return False
    most_frequent = counts.argmax()
    share = counts / counts.sum()  # the two agree in all rows, so they have the same shares
    counted = inverse != most_frequent
    evidence = float(np.log(share[inverse[counted]]).sum())
    enough = int(counted.sum()) >= _MIN_EVIDENCE
    return enough and evidence < -chance_bound(candidates)


def explains_part(
    values: Array, formula: Array, agrees: Array, unit: float, candidates: int
) -> bool:
    """Whether chance cannot explain in how many rows a formula gives the right value.

    The rows in which it does are compared with those in which it would if the column were a little
    larger or smaller: columns that are close, or rounded to tens, also meet by chance. The number
    has to be three times the largest of those, and beyond what a Poisson distribution with their
    mean allows (its Chernoff bound).

    Args:
        values: (rows,) of the column, NaN where missing, or so frequent that it is no evidence.
        formula: (rows,) of the formula, rounded as the column is.
        agrees: (rows,) bool, where the two are the same.
        unit: of the column; 0 if it is not rounded.
        candidates: number of formulas that were tried.
    """
    usable = ~np.isnan(values) & ~np.isnan(formula)
    count = int((agrees & usable).sum())
    if count < _MIN_EVIDENCE:
        return False
    step = unit or max(float(np.nanstd(values)), 1e-300) * 1e-6
    apart = (values[usable] - formula[usable]) / step
    near = [int((np.abs(np.abs(apart) - off) < 0.25).sum()) / 2 for off in _OFFSETS]
    expected = max(*near, _chance(values[usable], formula[usable]), 1e-3)
    if count < _LIFT * expected:
        return False
    log_tail = count - expected - count * math.log(count / expected)
    return log_tail < -chance_bound(candidates)


_MIN_EVIDENCE = 5  # rows, as for a value that is drawn by itself


def chance_bound(candidates: int) -> float:
    """The evidence against chance, in nats, that one of so many candidates needs."""
    return _SURPRISE + math.log(max(candidates, 1))


def _chance(values: Array, formula: Array) -> float:
    """The expected number of rows in which independent columns agree."""
    distinct, counts = np.unique(values, return_counts=True)
    others, other_counts = np.unique(formula, return_counts=True)
    _, here, there = np.intersect1d(distinct, others, return_indices=True)
    return float((counts[here] * (other_counts[there] / len(formula))).sum())


# ---- sums and products of any length


def _sums(columns: Sequence[NumberColumn]) -> Iterator[Candidate]:
    absent = np.array([np.isnan(c.values).mean() for c in columns])
    # Rows in which nothing is missing, of columns that are seldom missing; or all rows.
    for most in (_MOST_MISSING, 0.0):
        usable = np.flatnonzero(absent <= most).tolist()
        if len(usable) < 2:
            return
        complete = ~np.logical_or.reduce([np.isnan(columns[i].values) for i in usable])
        if most and complete.sum() < max(_MIN_ROWS, 2 * len(usable)):
            continue
        some = [_rows(columns[i], complete) for i in usable]
        values = np.stack([c.values for c in some], 1)
        for target, support in _pursuits(values, np.array([c.tolerance for c in some])):
            found = _with_factors(some, target, sorted(support))
            if found is not None:
                terms = tuple((factor, usable[i]) for factor, i in found.terms)
                yield Candidate(usable[target], terms, found.constant)
        return


def _products(columns: Sequence[NumberColumn]) -> Iterator[Candidate]:
    usable = [
        i for i, c in enumerate(columns) if not c.is_time and bool((c.values > 0).mean() > 0.5)
    ]
    if len(usable) < 3:
        return
    values = np.stack([columns[i].values for i in usable], 1)
    positive = (values > 0).all(1)
    if positive.sum() < max(_MIN_ROWS, 2 * len(usable)):
        return
    # Rounding weighs least in large numbers.
    values = values[positive]
    tolerance = np.array([columns[i].tolerance for i in usable]) / np.median(values, 0)
    for target, support in _pursuits(np.log(values), np.maximum(tolerance, 1e-9)):
        support = sorted(support)
        inputs = [usable[i] for i in support]
        logs = np.log(values[:, [target, *support]])
        factors = np.linalg.lstsq(_with_one(logs[:, 1:]), logs[:, 0], rcond=None)[0]
        whole = np.rint(factors[1:])
        terms = tuple((float(f), i) for f, i in zip(whole, inputs, strict=True) if f)
        if len(terms) < 2 or any(abs(f) != 1 for f, _ in terms):
            continue
        rest = logs[:, 0] - logs[:, 1:] @ whole
        constant = _nice(float(np.exp(np.median(rest))), 1e-4)
        if constant is not None and constant > 0:
            yield Candidate(usable[target], terms, constant, is_product=True)


def _pursuits(values: Array, tolerance: Array) -> Iterator[tuple[int, list[int]]]:
    """Columns that are sums of others, by index: the column, and those that it takes.

    Args:
        values: (rows, columns) float64 without missing values.
        tolerance: (columns,) the largest residual of each.
    """
    rows, count = values.shape
    if rows < _MIN_ROWS or count < 2:
        return
    scale = values.std(0)
    live = scale > 0
    scaled = np.where(live, (values - values.mean(0)) / np.where(live, scale, 1.0), 0.0)
    small = tolerance / np.where(live, scale, 1.0)
    targets = np.flatnonzero(live)
    if rows >= 2 * count:
        # What a regression on all others leaves of the variance: the inverse's diagonal.
        covariance = scaled.T @ scaled / rows + _RIDGE * np.eye(count)
        left = 1 / np.diag(np.linalg.inv(covariance))
        targets = targets[left[targets] < np.maximum(_EXACT, 4 * small[targets] ** 2 / 3)]
    elif rows * count * count * _MAX_TERMS > _PURSUIT_WORK:
        return
    most = min(_MAX_TERMS, rows // 4)
    for target in targets:
        support = _pursuit(scaled, int(target), small[target], most)
        if support is not None:
            yield int(target), support


def _pursuit(scaled: Array, target: int, tolerance: float, most: int) -> list[int] | None:
    """The columns that one column is a sum of; None if there are no such ones."""
    residual = goal = scaled[:, target]
    support: list[int] = []
    for _ in range(most):
        strength = np.abs(scaled.T @ residual)
        strength[[target, *support]] = -1
        best = int(strength.argmax())
        if strength[best] <= 0:
            return None
        support.append(best)
        chosen = scaled[:, support]
        residual = goal - chosen @ np.linalg.lstsq(chosen, goal, rcond=None)[0]
        if np.abs(residual).max() <= tolerance:
            return support
    return None


def _with_factors(
    columns: Sequence[NumberColumn], target: int, inputs: Sequence[int]
) -> Candidate | None:
    """The sum with simple factors that gives one column within its tolerance; None for none."""
    goal = columns[target]
    if np.spacing(np.abs(goal.values).max()) > goal.unit > 0:  # doubles do not tell it apart
        return None
    parts = np.stack([columns[i].values for i in inputs], 1)
    # Times are large numbers: regress on their differences from the first row.
    base, offset = parts[0], goal.values[0]
    factors = np.linalg.lstsq(_with_one(parts - base), goal.values - offset, rcond=None)[0][1:]
    for denominator in _DENOMINATORS:
        simple = np.array(
            [
                _simple(f, denominator, columns[i].is_time and not goal.is_time)
                for f, i in zip(factors, inputs, strict=True)
            ]
        )
        rest = goal.values - parts @ simple
        constant = round(float(np.median(rest)), 9)
        if goal.unit:
            constant = round(float(np.rint(constant / goal.unit)) * goal.unit, 9)
        if np.abs(rest - constant).max() <= goal.tolerance:
            terms = tuple((float(f), i) for f, i in zip(simple, inputs, strict=True) if f)
            return Candidate(target, terms, constant) if terms else None
    return None


def _simple(factor: float, denominator: int, of_time: bool) -> float:
    """The fraction with this denominator that is nearest to a factor; of times, in whole units."""
    if of_time:
        for unit in UNITS.values():
            if abs(factor * unit) > 0.5:
                return float(np.rint(factor * unit * denominator) / denominator / unit)
    return float(np.rint(factor * denominator) / denominator)


def _nice(value: float, tolerance: float) -> float | None:
    """The simplest fraction within a relative tolerance; None if there is none."""
    for denominator in _DENOMINATORS:
        fraction = np.rint(value * denominator) / denominator
        if abs(fraction - value) <= tolerance * abs(value):
            return float(fraction)
    return None


def _with_one(values: Array) -> Array:
    return np.column_stack([np.ones(len(values)), values])


# ---- pairs and triples, which may hold in a part of the rows


def _equal(columns: Sequence[NumberColumn], least: float) -> Iterator[Candidate]:
    """Columns that are equal in so many rows, the most frequent pairs first."""
    for of_times in (False, True):
        kinds = [i for i, c in enumerate(columns) if c.is_time == of_times]
        if len(kinds) < 2:
            continue
        values = np.stack([columns[i].without_frequent() for i in kinds], 1)
        order = np.argsort(values, 1)
        ordered = np.take_along_axis(values, order, 1)
        pairs = []
        for distance in (1, 2, 3):
            same = ordered[:, distance:] == ordered[:, :-distance]
            row, at = np.nonzero(same)
            pairs.append(np.stack([order[row, at], order[row, at + distance]], 1))
        ends = np.sort(np.concatenate(pairs), 1)
        codes, counts = np.unique(ends[:, 0] * len(kinds) + ends[:, 1], return_counts=True)
        often = counts >= max(_MIN_EVIDENCE, least)
        codes, counts = codes[often], counts[often]
        for code in codes[np.argsort(-counts, kind="stable")][:_MAX_PAIRS]:
            first, second = kinds[int(code) // len(kinds)], kinds[int(code) % len(kinds)]
            yield Candidate(second, ((1.0, first),))
            yield Candidate(first, ((1.0, second),))


def _triples(columns: Sequence[NumberColumn]) -> Iterator[Candidate]:
    kinds = [i for i, c in enumerate(columns) if not c.is_time][:_TRIPLE_COLUMNS]
    if len(kinds) < 3:
        return
    values = np.stack([columns[i].without_frequent() for i in kinds], 1)
    usable = (~np.isnan(values)).sum(1) >= 3
    values = values[usable][:_TRIPLE_ROWS]
    count = len(kinds)
    tolerance = np.array([columns[i].tolerance for i in kinds])
    sums, products, ratios = (np.zeros((count,) * 3, np.int32) for _ in range(3))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for row in values:
            first, second, third = row[:, None, None], row[None, :, None], row[None, None, :]
            sums += np.abs(first + second - third) <= tolerance
            products += np.abs(first * second - third) <= tolerance
            ratios += np.abs(first / second - third) <= tolerance
    least = max(_MIN_EVIDENCE - 1, 0.01 * len(values))
    index = np.arange(count)
    first, second, third = index[:, None, None], index[None, :, None], index[None, None, :]
    distinct = (first != third) & (second != third)
    found: list[tuple[int, Candidate]] = []

    def triples(counts: Array, pairs: Array) -> Iterator[tuple[int, int, int, int]]:
        """Triples that hold often: in how many rows, and their columns."""
        for at in zip(*np.nonzero((counts >= least) & distinct & pairs), strict=True):
            i, j, k = (kinds[position] for position in at)
            yield int(counts[at]), i, j, k

    for seen, i, j, k in triples(sums, first < second):
        found.append((seen, Candidate(k, ((1.0, i), (1.0, j)))))
        found.append((seen, Candidate(i, ((1.0, k), (-1.0, j)))))
        found.append((seen, Candidate(j, ((1.0, k), (-1.0, i)))))
    for counts, power, pairs in ((products, 1.0, first < second), (ratios, -1.0, first != second)):
        for seen, i, j, k in triples(counts, pairs):
            found.append((seen, Candidate(k, ((1.0, i), (power, j)), 1.0, is_product=True)))
    found.sort(key=lambda item: -item[0])
    yield from (candidate for _, candidate in found[:_MAX_TRIPLES])
