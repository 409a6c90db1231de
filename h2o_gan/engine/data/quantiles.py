"""A column's distribution as a quantile function: ordered bins with shares and ranges of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.schema import Array, Column, is_distribution
from h2o_gan.engine.exceptions import Damaged

__all__ = ["Quantiles"]


@dataclass(frozen=True)
class Quantiles:
    """A piecewise linear quantile function of a numeric or time column.

    Attributes:
        column: the column.
        low: (bins,) smallest value of each bin, ascending; float64 for reals, else int64.
        high: (bins,) largest value of each bin, of the same dtype; equals `low` for single values.
        cumulative: (bins + 1,) float64 probabilities up to each bin, from 0 to 1.
        step: values of an int64 bin are ``low`` plus a multiple of it.
        decimals: decimals of reals; None where values are not rounded.
    """

    column: Column
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    cumulative: Array = field(repr=False)
    step: int = 1
    decimals: int | None = None

    def __len__(self) -> int:
        return len(self.low)

    @property
    def shares(self) -> Array:
        """(bins,) float64 probabilities of the bins."""
        return np.diff(self.cumulative)

    def values(self, ranks: Array) -> Array:
        """Values at ranks.

        Args:
            ranks: (rows,) float64 in [0, 1].

        Returns:
            (rows,) int64 or, for reals, float64.
        """
        ranks = np.clip(ranks, 0, 1)
        bins = np.searchsorted(self.cumulative, ranks, side="right") - 1
        np.clip(bins, 0, len(self.low) - 1, out=bins)
        start, end = self.cumulative[bins], self.cumulative[bins + 1]
        fraction = np.clip((ranks - start) / np.maximum(end - start, 1e-300), 0, 1)
        return self._interpolated(self.low[bins], self.high[bins], fraction)

    def array(self, values: Array, missing: Array) -> pa.Array:
        """Values, (rows,), and a mask of missing ones, (rows,) bool, as an Arrow array."""
        return pa.array(values, mask=missing).cast(self.column.arrow_type)

    def nearest(self, numbers: Array) -> Array:
        """The values of the column that are nearest to numbers.

        Args:
            numbers: (rows,) float64.

        Returns:
            (rows,) int64 or, for reals, float64: rounded as the column is, within its range.
        """
        low, high = self.low[0], self.high[-1]
        if self.low.dtype == np.float64:
            decimals = self.decimals
            rounded = numbers if decimals is None else np.round(numbers, decimals)
            values: Array = np.clip(rounded, low, high)
            return values
        numbers = np.clip(numbers, float(low), float(high))
        limit = np.nextafter(2.0**63, 0)
        steps = np.rint((numbers - float(low)) / self.step) * self.step
        offset = np.clip(steps, 0, limit).astype(np.int64)
        if float(high) - float(low) >= 2.0**62:  # int64 arithmetic could overflow
            nearest: Array = np.clip(numbers, -limit, limit).astype(np.int64)
        else:
            nearest = low + offset
        # The ends themselves: doubles are not exact beyond 2**53.
        nearest = np.where(numbers <= float(low), low, nearest)
        return np.where(numbers >= float(high), high, nearest).clip(low, high)

    def rank_below(self, value: float) -> float:
        """The probability of values less than `value`."""
        index = int(np.searchsorted(self.high, value, "left"))
        if index == len(self.low):
            return 1.0
        return self._rank_in_bin(index, value)

    def rank_up_to(self, value: float) -> float:
        """The probability of values less than or equal to `value`."""
        index = int(np.searchsorted(self.low, value, "right")) - 1
        if index < 0:
            return 0.0
        if self.low[index] == self.high[index]:
            return float(self.cumulative[index + 1])
        return self._rank_in_bin(index, value)

    def arrays(self) -> dict[str, Array]:
        """Arrays of the state; without ``high`` where all bins are single values."""
        arrays = {"low": self.low, "high": self.high, "cumulative": self.cumulative}
        if np.array_equal(self.low, self.high):
            del arrays["high"]
        return arrays

    @classmethod
    def restore(
        cls, column: Column, arrays: Mapping[str, Array], step: int, decimals: int | None
    ) -> Quantiles:
        """Inverse of :meth:`arrays`.

        Raises:
            Damaged: the arrays are not those of a quantile function.
        """
        if set(arrays) | {"high"} != {"low", "high", "cumulative"}:
            raise Damaged(f"column {column.name!r}: arrays of its bins are missing")
        low, cumulative = arrays["low"], arrays["cumulative"]
        high = arrays.get("high", low)
        dtype = np.float64 if column.kind == "real" else np.int64
        if (
            low.dtype != dtype
            or high.dtype != dtype
            or low.ndim != 1
            or low.shape != high.shape
            or len(low) == 0
            or cumulative.shape != (len(low) + 1,)
            or not is_distribution(np.diff(cumulative))
            or cumulative[0] != 0
            or not np.all(low <= high)
            or not np.all(high[:-1] <= low[1:])
            or not np.all((low == high) | (np.isfinite(low) & np.isfinite(high)))
        ):
            raise Damaged(f"column {column.name!r}: the arrays of its bins do not match")
        return cls(column, low, high, cumulative, step, decimals)

    def _rank_in_bin(self, index: int, value: float) -> float:
        low, high = float(self.low[index]), float(self.high[index])
        fraction = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
        start, end = self.cumulative[index : index + 2]
        return float(start + fraction * (end - start))

    def _interpolated(self, low: Array, high: Array, fraction: Array) -> Array:
        if low.dtype == np.float64:
            single = low == high  # also infinities, for which inf * 0 would be NaN
            low_, high_ = np.where(single, 0.0, low), np.where(single, 0.0, high)
            values = low_ * (1 - fraction) + high_ * fraction
            if self.decimals is not None:
                values = np.round(values, self.decimals)
            return np.where(single, low, np.clip(values, low, high))
        width = high.astype(np.float64) - low.astype(np.float64)
        offset = np.rint(fraction * width / self.step) * self.step
        wide = width >= 2.0**62  # int64 arithmetic could overflow: use doubles
        limit = np.nextafter(2.0**63, 0)
        approximate = np.clip(low.astype(np.float64) + offset, -limit, limit).astype(np.int64)
        exact = low + np.where(wide, 0.0, offset).astype(np.int64)
        whole: Array = np.clip(np.where(wide, approximate, exact), low, high)
        return whole
