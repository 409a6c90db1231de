"""Folds of two tables for cross-validation, between which equal rows do not leak."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.hashes import Hashes, row_hashes
from h2o_gan.reporting.measures.rows import Rows

__all__ = ["equal_share", "matched_folds"]


def matched_folds(
    first: Rows, second: Rows, folds: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Folds of the rows of two tables, in which each row is in the fold of its equal.

    Rows of the second table that are copies of rows of the first, but in another fold, would teach
    a classifier the wrong label of the held-out row, so that its area under the ROC curve falls
    below one half. So the n-th of some equal rows of the first table shares a fold with the n-th of
    the second. Rows without an equal in the other table get random folds.

    Args:
        first: rows of a table.
        second: rows of another one with the same columns.
        folds: number of folds.
        rng: of the folds.

    Returns:
        (rows of first + rows of second,) folds from 0, of about equal sizes.
    """
    keys = np.concatenate([_ranked(_hashes(first)), _ranked(_hashes(second))])
    distinct, group = np.unique(keys, return_inverse=True)
    fold = rng.permutation(len(distinct)) % folds
    found: npt.NDArray[np.int64] = fold[group.reshape(-1)].astype(np.int64)
    return found


def equal_share(rows: Rows, others: Rows) -> float:
    """The share of rows that equal one of the others in all columns; 0 where there are none."""
    if not len(rows):
        return 0.0
    return float(np.isin(_hashes(rows), _hashes(others)).mean())


def _hashes(rows: Rows) -> Hashes:
    return row_hashes([values for _, values in rows])


def _ranked(hashes: Hashes) -> Hashes:
    """Hashes of each row and the number of its equals before it."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    index = np.arange(len(hashes))
    starts = np.append(True, ordered[1:] != ordered[:-1]) if len(hashes) else np.zeros(0, bool)
    rank = np.empty(len(hashes))
    rank[order] = index - np.maximum.accumulate(np.where(starts, index, 0))
    return row_hashes([hashes, rank])
