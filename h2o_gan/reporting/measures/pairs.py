"""How columns hang together: pairs and triples of columns, in up to ten groups each.

The accuracy of a pair is one less the total variation distance of the tables of its groups, as in
Platzer and Reutterer, "Holdout-based empirical assessment of mixed-type synthetic data" (Frontiers
in Big Data 2021). Few rows make any two tables differ, so compare equal numbers of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.accuracy import Accuracy, bootstrap_weights
from h2o_gan.reporting.measures.rows import Rows

__all__ = ["Groups", "associations", "cell_counts", "pair_accuracies", "tuple_accuracies"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_GROUPS = 10
_BLOCKS = 64  # of rows, which bootstrap samples draw from
_MOST_TUPLES = 2000


@dataclass(frozen=True, eq=False)
class Groups:
    """Cuts columns into groups: numbers at training deciles, categories at the frequent levels.

    Missing cells are a group of their own. So are the less frequent levels together.

    Attributes:
        names: of the columns.
        cuts: by column, ascending numbers between groups; None for a category.
        levels: by column, the codes with a group; None for a number.
    """

    names: Sequence[str]
    cuts: Sequence[Array | None]
    levels: Sequence[Array | None]

    @classmethod
    def fit(cls, training: Rows, groups: int = _GROUPS) -> Groups:
        """Choose groups from training rows.

        Args:
            training: the rows.
            groups: most groups of a column, without that of missing cells.
        """
        cuts: list[Array | None] = []
        levels: list[Array | None] = []
        for field, values in training:
            known = values[np.isfinite(values)]
            if field.is_category:
                codes, counts = np.unique(known, return_counts=True)
                most = groups if len(codes) <= groups else groups - 1
                levels.append(codes[np.argsort(-counts, kind="stable")[:most]])
                cuts.append(None)
                continue
            inner = np.linspace(0, 1, groups + 1)[1:-1]
            levels.append(None)
            cuts.append(np.unique(np.quantile(known, inner)) if len(known) else np.zeros(0))
        return cls(training.names, cuts, levels)

    @property
    def sizes(self) -> list[int]:
        """Number of groups of each column, those of missing and of other levels included."""
        return [
            2 + (len(levels) if levels is not None else len(cuts if cuts is not None else ()))
            for cuts, levels in zip(self.cuts, self.levels, strict=True)
        ]

    def __call__(self, rows: Rows) -> Codes:
        """(rows, columns) groups of cells."""
        columns = []
        for name, cuts, levels in zip(self.names, self.cuts, self.levels, strict=True):
            values = rows.values[name]
            missing = np.isnan(values)
            if levels is not None:
                order = np.argsort(levels)
                index = np.searchsorted(levels[order], values)
                index = np.minimum(index, max(len(levels) - 1, 0))
                hit = levels[order][index] == values if len(levels) else np.zeros(len(values), bool)
                code = np.where(hit, order[index] if len(levels) else 0, len(levels))
                last = len(levels) + 1
            else:
                assert cuts is not None
                code = np.searchsorted(cuts, values, side="left")
                last = len(cuts) + 1
            columns.append(np.where(missing, last, code))
        if not columns:
            return np.zeros((len(rows), 0), np.int64)
        return np.column_stack(columns).astype(np.int64)


def tuple_accuracies(
    first: Codes,
    second: Codes,
    sizes: Sequence[int],
    width: int,
    rng: np.random.Generator,
    most: int = _MOST_TUPLES,
) -> Accuracy | None:
    """The accuracy of sets of `width` columns, of all of them or of `most` random ones.

    Args:
        first: (rows, columns) groups of training rows.
        second: (rows, columns) groups of the rows that are judged.
        sizes: number of groups of each column.
        width: columns in a set: 1, 2 or 3.
        rng: chooses sets and the bootstrap samples of the interval, whose rows are drawn in 64
            blocks of rows.
        most: number of sets.

    Returns:
        The accuracies; None where there are fewer columns than `width`, or no rows.
    """
    sets = list(_sets(len(sizes), width, most, rng))
    if not sets or not len(first) or not len(second):
        return None
    blocks = [np.arange(len(codes)) % _BLOCKS for codes in (first, second)]
    weights = [bootstrap_weights(_BLOCKS, rng) for _ in blocks]
    values = np.empty(len(sets))
    resampled = np.zeros(len(weights[0]))
    for index, columns in enumerate(sets):
        tables = [
            _counts(codes, columns, sizes, block, _BLOCKS)
            for codes, block in zip((first, second), blocks, strict=True)
        ]
        used = (tables[0].sum(axis=0) + tables[1].sum(axis=0)) > 0
        shares, drawn = [], []
        for table, weight in zip(tables, weights, strict=True):
            cells = table[:, used]
            shares.append(cells.sum(axis=0) / cells.sum())
            resample = weight @ cells
            drawn.append(resample / np.maximum(resample.sum(axis=1, keepdims=True), 1))
        values[index] = 1 - np.abs(shares[0] - shares[1]).sum() / 2
        resampled += 1 - np.abs(drawn[0] - drawn[1]).sum(axis=1) / 2
    mean = float(values.mean())
    resampled /= len(sets)
    # Resamples differ more from each other than the samples do: only their spread counts.
    reach = 1.96 * float(resampled.std())
    return Accuracy(mean, max(mean - reach, 0.0), min(mean + reach, 1.0), sets, values)


def _sets(
    columns: int, width: int, most: int, rng: np.random.Generator
) -> Iterator[tuple[int, ...]]:
    total = 1
    for i in range(width):
        total = total * (columns - i) // (i + 1)
    if total <= most:
        yield from combinations(range(columns), width)
        return
    seen: set[tuple[int, ...]] = set()
    while len(seen) < most:
        chosen = tuple(sorted(int(i) for i in rng.choice(columns, width, replace=False)))
        if chosen not in seen:
            seen.add(chosen)
            yield chosen


def cell_counts(codes: Codes, columns: Sequence[int], sizes: Sequence[int]) -> Array:
    """How many rows are in each combination of groups of some columns.

    Args:
        codes: (rows, columns) groups.
        columns: indices of the columns.
        sizes: number of groups of each column of `codes`.

    Returns:
        An array with one axis for each of the columns.
    """
    counts = _counts(codes, columns, sizes, np.zeros(len(codes), np.int64), 1)[0]
    shaped: Array = counts.reshape([sizes[column] for column in columns])
    return shaped


def _counts(
    codes: Codes, columns: Sequence[int], sizes: Sequence[int], blocks: Codes, count: int
) -> Array:
    """(count of blocks, cells) rows of each combination of groups."""
    cells = blocks.copy()
    width = 1
    for column in columns:
        cells = cells * sizes[column] + codes[:, column]
        width *= sizes[column]
    counts = np.bincount(cells, minlength=count * width)
    return counts.reshape(count, width).astype(np.float64)


def pair_accuracies(first: Rows, second: Rows, rng: np.random.Generator) -> Accuracy | None:
    """The accuracy of all pairs of columns; of the columns themselves where there is only one.

    Args:
        first: real rows, from which the groups are made.
        second: rows that are judged, as many.
        rng: for intervals.
    """
    groups = Groups.fit(first)
    width = min(2, len(groups.names))
    return tuple_accuracies(groups(first), groups(second), groups.sizes, width, rng)


def associations(codes: Codes, sizes: Sequence[int]) -> Array:
    """How strongly columns depend on each other: (columns, columns) from 0 to 1.

    Cramér's V of the groups with the correction for few rows of Bergsma (Journal of the Korean
    Statistical Society 2013). It sees dependences of any form, and of columns of any kinds.

    Args:
        codes: (rows, columns) groups.
        sizes: number of groups of each column.
    """
    columns = len(sizes)
    found = np.eye(columns)
    rows = len(codes)
    for a, b in combinations(range(columns), 2):
        table = cell_counts(codes, (a, b), sizes)
        table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        height, width = table.shape
        if min(height, width) < 2 or rows < 3:
            continue
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / rows
        squares = float((np.square(table - expected) / expected).sum()) / rows
        squares = max(squares - (height - 1) * (width - 1) / (rows - 1), 0.0)
        least = min(height - (height - 1) ** 2 / (rows - 1), width - (width - 1) ** 2 / (rows - 1))
        found[a, b] = found[b, a] = min(np.sqrt(squares / max(least - 1, 1e-12)), 1.0)
    return found
