"""Membership attacks: how well training rows are told from other real rows by synthetic ones.

Members are training rows, non-members are unseen real rows, equally many. An attacker sees the
synthetic rows and, where an attack needs them, reference rows: other unseen real rows. Each attack
scores all rows, higher for rows that look like members. This is the auditing game of "no box"
attacks of Ward et al., "Synth-MIA: A Testbed for Auditing Privacy Leakage in Tabular Data
Synthesis" (arXiv 2509.18014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

from h2o_gan.reporting.measures.neighbours import Space, nearest
from h2o_gan.reporting.measures.rows import Rows, Samples, concatenated
from h2o_gan.reporting.measures.statistics import Share, auc_interval, share_interval

__all__ = ["FALSE_POSITIVE_RATES", "Attack", "Chance", "Membership", "membership"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FALSE_POSITIVE_RATES = (0.01, 0.001)

MOST_JUDGED = 4_000  # members, and as many non-members
MOST_REFERENCE = 10_000
MOST_RELEASED = 40_000
_NEIGHBOURS = 5
_SHUFFLES = 400
_MOST_CELLS = 500_000  # that the classifier learns from
_MOST_CATEGORIES = 255  # of a column, as categories; more count as numbers
_TINY = 1e-6  # of the range of a column
_LEAST_ROWS = 4  # unseen ones


@dataclass(frozen=True, eq=False)
class Attack:
    """An attack and its success.

    Attributes:
        name: "nearest", "calibrated", "density", "local" or "classifier".
        scores: (rows,) scores, higher for rows that look like members.
        auc: area under the ROC curve.
        tpr: share of members found, by the share of non-members that are taken for members.
    """

    name: str
    scores: Array = field(repr=False)
    auc: Share
    tpr: Mapping[float, Share]


@dataclass(frozen=True)
class Chance:
    """What the worst of several attacks reaches where membership has no influence.

    Labels of members and non-members are shuffled under the same scores. As the worst of several
    is taken, even that is above 0.5 on average.

    Attributes:
        mean: over shuffles.
        most: the 99th percentile.
    """

    mean: float
    most: float


@dataclass(frozen=True, eq=False)
class Membership:
    """Results of all attacks.

    Attributes:
        attacks: the largest area under the ROC curve first.
        is_member: (rows,) bool, for the scores of attacks.
        chance: of the largest area.
        chance_tpr: of the largest share of members found, by the share of false positives.
        members: number of members, and of non-members.
        reference: number of rows that attackers compare with.
        released: number of synthetic rows that attackers see.
    """

    attacks: Sequence[Attack]
    is_member: Mask = field(repr=False)
    chance: Chance
    chance_tpr: Mapping[float, Chance]
    members: int
    reference: int
    released: int

    def curve(self, attack: Attack, points: int = 50) -> tuple[list[float], list[float]]:
        """The ROC curve of an attack: false and true positive rates, from 0 to 1."""
        falses = np.sort(attack.scores[~self.is_member])[::-1]
        rates = np.unique(np.append(np.linspace(0, 1, points), [0.001, 0.003, 0.01]))
        return rates.tolist(), [_true_positives(attack, self.is_member, falses, r) for r in rates]


def membership(
    samples: Samples, release: Rows | None = None, most: int = MOST_JUDGED
) -> Membership | None:
    """Attack the membership of training rows.

    Args:
        samples: the tables. Half of the unseen rows are non-members, the others are known to the
            attackers.
        release: the rows that attackers see; the synthetic ones by default.
        most: largest number of members, and of non-members.

    Returns:
        None where there are too few unseen rows.
    """
    release = samples.synthetic if release is None else release
    half = len(samples.unseen) // 2
    if half * 2 < _LEAST_ROWS or len(samples.training) < 2 or not len(release):
        return None
    space = Space.fit(samples.training, (samples.unseen, release))
    count = min(half, len(samples.training), space.affordable(most))
    judged = concatenated([samples.training.take(slice(count)), samples.unseen.take(slice(count))])
    known = samples.unseen.take(slice(half, half + space.affordable(MOST_REFERENCE)))
    release = release.take(slice(space.affordable(MOST_RELEASED)))
    is_member = np.arange(2 * count) < count
    scores = _scores(space, judged, release, known)
    scores["classifier"] = _classifier(judged, release, known, samples.seed)
    attacks = [_attack(name, values, is_member) for name, values in scores.items()]
    attacks.sort(key=lambda attack: -attack.auc.value)
    chance, chance_tpr = _chance(np.stack([a.scores for a in attacks]), count, samples.rng())
    return Membership(attacks, is_member, chance, chance_tpr, count, len(known), len(release))


def _scores(space: Space, judged: Rows, release: Rows, known: Rows) -> dict[str, Array]:
    """Scores of the attacks that compare distances.

    - nearest: the nearer the nearest synthetic row, the more likely a member (Chen et al.,
      "GAN-Leaks", CCS 2020).
    - calibrated: the same over the distance to the nearest reference row, which allows for rows
      that lie among many others.
    - density: the density of synthetic rows over that of reference rows (van Breugel et al.,
      "Membership inference attacks against synthetic data through overfitting detection", AISTATS
      2023), by the distances to the k-th nearest.
    - local: how much nearer the row is to one of the nearest synthetic rows than any reference row
      is to that one. It is the limit, for narrow kernels, of the likelihood ratio of Ward et al.,
      "Privacy auditing synthetic data release through local likelihood attacks" (arXiv 2508.21146):
      a synthetic row that no other real row explains points to its source.
    """
    targets, drawn, reference = space(judged), space(release), space(known)
    to_drawn, which = nearest(drawn, targets, _NEIGHBOURS)
    to_known, _ = nearest(reference, targets, _NEIGHBOURS)
    asked, position = np.unique(which, return_inverse=True)
    around, _ = nearest(reference, drawn[asked])
    explained = np.log(around[:, 0] + _TINY)[position.reshape(which.shape)]
    logs, known_logs = np.log(to_drawn + _TINY), np.log(to_known + _TINY)
    return {
        "nearest": -to_drawn[:, 0],
        "calibrated": known_logs[:, 0] - logs[:, 0],
        "density": known_logs[:, -1] - logs[:, -1],
        "local": (explained - logs).max(axis=1),
    }


def _classifier(judged: Rows, release: Rows, known: Rows, seed: int) -> Array:
    """Boosted trees that learn to tell synthetic rows from reference rows score the judged ones.

    Their log odds are a density ratio, as in the attack "density", and a discriminator's, as in
    Hayes et al., "LOGAN" (PETS 2019).
    """
    count = min(len(release), len(known), max(_MOST_CELLS // len(judged.fields) // 2, 200))
    parts = [release.take(slice(count)), known.take(slice(count))]
    both = concatenated(parts).matrix()
    varies = np.array([len(np.unique(column)) > 1 for column in both.T])
    is_member = np.arange(len(both)) < count
    if count < 2 or not varies.any():
        return np.zeros(len(judged))
    categories = [f.is_category and len(f.levels) <= _MOST_CATEGORIES for f in judged.fields]
    trees = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.08,
        max_leaf_nodes=16,
        early_stopping=count >= 200,
        validation_fraction=0.2,
        n_iter_no_change=10,
        categorical_features=np.array(categories)[varies],
        random_state=seed,
    )
    trees.fit(both[:, varies], is_member)
    scores: Array = trees.decision_function(judged.matrix()[:, varies])
    return scores


def _attack(name: str, scores: Array, is_member: Mask) -> Attack:
    attack = Attack(name, scores, Share(*auc_interval(scores, is_member)), {})
    falses = np.sort(scores[~is_member])[::-1]
    members = int(is_member.sum())
    tpr = {}
    for rate in FALSE_POSITIVE_RATES:
        share = _true_positives(attack, is_member, falses, rate)
        tpr[rate] = Share(share, *share_interval(share * members, members))
    return Attack(name, scores, attack.auc, tpr)


def _true_positives(attack: Attack, is_member: Mask, falses: Array, rate: float) -> float:
    """The share of members above the score that at most a share `rate` of non-members exceed."""
    limit = int(rate * len(falses))
    if limit >= len(falses):
        return 1.0
    return float((attack.scores[is_member] > falses[limit]).mean())


def _chance(
    scores: Array, members: int, rng: np.random.Generator
) -> tuple[Chance, dict[float, Chance]]:
    """What the worst attack reaches with shuffled labels.

    Args:
        scores: (attacks, rows).
        members: number of members, and of non-members.
        rng: of the shuffles.
    """
    labels = np.zeros((_SHUFFLES, scores.shape[1]), bool)
    for row in labels:
        row[rng.permutation(scores.shape[1])[:members]] = True
    ranks = np.stack([rankdata(values) for values in scores])
    least = members * (members + 1) / 2
    areas = (ranks @ labels.T.astype(np.float64) - least) / members**2
    found = {rate: np.zeros((len(scores), _SHUFFLES)) for rate in FALSE_POSITIVE_RATES}
    for index, values in enumerate(scores):
        # Ties are broken at random, so that they give no attack more than chance.
        order = np.lexsort((rng.random(len(values)), -values))
        sorted_labels = labels[:, order]
        falses = np.cumsum(~sorted_labels, axis=1)
        for rate, share in found.items():
            inside = falses <= int(rate * members)
            share[index] = (sorted_labels & inside).sum(axis=1) / members
    return _summary(areas.max(axis=0)), {r: _summary(s.max(axis=0)) for r, s in found.items()}


def _summary(worst: Array) -> Chance:
    return Chance(float(worst.mean()), float(np.quantile(worst, 0.99)))
