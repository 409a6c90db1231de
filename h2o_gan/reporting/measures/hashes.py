"""64-bit hashes of rows, by which equal rows of large tables are counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Hashes", "level_hashes", "row_hashes", "shares_of_copies"]

Hashes = npt.NDArray[np.uint64]

_MISSING = np.uint64(0x9E3779B97F4A7C15)
_PRIMES = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def level_hashes(levels: Sequence[str]) -> Hashes:
    """A hash of each level's text, which does not depend on its code.

    Args:
        levels: texts.

    Returns:
        (levels,) uint64.
    """
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in levels]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def row_hashes(columns: Sequence[npt.NDArray[np.float64] | Hashes]) -> Hashes:
    """A hash of each row.

    Args:
        columns: (rows,) numbers as float64, NaN for missing; or hashes of levels as uint64.

    Returns:
        (rows,) uint64; equal for rows with equal values in the same order of columns.
    """
    rows = len(columns[0]) if columns else 0
    total = np.full(rows, len(columns), np.uint64)
    for values in columns:
        if values.dtype == np.uint64:
            bits = values
        else:
            numbers = values + 0.0  # -0.0 becomes 0.0
            bits = np.where(np.isnan(numbers), _MISSING, numbers.view(np.uint64))
        total = _mixed(total * np.uint64(31) + bits)
    return total


def _mixed(bits: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele et al., OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * _PRIMES[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _PRIMES[1]
    mixed: Hashes = bits ^ (bits >> np.uint64(31))
    return mixed


def shares_of_copies(training: Hashes, others: dict[str, Hashes]) -> dict[str, float]:
    """Shares of rows that equal a training row.

    Args:
        training: hashes of the training rows.
        others: hashes of other tables' rows, by name.

    Returns:
        The share of each of the others, and of "training" rows that have an equal among themselves.
    """
    known, counts = np.unique(training, return_counts=True)
    shares = {
        name: float(np.isin(hashes, known).mean()) if len(hashes) else 0.0
        for name, hashes in others.items()
    }
    repeated = float(counts[counts > 1].sum() / max(len(training), 1))
    return {**shares, "training": repeated}
