"""Cells of the plane: a k-d tree over points, and the rectangle around the points of each leaf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from h2o_gan.engine.data.schema import Array

__all__ = ["Cells", "fit_cells", "is_tree"]

_LEAF = -1
_MAX_NODES, _MAX_DEPTH = 2**17, 512  # of a tree from a file


@dataclass(frozen=True)
class Cells:
    """A k-d tree of points, and the rectangle around the training points of each leaf.

    Attributes:
        axis: (nodes,) int32 in preorder: the column that the node cuts, or -1 for a leaf.
        cut: (nodes,) float64: values from here on belong to the right child.
        low, high: (2, cells) float64 corners of each cell's rectangle, by column.
        start, length: (2, cells) float64: ranks of the rectangle in the column's distribution.
    """

    axis: Array
    cut: Array
    low: Array
    high: Array
    start: Array
    length: Array

    def __len__(self) -> int:
        return int(self.low.shape[1])

    def find(self, points: Array) -> Array:
        """The cell of each point, (rows, 2) float64 to (rows,) int64."""
        right, leaf = _links(self.axis)
        nodes = np.zeros(len(points), np.int64)
        rows = np.arange(len(points))
        while len(rows):
            axis = self.axis[nodes[rows]]
            rows, axis = rows[axis != _LEAF], axis[axis != _LEAF]
            at = nodes[rows]
            nodes[rows] = np.where(points[rows, axis] >= self.cut[at], right[at], at + 1)
        return leaf[nodes]

    def overlaps(self, axis: int, low: float, high: float, step: float) -> Array:
        """The share of each cell's rectangle that lies in a range of one column.

        Args:
            axis: of the column.
            low: smallest value.
            high: largest value.
            step: distance of neighbouring values of the column.

        Returns:
            (cells,) float64.
        """
        lows, highs = self.low[axis], self.high[axis]
        overlap = np.minimum(highs, high) - np.maximum(lows, low)
        shares: Array = np.where(overlap < 0, 0.0, (overlap + step) / (highs - lows + step))
        return shares

    def agreement(self, axis: int, values: Array, step: float) -> Array:
        """The probability of a value in each cell, or in the nearest cells, by one column.

        Args:
            axis: of the column.
            values: (rows,) float64.
            step: distance of neighbouring values of the column.

        Returns:
            (rows, cells) float64, at least one of a row positive.
        """
        low, high = self.low[axis], self.high[axis]
        distance = np.maximum(low - values[:, None], values[:, None] - high).clip(min=0)
        nearest = distance <= distance.min(1, keepdims=True)
        return np.where(nearest, step / (high - low + step), 0.0)


def fit_cells(points: Array, least: int, weights: Array) -> tuple[Cells, Array]:
    """Cut the plane into cells (k-d tree, Bentley 1975).

    Args:
        points: (rows, 2) float64, finite.
        least: smallest number of points in a cell.
        weights: (rows,) float64 positive weights, for the ranks.

    Returns:
        The cells, and the cell of each point, (rows,) int64.
    """
    axes, cuts, cell_of = [], [], np.zeros(len(points), np.int64)
    low: list[Array] = []
    high: list[Array] = []
    pending = [np.arange(len(points))]
    while pending:  # preorder: the left child is taken from the stack first
        rows = pending.pop()
        inside = points[rows]
        found = _cut(inside, least)
        if found is None:
            axes.append(_LEAF)
            cuts.append(0.0)
            cell_of[rows] = len(low)
            low.append(inside.min(0))
            high.append(inside.max(0))
            continue
        axis, cut = found
        axes.append(axis)
        cuts.append(cut)
        right = inside[:, axis] >= cut
        pending += [rows[right], rows[~right]]
    lows, highs = np.array(low).T, np.array(high).T
    start, end = np.empty_like(lows), np.empty_like(highs)
    for axis in range(points.shape[1]):
        order = np.argsort(points[:, axis], kind="stable")
        values = points[order, axis]
        ranks = np.append(0.0, np.cumsum(weights[order]))
        ranks /= ranks[-1]
        start[axis] = ranks[np.searchsorted(values, lows[axis], "left")]
        end[axis] = ranks[np.searchsorted(values, highs[axis], "right")]
    cells = Cells(np.array(axes, np.int32), np.array(cuts), lows, highs, start, end - start)
    return cells, cell_of


def _cut(points: Array, least: int) -> tuple[int, float] | None:
    """The axis and the value nearest to the median that leave `least` points on both sides."""
    if len(points) < 2 * least:
        return None
    for axis in np.argsort(points.min(0) - points.max(0), kind="stable").tolist():
        values = np.sort(points[:, axis])
        cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
        cuts = cuts[(cuts >= least) & (cuts <= len(values) - least)]
        if len(cuts):
            cut = cuts[np.argmin(np.abs(cuts - len(values) // 2))]
            return axis, float(values[cut])
    return None


def _links(axis: Array) -> tuple[Array, Array]:
    """For each node in preorder its right child, and for leaves their number in order."""
    right, leaf = np.zeros(len(axis), np.int64), np.zeros(len(axis), np.int64)
    open_nodes: list[int] = []
    leaves = 0
    for node, node_axis in enumerate(axis.tolist()):
        if node_axis != _LEAF:
            open_nodes.append(node)
            continue
        leaf[node] = leaves
        leaves += 1
        if open_nodes:  # the next node is the right child of the last node that has none
            right[open_nodes.pop()] = node + 1
    return right, leaf


def is_tree(axis: Array) -> bool:
    """Whether nodes in preorder are one binary tree."""
    if not 0 < len(axis) < _MAX_NODES or not np.isin(axis, (_LEAF, 0, 1)).all():
        return False
    # Open ends after each node: every inner node adds one, every leaf closes one.
    ends = 1 + np.cumsum(np.where(axis == _LEAF, -1, 1))
    return bool(ends[-1] == 0 and (ends[:-1] > 0).all()) and _depth(axis) <= _MAX_DEPTH


def _depth(axis: Array) -> int:
    """The number of inner nodes above the lowest leaf."""
    deepest, depths = 0, [0]
    for node_axis in axis.tolist():
        depth = depths.pop()
        deepest = max(deepest, depth)
        if node_axis != _LEAF:
            depths += [depth + 1, depth + 1]
    return deepest
