"""The accuracy of columns or sets of columns, and the bootstrap behind its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Accuracy", "bootstrap_weights"]

Array = npt.NDArray[np.float64]

_REPEATS = 200


@dataclass(frozen=True, eq=False)
class Accuracy:
    """The accuracy of sets of columns: 1 for equal distributions, 0 for such that share nothing.

    Attributes:
        mean: over the sets.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        columns: indices of the columns of each set.
        values: accuracy of each set.
    """

    mean: float
    low: float
    high: float
    columns: Sequence[tuple[int, ...]]
    values: Array


def bootstrap_weights(blocks: int, rng: np.random.Generator) -> Array:
    """How often each block of rows is drawn by each of 200 bootstrap samples.

    Args:
        blocks: number of blocks of rows.
        rng: draws.

    Returns:
        (samples, blocks) float64.
    """
    drawn = rng.multinomial(blocks, np.full(blocks, 1 / blocks), _REPEATS)
    weights: Array = drawn.astype(np.float64)
    return weights
