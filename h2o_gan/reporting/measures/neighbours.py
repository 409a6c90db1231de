"""Nearest rows, and how many rows a search can afford."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from h2o_gan.reporting.measures.features import Array32, Points
from h2o_gan.reporting.measures.rows import Rows

__all__ = ["Space", "nearest"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

_TINY = 1e-6  # distances below are those of equal points, with rounding
_DIMENSIONS = 110  # up to which searches take as many rows as they may
_LEAST_ROWS = 300


@dataclass(frozen=True, eq=False)
class Space:
    """Rows as points without the dimensions in which all rows agree.

    Attributes:
        points: turns rows into points.
        used: indices of the dimensions that vary.
    """

    points: Points
    used: Index

    @classmethod
    def fit(cls, training: Rows, others: Sequence[Rows] = ()) -> Space:
        """Learn the scales of training rows and the dimensions that vary in any table.

        Args:
            training: rows that give the scales.
            others: rows that are searched too. A dimension that varies in them alone is kept.
        """
        points = Points.fit(training)
        first = points(training.take(slice(1)))
        varies = np.zeros(first.shape[1], bool)
        for table in (training, *others):
            # Blocks, since points of wide tables take much memory.
            for start in range(0, len(table), 1000):
                block = points(table.take(slice(start, start + 1000)))
                varies |= (block != first).any(axis=0)
        return cls(points, np.flatnonzero(varies))

    def __call__(self, rows: Rows) -> Array32:
        """(rows, dimensions) float32 points, contiguous."""
        return np.ascontiguousarray(self.points(rows)[:, self.used])

    def affordable(self, rows: int) -> int:
        """How many of `rows` rows to use, so that a search of a wide table takes no longer.

        The time of a search is that of (rows)² x dimensions.
        """
        share = min(1.0, _DIMENSIONS / max(len(self.used), 1)) ** 0.5
        return min(rows, max(_LEAST_ROWS, int(rows * share)))


def nearest(base: Array32, queries: Array32, count: int = 1) -> tuple[Array, Index]:
    """The nearest points of `base` by Euclidean distance, computed exactly.

    Args:
        base: (n, dimensions) points, at least 1.
        queries: (m, dimensions) points.
        count: number of neighbours.

    Returns:
        (m, count) distances, ascending, 0 for equal points, and indices in `base`. Where `base` has
        fewer points, the last one is repeated.
    """
    if not base.shape[1]:
        shape = (len(queries), count)
        return np.zeros(shape), np.broadcast_to(np.arange(count) % len(base), shape)
    if not len(queries):
        return np.zeros((0, count)), np.zeros((0, count), np.int64)
    found = min(count, len(base))
    search = NearestNeighbors(n_neighbors=found, algorithm="brute").fit(base)
    distances, indices = search.kneighbors(queries)
    distances[distances < _TINY] = 0.0
    widen = ((0, 0), (0, count - found))
    return np.pad(distances, widen, mode="edge"), np.pad(indices, widen, mode="edge")
