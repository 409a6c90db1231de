"""Losses of steps, summed on the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Losses"]

_MAX_LOSS = 1e6  # above it a training has diverged


class Losses:
    """Means of the critic's and the generator's losses, which stay on the device until a check.

    Args:
        device: of the losses.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(2, device=device)
        self._counts = [0, 0]
        self._means: list[float | None] = [None, None]

    def add_critic(self, loss: Tensor) -> None:
        """Add the loss of a critic step, a scalar."""
        self._sums[0] += loss.detach()
        self._counts[0] += 1

    def add_generator(self, loss: Tensor) -> None:
        """Add the loss of a generator step, a scalar."""
        self._sums[1] += loss.detach()
        self._counts[1] += 1

    def check(self) -> bool:
        """Compute the means since the last check; False if one is not finite or very large."""
        sums = self._sums.tolist()
        for index in range(2):
            if self._counts[index]:
                self._means[index] = sums[index] / self._counts[index]
        self._sums.zero_()
        self._counts = [0, 0]
        return all(mean is None or abs(mean) < _MAX_LOSS for mean in self._means)

    def are_good(self) -> bool:
        """The result that :meth:`check` would have, without a reset of the sums."""
        sums = self._sums.tolist()
        pairs = zip(sums, self._counts, strict=True)
        return all(not count or abs(total / count) < _MAX_LOSS for total, count in pairs)

    def means(self) -> dict[str, float | None]:
        """The means at the last check by column of the history; None if not finite."""
        if any(self._counts):
            self.check()
        values = [m if m is not None and math.isfinite(m) else None for m in self._means]
        return {"discriminator_loss": values[0], "generator_loss": values[1]}

    def summary(self) -> str:
        """The means as text, for messages."""
        names = ("discriminator", "generator")
        pairs = zip(names, self._means, strict=True)
        return ", ".join(f"{name} {mean:.3g}" for name, mean in pairs if mean is not None)
