"""Singling out, linkability and inference on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from h2o_gan.reporting.document import Block, Figure, Figures, Table, Text, Verdict
from h2o_gan.reporting.measures.attacks import Inference, Risk, inference, linkability
from h2o_gan.reporting.measures.rows import Samples
from h2o_gan.reporting.measures.singling_out import multivariate, univariate
from h2o_gan.reporting.verdicts import Threshold, judged_beyond_chance

__all__ = ["risk_blocks"]

_RISK = Threshold(0.05, 0.15)
_INDEPENDENT_ATTACKS = 300

_TITLES = {
    "privacy.singling_out_values": "Singling out by one value",
    "privacy.singling_out": "Singling out by several columns",
    "privacy.linkability": "Linkability",
    "privacy.inference": "Inference",
}
_MEANINGS = {
    "privacy.singling_out_values": (
        "“Exactly one person in the data has this value”: the attacker finds such values in the "
        "synthetic rows. A table that repeats rare values, such as exact amounts, is at risk even "
        "if its columns are independent."
    ),
    "privacy.singling_out": (
        "“Exactly one person in the data has these attributes”: the attacker finds such "
        "descriptions in the synthetic rows."
    ),
    "privacy.linkability": (
        "“These two records, of different sources, are of the same person”: the attacker holds "
        "halves of people's attributes, and joins them by the synthetic rows."
    ),
    "privacy.inference": (
        "“A person with these attributes also has that one”: the attacker knows all about a person "
        "but one attribute, and takes it from the synthetic row that is most like the person."
    ),
}
_BEYOND = (
    " The risk is what succeeds against people of the training data beyond what succeeds against "
    "people who are not in it: 0 is none, 1 is complete."
)


def risk_blocks(
    samples: Samples | None, reason: str = "", stop: Callable[[], bool] = lambda: False
) -> list[Block]:
    """Run the attacks of the three criteria of European data protection authorities.

    Args:
        samples: the tables; None where attacks say nothing.
        reason: why.
        stop: whether to return what is done.
    """
    if samples is None:
        return [
            Figures([_empty(name, reason) for name in _TITLES]),
        ]
    released = replace(samples, synthetic=samples.independent)
    figures = []
    risks: list[tuple[str, Risk]] = []
    attacks: dict[str, Callable[..., Risk | None]] = {
        "privacy.singling_out_values": univariate,
        "privacy.singling_out": multivariate,
        "privacy.linkability": linkability,
    }
    for name, attack in attacks.items():
        if stop():
            break
        found = attack(samples) if len(samples.unseen) else None
        if found is None:
            figures.append(_empty(name, "the attack needs two columns and unseen rows."))
            continue
        other = attack(released, attacks=_INDEPENDENT_ATTACKS)
        risks.append((_TITLES[name], found))
        figures.append(_figure(name, found, other))
    columns: Sequence[Risk] = ()
    if not stop():
        result = inference(samples)
        if result is None:
            figures.append(
                _empty("privacy.inference", "the attack needs two columns and unseen rows.")
            )
        else:
            other_result = inference(released, attacks=_INDEPENDENT_ATTACKS)
            other = None if other_result is None else other_result.pooled
            figures.append(_inference(result, other))
            risks.append((_TITLES["privacy.inference"], result.pooled))
            columns = result.columns
    blocks: list[Block] = [Figures(figures)]
    if risks:
        risks.sort(key=lambda pair: pair[1].value or 0.0, reverse=True)
        blocks.append(_table("privacy.risks", "Attacks and controls, the worst first", risks))
    if columns:
        title = "Inference of each column, the worst first"
        pairs = [(column.name, column) for column in columns]
        blocks.append(_table("privacy.inference_columns", title, pairs))
    blocks.append(
        Text(
            "Method: Giomi et al., “A Unified Framework for Quantifying Privacy Risk in Synthetic "
            "Data”, PoPETs 2023, after the criteria of the Article 29 Working Party. These attacks "
            "use what any reader of the synthetic rows has. Attacks that succeed no more often "
            "than guesses are marked “weak”: they say nothing of the risk. A number counts as "
            "inferred within 5 %.",
            "note",
        )
    )
    return blocks


def _empty(name: str, reason: str) -> Figure:
    return Figure(name, _TITLES[name], None, best="low", text=f"Not measured: {reason}")


def _figure(name: str, found: Risk, independent: Risk | None) -> Figure:
    if found.value is None:
        reason = "no attack was possible."
        if found.attacks and found.controls:
            reason = "the attack always succeeds against people who are not in the data, too."
        return _empty(name, reason)
    figure = Figure(
        name,
        _TITLES[name],
        found.value,
        found.low,
        found.high,
        reference=0.0,
        independent=None if independent is None else independent.value,
        best="low",
        rows=found.attacks,
        text=_MEANINGS[name] + _BEYOND,
    )
    return judged_beyond_chance(figure, _RISK, found.chance)


def _inference(result: Inference, independent: Risk | None) -> Figure:
    """The risk over all columns; a column that is certainly at risk counts too."""
    figure = _figure("privacy.inference", result.pooled, independent)
    if figure.value is None or figure.verdict is None:
        return figure
    verdicts: list[Verdict] = [figure.verdict, *(_certain(column) for column in result.columns)]
    text = f"{figure.threshold}; by a single column where its whole interval is above these limits"
    worst: Verdict = sorted(verdicts, key=_rank)[-1]
    return replace(figure, verdict=worst, threshold=text)


def _rank(verdict: Verdict) -> int:
    return ("good", "fair", "poor").index(verdict)


def _certain(risk: Risk) -> Verdict:
    """The verdict on the lower end of a risk."""
    low = risk.low or 0.0
    if low <= _RISK.good:
        return "good"
    return "fair" if low <= _RISK.fair else "poor"


def _table(name: str, title: str, risks: Sequence[tuple[str, Risk]]) -> Table:
    rows = [
        [
            label,
            risk.value,
            risk.low,
            risk.high,
            risk.main if risk.attacks else None,
            risk.control if risk.controls else None,
            risk.baseline,
            risk.attacks,
            "weak" if risk.is_weak else "",
        ]
        for label, risk in risks
    ]
    return Table(
        name,
        title,
        [
            ("attack" if name == "privacy.risks" else "secret column", "string"),
            ("risk", "share"),
            ("low", "share"),
            ("high", "share"),
            ("on training rows", "share"),
            ("on unseen rows", "share"),
            ("by guessing", "share"),
            ("attacks", "whole"),
            ("note", "string"),
        ],
        rows,
        {f"{index},1": _certain(risk) for index, (_, risk) in enumerate(risks) if risk.value},
        "Shares of attacks that succeed, and the risk: what succeeds on training rows beyond "
        "unseen ones. Coloured by the lower end of the interval.",
    )
