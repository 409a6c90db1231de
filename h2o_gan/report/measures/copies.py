"""Synthetic rows near to training rows, beside what unseen real rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from h2o_gan.report.measures.neighbours import Space, nearest
from h2o_gan.report.measures.rows import Rows, Samples
from h2o_gan.report.measures.statistics import Share, bootstrap, share_interval

__all__ = ["ClosePair", "Nearness", "closest", "nearness"]

Array = npt.NDArray[np.float64]

MOST_ROWS = 8_000  # synthetic ones, and unseen ones
MOST_TRAINING = 40_000
NEAR = 0.01
"""Share of unseen rows that count as near copies."""
_TINY = 1e-9


@dataclass(frozen=True)
class ClosePair:
    """A synthetic row and its nearest training row.

    Attributes:
        synthetic, training: indices of the rows in the samples.
        distance: between them.
        second: distance to the second nearest training row.
    """

    synthetic: int
    training: int
    distance: float
    second: float


@dataclass(frozen=True, eq=False)
class Nearness:
    """How near synthetic rows are to training rows.

    Attributes:
        near: share of synthetic rows at most as far from a training row as `limit`.
        near_unseen: the same share of unseen rows.
        limit: the distance, a low quantile of unseen rows' distances.
        ratio: median ratio of the distances to the nearest and second nearest training row.
        ratio_unseen: the same median of unseen rows.
        nearer: share of synthetic rows nearer to training rows than to as many unseen ones.
        rows: number of synthetic rows.
        unseen: number of unseen rows.
        training: number of training rows.
        distances: (rows,) from synthetic rows to the nearest training row.
        distances_unseen: (unseen,) the same from unseen rows.
    """

    near: Share
    near_unseen: float
    limit: float
    ratio: Share
    ratio_unseen: float
    nearer: Share
    rows: int
    unseen: int
    training: int
    distances: Array = field(repr=False)
    distances_unseen: Array = field(repr=False)


def nearness(samples: Samples, drawn: Rows | None = None) -> Nearness | None:
    """Compare distances to training rows.

    Args:
        samples: the tables.
        drawn: rows whose nearness is wanted; the synthetic ones by default.

    Returns:
        None without rows to compare.
    """
    drawn = samples.synthetic if drawn is None else drawn
    training, unseen = samples.training, samples.unseen
    if min(len(training), len(unseen), len(drawn)) < 2:
        return None
    space = Space.fit(training, (unseen, drawn))
    training = training.take(slice(space.affordable(MOST_TRAINING)))
    unseen = unseen.take(slice(space.affordable(MOST_ROWS)))
    drawn = drawn.take(slice(space.affordable(MOST_ROWS)))
    base, others, points = space(training), space(unseen), space(drawn)
    # As many training as unseen rows come first, for the comparison of both.
    count = min(len(base), len(others))
    first = nearest(base[:count], points, 2)[0]
    rest = nearest(base[count:], points, 2)[0] if len(base) - count > 1 else first[:, :0]
    distances = np.sort(np.hstack([first, rest]), axis=1)[:, :2]
    distances_unseen = nearest(base, others, 2)[0]
    to_unseen = nearest(others[:count], points)[0][:, 0]
    wins = np.where(first[:, 0] == to_unseen, 0.5, first[:, 0] < to_unseen)
    limit = float(np.quantile(distances_unseen[:, 0], NEAR, method="higher"))
    ratios, ratios_unseen = _ratios(distances), _ratios(distances_unseen)
    rng = samples.rng()
    near = distances[:, 0] <= limit
    return Nearness(
        _share(near),
        float((distances_unseen[:, 0] <= limit).mean()),
        limit,
        Share(
            float(np.median(ratios)),
            *bootstrap(lambda index: float(np.median(ratios[index])), len(ratios), rng, 100),
        ),
        float(np.median(ratios_unseen)),
        _share(wins),
        len(drawn),
        len(unseen),
        len(training),
        distances[:, 0],
        distances_unseen[:, 0],
    )


def closest(samples: Samples, count: int = 5) -> Sequence[ClosePair]:
    """The synthetic rows nearest to a training row; of equally near ones the most isolated first.

    Args:
        samples: the tables.
        count: number of pairs. No training row is in two of them.
    """
    if not len(samples.training) or not len(samples.synthetic):
        return []
    space = Space.fit(samples.training, (samples.synthetic,))
    training = samples.training.take(slice(space.affordable(MOST_TRAINING)))
    drawn = samples.synthetic.take(slice(space.affordable(MOST_ROWS)))
    distances, indices = nearest(space(training), space(drawn), 2)
    pairs = []
    seen: set[int] = set()
    for row in np.lexsort((-distances[:, 1], distances[:, 0])).tolist():
        partner = int(indices[row, 0])
        if partner not in seen:
            seen.add(partner)
            pairs.append(ClosePair(row, partner, *map(float, distances[row])))
        if len(pairs) == count:
            break
    return pairs


def _ratios(distances: Array) -> Array:
    """Distance to the nearest over that to the second nearest; 1 where both are 0."""
    ratios: Array = (distances[:, 0] + _TINY) / (distances[:, 1] + _TINY)
    return ratios


def _share(hits: Array | npt.NDArray[np.bool_]) -> Share:
    total = float(hits.sum())
    return Share(total / len(hits), *share_interval(total, len(hits)))
