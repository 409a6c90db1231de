"""Usefulness: whether models that are trained on synthetic rows predict real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from h2o_gan.reporting.document import Block, Curves, Figure, Figures, Section, Series, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.downstream import Score, difference, error, roc
from h2o_gan.reporting.sections.downstream_models import Downstream, Predicted, Screened, downstream
from h2o_gan.reporting.sections.model_ranking import automl_leaders, ranking
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

_SCORE = Threshold(0.9, 0.7, "way")
_HARDLY = 0.02  # score of real rows beyond chance, below which nothing can be compared
_MOST_BARS = 12
_TABLES = ("training", "synthetic", "both")


def section(inputs: Inputs) -> Section:
    """Train models on real and on synthetic rows, and test them on unseen real rows.

    Args:
        inputs: of the report.

    Returns:
        The section; where the user has ended the report, what is done of it.
    """
    found = downstream(inputs)
    lead = (
        "Do models that are trained on synthetic rows predict real rows as well as models that are "
        "trained on real rows?"
    )
    blocks: list[Block] = []
    if found.predicted:
        blocks.append(Figures([_figure(predicted, inputs) for predicted in found.predicted]))
        blocks.append(_scores(found))
        for predicted in found.predicted:
            blocks += _charts(predicted)
        first = found.predicted[0]
        real = first.score("training")
        if not inputs.stop.is_set() and real is not None and _learns(real):
            blocks += ranking(inputs, first)
            blocks += automl_leaders(inputs, first)
    else:
        blocks.append(Figures([_without_response(inputs, found.screened)]))
    if inputs.options.response is None and found.screened:
        blocks.append(_screening(found.screened))
    blocks.append(_note(inputs, found))
    return Section("usefulness", "Usefulness", lead, blocks)


def _without_response(inputs: Inputs, screened: tuple[Screened, ...]) -> Figure:
    response = inputs.options.response
    if response is None:
        return Figure(
            "usefulness",
            "Usefulness for predictions",
            None,
            text="No column can be predicted from the others, so there is nothing to compare.",
        )
    reason = screened[0].reason or "the report was ended before"
    return Figure(
        f"usefulness.{response}",
        f"Prediction of {response}",
        None,
        text=f"No model can be trained to predict {response}: {reason}.",
    )


def _figure(predicted: Predicted, inputs: Inputs) -> Figure:
    name = predicted.response.name
    real, synthetic = predicted.score("training"), predicted.score("synthetic")
    is_auc = predicted.response.is_category
    title = f"Prediction of {name}, {'area under the ROC curve' if is_auc else 'R²'}"
    unit: Any = "auc" if is_auc else "number"
    key = f"usefulness.{name}"
    if real is not None and _learns(real) and "synthetic" in predicted.failed:
        reason = predicted.failed["synthetic"]
        figure = Figure(
            key,
            title,
            real.chance,
            reference=real.value,
            independent=real.chance,
            text="No model could be trained on synthetic rows, which counts as guessing: "
            f"{reason.rstrip('.')}.",
            unit=unit,
            rows=len(inputs.unseen.rows),
        )
        return judged(figure, _SCORE)
    if real is None or synthetic is None:
        reason = "; ".join(
            f"no model could be trained on {table} rows: {why}"
            for table, why in predicted.failed.items()
        )
        reason = reason or f"{name} has too few different values in the unseen rows"
        return Figure(key, title, None, unit=unit, text=f"It was not measured: {reason}.")
    low, high = synthetic.interval
    apart, least, most = difference(real, synthetic)
    figure = Figure(
        key,
        title,
        synthetic.value,
        low,
        high,
        real.value,
        real.chance,
        text=(
            "How well a model that was trained on synthetic rows predicts unseen real rows. The "
            f"model of training rows is better by {apart:.3f} ({least:.3f} to {most:.3f}); the "
            "score of independent columns is that of guessing."
        ),
        unit=unit,
        rows=len(inputs.unseen.rows),
    )
    if not _learns(real):
        text = (
            f"Even training rows hardly predict {name}, so nothing can be learned here about "
            "synthetic rows."
        )
        return Figure(
            key, title, synthetic.value, low, high, real.value, real.chance, unit=unit, text=text
        )
    return judged(figure, _SCORE)


def _learns(real: Score) -> bool:
    """Whether a model of real rows is better than guessing."""
    return real.value > real.chance + _HARDLY and real.interval[0] > real.chance


def _scores(found: Downstream) -> Table:
    rows: list[list[Any]] = []
    for predicted in found.predicted:
        real = predicted.score("training")
        for name in _TABLES:
            score = predicted.score(name)
            count = predicted.rows * (2 if name == "both" else 1)
            start = [predicted.response.name, name, count]
            if score is None or real is None:
                rows.append([*start, *[None] * 9])
                continue
            apart = difference(real, score) if name != "training" else (None, None, None)
            wrong, loss = error(predicted.truth, predicted.predictions[name])
            kind = "AUC" if score.kind == "auc" else "R²"
            rows.append([*start, kind, score.value, *score.interval, *apart, wrong, loss])
    return Table(
        "usefulness.scores",
        "Scores on unseen real rows",
        [
            ("response", "string"),
            ("trained on", "string"),
            ("rows", "whole"),
            ("score", "string"),
            ("value", "number"),
            ("from", "number"),
            ("to", "number"),
            ("training rows less this", "number"),
            ("difference from", "number"),
            ("difference to", "number"),
            ("error", "number"),
            ("log loss", "number"),
        ],
        rows,
        caption="AUC: area under the ROC curve, over more than two levels the mean of each level "
        "against the others. R²: share of the variance that is explained. The error is the share "
        "of wrong levels, or the root of the mean squared error. Differences are of the same "
        "unseen rows.",
    )


def _charts(predicted: Predicted) -> list[Block]:
    name = predicted.response.name
    blocks: list[Block] = []
    known = np.isfinite(predicted.truth)
    codes = predicted.truth[known]
    if len(predicted.response.levels) == 2 and len(np.unique(codes)) == 2:
        series = []
        for table, predictions in predicted.predictions.items():
            false, true = roc(codes == 1, predictions[known, 1])
            series.append(Series(table, true.tolist(), false.tolist()))
        blocks.append(
            Curves(
                f"usefulness.{name}.roc",
                f"ROC curves of {name}",
                "rate of false positives",
                "rate of true positives",
                series,
                diagonal=True,
                caption=f"Positive is the level {predicted.response.levels[1]!r}. The curves are "
                "those of models trained on each table, on unseen real rows.",
            )
        )
    if importances := _compared(predicted.importances):
        labels = list(importances)
        blocks.append(
            Curves(
                f"usefulness.{name}.importances",
                f"Importance of columns for {name}",
                "share of the reduction of squared errors",
                "column",
                [
                    Series(table, [importances[label].get(table, 0.0) for label in labels])
                    for table in predicted.importances
                    if table != "both"
                ],
                labels=labels,
                bars=True,
                caption="Where synthetic rows are as good as real ones, models use the same "
                "columns.",
            )
        )
    return blocks


def _compared(importances: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The importance by column and table, of the columns that matter most in any."""
    tables = {table: shares for table, shares in importances.items() if table != "both"}
    names = {name for shares in tables.values() for name in shares}
    order = sorted(names, key=lambda name: (-max(s.get(name, 0) for s in tables.values()), name))
    return {
        name: {table: shares.get(name, 0.0) for table, shares in tables.items()}
        for name in order[:_MOST_BARS]
    }


def _screening(screened: tuple[Screened, ...]) -> Table:
    order = sorted(screened, key=lambda each: -(each.score if each.score is not None else -9))
    return Table(
        "usefulness.screening",
        "Which columns can be predicted",
        [("column", "string"), ("score", "number"), ("left out because", "string")],
        [[each.name, each.score, each.reason] for each in order],
        caption="Small models of some training rows: R² for numbers and times; for categories "
        "twice the area under the ROC curve less one, of the most frequent level against the "
        "others.",
    )


def _note(inputs: Inputs, found: Downstream) -> Text:
    sizes = f"{found.predicted[0].rows:,}" if found.predicted else "some"
    return Text(
        f"H2O's gradient boosting was trained on {sizes} training and as many synthetic rows, and "
        f"tested on {len(inputs.unseen.rows):,} unseen rows. Intervals are those of the unseen "
        "rows: other training rows would give other models, too.",
        "note",
    )
