"""Rows that are held out from training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["split_rows"]

_HELD_OUT, _MOST_HELD_OUT = 0.1, 2048
_SPLIT_SEED = 20  # not the training's: an earlier model must not have learned the held-out rows


def split_rows(
    rows: int, fewest: int, weights: npt.NDArray[np.float64] | None = None
) -> tuple[Tensor, Tensor]:
    """Split rows into those to learn from and a few to hold out, the same ones every time.

    Args:
        rows: how many there are.
        fewest: of these, for any to be held out.
        weights: (rows,) row weights; rows are then held out as often as they count.

    Returns:
        int64 row numbers to learn from, ascending, and those held out, of which there may be none.
    """
    if rows < fewest:
        return torch.arange(rows), torch.arange(0)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    count = min(int(rows * _HELD_OUT), _MOST_HELD_OUT)
    held_out, learned = order[:count], order[count:].sort().values
    if weights is None:
        return learned, held_out
    # Rows of weight 0 are not part of the data; the others are held out as often as they count.
    shares = torch.tensor(weights)
    if shares[learned].sum() <= 0 or shares[held_out].sum() <= 0:
        return torch.arange(rows), torch.arange(0)
    rng = torch.Generator().manual_seed(_SPLIT_SEED)
    drawn = torch.multinomial(shares[held_out], count, replacement=True, generator=rng)
    return learned, held_out[drawn]
