"""Rows that are held out from training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["FEWEST_ROWS", "held_out_rows", "split_rows"]

FEWEST_ROWS = {"columns": 40, "convolutional": 100}
"""By architecture, the fewest rows of which some are held out; others hold none out."""

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


def held_out_rows(architecture: str, rows: int) -> npt.NDArray[np.int64]:
    """The rows that a model with this many training rows was not trained on.

    They are not quite unseen: the model's weights are those that knew them best.

    Args:
        architecture: of the model.
        rows: number of its training rows.

    Returns:
        Row numbers, of which there may be none.
    """
    fewest = FEWEST_ROWS.get(architecture)
    if fewest is None:
        return np.zeros(0, np.int64)
    numbers: npt.NDArray[np.int64] = split_rows(rows, fewest)[1].numpy()
    return numbers
