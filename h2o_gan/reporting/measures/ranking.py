"""Whether two tables rank models alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import kendalltau

__all__ = ["place_of_best", "rank_agreement"]


def rank_agreement(real: Sequence[float], other: Sequence[float]) -> float | None:
    """Kendall's tau-b of two rows of scores: 1 for the same order, -1 for the reverse.

    Args:
        real: scores of models that were trained on real rows.
        other: scores of the same models, trained on other rows.

    Returns:
        The correlation; None with fewer than three models, or where all scores are equal.
    """
    if len(real) < 3:
        return None
    found = float(kendalltau(real, other).statistic)
    return found if np.isfinite(found) else None


def place_of_best(real: Sequence[float], other: Sequence[float]) -> int:
    """The rank by `real`, from 1, of the model that `other` scores best."""
    best = int(np.argmax(other))
    return 1 + int((np.asarray(real) > real[best]).sum())
