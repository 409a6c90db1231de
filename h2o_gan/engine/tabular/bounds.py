"""What tokens may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = ["Bounds", "Link"]


@dataclass(frozen=True)
class Bounds:
    """What a token may be: `mask` is for choices, `low` and `high` are for numbers.

    Attributes:
        mask: float32, the share of each choice that is allowed: (size,); for the second token of a
            pair (size of the first, size).
        low, high: smallest and largest number, both included; or float32 (rows, 1), for each row.
        by_row: whether `mask` has one more dimension in front, for rows.
        link: bounds that hold in rows with a certain choice, instead of these.
    """

    mask: Tensor | None = None
    low: float | Tensor = -math.inf
    high: float | Tensor = math.inf
    by_row: bool = False
    link: Link | None = None

    @property
    def is_open(self) -> bool:
        """Whether every number is allowed."""
        low, high = self.low, self.high
        if isinstance(low, Tensor) or isinstance(high, Tensor):
            return False
        return math.isinf(low) and math.isinf(high)

    def linked(self, values: Tensor, size: int) -> Bounds:
        """The bounds of rows, by the choices that they have drawn.

        Args:
            values: (rows, tokens) float32.
            size: number of choices of the token; 0 for a number.
        """
        if self.link is None:
            return self
        other = self.link.bounds
        chosen = (values[:, self.link.token] == self.link.choice)[:, None]
        if not size:
            low = torch.where(chosen, other.low, self.low)
            return Bounds(low=low, high=torch.where(chosen, other.high, self.high))
        ones = torch.ones(1, size, device=values.device)
        then, otherwise = (ones if b.mask is None else b.mask for b in (other, self))
        return Bounds(torch.where(chosen, then, otherwise), by_row=True)

    def to(self, device: torch.device) -> Bounds:
        """The same bounds on another device."""
        link = None if self.link is None else self.link.to(device)
        return replace(self, mask=None if self.mask is None else self.mask.to(device), link=link)

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


@dataclass(frozen=True)
class Link:
    """Bounds of a token in the rows that have a certain choice of an earlier token.

    Attributes:
        token: the earlier token.
        choice: its choice.
        bounds: of the later token, the same for all these rows.
    """

    token: int
    choice: int
    bounds: Bounds

    def to(self, device: torch.device) -> Link:
        """The same link on another device."""
        return replace(self, bounds=self.bounds.to(device))
