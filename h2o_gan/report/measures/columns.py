"""Distributions of single columns: counted in bins, compared, summed up.

Bins are learned from a sample and then counted over all rows of a table, batch by batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from h2o_gan.report.measures.rows import Field

__all__ = ["Bins", "Counts", "distance", "kolmogorov_smirnov", "total_variation"]

Array = npt.NDArray[np.float64]

_BINS = 250  # quantiles of a sample; a distribution function is then exact to .004
_SPIKE = 0.01  # share of rows from which a single value of a number is counted by itself


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins of a column.

    Attributes:
        field: the column.
        edges: of a number or time: ascending upper ends, each included, of all bins but the last.
        spikes: values that have a bin of their own, ascending.
    """

    field: Field
    edges: Array
    spikes: Array

    @classmethod
    def fit(cls, field: Field, values: Array, bins: int = _BINS) -> Bins:
        """Choose bins from a sample: quantiles, and single values that are frequent.

        Args:
            field: the column.
            values: (rows,) of the sample.
            bins: number of quantiles.
        """
        known = values[np.isfinite(values)]
        if field.is_category or not len(known):
            return cls(field, np.zeros(0), np.zeros(0))
        distinct, counts = np.unique(known, return_counts=True)
        if len(distinct) <= bins:
            edges, spikes = distinct, distinct[counts >= _SPIKE * len(known)]
        else:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1), method="lower"))
            spikes = distinct[counts >= max(_SPIKE * len(known), len(known) / bins)]
        before = np.nextafter(spikes, -math.inf)
        return cls(field, np.unique(np.concatenate([edges, spikes, before])), spikes)

    @property
    def size(self) -> int:
        """Number of bins, without that of missing cells."""
        return len(self.field.levels) if self.field.is_category else len(self.edges) + 1

    def count(self, values: Array) -> Counts:
        """Count values, (rows,), NaN for missing."""
        known = values[~np.isnan(values)]
        if self.field.is_category:
            bins = known.astype(np.int64)
        else:
            bins = np.searchsorted(self.edges, known, side="left")
        finite = known[np.isfinite(known)]
        return Counts(
            np.bincount(bins, minlength=self.size).astype(np.float64),
            missing=len(values) - len(known),
            total=float(finite.sum()),
            squares=float(np.square(finite).sum()),
            low=float(finite.min()) if len(finite) else math.inf,
            high=float(finite.max()) if len(finite) else -math.inf,
        )


@dataclass(frozen=True, eq=False)
class Counts:
    """What was counted of a column; two of them add up.

    Attributes:
        bins: (bins,) rows in each.
        missing: rows without a value.
        total: sum of the values.
        squares: sum of their squares.
        low: smallest value.
        high: largest value.
    """

    bins: Array
    missing: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = field(default=math.inf)
    high: float = field(default=-math.inf)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.bins + other.bins,
            self.missing + other.missing,
            self.total + other.total,
            self.squares + other.squares,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def known(self) -> float:
        """Rows with a value."""
        return float(self.bins.sum())

    @property
    def rows(self) -> float:
        """All rows."""
        return self.known + self.missing

    @property
    def missing_share(self) -> float:
        """Share of rows without a value."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def mean(self) -> float | None:
        """Mean of the values; None without any."""
        return self.total / self.known if self.known else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the values; None without any."""
        if not self.known:
            return None
        mean = self.total / self.known
        return math.sqrt(max(self.squares / self.known - mean * mean, 0.0))

    @property
    def shares(self) -> Array:
        """(bins,) shares of the rows with a value; zeros without any."""
        return self.bins / max(self.known, 1.0)

    def quantile(self, share: float, edges: Array) -> float | None:
        """The upper end of the bin that holds a quantile, within the values; None without any."""
        if not self.known:
            return None
        index = int(np.searchsorted(np.cumsum(self.shares), share - 1e-12))
        end = float(edges[index]) if index < len(edges) else self.high
        return min(max(end, self.low), self.high)


def total_variation(first: Counts, second: Counts) -> float:
    """Half the sum of the differences of shares; missing cells are a bin as well."""
    apart = np.abs(first.bins / max(first.rows, 1) - second.bins / max(second.rows, 1)).sum()
    return float(apart + abs(first.missing_share - second.missing_share)) / 2


def kolmogorov_smirnov(first: Counts, second: Counts) -> float:
    """The largest difference of two distribution functions at the edges of bins."""
    return float(np.abs(np.cumsum(first.shares) - np.cumsum(second.shares)).max(initial=0.0))


def distance(field: Field, first: Counts, second: Counts) -> float:
    """The distance of two distributions of a column, from 0 to 1.

    Of categories it is the total variation; of numbers the Kolmogorov-Smirnov statistic, or the
    difference of the shares of missing cells where that is larger.
    """
    if field.is_category:
        return total_variation(first, second)
    gaps = abs(first.missing_share - second.missing_share)
    if not first.known or not second.known:
        return gaps
    return max(kolmogorov_smirnov(first, second), gaps)
