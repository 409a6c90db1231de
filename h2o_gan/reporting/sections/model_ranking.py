"""Whether synthetic rows rank models as real rows do, and the best model that AutoML finds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from h2o.frame import H2OFrame

from h2o_gan.cluster.learners import Learner, NotLearnedError, automl, learn
from h2o_gan.reporting.document import Block, Figure, Figures, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.downstream import scored
from h2o_gan.reporting.measures.ranking import place_of_best, rank_agreement
from h2o_gan.reporting.sections.downstream_models import Predicted, numeric_times, sent_rows
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["automl_leaders", "ranking"]

_ORDER = Threshold(0.2, 0.5, "excess")
_TOP = 3
_MOST_ROWS = 3000  # that each model is trained on
_LEAST_ROWS = 60

_FEW = {"score_tree_interval": 1000}
_TREES = (
    Learner("one tree of depth 2", "gbm", {"ntrees": 1, "max_depth": 2, "learn_rate": 1.0}),
    Learner("one tree of depth 6", "gbm", {"ntrees": 1, "max_depth": 6, "learn_rate": 1.0}),
    Learner("one tree of depth 12", "gbm", {"ntrees": 1, "max_depth": 12, "learn_rate": 1.0}),
    Learner("boosting, 5 trees of depth 1", "gbm", {"ntrees": 5, "max_depth": 1}),
    Learner(
        "boosting, 20 trees of depth 2", "gbm", {"ntrees": 20, "max_depth": 2, "learn_rate": 0.2}
    ),
    Learner(
        "boosting, 20 trees of depth 5", "gbm", {"ntrees": 20, "max_depth": 5, "learn_rate": 0.2}
    ),
    Learner(
        "boosting, 10 trees of depth 9", "gbm", {"ntrees": 10, "max_depth": 9, "learn_rate": 0.5}
    ),
    Learner("random forest, 10 trees of depth 4", "drf", {"ntrees": 10, "max_depth": 4}),
    Learner("random forest, 20 trees of depth 14", "drf", {"ntrees": 20, "max_depth": 14}),
)
_LINEAR = Learner("linear model", "glm", {"lambda": [1e-4]})
_FOREST = Learner("random forest, 5 trees of depth 20", "drf", {"ntrees": 5, "max_depth": 20})


def _learners(levels: int) -> list[Learner]:
    """Ten models; linear ones of many levels take too long."""
    few = [Learner(each.name, each.algorithm, {**each.parameters, **_FEW}) for each in _TREES]
    return [*few, _LINEAR if levels <= 2 else Learner(_FOREST.name, "drf", _FOREST.parameters)]


def ranking(inputs: Inputs, predicted: Predicted) -> list[Block]:
    """Train ten models on real and on synthetic rows, and compare the orders of their scores.

    Args:
        inputs: of the report.
        predicted: the response, with unseen rows to score on.

    Returns:
        A figure and a table.
    """
    title = f"Agreement on the best of ten models of {predicted.response.name}"
    training = numeric_times(inputs.training.rows)
    synthetic = numeric_times(inputs.synthetic.rows)
    rows = min(len(training) // 2, len(synthetic), _MOST_ROWS)
    if rows < _LEAST_ROWS:
        text = f"Fewer than {_LEAST_ROWS} rows in a half of the training rows: too few to compare."
        return [Figures([Figure("usefulness.ranking", title, None, unit="number", text=text)])]
    tables = {
        "training": training.take(slice(rows)),
        "synthetic": synthetic.take(slice(rows)),
        "other training": training.take(slice(rows, 2 * rows)),
    }
    learners = _learners(len(predicted.response.levels))
    scores: dict[str, list[float | None]] = {}
    with sent_rows(numeric_times(inputs.unseen.rows)) as test:
        for name, table in tables.items():
            with sent_rows(table) as frame:
                scores[name] = [
                    _score(learner, frame, test, predicted, inputs) for learner in learners
                ]
    return _ranked(title, learners, scores, rows)


def _score(
    learner: Learner, frame: H2OFrame, test: H2OFrame, predicted: Predicted, inputs: Inputs
) -> float | None:
    """The score of a model on unseen rows; None where there is no model."""
    if inputs.stop.is_set():
        return None
    try:
        learned = learn(learner, frame, predicted.response.name, [test], seed=inputs.options.seed)
    except NotLearnedError:
        return None
    found = scored(predicted.truth, learned.predictions[0])
    return None if found is None else found.value


def _ranked(
    title: str, learners: list[Learner], scores: dict[str, list[float | None]], rows: int
) -> list[Block]:
    complete = [
        index
        for index in range(len(learners))
        if all(values[index] is not None for values in scores.values())
    ]
    real, synthetic, other = (
        np.array([values[index] for index in complete], dtype=np.float64)
        for values in scores.values()
    )
    value = rank_agreement(real.tolist(), synthetic.tolist())
    if value is None:
        text = "Too few of the models could be trained on both, or all of them are equally good."
        return [Figures([Figure("usefulness.ranking", title, None, unit="number", text=text)])]
    place = place_of_best(real.tolist(), synthetic.tolist())
    text = (
        "Kendall's correlation of the models' order, trained on synthetic and on training rows and "
        "scored on unseen rows: 1 for the same order, 0 for an unrelated one. The reference is the "
        "agreement of two samples of training rows. The model that is best by synthetic rows has "
        f"rank {place} by training rows, which is {'' if place <= _TOP else 'not '}among the best "
        f"{_TOP}."
    )
    figure = Figure(
        "usefulness.ranking",
        title,
        value,
        reference=rank_agreement(real.tolist(), other.tolist()),
        independent=0.0,
        text=text,
        unit="number",
        rows=rows,
    )
    ranks = [_ranks(part) for part in (real, synthetic)]
    order = np.argsort(ranks[0], kind="stable")
    table = Table(
        "usefulness.ranking",
        "Ten models, the best by training rows first",
        [
            ("model", "string"),
            ("score, training", "number"),
            ("score, synthetic", "number"),
            ("rank, training", "whole"),
            ("rank, synthetic", "whole"),
        ],
        [
            [
                learners[complete[index]].name,
                float(real[index]),
                float(synthetic[index]),
                int(ranks[0][index]),
                int(ranks[1][index]),
            ]
            for index in order
        ],
        caption=f"Each model was trained on {rows:,} rows and scored on unseen rows.",
    )
    return [Figures([judged(figure, _ORDER)]), table]


def _ranks(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Ranks from 1 for the highest."""
    ranks: npt.NDArray[np.int64] = 1 + (scores[:, None] < scores).sum(axis=1)
    return ranks


def automl_leaders(inputs: Inputs, predicted: Predicted) -> list[Block]:
    """Have AutoML search on real and on synthetic rows, and score the leaders on unseen rows.

    Args:
        inputs: of the report; its options say for how many seconds.
        predicted: the response.

    Returns:
        A table; nothing where no seconds are given.
    """
    seconds = inputs.options.automl_secs
    if seconds <= 0 or inputs.stop.is_set():
        return []
    rows: list[list[object]] = []
    with sent_rows(numeric_times(inputs.unseen.rows)) as test:
        for part in (inputs.training, inputs.synthetic):
            with sent_rows(numeric_times(part.rows)) as frame:
                name, seed = predicted.response.name, inputs.options.seed
                try:
                    learned = automl(frame, name, test, seconds, seed=seed)
                except NotLearnedError as error:
                    rows.append([part.name, f"none: {error}", None, None, None])
                    continue
            score = scored(predicted.truth, learned.predictions[0])
            low, high = (None, None) if score is None else score.interval
            value = None if score is None else score.value
            rows.append([part.name, learned.name, value, low, high])
    return [
        Table(
            "usefulness.automl",
            f"The best models of {predicted.response.name} that AutoML finds",
            [
                ("searched on", "string"),
                ("best model", "string"),
                ("score on unseen rows", "number"),
                ("from", "number"),
                ("to", "number"),
            ],
            rows,
            caption=f"AutoML searched for {seconds:g} seconds on each table.",
        ),
        Text("How far AutoML gets in its time depends on how busy the cluster is.", "note"),
    ]
