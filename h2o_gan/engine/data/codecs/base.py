"""What all codecs have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["UNKNOWN", "Array", "is_distribution"]

Array = npt.NDArray[Any]

UNKNOWN = -1
"""Code of a value that training never saw and that no bin or level can stand for."""


def is_distribution(shares: Array) -> bool:
    """Whether these are probabilities that sum to one."""
    return bool(shares.dtype == np.float64 and (shares >= 0).all() and abs(shares.sum() - 1) < 1e-6)
