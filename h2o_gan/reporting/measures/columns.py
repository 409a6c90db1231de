"""Distributions of single columns: counted in bins, compared, summed up.

Bins are learned from a sample and then counted over all rows of a table, batch by batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.accuracy import Accuracy, bootstrap_weights
from h2o_gan.reporting.measures.rows import Field, Rows

__all__ = [
    "Bins",
    "Counts",
    "column_accuracies",
    "distance",
    "kolmogorov_smirnov",
    "total_variation",
]

Array = npt.NDArray[np.float64]

_BINS = 250  # quantiles of a sample; a distribution function is then exact to .004
_BLOCKS = 64  # of rows, which bootstrap samples draw from
_OFTEN = 5  # rows for each distinct value, on average, where these are all values that may occur
_LARGE = 0.05  # share of rows of a single value that is compared by itself
_SPIKE = 0.01  # share of rows from which a single value of a number is counted by itself


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins of a column.

    Attributes:
        field: the column.
        edges: of a number or time: ascending upper ends, each included, of all bins but the last.
        spikes: values that have a bin of their own, ascending.
        values: all values of a number in the sample, ascending, where they are few and occur often;
            else empty.
        compared: by bin of a number, 1 where its share is compared by itself, since it holds a
            value with 5 % of the rows; 2 where it holds another of `values`; 0 for all others.
    """

    field: Field
    edges: Array
    spikes: Array
    values: Array
    compared: npt.NDArray[np.int8]

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
            nothing = np.zeros(0)
            return cls(field, nothing, nothing, nothing, np.zeros(1, np.int8))
        distinct, counts = np.unique(known, return_counts=True)
        if len(distinct) <= bins:
            edges, spikes = distinct, distinct[counts >= _SPIKE * len(known)]
        else:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1), method="lower"))
            spikes = distinct[counts >= max(_SPIKE * len(known), len(known) / bins)]
        is_grid = len(distinct) <= bins and len(known) >= _OFTEN * len(distinct)
        few = distinct if is_grid else np.zeros(0)
        single = few if is_grid else spikes
        edges = np.unique(np.concatenate([edges, single, np.nextafter(single, -math.inf)]))
        compared = np.zeros(len(edges) + 1, np.int8)
        compared[np.searchsorted(edges, few)] = 2
        large = distinct[counts >= _LARGE * len(known)]
        compared[np.searchsorted(edges, np.intersect1d(large, single))] = 1
        return cls(field, edges, spikes, few, compared)

    @property
    def size(self) -> int:
        """Number of bins, without that of missing cells."""
        return len(self.field.levels) if self.field.is_category else len(self.edges) + 1

    def places(self, values: Array) -> npt.NDArray[np.int64]:
        """(rows,) the bin of each value; the number of bins for missing ones."""
        missing = np.isnan(values)
        if self.field.is_category:
            return np.where(missing, self.size, values).astype(np.int64)
        places = np.searchsorted(self.edges, values, side="left")
        return np.where(missing, self.size, places).astype(np.int64)

    def count(self, values: Array) -> Counts:
        """Count values, (rows,), NaN for missing."""
        finite = values[np.isfinite(values)]
        bins = np.bincount(self.places(values), minlength=self.size + 1)
        return Counts(
            bins[:-1].astype(np.float64),
            missing=int(bins[-1]),
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


def distance(bins: Bins, first: Counts, second: Counts) -> float:
    """The distance of two distributions of a column, from 0 to 1.

    Of categories it is the total variation. Of numbers it is the largest of the Kolmogorov-Smirnov
    statistic; the difference of the shares of missing cells; and the total variation of frequent
    single values and, where only certain values occur, of all other ones together.

    Args:
        bins: of the column.
        first: what was counted of one table.
        second: what was counted of the other.
    """
    tables = [np.append(counts.bins, counts.missing)[None] for counts in (first, second)]
    return float(_distances(bins, *tables)[0])


def column_accuracies(
    first: Rows, second: Rows, bins: Mapping[str, Bins], rng: np.random.Generator
) -> Accuracy:
    """One less the distance of each column; its interval is by bootstrap over 64 blocks of rows.

    Args:
        first: real rows.
        second: rows that are judged, as many.
        bins: by column.
        rng: of the bootstrap.
    """
    blocks = [np.arange(len(rows)) % _BLOCKS for rows in (first, second)]
    weights = [bootstrap_weights(_BLOCKS, rng) for _ in blocks]
    values = np.empty(len(first.fields))
    resampled = np.zeros(len(weights[0]))
    for index, column in enumerate(first.fields):
        tables = [
            _block_counts(bins[column.name], rows.values[column.name], block)
            for rows, block in zip((first, second), blocks, strict=True)
        ]
        own = bins[column.name]
        values[index] = 1 - _distances(own, *(table.sum(axis=0)[None] for table in tables))[0]
        drawn = [weight @ table for weight, table in zip(weights, tables, strict=True)]
        resampled += 1 - _distances(own, *drawn)
    mean = float(values.mean())
    reach = 1.96 * float((resampled / len(values)).std())
    sets = [(index,) for index in range(len(values))]
    return Accuracy(mean, max(mean - reach, 0.0), min(mean + reach, 1.0), sets, values)


def _block_counts(bins: Bins, values: Array, blocks: npt.NDArray[np.int64]) -> Array:
    """(blocks, bins + 1) rows in each bin, those of missing cells last."""
    places = bins.places(values)
    width = bins.size + 1
    counts = np.bincount(blocks * width + places, minlength=_BLOCKS * width)
    return counts.reshape(_BLOCKS, width).astype(np.float64)


def _distances(bins: Bins, first: Array, second: Array) -> Array:
    """Distances, as of :func:`distance`, of counts (n, bins + 1), those of missing cells last."""
    shares = [table / np.maximum(table.sum(axis=1, keepdims=True), 1) for table in (first, second)]
    if bins.field.is_category:
        apart: Array = np.abs(shares[0] - shares[1]).sum(axis=1) / 2
        return apart
    gaps = np.abs(shares[0][:, -1] - shares[1][:, -1])
    counts = [table[:, :-1] for table in (first, second)]
    known = [table / np.maximum(table.sum(axis=1, keepdims=True), 1) for table in counts]
    curves = [np.cumsum(table, axis=1) for table in known]
    apart = np.abs(curves[0] - curves[1]).max(axis=1)
    single = np.abs(known[0] - known[1])[:, bins.compared == 1].sum(axis=1)
    for kind in (0, 2):
        rest = [table[:, bins.compared == kind].sum(axis=1) for table in known]
        single = single + np.abs(rest[0] - rest[1])
    apart = np.maximum(apart, single / 2)
    apart[(counts[0].sum(axis=1) == 0) | (counts[1].sum(axis=1) == 0)] = 0.0
    larger: Array = np.maximum(apart, gaps)
    return larger
