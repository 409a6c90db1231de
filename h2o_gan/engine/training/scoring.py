"""How far apart real and generated rows are, cheaply enough to ask during training."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

__all__ = ["EarlyStopping", "sliced_wasserstein"]

_DIRECTIONS = 128


def sliced_wasserstein(real: Tensor, fake: Tensor, generator: torch.Generator) -> float:
    """Sliced Wasserstein-1 distance (Rabin et al. 2011; Deshpande et al. 2018, arXiv 1803.11188).

    The mean, over random directions, of the distance between sorted projections; 0 for equal
    samples. Directions have length sqrt(width), so that tables of any width compare.

    Args:
        real: (rows, width) float32.
        fake: (rows, width) float32, as many rows.
        generator: source of the directions, on the tensors' device.
    """
    width = real.shape[1]
    directions = torch.randn(width, _DIRECTIONS, generator=generator, device=real.device)
    directions /= directions.norm(dim=0, keepdim=True)
    real, _ = (real @ directions).sort(0)
    fake, _ = (fake @ directions).sort(0)
    return float((real - fake).abs().mean())


class EarlyStopping:
    """H2O's rule: stop once a moving average no longer betters the best one before it.

    Args:
        rounds: length of the moving average in scorings; 0 never stops.
        tolerance: relative improvement that still counts.
    """

    def __init__(self, rounds: int, tolerance: float) -> None:
        self._rounds = rounds
        self._tolerance = tolerance
        self._window: deque[float] = deque(maxlen=max(rounds, 1))
        self._averages: list[float] = []

    def update(self, value: float) -> bool:
        """Take in a scoring, lower being better; True when it is time to stop."""
        self._window.append(value)
        if not self._rounds or len(self._window) < self._rounds:
            return False
        self._averages.append(sum(self._window) / self._rounds)
        if len(self._averages) <= self._rounds:
            return False
        best_before = min(self._averages[: -self._rounds])
        best_lately = min(self._averages[-self._rounds :])
        return best_lately > best_before - self._tolerance * abs(best_before)
