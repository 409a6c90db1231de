"""Estimates of a column's values in some rows: weighted values, and what follows from them.

Shapes: B rows, A values a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.schema import TIME, Array, Column

__all__ = ["Estimate", "check_quantiles", "numbers_in", "prediction_names", "prediction_schema"]

_CHUNK = 2**20  # weighted values that are sorted at a time


@dataclass(frozen=True)
class Estimate:
    """The distribution of a column in some rows, given what is known of them.

    Attributes:
        column: the column.
        values: (B, A) float64, or (1, A) where all rows have the same: numbers, times in
            milliseconds since 1970, levels as their index in ``column.levels``.
        weights: (B, A) float64 probabilities, which sum to one in each row.
    """

    column: Column
    values: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def of(cls, column: Column, values: Array, weights: Array) -> Estimate:
        """The estimate of weights that need not sum to one.

        Values that are missing (NaN) count for nothing. Rows without any weight left get equal
        weights.
        """
        absent = np.isnan(values)
        weights = np.where(absent, 0.0, weights)
        total = weights.sum(1, keepdims=True)
        even = np.where(absent, 1e-300, 1.0) * np.ones_like(weights)
        weights = np.where(total > 0, weights, even)
        weights = weights / weights.sum(1, keepdims=True)
        return cls(column, np.where(absent, 0.0, values), weights)

    def probabilities(self) -> Array:
        """(B, levels) float64, the probability of each of the column's levels."""
        levels = np.zeros((len(self), len(self.column.levels)))
        if not levels.shape[1]:
            return levels
        if len(self.values) == 1:
            index = self.values[0].astype(np.int64)
            order = np.argsort(index, kind="stable")
            starts = np.flatnonzero(np.diff(index[order], prepend=-1))
            levels[:, index[order][starts]] = np.add.reduceat(self.weights[:, order], starts, 1)
            return levels
        rows = np.arange(len(self))[:, None]
        np.add.at(levels, (rows, self.values.astype(np.int64)), self.weights)
        return levels

    def most_probable(self) -> Array:
        """(B,) int64, the index of the most probable level."""
        indices: Array = self.probabilities().argmax(1)
        return indices

    def mean(self) -> Array:
        """(B,) float64; infinite values count only where there is no other."""
        finite = np.isfinite(self.values)
        weights = np.where(finite, self.weights, 0.0)
        total = weights.sum(1)
        sums = (weights * np.where(finite, self.values, 0.0)).sum(1)
        if (total > 0).all():
            return np.asarray(sums / total)
        values = np.broadcast_to(self.values, self.weights.shape)
        likely = values[np.arange(len(self)), self.weights.argmax(1)]
        means: Array = np.where(total > 0, sums / np.maximum(total, 1e-300), likely)
        return means

    def mode(self) -> Array:
        """(B,) float64, the mean of the shortest range of values with half of the probability.

        It is the value that has half of the probability itself, where there is one: the "shorth"
        (Andrews et al. 1972), an estimate of the mode that needs no width to smooth by.
        """
        found = []
        for values, weights in self._sorted():
            count = values.shape[1]
            ends = weights.cumsum(1)
            before = ends - weights
            # The first value at which each range holds half of the probability.
            last = np.stack(
                [
                    np.searchsorted(end, start + 0.5 * end[-1] - 1e-9)
                    for end, start in zip(ends, before, strict=True)
                ]
            )
            rows = np.arange(len(values))[:, None]
            highest = values[rows, np.minimum(last, count - 1)]
            with np.errstate(invalid="ignore"):
                width = np.where(highest == values, 0.0, highest - values)
            width = np.where(last < count, width, np.inf)
            first = width.argmin(1)
            at = np.arange(count)
            inside = (at >= first[:, None]) & (at <= last[rows[:, 0], first][:, None])
            part = Estimate(self.column, values, np.where(inside, weights, 0.0))
            alone = width[rows[:, 0], first] == 0
            found.append(np.where(alone, values[rows[:, 0], first], part.mean()))
        return np.concatenate(found) if found else np.zeros(0)

    def quantiles(self, shares: Sequence[float]) -> Array:
        """(B, shares) float64: the smallest values that values up to them have these shares."""
        found = []
        for values, weights in self._sorted():
            ends = weights.cumsum(1)
            at = [(ends >= share * ends[:, -1:] - 1e-9).argmax(1) for share in shares]
            found.append(np.take_along_axis(values, np.stack(at, 1), 1))
        return np.concatenate(found) if found else np.zeros((0, len(shares)))

    def prediction(self, quantiles: Sequence[float]) -> list[pa.Array]:
        """The columns of :func:`prediction_schema`."""
        if self.column.kind == "enum":
            shares = self.probabilities()
            levels = pa.array(self.column.levels, pa.string())
            indices = pa.array(shares.argmax(1).astype(np.int32))
            predicted = pa.DictionaryArray.from_arrays(indices, levels)
            return [predicted, *(pa.array(share) for share in shares.T)]
        columns = [self.mean(), *self.quantiles(quantiles).T]
        if self.column.kind == "time":
            return [pa.array(np.rint(part).astype(np.int64)).cast(TIME) for part in columns]
        return [pa.array(part) for part in columns]

    def _sorted(self) -> list[tuple[Array, Array]]:
        """Blocks of rows with their values in ascending order, and the weights."""
        size = max(_CHUNK // max(self.weights.shape[1], 1), 1)
        blocks = []
        for start in range(0, len(self), size):
            weights = self.weights[start : start + size]
            whole = np.broadcast_to(self.values, self.weights.shape)[start : start + size]
            order = np.argsort(whole, 1, kind="stable")
            blocks.append(
                (np.take_along_axis(whole, order, 1), np.take_along_axis(weights, order, 1))
            )
        return blocks


def prediction_names(column: Column, quantiles: Sequence[float]) -> list[str]:
    """The names of the columns of a prediction, as H2O's models name theirs.

    For levels ``predict`` and each level, those that are whole numbers with a ``p`` before them;
    for numbers and times ``predict`` and ``q0.1`` for a quantile.
    """
    names = ["predict"]
    if column.kind == "enum":
        wanted = [f"p{level}" if _is_whole(level) else level for level in column.levels]
    else:
        wanted = [f"q{share:g}" for share in quantiles]
    for name in wanted:
        while name in names:
            name = f"p{name}"
        names.append(name)
    return names


def prediction_schema(column: Column, quantiles: Sequence[float]) -> pa.Schema:
    """The schema of a prediction: for levels probabilities, else the mean and quantiles."""
    names = prediction_names(column, quantiles)
    if column.kind == "enum":
        types = [pa.dictionary(pa.int32(), pa.string()), *[pa.float64()] * (len(names) - 1)]
    else:
        types = [TIME if column.kind == "time" else pa.float64()] * len(names)
    return pa.schema(list(zip(names, types, strict=True)))


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Check the shares of quantiles.

    Raises:
        TypeError: they are not a list of numbers.
        ValueError: one is not between 0 and 1, or is there twice.
    """
    if isinstance(quantiles, str) or not isinstance(quantiles, Sequence | np.ndarray):
        raise TypeError(f"quantiles must be a list of numbers, not {quantiles!r}.")
    shares = []
    for share in quantiles:
        if isinstance(share, bool) or not isinstance(share, int | float | np.number):
            raise TypeError(f"quantiles must be numbers, not {share!r}.")
        if not 0 < share < 1:
            raise ValueError(f"quantiles must lie between 0 and 1, but one is {share!r}.")
        shares.append(float(share))
    if len({f"{share:g}" for share in shares}) < len(shares):
        raise ValueError(f"quantiles has a number twice: {list(quantiles)!r}.")
    return tuple(shares)


def numbers_in(values: pa.Array, column: Column) -> Array:
    """Values of a column as an :class:`Estimate` has them, (rows,) float64; NaN for missing."""
    if column.kind == "enum":
        levels = pa.array(column.levels, pa.string())
        indices = pa.compute.index_in(values.cast(pa.string()), value_set=levels)
        return np.asarray(indices.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if column.kind == "time":
        values = values.cast(TIME).cast(pa.int64())
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _is_whole(level: str) -> bool:
    """Whether Java's Integer.valueOf reads a level: H2O then puts a p before it."""
    digits = level[1:] if level[:1] in ("+", "-") else level
    return digits.isdecimal() and -(2**31) <= int(level) < 2**31
