"""Intervals and areas that several measures need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

__all__ = ["Share", "auc", "auc_interval", "bootstrap", "share_interval", "share_of_means"]

Array = npt.NDArray[np.float64]

_LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """A number from 0 to 1 with its interval."""

    value: float
    low: float
    high: float


def auc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The area under the ROC curve: how often a positive scores above a negative; ties half.

    Args:
        scores: (n,) numbers.
        labels: (n,) 1 or True for positives.

    Returns:
        0.5 where there are only positives or only negatives.
    """
    is_positive = np.asarray(labels, dtype=bool)
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(np.asarray(scores, dtype=np.float64))
    total = float(ranks[is_positive].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def auc_interval(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[float, float, float]:
    """The area under the ROC curve and its 95 % interval.

    DeLong et al., "Comparing the areas under two or more correlated receiver operating
    characteristic curves" (Biometrics 1988), by ranks as Sun and Xu (IEEE Signal Processing Letters
    2014) compute it.

    Args:
        scores: (n,) numbers.
        labels: (n,) 1 or True for positives.

    Returns:
        The area, and the ends of the interval.
    """
    is_positive = np.asarray(labels, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    x, y = values[is_positive], values[~is_positive]
    if len(x) < 2 or len(y) < 2:
        return auc(values, is_positive), 0.0, 1.0
    ranks = rankdata(values)
    above = (ranks[is_positive] - rankdata(x)) / len(y)  # share of negatives below each positive
    below = 1 - (ranks[~is_positive] - rankdata(y)) / len(x)
    area = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / len(x) + below.var(ddof=1) / len(y)))
    reach = float(norm.ppf(0.5 + _LEVEL / 2)) * error
    return area, max(area - reach, 0.0), min(area + reach, 1.0)


def share_interval(successes: float, trials: float, level: float = _LEVEL) -> tuple[float, float]:
    """The interval of a share (Wilson, Journal of the American Statistical Association 1927).

    Args:
        successes: number of trials that succeeded.
        trials: number of trials.
        level: of confidence.
    """
    if trials <= 0:
        return 0.0, 1.0
    z = float(norm.ppf(0.5 + level / 2))
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials)
    reach *= float(np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)))
    # Rounding must not make an end of 0 or 1 look like a number.
    low = 0.0 if successes <= 0 else max(centre - reach, 0.0)
    return low, 1.0 if successes >= trials else min(centre + reach, 1.0)


def share_of_means(values: Array) -> Share:
    """The share of successes over all trials of rows, with its 95 % interval by rows.

    Args:
        values: (rows, trials) 1 for successes, 0 for failures, NaN for trials that were not made.

    Returns:
        0 with the interval from 0 to 1 where there were no trials.
    """
    made = ~np.isnan(values)
    trials = made.sum(axis=1)
    if not trials.any():
        return Share(0.0, 0.0, 1.0)
    share = float(np.nansum(values) / trials.sum())
    # The variance of a ratio of sums over rows (Cochran, "Sampling techniques", 1977).
    rest = np.nansum(values, axis=1) - share * trials
    error = float(np.sqrt((rest**2).sum())) / float(trials.sum())
    low, high = share_interval(share * len(values), len(values))
    reach = float(norm.ppf(0.5 + _LEVEL / 2)) * error
    if share in (0.0, 1.0) or len(values) < 2:
        return Share(share, low, high)
    return Share(share, max(share - reach, 0.0), min(share + reach, 1.0))


def bootstrap(
    statistic: Callable[[npt.NDArray[np.int64]], float],
    rows: int,
    rng: np.random.Generator,
    repeats: int = 200,
) -> tuple[float, float]:
    """The 95 % interval of a statistic by the percentiles of resamples (Efron 1979).

    Args:
        statistic: of (rows,) indices of a resample.
        rows: number of rows.
        rng: of the resamples.
        repeats: number of resamples.
    """
    values = [statistic(rng.integers(rows, size=rows)) for _ in range(repeats)]
    low, high = np.nanquantile(values, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return float(low), float(high)
