"""How well a classifier tells generated rows from real ones: one figure for models of any family.

A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv 1610.06545). Likelihoods and distances
between encoded rows do not compare across families of networks, for each has an encoding of its
own; this looks at the rows themselves. The classifier is boosted trees (Friedman 2001), oblivious
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
_MOST_COLUMNS, _COLUMNS_OF_TREE = 256, 24
_BINS = 32  # the last one holds missing values
_TREES, _DEPTH, _RATE, _RIDGE = 40, 4, 0.3, 1.0
_FOLDS = 2
_SEED = 20  # that of the held-out rows: they are the first ones picked


@dataclass(frozen=True)
class Detector:
    """Real rows to hold generated ones against; the same rows for every model of a frame.

    Attributes:
        real: training rows, those held out from training first.
        validation: rows of a validation frame, or None.
    """

    real: pa.Table
    validation: pa.Table | None = None

    def __call__(self, model: Model) -> dict[str, float | None]:
        """What to add to the history: ``detection_auc``, and ``validation_detection_auc``."""
        tables = {"detection_auc": self.real}
        if self.validation is not None:
            tables["validation_detection_auc"] = self.validation
        names = [column.name for column in model.judged_columns]
        if not names:
            return {}
        count = max(table.num_rows for table in tables.values())
        try:
            fake = model.sample(count, _SEED).read_all().select(names)
            return {
                name: detection_auc(table.select(names), fake[: table.num_rows])
                for name, table in tables.items()
            }
        except (pa.ArrowException, ValueError, RuntimeError, MemoryError):
            # A model is not lost to what is measured of it; a full GPU is a RuntimeError.
            return {}


def picked_rows(rows: int, weights: Array | None = None) -> npt.NDArray[np.int64]:
    """Numbers of at most 2,000 of `rows` rows, the same ones every time.

    Args:
        rows: how many there are.
        weights: (rows,) row weights to draw them by, or None.
    """
    random = torch.Generator().manual_seed(_SEED)
    if weights is None:
        picked = torch.randperm(rows, generator=random)[:_ROWS]
    else:
        count = min(rows, _ROWS)
        total = torch.tensor(weights).cumsum(0)
        draws = torch.rand(count, generator=random, dtype=total.dtype) * total[-1]
        picked = torch.searchsorted(total, draws, right=True).clamp_(max=rows - 1)
    numbers: npt.NDArray[np.int64] = picked.numpy()
    return numbers


def detection_auc(real: pa.Table, fake: pa.Table) -> float | None:
    """The AUC of a classifier of real against generated rows, on rows that it has not learned.

    Args:
        real: real rows.
        fake: as many generated rows, with the same columns.

    Returns:
        0.5 where the classifier cannot tell them apart, 1 where it always can; below 0.5 where
        generated rows repeat real ones. None where there are too few rows.
    """
    if min(real.num_rows, fake.num_rows) < 2 * _FOLDS:
        return None
    random = np.random.default_rng(_SEED)
    names = real.column_names
    if len(names) > _MOST_COLUMNS:
        places = np.sort(random.choice(len(names), _MOST_COLUMNS, replace=False))
        names = [names[place] for place in places]
    bins = np.stack([_binned(real[name], fake[name]) for name in names], axis=1)
    is_real = np.repeat([1.0, 0.0], [real.num_rows, fake.num_rows])
    folds = np.concatenate([np.arange(n) % _FOLDS for n in (real.num_rows, fake.num_rows)])
    areas = []
    for fold in range(_FOLDS):
        test = folds == fold
        scores = _boosted(bins[~test], is_real[~test], bins[test], random)
        areas.append(_auc(scores, is_real[test]))
    return round(float(np.mean(areas)), 4)


def _binned(real: pa.ChunkedArray, fake: pa.ChunkedArray) -> Bins:
    """(rows,) the bin of each value, of real rows first."""
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
    """The values, numbers or texts, and where they are missing."""
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


def _boosted(bins: Bins, is_real: Array, others: Bins, random: np.random.Generator) -> Array:
    """Learn `is_real` from `bins`, (rows, columns), and score `others`, (others, columns)."""
    columns = bins.shape[1]
    scores, found = np.zeros(len(bins)), np.zeros(len(others))
    for _ in range(_TREES):
        chance = 1 / (1 + np.exp(-scores))
        slopes, curvatures = is_real - chance, chance * (1 - chance)
        used = random.choice(columns, min(columns, _COLUMNS_OF_TREE), replace=False)
        cells = bins[:, used] + np.arange(len(used)) * _BINS
        leaf, leaf_of_others = np.zeros(len(bins), np.int64), np.zeros(len(others), np.int64)
        for depth in range(_DEPTH):
            shape = 2**depth, len(used), _BINS
            flat = (cells + leaf[:, None] * (len(used) * _BINS)).ravel()
            sums = [
                np.bincount(flat, np.repeat(part, len(used)), int(np.prod(shape)))
                .reshape(shape)
                .cumsum(axis=2)
                for part in (slopes, curvatures)
            ]
            place, threshold = _best_split(*sums)
            column = used[place]
            leaf = 2 * leaf + (bins[:, column] > threshold)
            leaf_of_others = 2 * leaf_of_others + (others[:, column] > threshold)
        leaves = 2**_DEPTH
        steps = np.bincount(leaf, slopes, leaves) / (np.bincount(leaf, curvatures, leaves) + _RIDGE)
        scores += _RATE * steps[leaf]
        found += _RATE * steps[leaf_of_others]
    return found


def _best_split(slopes: Array, curvatures: Array) -> tuple[int, int]:
    """The column and the last bin on the left that gain most, in all leaves together.

    Args:
        slopes: (leaves, columns, bins) sums up to and with each bin.
        curvatures: the same of second derivatives.
    """
    rest, bends = slopes[..., -1:] - slopes, curvatures[..., -1:] - curvatures
    gains = slopes**2 / (curvatures + _RIDGE) + rest**2 / (bends + _RIDGE)
    best = int(gains.sum(axis=0).argmax())
    bins = int(slopes.shape[2])
    return best // bins, best % bins


def _auc(scores: Array, is_real: Array) -> float:
    """The chance that a real row scores above a generated one, ties counting half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    ranks = (ends - (counts - 1) / 2)[place]
    real = is_real > 0
    count = int(real.sum())
    return float((ranks[real].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))
