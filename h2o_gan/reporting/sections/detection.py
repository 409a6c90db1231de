"""Detection: whether a classifier can tell synthetic rows from training rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from h2o_gan.cluster.learners import Learned, Learner, NotLearnedError, cross_validate, sent
from h2o_gan.reporting.comparison import as_table
from h2o_gan.reporting.document import Block, Curves, Figure, Figures, Section, Series, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.downstream import roc
from h2o_gan.reporting.measures.folds import equal_share, matched_folds
from h2o_gan.reporting.measures.neighbours import Space, nearest
from h2o_gan.reporting.measures.rows import Rows, Samples, concatenated
from h2o_gan.reporting.measures.statistics import auc_interval
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

_EXCESS = Threshold(0.05, 0.15, "excess")
_COPIES = 0.05  # share of copies beyond that of unseen rows, from which a warning is given

_MOST_ROWS = 10_000  # of each table
_FOLDS = 3
_GBM = Learner(
    "gradient boosting",
    "gbm",
    {"ntrees": 20, "max_depth": 5, "learn_rate": 0.3, "score_tree_interval": 1000},
)
_GLM = Learner(
    "logistic regression",
    "glm",
    {"family": "binomial", "alpha": [0.0], "lambda": [1e-5]},
)
_LEARNERS = (("gbm", _GBM), ("glm", _GLM))

_MOST_COLUMNS = 12  # of tables of rows
_MOST_BARS = 15
_TOLD_ROWS = 10
_MOST_MARKS = 4  # of a row
_CHANGED = 0.01  # squared difference in units of the range

Array = npt.NDArray[np.float64]
_NAMES = ("synthetic", "unseen", "independent")


@dataclass(frozen=True, eq=False)
class _Told:
    """How a classifier tells the rows of a table from training rows.

    Attributes:
        area: under the ROC curve, and the ends of its interval.
        scores: (rows of training + rows of the table,) probability of not being a training row.
        importances: of the columns.
    """

    area: tuple[float, float, float]
    scores: Array
    importances: dict[str, float]


def section(inputs: Inputs) -> Section:
    """Train classifiers in the cluster that tell synthetic rows from training rows.

    Args:
        inputs: of the report.

    Returns:
        The section; where the user has ended the report, what is done of it.
    """
    samples = inputs.samples.equal(_MOST_ROWS)
    rows = len(samples.training)
    found: dict[tuple[str, str], _Told] = {}
    reasons: dict[str, str] = {}
    for name in _NAMES:
        if inputs.stop.is_set():
            break
        told, reason = _told(samples, getattr(samples, name), inputs.options.seed)
        found |= {(learner, name): result for learner, result in told.items()}
        reasons |= {learner: reason for learner, _ in _LEARNERS if learner not in told}
    figures = [
        _figure(learner, found, reasons.get(learner, "The report was ended before."), rows)
        for learner, _ in _LEARNERS
    ]
    blocks: list[Block] = [Figures(figures), *_warnings(samples, figures)]
    if ("gbm", "synthetic") in found:
        told_by = found["gbm", "synthetic"]
        blocks += [_curves(found, rows), _bars(found)]
        if inputs.options.show_rows:
            blocks.append(_told_rows(samples, told_by))
    blocks.append(
        Text(
            f"{rows:,} rows of each table were compared: the same number of synthetic, unseen and "
            f"independent rows with the same training rows. Each of {_FOLDS} folds is scored by "
            f"models of the others. Equal rows of both tables share a fold. Gradient boosting has "
            f"{_GBM.parameters['ntrees']} trees of depth {_GBM.parameters['max_depth']}; both "
            "learners are H2O's and run in the cluster.",
            "note",
        )
    )
    lead = (
        "Can a classifier tell synthetic rows from training rows? It can't where both have the "
        "same distribution."
    )
    return Section("detection", "Can it be told apart", lead, blocks)


def _told(samples: Samples, other: Rows, seed: int) -> tuple[dict[str, _Told], str]:
    """Results by learner, and the reason why one is lacking."""
    training = samples.training
    if min(len(training), len(other)) < 2 * _FOLDS:
        return {}, f"At least {2 * _FOLDS} rows of each table are needed."
    fold = matched_folds(training, other, _FOLDS, samples.rng())
    is_other = np.arange(len(training) + len(other)) >= len(training)
    origin = _unused(training, "origin")
    weights = [_unused(training, f"weight {index}") for index in range(_FOLDS)]
    order = samples.rng().permutation(len(fold))
    column = pa.DictionaryArray.from_arrays(
        pa.array(is_other.astype(np.int32)), ["training", "other"]
    )
    table = as_table(concatenated([training, other])).append_column(origin, column)
    table = table.take(pa.array(order))
    weighted = table
    for index, name in enumerate(weights):
        weighted = weighted.append_column(name, pa.array((fold != index)[order].astype(np.float64)))
    found: dict[str, _Told] = {}
    reason = ""
    with sent(weighted) as frame, sent(table) as plain:
        for name, learner in _LEARNERS:
            try:
                learned = cross_validate(
                    learner, frame, origin, plain, fold[order], weights, seed=seed
                )
            except NotLearnedError as error:
                reason = f"H2O could not train a classifier: {error}"
                continue
            found[name] = _result(learned, order, is_other)
    return found, reason


def _result(learned: Learned, order: npt.NDArray[np.int64], is_other: Any) -> _Told:
    scores = np.empty(len(order))
    scores[order] = learned.predictions[0][:, 1]
    return _Told(auc_interval(scores, is_other), scores, dict(learned.importances))


def _unused(rows: Rows, name: str) -> str:
    """A name that no column has."""
    while name in rows.values:
        name += "_"
    return name


def _figure(learner: str, found: dict[tuple[str, str], _Told], reason: str, rows: int) -> Figure:
    title = f"Told apart by {dict(_LEARNERS)[learner].name} (AUC)"
    name = f"detection.{learner}"
    told = found.get((learner, "synthetic"))
    if told is None:
        return Figure(name, title, None, best="half", unit="auc", text=reason, rows=rows)
    value, low, high = told.area
    others = [found.get((learner, other)) for other in _NAMES[1:]]
    reference, independent = (None if other is None else other.area[0] for other in others)
    text = (
        "How often a classifier ranks a synthetic row as more synthetic than a training row: 0.5 "
        "is guessing, 1 is certainty."
    )
    if value < 0.5 and high < 0.5:
        text += (
            " Below 0.5 the classifier is misled, because synthetic rows lie close to single "
            "training rows; the distance from 0.5 counts."
        )
    figure = Figure(
        name, title, value, low, high, reference, independent, "half", None, None, text, "auc", rows
    )
    # Only the distance from one half counts.
    mirrored = replace(
        figure,
        value=0.5 + abs(value - 0.5),
        reference=None if reference is None else 0.5 + abs(reference - 0.5),
    )
    verdict = judged(mirrored, _EXCESS)
    return replace(verdict, value=value, reference=reference)


def _warnings(samples: Samples, figures: list[Figure]) -> list[Block]:
    """What makes a good figure worth nothing."""
    copies = equal_share(samples.synthetic, samples.training)
    usual = equal_share(samples.unseen, samples.training)
    blocks: list[Block] = []
    if copies > usual + _COPIES:
        blocks.append(
            Text(
                f"{copies:.0%} of these synthetic rows equal a training row ({usual:.0%} of unseen "
                "rows do). Copies can't be told from training rows, so this section says nothing "
                "in their favour: see the section on privacy.",
                "warning",
            )
        )
    elif any(f.high is not None and f.high < 0.5 - _EXCESS.good for f in figures):
        blocks.append(
            Text(
                "The classifier does worse than guessing. Synthetic rows that lie close to single "
                "training rows do that: see the section on privacy.",
                "warning",
            )
        )
    return blocks


def _curves(found: dict[tuple[str, str], _Told], rows: int) -> Curves:
    series = []
    for name in _NAMES:
        told = found.get(("gbm", name))
        if told is not None:
            false, true = roc(np.arange(2 * rows) >= rows, told.scores)
            series.append(Series(name, true.tolist(), false.tolist()))
    areas = ", ".join(
        f"{series_.name} {found['gbm', series_.name].area[0]:.3f}" for series_ in series
    )
    return Curves(
        "detection.roc",
        "ROC curves against training rows, gradient boosting",
        "share of training rows that are taken for the others",
        "share of the others that are recognised",
        series,
        diagonal=True,
        caption=f"Areas under the curves: {areas}. On the diagonal rows can't be told apart.",
    )


def _bars(found: dict[tuple[str, str], _Told]) -> Curves:
    importances = found["gbm", "synthetic"].importances
    names = sorted(importances, key=lambda name: -importances[name])[:_MOST_BARS]
    return Curves(
        "detection.importances",
        "Columns that give it away",
        "share of the reduction of squared errors",
        "column",
        [Series("synthetic", [importances[name] for name in names])],
        labels=names,
        bars=True,
        caption="How much gradient boosting gains by splits on each column, as a share of all "
        "gains. Where the rows can't be told apart these are gains by chance.",
    )


def _told_rows(samples: Samples, told: _Told) -> Table:
    """The synthetic rows with the highest probability, each with its nearest training row."""
    training, synthetic = samples.training, samples.synthetic
    scores = told.scores[len(training) :]
    chosen = np.argsort(-scores, kind="stable")[:_TOLD_ROWS]
    space = Space.fit(training, (synthetic,))
    known = space(training.take(slice(space.affordable(_MOST_ROWS))))
    names = sorted(training.names, key=lambda name: -told.importances.get(name, 0.0))
    shown = set(names[:_MOST_COLUMNS])
    names = [name for name in training.names if name in shown]
    rows: list[list[Any]] = []
    marks: dict[str, str] = {}
    found = nearest(known, space(synthetic.take(chosen)))[1][:, 0].tolist()
    for index, partner in zip(chosen, found, strict=True):
        apart = [_apart(training, partner, synthetic, int(index), name) for name in names]
        for column in np.argsort([-value for value in apart], kind="stable")[:_MOST_MARKS]:
            if apart[column] > _CHANGED:
                marks[f"{len(rows)},{column + 2}"] = "changed"
        cells = [synthetic.text(int(index), name) for name in names]
        rows.append(["synthetic", float(scores[index]), *cells])
        cells = [training.text(partner, name) for name in names]
        rows.append(["nearest training row", float(told.scores[partner]), *cells])
    left = len(training.names) - len(names)
    return Table(
        "detection.rows",
        "The synthetic rows most easily told",
        [
            ("row", "string"),
            ("probability of being synthetic", "share"),
            *(
                (name, "string" if training.field(name).kind != "number" else "number")
                for name in names
            ),
        ],
        rows,
        marks,
        "Each synthetic row is followed by the training row that is nearest to it. The cells that "
        "differ most are marked."
        + (f" {left} columns that matter less are not shown." if left else ""),
    )


def _apart(training: Rows, row: int, synthetic: Rows, index: int, name: str) -> float:
    """The difference of two cells: 1 for levels or a missing cell, else squared in ranges."""
    a, b = float(training.values[name][row]), float(synthetic.values[name][index])
    if np.isnan(a) or np.isnan(b):
        return float(np.isnan(a) != np.isnan(b))
    if training.field(name).is_category:
        return float(a != b)
    known = training.values[name][np.isfinite(training.values[name])]
    return min(float(((a - b) / (np.ptp(known) or 1.0)) ** 2), 1.0)
