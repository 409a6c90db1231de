"""The distance of real and generated rows, and early stopping by it."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

__all__ = ["EarlyStopping", "sliced_wasserstein"]

_DIRECTIONS = 128


def sliced_wasserstein(real: Tensor, fake: Tensor, rng: torch.Generator) -> float:
    """Sliced Wasserstein-1 distance (Rabin et al. 2011; Deshpande et al. 2018, arXiv 1803.11188).

    The mean distance of sorted projections over 128 random directions of length 1.

    Args:
        real: float32 (rows, width).
        fake: float32 (rows, width), as many rows.
        rng: draws the directions; on the tensors' device.

    Returns:
        0 for equal samples, larger for more different ones.
    """
    width = real.shape[1]
    directions = torch.randn(width, _DIRECTIONS, generator=rng, device=real.device)
    directions /= directions.norm(dim=0, keepdim=True)
    real, _ = (real @ directions).sort(0)
    fake, _ = (fake @ directions).sort(0)
    return float((real - fake).abs().mean())


class EarlyStopping:
    """H2O's rule of early stopping: stop once a moving average no longer improves.

    Args:
        rounds: length of the moving average in scorings; 0 turns early stopping off.
        tolerance: smallest relative improvement that counts.
    """

    def __init__(self, rounds: int, tolerance: float) -> None:
        self._rounds = rounds
        self._tolerance = tolerance
        self._window: deque[float] = deque(maxlen=max(rounds, 1))
        self._averages: list[float] = []

    def update(self, value: float) -> bool:
        """Add a score.

        Args:
            value: lower is better.

        Returns:
            Whether to stop.
        """
        self._window.append(value)
        if not self._rounds or len(self._window) < self._rounds:
            return False
        self._averages.append(sum(self._window) / self._rounds)
        if len(self._averages) <= self._rounds:
            return False
        best_before = min(self._averages[: -self._rounds])
        best_lately = min(self._averages[-self._rounds :])
        return best_lately > best_before - self._tolerance * abs(best_before)
