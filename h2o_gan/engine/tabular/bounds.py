"""What tokens may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = ["Bounds"]


@dataclass(frozen=True)
class Bounds:
    """What a token may be: `mask` is for choices, `low` and `high` are for numbers.

    Attributes:
        mask: float32, the share of each choice that is allowed: (size,); for the second token of a
            pair (size of the first, size).
        low, high: smallest and largest number, both included.
        by_row: whether `mask` has one more dimension in front, for rows.
    """

    mask: Tensor | None = None
    low: float = -math.inf
    high: float = math.inf
    by_row: bool = False

    @property
    def is_open(self) -> bool:
        """Whether every number is allowed."""
        return math.isinf(self.low) and math.isinf(self.high)

    def to(self, device: torch.device) -> Bounds:
        """The same bounds on another device."""
        return self if self.mask is None else replace(self, mask=self.mask.to(device))

    def take(self, rows: Tensor) -> Bounds:
        """The bounds of some rows, (rows,) int64."""
        if self.mask is None or not self.by_row:
            return self
        return replace(self, mask=self.mask[rows])

    def mask_after(self, first: Tensor) -> Tensor | None:
        """The mask of the second token of a pair, (rows, size), given the first, (rows,) int64."""
        if self.mask is None:
            return None
        if self.by_row:
            return self.mask[torch.arange(len(first), device=first.device), first]
        return self.mask[first]
