"""Membership attacks on the page: figures, ROC curves and what each attack means."""

from __future__ import annotations

from collections.abc import Sequence

from h2o_gan.reporting.document import Block, Curves, Figure, Figures, Series, Table, Text
from h2o_gan.reporting.measures.membership import Membership, membership
from h2o_gan.reporting.measures.rows import Samples
from h2o_gan.reporting.verdicts import Threshold, judged_beyond_chance

__all__ = ["membership_blocks"]

_AUC = Threshold(0.55, 0.60)
_TPR = Threshold(0.02, 0.05)
_RATE = 0.01  # of false positives, for the figure
_INDEPENDENT_ROWS = 2_500  # members that are attacked by independent columns

_TITLES = {
    "nearest": "Nearest row",
    "calibrated": "Nearest row, calibrated",
    "density": "Density ratio",
    "local": "Traced row",
    "classifier": "Classifier",
}
_MEANINGS = {
    "nearest": (
        "The attacker knows a person's whole row, looks for a synthetic row that is like it, and "
        "concludes from a close one that the person was in the training data."
    ),
    "calibrated": (
        "The same, but a close synthetic row counts less if other real people are as close."
    ),
    "density": (
        "The attacker asks whether synthetic rows crowd around the person's row more than rows of "
        "other real people do."
    ),
    "local": (
        "The attacker looks for a synthetic row that the person's row explains better than the row "
        "of any other real person known to the attacker."
    ),
    "classifier": (
        "The attacker has a program learn how synthetic rows differ from real ones, and takes "
        "people whose rows look synthetic for members."
    ),
}
_SOURCES = {
    "nearest": "Chen et al., GAN-Leaks, CCS 2020",
    "calibrated": "after Chen et al., GAN-Leaks, CCS 2020",
    "density": "van Breugel et al., DOMIAS, AISTATS 2023",
    "local": "after Ward et al., Gen-LRA, arXiv 2508.21146",
    "classifier": "after Hayes et al., LOGAN, PETS 2019",
}


def membership_blocks(samples: Samples | None, reason: str = "") -> list[Block]:
    """Attack the membership of training rows.

    Args:
        samples: the tables; None where attacks say nothing.
        reason: why.
    """
    result = None if samples is None else membership(samples)
    if result is None or samples is None:
        return [Figures(_figures(None, None, reason or "There are too few unseen rows."))]
    fewer = samples.independent.take(slice(2 * _INDEPENDENT_ROWS))
    independent = membership(samples, fewer, _INDEPENDENT_ROWS)
    return [
        Figures(_figures(result, independent)),
        _table(result),
        _curves(result),
        _meanings(result),
        Text(
            f"Attacked were {result.members:,} training rows among as many unseen real rows. The "
            f"attackers saw {result.released:,} synthetic rows and {result.reference:,} other "
            "unseen rows. Chance is measured by 400 shuffles of who is a member.",
            "note",
        ),
    ]


def _figures(
    result: Membership | None, independent: Membership | None, reason: str = ""
) -> Sequence[Figure]:
    names = (
        ("privacy.membership", "Membership attack (AUC)"),
        ("privacy.membership_tpr", "Members found at 1 % false alarms"),
    )
    if result is None:
        text = f"Not measured: {reason}"
        return [
            Figure(*names[0], None, best="low", unit="auc", text=text),
            Figure(*names[1], None, best="low", text=text),
        ]
    worst = result.attacks[0]
    number = len(result.attacks)
    area = Figure(
        *names[0],
        worst.auc.value,
        worst.auc.low,
        worst.auc.high,
        reference=result.chance.mean,
        independent=None if independent is None else independent.attacks[0].auc.value,
        best="low",
        unit="auc",
        rows=2 * result.members,
        text=(
            f"How often the most successful of {number} attackers ranks a person of the training "
            "data above a person who is not in it. 0.5 is a coin toss, 1 is certainty. The most "
            f"successful of {number} is above 0.5 even by chance: by {result.chance.mean - 0.5:.3f}"
            " on average (the reference), if membership is shuffled."
        ),
    )
    found = max(result.attacks, key=lambda attack: attack.tpr[_RATE].value)
    share, chance = found.tpr[_RATE], result.chance_tpr[_RATE]
    other = None
    if independent is not None:
        other = max(attack.tpr[_RATE].value for attack in independent.attacks)
    tpr = Figure(
        *names[1],
        share.value,
        share.low,
        share.high,
        reference=chance.mean,
        independent=other,
        best="low",
        rows=2 * result.members,
        text=(
            "The share of the training people whom the most successful attacker finds, if only one "
            "in a hundred accusations of others may be wrong. It shows whether a few people are at "
            "risk although most are not."
        ),
    )
    return [
        judged_beyond_chance(area, _AUC, result.chance.most),
        judged_beyond_chance(tpr, _TPR, chance.most),
    ]


def _table(result: Membership) -> Table:
    rows = []
    marks = {}
    for index, attack in enumerate(result.attacks):
        cells: list[object] = [_TITLES[attack.name], *_cells(attack.auc)]
        for share in attack.tpr.values():
            cells += _cells(share)
        rows.append(cells)
        verdict = "fair" if attack.auc.value <= _AUC.fair else "poor"
        if attack.auc.value <= max(_AUC.good, result.chance.most):
            verdict = "good"
        marks[f"{index},1"] = verdict
    chance: list[object] = ["Shuffled: worst, mean", result.chance.mean, None, None]
    most: list[object] = ["Shuffled: worst, 99 %", result.chance.most, None, None]
    for value in result.chance_tpr.values():
        chance += [value.mean, None, None]
        most += [value.most, None, None]
    columns: list[tuple[str, str]] = [("attack", "string")]
    columns += [("AUC", "auc"), ("AUC low", "auc"), ("AUC high", "auc")]
    for rate in result.chance_tpr:
        name = f"found at {rate:.1%}"
        columns += [(name, "share"), (f"{name} low", "share"), (f"{name} high", "share")]
    return Table(
        "privacy.attacks",
        "Membership attacks, the worst first",
        columns,  # type: ignore[arg-type]
        [*rows, chance, most],
        marks,
        "Areas under the ROC curve, and shares of training rows found while 1 % or 0.1 % of other "
        "real rows are taken for training rows, with 95 % intervals. By chance, as large a share "
        "of training rows is found.",
    )


def _cells(share: object) -> list[object]:
    return [getattr(share, name) for name in ("value", "low", "high")]


def _curves(result: Membership) -> Curves:
    series = []
    for attack in result.attacks:
        x, y = result.curve(attack)
        series.append(Series(_TITLES[attack.name], y, x))
    worst = result.attacks[0]
    return Curves(
        "privacy.roc",
        "Membership attacks: ROC curves",
        "other real rows taken for training rows",
        "training rows found",
        series,
        diagonal=True,
        caption=(
            f"The largest area is {worst.auc.value:.3f}, of the attack "
            f"“{_TITLES[worst.name]}”. Curves on the diagonal are those of chance."
        ),
    )


def _meanings(result: Membership) -> Table:
    names = [attack.name for attack in result.attacks]
    return Table(
        "privacy.attack_meanings",
        "What the attackers do",
        [("attack", "string"), ("meaning", "string"), ("source", "string")],
        [[_TITLES[name], _MEANINGS[name], _SOURCES[name]] for name in names],
    )
