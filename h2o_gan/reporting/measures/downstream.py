"""Scores of predictions, with the influence of each row, from which intervals come.

The influence of a row on a score is its derivative by the row's weight (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 21). The mean of squared influences gives the score's
standard error; those of the differences of influences give that of two scores' difference on the
same rows. For the area under a ROC curve this is the error of DeLong et al. (Biometrics 1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

__all__ = ["Score", "difference", "error", "roc", "scored"]

Array = npt.NDArray[np.float64]

_REACH = 1.959963984540054  # standard errors on each side of a 95 % interval
_POINTS = 101  # of a ROC curve


@dataclass(frozen=True, eq=False)
class Score:
    """How well predictions meet the truth.

    Attributes:
        kind: "auc", the area under the ROC curve; over more than two levels the mean of the areas
            of each level against the others (Provost and Domingos 2000, unweighted); or "r2", the
            coefficient of determination.
        value: of the score.
        influence: (rows,) influence of each row.
    """

    kind: Literal["auc", "r2"]
    value: float
    influence: Array

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        reach = _REACH * _standard_error(self.influence)
        return max(self.value - reach, 0.0 if self.kind == "auc" else -np.inf), min(
            self.value + reach, 1.0
        )

    @property
    def chance(self) -> float:
        """The score of predictions that know nothing."""
        return 0.5 if self.kind == "auc" else 0.0


def _standard_error(influence: Array) -> float:
    rows = len(influence)
    return float(np.sqrt((influence**2).sum()) / rows) if rows else np.inf


def scored(truth: Array, predictions: Array) -> Score | None:
    """Score predictions.

    Args:
        truth: (rows,) numbers; or codes of levels where `predictions` has two dimensions.
        predictions: (rows,) numbers or (rows, levels) probabilities.

    Returns:
        The score; None where the truth is constant, or all of it is missing.
    """
    known = np.isfinite(truth)
    if predictions.ndim == 1:
        known &= np.isfinite(predictions)
    influence = np.zeros(len(truth))
    if predictions.ndim == 1:
        part = _r2(truth[known], predictions[known])
    else:
        part = _mean_area(truth[known].astype(np.int64), predictions[known])
    if part is None:
        return None
    # Rows without a truth have no influence; the others' weights add up to the known rows.
    influence[known] = part[1] * len(truth) / max(int(known.sum()), 1)
    return Score("r2" if predictions.ndim == 1 else "auc", part[0], influence)


def _r2(truth: Array, predictions: Array) -> tuple[float, Array] | None:
    if len(truth) < 2 or np.ptp(truth) == 0:
        return None
    spread = (truth - truth.mean()) ** 2
    missed = (truth - predictions) ** 2
    variance, loss = float(spread.mean()), float(missed.mean())
    influence = -(missed - loss) / variance + loss * (spread - variance) / variance**2
    return 1 - loss / variance, influence


def _mean_area(truth: npt.NDArray[np.int64], probabilities: Array) -> tuple[float, Array] | None:
    present = np.unique(truth)
    if len(present) < 2:
        return None
    if probabilities.shape[1] == 2:
        present = present[1:]
    parts = [_area(truth == level, probabilities[:, level]) for level in present]
    value = float(np.mean([area for area, _ in parts]))
    influence: Array = np.mean([influence for _, influence in parts], axis=0)
    return value, influence


def _area(positive: npt.NDArray[np.bool_], scores: Array) -> tuple[float, Array]:
    """The area under the ROC curve and the rows' influences."""
    share = float(positive.mean())
    ranks = rankdata(scores)
    x, y = scores[positive], scores[~positive]
    won = np.empty(len(scores))
    won[positive] = (ranks[positive] - rankdata(x)) / len(y)
    won[~positive] = 1 - (ranks[~positive] - rankdata(y)) / len(x)
    area = float(won[positive].mean())
    return area, (won - area) / np.where(positive, share, 1 - share)


def difference(first: Score, second: Score) -> tuple[float, float, float]:
    """The difference of two scores on the same rows, and its 95 % interval.

    Args:
        first: a score.
        second: the score to subtract.

    Returns:
        The difference and the ends of the interval.
    """
    found = first.value - second.value
    reach = _REACH * _standard_error(first.influence - second.influence)
    return found, found - reach, found + reach


def error(truth: Array, predictions: Array) -> tuple[float | None, float | None]:
    """The mean error, and the mean surprise, of predictions.

    Args:
        truth: (rows,) numbers or codes, as in :func:`scored`.
        predictions: (rows,) numbers or (rows, levels) probabilities.

    Returns:
        For levels the share of rows whose most probable level is wrong, and the log loss; for
        numbers the root of the mean squared error, and None. None where all truth is missing.
    """
    known = np.isfinite(truth)
    if not known.any():
        return None, None
    if predictions.ndim == 1:
        return float(np.sqrt(np.nanmean((truth[known] - predictions[known]) ** 2))), None
    codes = truth[known].astype(np.int64)
    probabilities = predictions[known]
    wrong = float((probabilities.argmax(axis=1) != codes).mean())
    true = np.clip(probabilities[np.arange(len(codes)), codes], 1e-15, 1.0)
    return wrong, float(-np.log(true).mean())


def roc(positive: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Array, Array]:
    """The ROC curve at about a hundred points.

    Args:
        positive: (rows,) whether rows are positive; both kinds must occur.
        scores: (rows,) numbers.

    Returns:
        (points,) rates of false positives from 0 to 1, and of true positives.
    """
    hit = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    last = np.append(values[order][1:] != values[order][:-1], True)
    true = np.append(0.0, np.cumsum(hit[order])[last] / max(int(hit.sum()), 1))
    false = np.append(0.0, np.cumsum(~hit[order])[last] / max(int((~hit).sum()), 1))
    if len(false) <= _POINTS:
        return false, true
    grid = np.linspace(0, 1, _POINTS)
    return grid, np.interp(grid, false, true)
