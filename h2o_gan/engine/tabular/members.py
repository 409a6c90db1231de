"""Choices and the codes behind them: one each, several behind a pooled one, and spare ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SPARE", "Members", "masses"]

Array = npt.NDArray[Any]

SPARE = -1
"""Choice of codes that the network does not see."""


class Members:
    """The codes behind the choices of a column.

    Args:
        choice_of: (codes,) int64, the choice of each code, or SPARE.
        shares: (codes,) float64 probabilities.
    """

    def __init__(self, choice_of: Array, shares: Array) -> None:
        seen = np.flatnonzero(choice_of >= 0)
        order = seen[np.argsort(choice_of[seen], kind="stable")]
        self._codes, self._choice = order, choice_of[order]
        self._shares = shares[order]
        self._first = np.searchsorted(self._choice, np.arange(choice_of.max() + 1))
        self._spare = np.flatnonzero(choice_of < 0)
        self._spare_ends = np.cumsum(shares[self._spare])

    def draw(self, choice: Array, uniforms: Array, allowed: Array | None) -> Array:
        """Choices and uniforms (rows,) to codes (rows,), among the `allowed` ones, (codes,)."""
        spare, ends = self._spare, self._spare_ends
        if allowed is not None:
            left = self.share_left(allowed)
            spare = spare[allowed[spare]]
            # A spare code comes where only such are allowed; else the common ones suffice.
            if (left > 0).any() and allowed[self._codes].any():
                spare = spare[:0]
            ends = np.linspace(0, 1, len(spare) + 1)[1:]
        codes = self._common(choice, uniforms, allowed)
        if not len(spare):
            return codes
        rare = uniforms < ends[-1]
        codes[rare] = spare[np.searchsorted(ends, uniforms[rare], side="right")]
        return codes

    def _common(self, choice: Array, uniforms: Array, allowed: Array | None) -> Array:
        shares = self._shares
        if allowed is not None and allowed[self._codes].any():
            shares = np.where(allowed[self._codes], shares, 0.0)
        # Spare codes took the lowest uniforms: what is left of a row's still spreads evenly.
        kept = self._spare_ends[-1] if len(self._spare) else 0.0
        part = (
            np.clip((uniforms - kept) / (1 - kept), 0, 1 - 1e-12) if allowed is None else uniforms
        )
        ends = np.cumsum(shares)
        before = np.append(0.0, ends)[self._first]
        mass = np.bincount(self._choice, shares)
        place = np.searchsorted(ends, before[choice] + part * mass[choice], side="right")
        last = np.append(self._first[1:], len(self._codes)) - 1
        # Rounding must not lead out of the choice's own codes.
        codes: Array = self._codes[np.clip(place, self._first[choice], last[choice])]
        return codes

    def share_left(self, codes: Array) -> Array:
        """(choices,) the part of each choice that is among `codes`, (codes,) bool.

        Where only spare codes are among them, every choice is free: they go with anything.
        """
        whole = np.bincount(self._choice, self._shares)
        left: Array = np.bincount(self._choice, self._shares * codes[self._codes]) / whole
        if not left.any() and codes[self._spare].any():
            return np.ones_like(left)
        return left


def masses(choice_of: Array, shares: Array) -> Array:
    """(choices,) the sum of each choice's shares."""
    seen = choice_of >= 0
    return np.bincount(choice_of[seen], shares[seen])
