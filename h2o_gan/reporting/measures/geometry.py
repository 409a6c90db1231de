"""Fidelity and coverage of samples as sets of points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.neighbours import nearest

__all__ = ["alpha_precision_beta_recall"]

Points = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

_LEVELS = 30  # points on the curves


def alpha_precision_beta_recall(real: Points, synthetic: Points) -> tuple[float, float]:
    """How closely the curves of precision and of coverage follow the diagonal.

    Alaa et al., "How faithful is your synthetic data?" (ICML 2022), in the form that published
    tables use: in the space of the points themselves, not a learned one.

    Args:
        real: (n, d) real points.
        synthetic: (n, d) points that are judged, as many.

    Returns:
        alpha precision, and beta recall; 1 is best, and what unseen real rows reach is the most
        that a sampler can.
    """
    levels = np.linspace(0, 1, _LEVELS)
    centre = real.mean(axis=0)
    balls = np.quantile(np.linalg.norm(real - centre, axis=1), levels)
    precision = (np.linalg.norm(synthetic - centre, axis=1) <= balls[:, None]).mean(axis=1)

    spacing = nearest(real, real, 2)[0][:, -1]  # the first is the row itself
    found, which = nearest(synthetic, real)
    depth = np.linalg.norm(synthetic[which[:, 0]] - synthetic.mean(axis=0), axis=1)
    inside = depth <= np.quantile(depth, levels)[:, None]
    recall = (inside & (found[:, 0] <= spacing)).mean(axis=1)

    def agreement(curve: Array) -> float:
        return float(1 - np.abs(curve - levels).sum() / levels.sum())

    return agreement(precision), agreement(recall)
