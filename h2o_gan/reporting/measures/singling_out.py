"""Singling out: predicates that hold for a single synthetic row, and for a single training row.

See :mod:`h2o_gan.reporting.measures.attacks` for the framework.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.attacks import Risk, risk
from h2o_gan.reporting.measures.rows import Rows, Samples

__all__ = ["multivariate", "univariate"]

Mask = npt.NDArray[np.bool_]

MOST_ATTACKS = 1_500
TRIES = 8  # predicates that are tried for each of those
COLUMNS = 5  # of a predicate
_MOST_ROWS = 20_000
_SOME_ROWS = 1_000


@dataclass(frozen=True)
class _Condition:
    """A condition on a cell: a column, "=", ">=", "<=" or "missing", and a value."""

    column: str
    sign: str
    value: float = np.nan

    def holds(self, rows: Rows) -> Mask:
        values = rows.values[self.column]
        if self.sign == "missing":
            return np.isnan(values)
        holds: Mask = values == self.value
        if self.sign != "=":
            holds = values >= self.value if self.sign == ">=" else values <= self.value
        return holds


_Predicate = tuple[_Condition, ...]


def _rows_of(predicate: _Predicate, rows: Rows) -> int:
    """Number of rows for which all conditions hold."""
    holds = predicate[0].holds(rows)
    for condition in predicate[1:]:
        holds = holds & condition.holds(rows)
    return int(np.count_nonzero(holds))


def univariate(samples: Samples, attacks: int = MOST_ATTACKS) -> Risk:
    """Single out rows by one column: values that occur once, extremes, and a single missing cell.

    Args:
        samples: the tables; equally many rows of each are used.
        attacks: largest number of predicates.
    """
    samples, rng = samples.equal(_MOST_ROWS), samples.rng()
    predicates: list[_Predicate] = []
    for field, values in samples.synthetic:
        known = values[np.isfinite(values)]
        if np.count_nonzero(np.isnan(values)) == 1:
            predicates.append((_Condition(field.name, "missing"),))
        distinct, counts = np.unique(known, return_counts=True)
        once = distinct[counts == 1]
        predicates += [(_Condition(field.name, "=", float(value)),) for value in once]
        if len(known) and not field.is_category:
            predicates.append((_Condition(field.name, ">=", float(distinct[-1])),))
            predicates.append((_Condition(field.name, "<=", float(distinct[0])),))
    chosen = rng.permutation(len(predicates))[:attacks]
    return _risk("one column", [predicates[index] for index in chosen], samples, 1, rng)


def multivariate(samples: Samples, columns: int = COLUMNS, attacks: int = MOST_ATTACKS) -> Risk:
    """Single out rows by several columns of a synthetic row.

    A predicate takes the level of a category, and for numbers the direction from the median in
    which fewer rows lie. Those that hold for a single synthetic row are used.

    Args:
        samples: the tables; equally many rows of each are used.
        columns: number of columns of a predicate.
        attacks: largest number of predicates.
    """
    samples, rng = samples.equal(_MOST_ROWS), samples.rng()
    synthetic = samples.synthetic
    names = synthetic.names
    columns = min(columns, len(names))
    medians = {f.name: _median(v) for f, v in synthetic if not f.is_category}
    predicates: dict[_Predicate, None] = {}
    some = synthetic.take(slice(_SOME_ROWS))  # in which most predicates hold for too many already
    attacks = min(attacks, len(synthetic))
    tries = TRIES * attacks
    tried = rng.integers(max(len(synthetic), 1), size=tries)
    chosen = np.sort(rng.random((tries, len(names))).argsort(axis=1)[:, :columns], axis=1)
    for row, places in zip(tried.tolist(), chosen.tolist(), strict=True):
        predicate = tuple(_at(synthetic, row, names[place], medians) for place in places)
        if predicate in predicates or _rows_of(predicate, some) > 1:
            continue
        if _rows_of(predicate, synthetic) == 1:
            predicates[predicate] = None
            if len(predicates) == attacks:
                break
    return _risk(f"{columns} columns", list(predicates), samples, columns, rng)


def _at(rows: Rows, row: int, name: str, medians: dict[str, float]) -> _Condition:
    """The condition that a cell of a synthetic row suggests."""
    value = float(rows.values[name][row])
    if np.isnan(value):
        return _Condition(name, "missing")
    if name not in medians:
        return _Condition(name, "=", value)
    return _Condition(name, ">=" if value > medians[name] else "<=", value)


def _risk(
    name: str,
    predicates: list[_Predicate],
    samples: Samples,
    columns: int,
    rng: np.random.Generator,
) -> Risk:
    """The risk of predicates; the baseline is that of random ones."""
    counts = [
        (sum(_rows_of(predicate, table) == 1 for predicate in predicates), len(predicates))
        for table in (samples.training, samples.unseen)
    ]
    tries = min(len(predicates), 500)
    hits = sum(
        _rows_of(_random_predicate(samples.synthetic, columns, rng), samples.training) == 1
        for _ in range(tries)
    )
    return risk(name, counts[0], counts[1], hits / max(tries, 1))


def _random_predicate(rows: Rows, columns: int, rng: np.random.Generator) -> _Predicate:
    """Random columns, each with a random value of it and a random sign."""
    found = []
    for index in rng.permutation(len(rows.fields))[:columns]:
        field = rows.fields[index]
        value = float(rows.values[field.name][rng.integers(len(rows))])
        sign = "=" if field.is_category else ("=", ">=", "<=")[int(rng.integers(3))]
        found.append(_Condition(field.name, "missing" if np.isnan(value) else sign, value))
    return tuple(found)


def _median(values: npt.NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0
