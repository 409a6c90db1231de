"""Marginal densities of numeric and time columns, with tails beyond the training range.

A rank says how many training values are smaller. It does not say how far away they are: beyond the
largest training value, and between two distant ones, all values have nearly the same rank. The
density in the units of the column does: it is a kernel density estimate (Parzen 1962) over the bins
of the column's codec. The kernel is Student's t with 3 degrees of freedom. Its tails are heavy, so
the log density of a value falls with the logarithm of its distance and stays finite.

The bandwidth is that of Silverman's rule (1986), which is too wide for values in clusters. There
likelihood cross-validation (Duin 1976) takes a narrower one: each value is predicted from all
others. A value counts with all its ties, so that the bandwidth does not shrink to the grid of the
data.
"""

from __future__ import annotations

import math

import numpy as np

from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import Array

__all__ = ["LARGEST", "MarginalDensity", "log_share"]

_FREEDOM = 3.0
_LOG_KERNEL = math.log(2 / (math.pi * math.sqrt(_FREEDOM)))  # of the kernel at its centre
_BANDWIDTH = 0.9  # Silverman's rule: 0.9 min(sd, IQR / 1.349) rows ** -0.2
_NARROWER = (1.0, 0.5, 0.25, 0.125, 0.0625)  # multiples of it
_TOLERANCE = 0.1  # nats a value by which a narrower bandwidth must be better
_FEWEST_CENTRES = 4  # for one to be chosen
_IQR_OF_NORMAL = 1.349
_MAX_CENTRES = 512
_BLOCK_CELLS = 2**20
LARGEST = 1e300
"""Infinities are as far away as this."""


def log_share(share: Array | float, rows: float) -> Array:
    """Log probabilities of single values; those that training never saw count as half a row.

    Args:
        share: float64 probabilities.
        rows: number of training rows.
    """
    logs: Array = np.log(np.maximum(share, 0.5 / (rows + 1)))
    return logs


class MarginalDensity:
    """The density of a column's values, in units of their standard deviation.

    Args:
        quantiles: the bins of the column.
        rows: number of training rows.
    """

    def __init__(self, quantiles: Quantiles, rows: float) -> None:
        low, high = (part.astype(np.float64) for part in (quantiles.low, quantiles.high))
        low, high = (part.clip(-LARGEST, LARGEST) for part in (low, high))
        shares = quantiles.shares
        finite = (np.abs(low) < LARGEST) & (np.abs(high) < LARGEST)
        if finite.any():
            low, high, shares = low[finite], high[finite], shares[finite]
        shares = shares / shares.sum() if shares.sum() > 0 else np.full(len(low), 1 / len(low))
        middle = low / 2 + high / 2
        # Differences before products: times are large numbers that differ little.
        self._zero = float(np.average(middle, weights=shares))
        spread = _spread(middle - self._zero, shares)
        self._unit = spread[0]
        self._log_bandwidth = math.log(_BANDWIDTH * spread[1]) - 0.2 * math.log(max(rows, 1))
        self._log_bandwidth -= math.log(self._unit)
        self._centres, self._log_shares = _centres(low - self._zero, high - self._zero, shares)
        self._centres /= self._unit
        self._log_bandwidth += math.log(
            _narrowing(self._centres, self._log_shares, self._bandwidth)
        )

    @property
    def _bandwidth(self) -> float:
        return math.exp(self._log_bandwidth)

    def log_density(self, values: Array) -> Array:
        """Log densities of values.

        Args:
            values: (rows,) int64 or float64, without NaN.

        Returns:
            (rows,) float64, finite.
        """
        distinct, inverse = np.unique(values, return_inverse=True)
        with np.errstate(over="ignore"):
            scaled = (distinct.astype(np.float64).clip(-LARGEST, LARGEST) - self._zero) / self._unit
        logs = np.empty(len(scaled))
        size = max(_BLOCK_CELLS // len(self._centres), 1)
        for start in range(0, len(scaled), size):
            block = slice(start, start + size)
            with np.errstate(over="ignore"):
                distance = (scaled[block, None] - self._centres) / self._bandwidth
            parts = self._log_shares + _log_kernel(distance.clip(-LARGEST, LARGEST))
            largest = parts.max(1)
            sums = np.exp(parts - largest[:, None]).sum(1)
            logs[block] = largest + np.log(sums)
        found: Array = (logs - self._log_bandwidth)[inverse]
        return found


def _log_kernel(distance: Array) -> Array:
    """Log density of Student's t at distances in bandwidths, without overflow."""
    # (1 + d**2 / freedom) ** -((freedom + 1) / 2)
    logs: Array = -(_FREEDOM + 1) * np.log(np.hypot(1.0, distance / math.sqrt(_FREEDOM)))
    return logs + _LOG_KERNEL


def _narrowing(centres: Array, log_shares: Array, bandwidth: float) -> float:
    """The multiple of a bandwidth that predicts each centre best from all others.

    Of those that are nearly as good as the best it is the largest.

    Args:
        centres: (centres,) float64.
        log_shares: (centres,) float64, their log weights.
        bandwidth: to be narrowed.
    """
    if len(centres) < _FEWEST_CENTRES:
        return 1.0
    shares = np.exp(log_shares)
    distance = np.abs(centres[:, None] - centres) / bandwidth
    gains = []
    for narrower in _NARROWER:
        kernel = np.exp(_log_kernel(distance / narrower)) / narrower
        np.fill_diagonal(kernel, 0.0)
        density = kernel @ shares / np.maximum(1 - shares, 1e-9)
        gains.append(float(shares @ np.log(np.maximum(density, 1e-300))))
    good = np.array(gains) >= max(gains) - _TOLERANCE
    return _NARROWER[int(good.argmax())]


def _spread(values: Array, shares: Array) -> tuple[float, float]:
    """The standard deviation, and the smaller of it and that of a normal with the same quartiles.

    Args:
        values: (bins,) float64, ascending, with a mean of 0.
        shares: (bins,) float64 probabilities.
    """
    largest = float(np.abs(values).max())
    if largest == 0:
        return 1.0, 1.0
    deviation = largest * math.sqrt(float(np.average((values / largest) ** 2, weights=shares)))
    if deviation == 0:
        return 1.0, 1.0
    ends = np.cumsum(shares)
    quartiles = values[np.minimum(np.searchsorted(ends, (0.25, 0.75)), len(values) - 1)]
    between = float(quartiles[1] - quartiles[0]) / _IQR_OF_NORMAL
    return deviation, min(deviation, between) if between > 0 else deviation


def _centres(low: Array, high: Array, shares: Array) -> tuple[Array, Array]:
    """The centres of the kernels, ascending, and their log weights; a wide bin has two.

    Args:
        low: (bins,) float64, ascending.
        high: (bins,) float64.
        shares: (bins,) float64 probabilities.
    """
    wide = low < high
    centres = np.concatenate([low, high[wide]])
    weights = np.concatenate([np.where(wide, shares / 2, shares), shares[wide] / 2])
    order = np.argsort(centres, kind="stable")
    centres, weights = centres[order], weights[order]
    if len(centres) > _MAX_CENTRES:
        # Neighbours are joined; the ends, from where tails are measured, stay themselves.
        group = np.arange(len(centres)) * (_MAX_CENTRES - 2) // len(centres) + 1
        group[0], group[-1] = 0, _MAX_CENTRES - 1
        mass = np.bincount(group, weights)
        sums = np.bincount(group, weights * centres)
        plain = np.bincount(group, centres) / np.maximum(np.bincount(group), 1)
        centres = np.where(mass > 0, sums / np.maximum(mass, 1e-300), plain)
        weights = mass
    kept = weights > 0
    return centres[kept], np.log(weights[kept])
