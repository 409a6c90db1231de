"""Attacks on what synthetic rows say about the persons behind training rows, and their risks.

Giomi et al., "A Unified Framework for Quantifying Privacy Risk in Synthetic Data" (PoPETs 2023,
arXiv 2211.10459), after the three criteria of the Article 29 Working Party's opinion 05/2014:
singling out, linkability and inference. Each attack runs against training rows (main), against
unseen rows (control), which it can only hit by what is true of everyone, and without synthetic rows
(baseline), by guessing. The risk is what the main attack achieves beyond the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, hypot

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.features import Array32, Points
from h2o_gan.reporting.measures.neighbours import Space, nearest
from h2o_gan.reporting.measures.rows import Field, Rows, Samples
from h2o_gan.reporting.measures.statistics import Share, share_interval, share_of_means

__all__ = ["Inference", "Risk", "inference", "linkability", "risk"]

Array = npt.NDArray[np.float64]

TOLERANCE = 0.05
"""A guess of a number is right within this share of the number, and of the column's range."""
MOST_ATTACKS = 1_500
MOST_GUESSES = 1_000  # of each secret column
MOST_SECRETS = 15
MOST_RELEASED = 20_000
LINKS = 5  # nearest rows in each half of the columns
_BLOCK = 200  # rows whose distances to all synthetic rows are in memory


@dataclass(frozen=True)
class Risk:
    """Success of an attack, and the risk.

    Attributes:
        name: what was attacked: a column, or a kind of predicate.
        attacks: number of main attacks.
        main: share of them that succeed.
        controls: number of attacks on unseen rows.
        control: share of them that succeed.
        baseline: share of guesses that succeed.
        value: (main - control) / (1 - control), at least 0; None where the control always succeeds
            or nothing was attacked.
        low, high: its interval.
        chance: the largest risk whose interval would still reach down to 0.
    """

    name: str
    attacks: int
    main: float
    controls: int
    control: float
    baseline: float
    value: float | None
    low: float | None
    high: float | None
    chance: float = 1.0

    @property
    def is_weak(self) -> bool:
        """Whether the main attack is no better than guessing: then it says nothing of the risk."""
        return share_interval(self.main * self.attacks, self.attacks)[1] < self.baseline


def risk(
    name: str,
    main: tuple[int, int],
    control: tuple[int, int],
    baseline: float,
    level: float = 0.95,
) -> Risk:
    """The risk of an attack.

    The interval combines Wilson's intervals of both shares (Zou and Donner, "Construction of
    confidence limits about effect measures", Statistics in Medicine 2008).

    Args:
        name: what was attacked.
        main: number of successes and of attacks on training rows.
        control: the same on unseen rows.
        baseline: share of guesses that succeed.
        level: of confidence.
    """
    shares = [
        Share(hits / max(total, 1), *share_interval(hits, total, level))
        for hits, total in (main, control)
    ]
    return _risk(name, shares[0], shares[1], main[1], control[1], baseline)


def _risk(
    name: str, main: Share, control: Share, attacks: int, controls: int, baseline: float
) -> Risk:
    m, c = main.value, control.value
    if not attacks or not controls or c >= 1:
        return Risk(name, attacks, m, controls, c, baseline, None, None, None)
    value = (m - c) / (1 - c)
    by_main, by_control = 1 / (1 - c), (1 - m) / (1 - c) ** 2
    low = hypot((m - main.low) * by_main, (control.high - c) * by_control)
    high = hypot((main.high - m) * by_main, (c - control.low) * by_control)
    value, bottom, top = (float(min(max(x, 0.0), 1.0)) for x in (value, value - low, value + high))
    return Risk(name, attacks, m, controls, c, baseline, value, bottom, top, min(low, 1.0))


def linkability(
    samples: Samples,
    halves: tuple[Sequence[str], Sequence[str]] | None = None,
    links: int = LINKS,
    attacks: int = MOST_ATTACKS,
) -> Risk | None:
    """Link the two halves of a row's columns by the synthetic rows.

    The attacker holds two tables of the same persons with different columns. Rows are linked if one
    synthetic row is among the nearest in both halves.

    Args:
        samples: the tables.
        halves: names of the columns of each half; random halves by default.
        links: number of nearest rows in each half.
        attacks: number of rows to link.

    Returns:
        None for tables with a single column, or without unseen rows.
    """
    if halves is None:
        order = samples.rng().permutation(samples.training.names).tolist()
        halves = order[: len(order) // 2], order[len(order) // 2 :]
    if not halves[0] or not len(samples.unseen) or len(samples.synthetic) <= links:
        return None
    successes = []
    released = 0
    targets = [samples.training.take(slice(attacks)), samples.unseen.take(slice(attacks))]
    found: list[list[npt.NDArray[np.int64]]] = [[], []]
    for half in halves:
        parts = [table.select(half) for table in (*targets, samples.synthetic)]
        space = Space.fit(samples.training.select(half), parts)
        released = released or space.affordable(MOST_RELEASED)
        drawn = space(parts[2].take(slice(released)))
        for index in range(2):
            found[index].append(nearest(drawn, space(parts[index]), links)[1])
    for first, second in found:
        linked = (first[:, :, None] == second[:, None, :]).any(axis=(1, 2))
        successes.append((int(linked.sum()), len(linked)))
    total = min(released, len(samples.synthetic))
    chance = 1 - comb(total - links, links) / comb(total, links)
    return risk("linkability", successes[0], successes[1], chance)


@dataclass(frozen=True)
class Inference:
    """Risks of inference.

    Attributes:
        pooled: the risk over all secret columns together.
        columns: the risk of each secret column, the largest first. Their intervals are wider by the
            number of columns (Bonferroni), so that the largest can be judged by its own.
    """

    pooled: Risk
    columns: Sequence[Risk]


def inference(
    samples: Samples,
    secrets: Sequence[str] | None = None,
    attacks: int = MOST_GUESSES,
) -> Inference | None:
    """Infer a secret column of rows from all others by the nearest synthetic row.

    Args:
        samples: the tables.
        secrets: names of columns, each of which is secret in turn; a random choice of at most
            `MOST_SECRETS` by default.
        attacks: number of rows that are attacked.

    Returns:
        None for tables with a single column, or without unseen rows.
    """
    names = samples.training.names
    if secrets is None:
        secrets = samples.rng().permutation(names).tolist()[:MOST_SECRETS]
    if len(names) < 2 or not len(samples.unseen) or not len(samples.synthetic):
        return None
    space = Space.fit(samples.training, (samples.synthetic, samples.unseen))
    drawn = samples.synthetic.take(slice(space.affordable(MOST_RELEASED)))
    attacked = [samples.training.take(slice(attacks)), samples.unseen.take(slice(attacks))]
    right = [
        _right(
            samples.training, table, drawn, _guesses(space, samples.training, table, drawn, secrets)
        )
        for table in attacked
    ]
    rng = samples.rng()
    random = {name: rng.integers(len(drawn), size=len(attacked[0])) for name in secrets}
    guessed = _right(samples.training, attacked[0], drawn, random)
    level = 1 - 0.05 / len(secrets)
    risks = [
        risk(
            name,
            (int(np.nansum(right[0][name])), int(np.count_nonzero(~np.isnan(right[0][name])))),
            (int(np.nansum(right[1][name])), int(np.count_nonzero(~np.isnan(right[1][name])))),
            float(np.nanmean(np.append(guessed[name], 0.0))),
            level,
        )
        for name in secrets
    ]
    risks.sort(key=lambda r: -1.0 if r.value is None else r.value, reverse=True)
    # Guesses of one row depend on each other: rows are what is random, not guesses.
    main, control, baseline = (
        share_of_means(np.stack([table[name] for name in secrets], axis=1))
        for table in (*right, guessed)
    )
    pooled = _risk("all columns", main, control, len(attacked[0]), len(attacked[1]), baseline.value)
    return Inference(pooled, risks)


def _right(
    training: Rows,
    attacked: Rows,
    drawn: Rows,
    guesses: Mapping[str, npt.NDArray[np.int64]],
) -> dict[str, Array]:
    """By secret column, (rows,) 1 for right guesses, 0 for wrong ones, NaN for missing secrets.

    A level has to be the same, a number within :data:`TOLERANCE`.
    """
    found = {}
    for name, rows in guesses.items():
        truth, guess = attacked.values[name], drawn.values[name][rows]
        if training.field(name).is_category:
            hit = guess == truth
        else:
            known = training.values[name][np.isfinite(training.values[name])]
            extent = float(np.ptp(known)) if len(known) else 0.0
            hit = np.abs(guess - truth) <= TOLERANCE * np.minimum(np.abs(truth), extent)
        found[name] = np.where(np.isnan(truth), np.nan, hit)
    return found


def _guesses(
    space: Space, training: Rows, targets: Rows, drawn: Rows, secrets: Sequence[str]
) -> dict[str, npt.NDArray[np.int64]]:
    """Indices of the synthetic rows nearest to targets, by the secret column that is left out.

    Squared distances add up over columns: those without a secret column are those of all columns,
    less its own.
    """
    base = space(drawn)
    norms = (base**2).sum(axis=1)
    alone = {name: Points.fit(training.select([name])) for name in secrets}
    drawn_alone = {name: alone[name](drawn.select([name])) for name in secrets}
    found = {name: np.zeros(len(targets), np.int64) for name in secrets}
    for start in range(0, len(targets), _BLOCK):
        block = targets.take(slice(start, start + _BLOCK))
        queries = space(block)
        whole = norms - 2 * (queries @ base.T)
        whole += (queries**2).sum(axis=1)[:, None]
        for name in secrets:
            own = _own_distances(
                training.field(name), alone[name](block.select([name])), drawn_alone[name]
            )
            found[name][start : start + _BLOCK] = np.argmin(whole - own, axis=1)
    return found


def _own_distances(field: Field, queries: Array32, base: Array32) -> Array32:
    """(queries, base) squared distances in the points of one column."""
    if field.is_category:
        differs = queries.argmax(axis=1)[:, None] != base.argmax(axis=1)
        total: Array32 = differs.astype(np.float32)
        return total
    gaps = [queries[:, d, None] - base[:, d] for d in range(base.shape[1]) if base[:, d].any()]
    total = np.zeros((len(queries), len(base)), np.float32)
    for gap in gaps:
        total += gap**2
    return total
