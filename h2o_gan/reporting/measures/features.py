"""Rows as matrices: for trees, for linear models, and as points whose distances mean something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.rows import Rows

__all__ = ["Points", "indicators"]

Array32 = npt.NDArray[np.float32]

_MOST_LEVELS = 100  # with an indicator each; the others of a column share one
_TAIL = 0.01  # share of training rows at each end of a number that may lie far outside
_HALF = np.float32(np.sqrt(0.5))


def indicators(
    rows: Rows, levels: Sequence[npt.NDArray[np.float64]], weight: float = 1.0
) -> Array32:
    """One column for each of some levels of each category, one for the others, one for missing.

    Args:
        rows: only its categories are used.
        levels: codes that have a column, for each category.
        weight: value of an indicator that is set.

    Returns:
        (rows, indicators) float32.
    """
    blocks = []
    categories = [values for field, values in rows if field.is_category]
    for values, known in zip(categories, levels, strict=True):
        hit = values[:, None] == known
        gap = np.isnan(values)
        block = np.column_stack([hit, ~hit.any(axis=1) & ~gap, gap])
        blocks.append(block.astype(np.float32) * np.float32(weight))
    if not blocks:
        return np.zeros((len(rows), 0), np.float32)
    return np.hstack(blocks)


@dataclass(frozen=True, eq=False)
class Points:
    """Turns rows into points: the squared distance of two rows adds up over their columns.

    A column adds 1 for different levels, and for a number that is missing in one row only; else the
    squared difference in units of the column's range in training rows (after Gower, Biometrics
    1971). Numbers beyond that range count as its ends. The range of a number with outliers ends
    where it is three times that of the middle 98 %: else a single outlier would make all other
    values equal, and attacks blind.

    Attributes:
        low: by number, the lower end of the range.
        span: by number, the length of the range.
        levels: by category, the codes with an indicator of their own.
    """

    low: npt.NDArray[np.float64]
    span: npt.NDArray[np.float64]
    levels: Sequence[npt.NDArray[np.float64]]

    @classmethod
    def fit(cls, training: Rows) -> Points:
        """Learn ranges and the most frequent levels of training rows."""
        low, span, levels = [], [], []
        for field, values in training:
            known = values[np.isfinite(values)]
            if field.is_category:
                codes, counts = np.unique(known, return_counts=True)
                levels.append(codes[np.argsort(-counts, kind="stable")[:_MOST_LEVELS]])
                continue
            least, extent = _range(known)
            low.append(least)
            span.append(extent if extent > 0 else 1.0)
        return cls(np.array(low), np.array(span), levels)

    def __call__(self, rows: Rows) -> Array32:
        """(rows, dimensions) float32 points."""
        numbers = [values for field, values in rows if not field.is_category]
        parts = []
        if numbers:
            scaled = np.clip((np.column_stack(numbers) - self.low) / self.span, 0.0, 1.0)
            gaps = np.isnan(scaled)
            # Half of the range, and an indicator that adds the rest of a distance of about 1.
            parts += [np.where(gaps, 0.5, scaled).astype(np.float32)]
            if gaps.any():
                parts += [gaps.astype(np.float32) * np.float32(np.sqrt(0.92))]
            else:
                parts += [np.zeros_like(parts[0])]
        parts += [indicators(rows, self.levels, float(_HALF))]
        return np.hstack(parts)


def _range(known: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The lower end and the length of the range of a number; 0 and 0 without values."""
    if not len(known):
        return 0.0, 0.0
    least, low, high, most = np.quantile(known, [0, _TAIL, 1 - _TAIL, 1]).tolist()
    middle = high - low
    if middle > 0:
        least, most = max(least, low - middle), min(most, high + middle)
    return least, most - least
