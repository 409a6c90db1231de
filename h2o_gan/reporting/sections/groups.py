"""Groups: fidelity and usefulness in each group of rows, so that a bad one is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.document import Block, Figure, Figures, Section, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.accuracy import Accuracy
from h2o_gan.reporting.measures.downstream import Score, difference, error, scored
from h2o_gan.reporting.measures.pairs import pair_accuracies
from h2o_gan.reporting.measures.partition import Partition
from h2o_gan.reporting.measures.rows import Rows
from h2o_gan.reporting.sections.downstream_models import Predicted, downstream
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

_SHARES = Threshold(0.02, 0.05, "excess")
_FIDELITY = Threshold(0.03, 0.08, "excess")
_USEFULNESS = Threshold(0.03, 0.08, "excess")

_LEAST_ROWS = 30
_LOST = 0.5  # of a group's share, below which it counts as lost
_CERTAIN = 3.0  # standard errors
_MOST_LOST = 5  # names in a text
_MOST_ROWS = 3000  # of a group, for its fidelity
_MOST_COLUMNS = 30  # for fidelity
_TABLES = ("training", "synthetic", "unseen", "independent")


@dataclass(frozen=True, eq=False)
class _Group:
    """A group.

    Attributes:
        label: of it.
        counts: of its rows in the samples, by table.
        shares: of these.
        accuracies: of pairs of columns against training rows of the group, by table; only tables
            with enough rows.
        rows: of each table, behind the accuracies.
        scores: of the models that were trained on "training" and "synthetic" rows, on the group's
            unseen rows.
        errors: of the same.
    """

    label: str
    counts: Mapping[str, int]
    shares: Mapping[str, float]
    accuracies: Mapping[str, Accuracy]
    rows: int
    scores: Mapping[str, Score]
    errors: Mapping[str, float]

    @property
    def lack(self) -> tuple[float, float] | None:
        """The accuracy that synthetic rows lack of what unseen rows have, and its lower end."""
        if not {"synthetic", "unseen"} <= set(self.accuracies):
            return None
        found = self.accuracies["synthetic"]
        lack = self.accuracies["unseen"].mean - found.mean
        return lack, lack - (found.high - found.low) / 2

    @property
    def gap(self) -> tuple[float, float] | None:
        """The score that models of synthetic rows lack of that of real rows, and its lower end."""
        if len(self.scores) < 2:
            return None
        gap, least, _ = difference(self.scores["training"], self.scores["synthetic"])
        return gap, least


def section(inputs: Inputs) -> Section:
    """Compare the groups of rows that the user's column makes.

    Args:
        inputs: of the report.

    Returns:
        The section; without figures where the user names no column.
    """
    name = inputs.options.groups
    if name is None:
        none = Text("No column was named whose groups are to be compared.")
        return Section("groups", "Groups", "Is any group of rows worse than the others?", [none])
    lead = f"Is any group of rows by {name} worse than the others?"
    training = inputs.training.rows
    if name not in training.values:
        text = f"{name} is not among the columns that are compared."
        figure = Figure("groups.fidelity", f"Groups by {name}", None, text=text)
        return Section("groups", f"Groups by {name}", lead, [Figures([figure])])
    partition = Partition.fit(training, name)
    predicted = next((p for p in downstream(inputs).predicted if p.response.name != name), None)
    groups = _groups(inputs, partition, predicted)
    figures = [_poor_where_lost(_share_figure(inputs, name, groups), groups)]
    figures.append(_fidelity_figure(name, groups))
    figures.append(_usefulness_figure(name, groups, predicted))
    blocks: list[Block] = [Figures(figures), _table(name, groups, predicted)]
    small = [
        g.label for g in groups if min(g.counts["training"], g.counts["synthetic"]) < _LEAST_ROWS
    ]
    if small:
        blocks.append(
            Text(
                f"Groups with fewer than {_LEAST_ROWS} rows in the samples are too small to be "
                f"measured: {', '.join(small)}.",
                "warning",
            )
        )
    blocks.append(
        Text(
            f"Fidelity is the accuracy of pairs of columns between training and synthetic rows of "
            f"a group, with the same number of rows of each table, at most {_MOST_ROWS:,}. It "
            "falls with fewer rows, so that groups of different sizes compare only by their "
            "references.",
            "note",
        )
    )
    return Section("groups", f"Groups by {name}", lead, blocks)


def _groups(inputs: Inputs, partition: Partition, predicted: Predicted | None) -> list[_Group]:
    parts = {table: getattr(inputs, table).rows for table in _TABLES}
    codes = {table: partition(rows.values[partition.name]) for table, rows in parts.items()}
    names = [n for n in inputs.training.rows.names if n != partition.name]
    if len(names) > _MOST_COLUMNS:
        chosen = inputs.samples.rng().choice(len(names), _MOST_COLUMNS, replace=False)
        names = [names[index] for index in sorted(chosen)]
    groups = []
    for index, label in enumerate(partition.labels):
        masks = {table: code == index for table, code in codes.items()}
        counts = {table: int(mask.sum()) for table, mask in masks.items()}
        if not any(counts[table] for table in _TABLES[:3]):
            continue
        shares = {table: counts[table] / max(len(mask), 1) for table, mask in masks.items()}
        accuracies: dict[str, Accuracy] = {}
        rows = 0
        if names and not inputs.stop.is_set():
            tables = {table: part.take(masks[table]).select(names) for table, part in parts.items()}
            accuracies, rows = _accuracies(tables, inputs)
        scores, errors = _scores(predicted, masks["unseen"])
        groups.append(_Group(label, counts, shares, accuracies, rows, scores, errors))
    return groups


def _accuracies(tables: Mapping[str, Rows], inputs: Inputs) -> tuple[dict[str, Accuracy], int]:
    """Accuracies of pairs by table, of equally many rows of all that have enough."""
    compared = [table for table in _TABLES if len(tables[table]) >= _LEAST_ROWS]
    if not {"training", "synthetic"} <= set(compared):
        return {}, 0
    rows = min(_MOST_ROWS, *(len(tables[table]) for table in compared))
    first = tables["training"].take(slice(rows))
    found = {}
    for table in compared[1:]:
        accuracy = pair_accuracies(first, tables[table].take(slice(rows)), inputs.samples.rng())
        if accuracy is not None:
            found[table] = accuracy
    return found, rows


def _scores(
    predicted: Predicted | None, mask: npt.NDArray[np.bool_]
) -> tuple[dict[str, Score], dict[str, float]]:
    """Scores and errors of the models on the unseen rows of a group."""
    scores: dict[str, Score] = {}
    errors: dict[str, float] = {}
    if predicted is None or int(mask.sum()) < _LEAST_ROWS:
        return scores, errors
    for table in ("training", "synthetic"):
        if table not in predicted.predictions:
            continue
        truth, predictions = predicted.truth[mask], predicted.predictions[table][mask]
        score, wrong = scored(truth, predictions), error(truth, predictions)[0]
        if score is not None:
            scores[table] = score
        if wrong is not None:
            errors[table] = wrong
    return scores, errors


def _share_figure(inputs: Inputs, name: str, groups: list[_Group]) -> Figure:
    def distance(table: str) -> float:
        return sum(abs(g.shares[table] - g.shares["training"]) for g in groups) / 2

    return judged(
        Figure(
            "groups.shares",
            f"Distance of the sizes of groups by {name}",
            distance("synthetic"),
            reference=distance("unseen"),
            best="low",
            text="The share of rows that would have to change their group, for synthetic rows to "
            "have as many rows in each group as training rows.",
            rows=len(inputs.synthetic.rows),
        ),
        _SHARES,
    )


def _poor_where_lost(figure: Figure, groups: list[_Group]) -> Figure:
    """The figure of sizes, poor where a group is lost that is too small to change it much."""
    lost = [group.label for group in groups if _is_lost(group)]
    if not lost:
        return figure
    names = ", ".join(lost[:_MOST_LOST])
    more = f" and {len(lost) - _MOST_LOST} more" if len(lost) > _MOST_LOST else ""
    return replace(
        figure,
        verdict="poor",
        text=f"{figure.text} Less than half as frequent in synthetic rows: {names}{more}.",
        threshold=f"{figure.threshold}; poor where a group is less than half as frequent",
    )


def _is_lost(group: _Group) -> bool:
    """Whether a group is less than half as frequent in synthetic rows, beyond chance."""
    real = group.counts["training"]
    share, other = group.shares["training"], group.shares["synthetic"]
    if real < _LEAST_ROWS or other >= _LOST * share:
        return False
    rows = real / share  # of the samples of both tables, which are equally large
    return bool(share - other > _CERTAIN * math.sqrt((share + other) / rows))


def _fidelity_figure(name: str, groups: list[_Group]) -> Figure:
    measured = [(group.lack, group) for group in groups if group.lack is not None]
    if not measured:
        text = f"No group has {_LEAST_ROWS} rows of each table in the samples and another column."
        return Figure("groups.fidelity", f"Fidelity of groups by {name}", None, text=text)
    # The smallest group would be the worst by chance, but for the interval.
    (lack, least), worst = max(measured, key=lambda pair: pair[0][1])
    found = worst.accuracies["synthetic"]
    reference, independent = (
        worst.accuracies[table].mean if table in worst.accuracies else None
        for table in ("unseen", "independent")
    )
    figure = Figure(
        "groups.fidelity",
        f"Fidelity of the worst group, {name}: {worst.label}",
        found.mean,
        found.low,
        found.high,
        reference,
        independent,
        text="The accuracy of pairs of columns in the group where synthetic rows lack most "
        f"({lack:.3f}) of what unseen real rows reach.",
        rows=worst.rows,
    )
    return _fair_by_chance(judged(figure, _FIDELITY), least)


def _fair_by_chance(figure: Figure, least: float) -> Figure:
    """The figure, not poor where the lower end of what it lacks is no lack at all."""
    if figure.verdict != "poor" or least > 0:
        return figure
    text = f"{figure.text} With so few rows this may be chance, so it counts as fair."
    return replace(figure, verdict="fair", text=text)


def _usefulness_figure(name: str, groups: list[_Group], predicted: Predicted | None) -> Figure:
    measured = [(group.gap, group) for group in groups if group.gap is not None]
    key = "groups.usefulness"
    if predicted is None or not measured:
        text = f"No group has {_LEAST_ROWS} unseen rows with different values of a response."
        return Figure(key, f"Prediction in groups by {name}", None, unit="number", text=text)
    (gap, least), worst = max(measured, key=lambda pair: pair[0][1])
    real, synthetic = worst.scores["training"], worst.scores["synthetic"]
    low, high = synthetic.interval
    most = difference(real, synthetic)[2]
    response = predicted.response.name
    figure = Figure(
        key,
        f"Prediction of {response} in the worst group, {name}: {worst.label}",
        synthetic.value,
        low,
        high,
        real.value,
        real.chance,
        text=f"The score of the model of synthetic rows on unseen rows of the group where it lacks "
        f"most of that of training rows: {gap:.3f} ({least:.3f} to {most:.3f}).",
        unit="auc" if real.kind == "auc" else "number",
        rows=worst.counts["unseen"],
    )
    return _fair_by_chance(judged(figure, _USEFULNESS), least)


def _table(name: str, groups: list[_Group], predicted: Predicted | None) -> Table:
    response = predicted.response.name if predicted else ""
    is_number = predicted is not None and not predicted.response.is_category
    kind = "R²" if is_number else "AUC"
    errors: Any = "number" if is_number else "share"
    rows: list[list[Any]] = []
    marks: dict[str, str] = {}
    for group in groups:
        accuracies = [
            group.accuracies[table].mean if table in group.accuracies else None
            for table in ("synthetic", "unseen", "independent")
        ]
        scores = [
            group.scores[table].value if table in group.scores else None
            for table in ("training", "synthetic")
        ]
        wrong = [group.errors.get(table) for table in ("training", "synthetic")]
        for column, worse, limits in ((7, group.lack, _FIDELITY), (11, group.gap, _USEFULNESS)):
            if worse is not None:
                lack, least = worse
                verdict = "good" if lack <= limits.good else "fair"
                poor = lack > limits.fair and least > 0
                marks[f"{len(rows)},{column}"] = "poor" if poor else verdict
        counts = [group.counts[table] for table in _TABLES[:3]]
        shares = [group.shares[table] for table in _TABLES[:3]]
        rows.append([group.label, *counts, *shares, *accuracies, *scores, *wrong])
    return Table(
        "groups.groups",
        f"Groups by {name}",
        [
            (name, "string"),
            *((f"rows, {table}", "whole") for table in _TABLES[:3]),
            *((f"share, {table}", "share") for table in _TABLES[:3]),
            ("fidelity, synthetic", "share"),
            ("fidelity, unseen", "share"),
            ("fidelity, independent", "share"),
            (f"{kind} of {response}, training".replace(" of ,", ","), "number"),
            (f"{kind} of {response}, synthetic".replace(" of ,", ","), "number"),
            ("error, training", errors),
            ("error, synthetic", errors),
        ],
        rows,
        marks,
        "Rows of the samples. Scores and errors are those of models trained on all training or all "
        "synthetic rows, on unseen rows of the group."
        if predicted
        else "Rows of the samples. No other column can be predicted.",
    )
