"""Detection AUC: how well a classifier tells generated from real rows, for models of any family.

A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv 1610.06545). Families encode rows
differently, so their likelihoods and distances do not compare; this test uses the rows
themselves. The classifier is boosted trees (Friedman 2001), oblivious
ones (Prokhorenkova et al. 2018, arXiv 1706.09516), since their splits are a few sums over all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from h2o_gan.engine.model import Model

__all__ = ["Detector", "detection_auc", "picked_rows"]

Array = npt.NDArray[np.float64]
Bins = npt.NDArray[np.int64]

_ROWS = 2000
_MAX_COLUMNS, _TREE_COLUMNS = 256, 24
_BINS = 32  # the last one holds missing values
_TREES, _DEPTH, _RATE, _RIDGE = 40, 4, 0.3, 1.0
_FOLDS = 2
_SEED = 20  # of the held-out split: the first picked rows are held out


@dataclass(frozen=True)
class Detector:
    """Real rows for the comparison; the same rows for every model of a frame.

    Attributes:
        real: training rows, those held out from training first.
        validation: rows of a validation frame, or None.
    """

    real: pa.Table
    validation: pa.Table | None = None

    def __call__(self, model: Model) -> dict[str, float | None]:
        """The entries for the history: ``detection_auc`` and ``validation_detection_auc``."""
        tables = {"detection_auc": self.real}
        if self.validation is not None:
            tables["validation_detection_auc"] = self.validation
        names = [column.name for column in model.scored_columns]
        if not names:
            return {}
        count = max(table.num_rows for table in tables.values())
        try:
            fake = model.sample(count, _SEED).read_all().select(names)
            unknown = model.parameters.missing_values_handling == "unknown"
            return {
                name: detection_auc(table.select(names), fake[: table.num_rows], unknown)
                for name, table in tables.items()
            }
        except (pa.ArrowException, ValueError, RuntimeError, MemoryError):
            # A failed measurement must not lose the model; a full GPU is a RuntimeError.
            return {}


def picked_rows(rows: int, weights: Array | None = None) -> npt.NDArray[np.int64]:
    """Pick at most 2,000 of `rows` rows, the same ones every time.

    Args:
        rows: number of rows.
        weights: (rows,) float64 row weights to draw by, or None.

    Returns:
        (picked,) int64 indices.
    """
    rng = torch.Generator().manual_seed(_SEED)
    if weights is None:
        picked = torch.randperm(rows, generator=rng)[:_ROWS]
    else:
        count = min(rows, _ROWS)
        total = torch.tensor(weights).cumsum(0)
        draws = torch.rand(count, generator=rng, dtype=total.dtype) * total[-1]
        picked = torch.searchsorted(total, draws, right=True).clamp_(max=rows - 1)
    numbers: npt.NDArray[np.int64] = picked.numpy()
    return numbers


def detection_auc(real: pa.Table, fake: pa.Table, unknown: bool = False) -> float | None:
    """The AUC of a classifier of real against generated rows, on unseen rows.

    Args:
        real: real rows.
        fake: as many generated rows, with the same columns.
        unknown: whether missing cells say nothing: generated rows then get those of the real ones.

    Returns:
        0.5 if the classifier cannot tell them apart, 1 if it always can; below 0.5 if generated
        rows repeat real ones. None if there are too few rows.
    """
    if min(real.num_rows, fake.num_rows) < 2 * _FOLDS:
        return None
    rng = np.random.default_rng(_SEED)
    names = real.column_names
    if len(names) > _MAX_COLUMNS:
        picked = np.sort(rng.choice(len(names), _MAX_COLUMNS, replace=False))
        names = [names[index] for index in picked]
    bins = np.stack([_binned(real[name], fake[name]) for name in names], axis=1)
    if unknown:
        gaps = bins[: real.num_rows] == _BINS - 1
        bins[real.num_rows :][gaps[: fake.num_rows]] = _BINS - 1
    is_real = np.repeat([1.0, 0.0], [real.num_rows, fake.num_rows])
    folds = np.concatenate([np.arange(n) % _FOLDS for n in (real.num_rows, fake.num_rows)])
    areas = []
    for fold in range(_FOLDS):
        test = folds == fold
        scores = _boosted(bins[~test], is_real[~test], bins[test], rng)
        areas.append(_auc(scores, is_real[test]))
    return round(float(np.mean(areas)), 4)


def _binned(real: pa.ChunkedArray, fake: pa.ChunkedArray) -> Bins:
    """The bin of each value, (rows,) int64, real rows first."""
    parts = [_values(column) for column in (real, fake)]
    values = np.concatenate([part[0] for part in parts])
    missing = np.concatenate([part[1] for part in parts])
    if values.dtype.kind == "O":
        _, values, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
        ranks = np.empty(len(counts), np.int64)
        ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        bins = np.minimum(ranks[values], _BINS - 2)
    else:
        distinct = np.unique(values[~missing])
        if len(distinct) > _BINS - 1:
            shares = np.linspace(0, 1, _BINS)[1:-1]
            edges = np.unique(np.quantile(values[~missing], shares))
        else:
            edges = distinct[1:]
        bins = np.searchsorted(edges, values, side="right")
    bins[missing] = _BINS - 1
    return bins.astype(np.int64)


def _values(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """The values, float64 or text, (rows,); and (rows,) bool, where they are missing."""
    missing = column.is_null(nan_is_null=True).to_numpy()
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        return np.asarray(column.cast(pa.string()).fill_null("").to_pylist(), object), missing
    values = column.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy()
    return np.nan_to_num(values), missing


def _boosted(bins: Bins, is_real: Array, others: Bins, rng: np.random.Generator) -> Array:
    """Fit trees to `is_real`, (rows,), from `bins`, (rows, columns); score `others`."""
    columns = bins.shape[1]
    scores, found = np.zeros(len(bins)), np.zeros(len(others))
    for _ in range(_TREES):
        chance = 1 / (1 + np.exp(-scores))
        grads, hessians = is_real - chance, chance * (1 - chance)
        used = rng.choice(columns, min(columns, _TREE_COLUMNS), replace=False)
        cells = bins[:, used] + np.arange(len(used)) * _BINS
        leaf, leaf_of_others = np.zeros(len(bins), np.int64), np.zeros(len(others), np.int64)
        for depth in range(_DEPTH):
            shape = 2**depth, len(used), _BINS
            flat = (cells + leaf[:, None] * (len(used) * _BINS)).ravel()
            sums = [
                np.bincount(flat, np.repeat(part, len(used)), int(np.prod(shape)))
                .reshape(shape)
                .cumsum(axis=2)
                for part in (grads, hessians)
            ]
            index, threshold = _best_split(*sums)
            column = used[index]
            leaf = 2 * leaf + (bins[:, column] > threshold)
            leaf_of_others = 2 * leaf_of_others + (others[:, column] > threshold)
        leaves = 2**_DEPTH
        steps = np.bincount(leaf, grads, leaves) / (np.bincount(leaf, hessians, leaves) + _RIDGE)
        scores += _RATE * steps[leaf]
        found += _RATE * steps[leaf_of_others]
    return found


def _best_split(grads: Array, hessians: Array) -> tuple[int, int]:
    """The column, and the last bin on its left side, with the largest gain over all leaves.

    Args:
        grads: (leaves, columns, bins) sums up to and including each bin.
        hessians: the same of second derivatives.
    """
    rest, rest_hessians = grads[..., -1:] - grads, hessians[..., -1:] - hessians
    gains = grads**2 / (hessians + _RIDGE) + rest**2 / (rest_hessians + _RIDGE)
    best = int(gains.sum(axis=0).argmax())
    bins = int(grads.shape[2])
    return best // bins, best % bins


def _auc(scores: Array, is_real: Array) -> float:
    """The probability that a real row scores above a generated one; ties count half."""
    _, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    ranks = (ends - (counts - 1) / 2)[index]
    real = is_real > 0
    count = int(real.sum())
    return float((ranks[real].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))
