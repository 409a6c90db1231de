"""Synthetic rows near to training rows, beside what unseen real rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.features import Array32
from h2o_gan.reporting.measures.neighbours import Space, nearest
from h2o_gan.reporting.measures.rows import Samples
from h2o_gan.reporting.measures.statistics import Share, bootstrap, share_interval

__all__ = ["ClosePair", "Near", "Nearness", "closest", "nearness"]

Array = npt.NDArray[np.float64]

MOST_ROWS = 5_000  # synthetic ones, and unseen ones
MOST_TRAINING = 40_000
NEAR = 0.01
"""Share of unseen rows that count as near copies."""
_INDEPENDENT_ROWS = 1_000
_PAIRS = 5
_TINY = 1e-9


@dataclass(frozen=True)
class ClosePair:
    """A synthetic row and its nearest training row.

    Attributes:
        synthetic, training: indices of the rows in the samples.
        distance: between them.
    """

    synthetic: int
    training: int
    distance: float


@dataclass(frozen=True, eq=False)
class Near:
    """How near rows are to training rows.

    Attributes:
        near: share of rows at most as far from a training row as a low quantile of unseen rows.
        ratio: median ratio of the distances to the nearest and second nearest training row.
        nearer: share of rows nearer to training rows than to as many unseen ones.
        rows: number of rows.
        trials: number of independent rows that would vary as much in `nearer`.
    """

    near: Share
    ratio: Share
    nearer: Share
    rows: int
    trials: float


@dataclass(frozen=True, eq=False)
class Nearness:
    """How near synthetic rows are to training rows, beside others.

    Attributes:
        synthetic: of the synthetic rows.
        independent: of a few independent rows.
        near_unseen: `Near.near` of the unseen rows.
        ratio_unseen: `Near.ratio` of the unseen rows.
        unseen: number of unseen rows.
        training: number of training rows.
        pairs: the synthetic rows nearest to a training row, see :func:`closest`.
    """

    synthetic: Near
    independent: Near
    near_unseen: float
    ratio_unseen: Share
    unseen: int
    training: int
    pairs: Sequence[ClosePair] = field(repr=False)


def nearness(samples: Samples) -> Nearness | None:
    """Compare distances to training rows.

    Args:
        samples: the tables.

    Returns:
        None without rows to compare.
    """
    training, unseen = samples.training, samples.unseen
    if min(len(training), len(unseen), len(samples.synthetic)) < 2:
        return None
    space = Space.fit(training, (unseen, samples.synthetic))
    base = space(training.take(slice(space.affordable(MOST_TRAINING))))
    others = space(unseen.take(slice(space.affordable(MOST_ROWS))))
    drawn = space(samples.synthetic.take(slice(space.affordable(MOST_ROWS))))
    shuffled = space(samples.independent.take(slice(_INDEPENDENT_ROWS)))
    distances_unseen = nearest(base, others, 2)[0]
    limit = float(np.quantile(distances_unseen[:, 0], NEAR, method="higher"))
    rng = samples.rng()
    synthetic, pairs = _near(drawn, base, others, limit, rng)
    independent, _ = _near(shuffled, base, others, limit, rng)
    return Nearness(
        synthetic,
        independent,
        float((distances_unseen[:, 0] <= limit).mean()),
        _median(_ratios(distances_unseen), rng),
        len(others),
        len(base),
        pairs,
    )


def _near(
    points: Array32, base: Array32, others: Array32, limit: float, rng: np.random.Generator
) -> tuple[Near, Sequence[ClosePair]]:
    """Measure rows, and find those that are nearest to a training row.

    Args:
        points: of the rows.
        base: of training rows.
        others: of unseen rows.
        limit: distance of near copies.
        rng: of resamples.
    """
    # As many training as unseen rows come first, for the comparison of both.
    count = min(len(base), len(others))
    first, which = nearest(base[:count], points, 2)
    distances, indices = first, which
    if len(base) > count:
        rest, after = nearest(base[count:], points, 2)
        # Where only one row is left, it is not counted twice.
        rest, after = rest[:, : len(base) - count], after[:, : len(base) - count]
        distances, indices = np.hstack([first, rest]), np.hstack([which, after + count])
        order = np.argsort(distances, axis=1, kind="stable")[:, :2]
        distances = np.take_along_axis(distances, order, axis=1)
        indices = np.take_along_axis(indices, order, axis=1)
    to_unseen, owner = (found[:, 0] for found in nearest(others[:count], points))
    wins = np.where(first[:, 0] == to_unseen, 0.5, first[:, 0] < to_unseen)
    # Rows with the same nearest real row win or lose together, as if they were one.
    owners = np.where(first[:, 0] <= to_unseen, which[:, 0], count + owner)
    together = np.unique(owners, return_counts=True)[1].astype(np.float64)
    independent = len(points) ** 2 / float(np.square(together).sum())
    near = distances[:, 0] <= limit
    found = Near(
        _share(near),
        _median(_ratios(distances), rng),
        Share(float(wins.mean()), *share_interval(wins.mean() * independent, independent)),
        len(points),
        independent,
    )
    return found, _closest(distances, indices)


def closest(samples: Samples) -> Sequence[ClosePair]:
    """The synthetic rows nearest to a training row; of equally near ones the most isolated first.

    Args:
        samples: the tables.

    Returns:
        A few pairs. No training row is in two of them.
    """
    if not len(samples.training) or not len(samples.synthetic):
        return []
    space = Space.fit(samples.training, (samples.synthetic,))
    training = samples.training.take(slice(space.affordable(MOST_TRAINING)))
    drawn = samples.synthetic.take(slice(space.affordable(MOST_ROWS)))
    return _closest(*nearest(space(training), space(drawn), 2))


def _closest(distances: Array, indices: npt.NDArray[np.int64]) -> Sequence[ClosePair]:
    pairs: list[ClosePair] = []
    seen: set[int] = set()
    for row in np.lexsort((-distances[:, 1], distances[:, 0])).tolist():
        partner = int(indices[row, 0])
        if partner not in seen:
            seen.add(partner)
            pairs.append(ClosePair(row, partner, float(distances[row, 0])))
        if len(pairs) == _PAIRS:
            break
    return pairs


def _ratios(distances: Array) -> Array:
    """Distance to the nearest over that to the second nearest; 1 where both are 0."""
    ratios: Array = (distances[:, 0] + _TINY) / (distances[:, 1] + _TINY)
    return ratios


def _median(values: Array, rng: np.random.Generator) -> Share:
    ends = bootstrap(lambda index: float(np.median(values[index])), len(values), rng, 100)
    return Share(float(np.median(values)), *ends)


def _share(hits: Array | npt.NDArray[np.bool_]) -> Share:
    total = float(hits.sum())
    return Share(total / len(hits), *share_interval(total, len(hits)))
