"""The codes of each choice: one, several for a pooled choice, and codes without a choice."""

from __future__ import annotations

import numpy as np

from h2o_gan.engine.data.schema import Array

__all__ = ["UNSEEN", "Members", "masses"]

UNSEEN = -1
"""Choice of codes that the network does not see."""


class Members:
    """The codes behind the choices of a column.

    Args:
        choices: (codes,) int64, the choice of each code, or UNSEEN.
        shares: (codes,) float64 probabilities.
    """

    def __init__(self, choices: Array, shares: Array) -> None:
        seen = np.flatnonzero(choices >= 0)
        order = seen[np.argsort(choices[seen], kind="stable")]
        self._codes, self._choices = order, choices[order]
        self._shares = shares[order]
        self._first = np.searchsorted(self._choices, np.arange(choices.max() + 1))
        self._unseen = np.flatnonzero(choices < 0)
        self._unseen_ends = np.cumsum(shares[self._unseen])

    def draw(self, choices: Array, uniforms: Array, allowed: Array | None) -> Array:
        """Draw a code for each choice.

        Args:
            choices: (rows,) int64.
            uniforms: (rows,) float64 in [0, 1).
            allowed: (codes,) bool, the codes to draw from; None for all.

        Returns:
            (rows,) int64 codes.
        """
        unseen, ends = self._unseen, self._unseen_ends
        if allowed is not None:
            mask = self.allowed_shares(allowed)
            unseen = unseen[allowed[unseen]]
            # Codes without a choice are drawn only where no other code is allowed.
            if (mask > 0).any() and allowed[self._codes].any():
                unseen = unseen[:0]
            ends = np.linspace(0, 1, len(unseen) + 1)[1:]
        codes = self._draw_seen(choices, uniforms, allowed)
        if not len(unseen):
            return codes
        rare = uniforms < ends[-1]
        codes[rare] = unseen[np.searchsorted(ends, uniforms[rare], side="right")]
        return codes

    def allowed_shares(self, allowed: Array) -> Array:
        """The share of each choice that allowed codes make up.

        Where only codes without a choice are allowed, every choice is: they go with any.

        Args:
            allowed: (codes,) bool, or float64, the share of each code that is allowed.

        Returns:
            (choices,) float64 in [0, 1].
        """
        whole = np.bincount(self._choices, self._shares)
        shares: Array = np.bincount(self._choices, self._shares * allowed[self._codes]) / whole
        if not shares.any() and allowed[self._unseen].any():
            return np.ones_like(shares)
        return shares

    def _draw_seen(self, choices: Array, uniforms: Array, allowed: Array | None) -> Array:
        shares = self._shares
        if allowed is not None and allowed[self._codes].any():
            shares = np.where(allowed[self._codes], shares, 0.0)
        # Codes without a choice take the lowest uniforms: stretch the others over [0, 1).
        taken = self._unseen_ends[-1] if len(self._unseen) else 0.0
        if allowed is None:
            uniforms = np.clip((uniforms - taken) / (1 - taken), 0, 1 - 1e-12)
        ends = np.cumsum(shares)
        before = np.append(0.0, ends)[self._first]
        mass = np.bincount(self._choices, shares)
        index = np.searchsorted(ends, before[choices] + uniforms * mass[choices], side="right")
        last = np.append(self._first[1:], len(self._codes)) - 1
        # Rounding must not lead to a code of another choice.
        codes: Array = self._codes[np.clip(index, self._first[choices], last[choices])]
        return codes


def masses(choices: Array, shares: Array) -> Array:
    """The probability of each choice.

    Args:
        choices: (codes,) int64 choices, or UNSEEN.
        shares: (codes,) float64 probabilities.

    Returns:
        (choices,) float64.
    """
    seen = choices >= 0
    return np.bincount(choices[seen], shares[seen])
