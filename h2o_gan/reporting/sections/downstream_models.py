"""Models that predict a column, trained on real rows and on synthetic ones, for several sections.

Which columns can be predicted is found by small models on some training rows. The unseen rows are
not looked at before the end, where all models predict them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h2o.frame import H2OFrame

from h2o_gan.cluster.learners import Learner, NotLearnedError, learn, sent
from h2o_gan.reporting.comparison import as_table
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.downstream import Score, scored
from h2o_gan.reporting.measures.rows import Field, Rows, concatenated

__all__ = ["Downstream", "Predicted", "Screened", "downstream", "numeric_times", "sent_rows"]

Array = npt.NDArray[np.float64]

MOST_ROWS = 10_000
"""Most rows that a model is trained on."""
_MOST_RESPONSES = 4
_ENOUGH_S = 15.0  # after which no further response is begun

_SCREENING_ROWS = 5000
_SCREENING_CELLS = 600  # columns to screen, times columns
_MOST_SCREENED = 40
_SCREENING = Learner(
    "GBM", "gbm", {"ntrees": 20, "max_depth": 5, "learn_rate": 0.4, "score_tree_interval": 1000}
)
_LEARNABLE = 0.1  # from which a column counts as predictable: R2, or twice the AUC less one
_TRIVIAL = 0.999  # above which it follows from the others
_LEAST_ROWS = 30
_MOST_LEVELS = 100  # of a response that the user names
_MOST_SCREENED_LEVELS = 20
_DAY_MS = 86_400_000.0


@dataclass(frozen=True)
class Screened:
    """A column that may be predicted.

    Attributes:
        name: of the column.
        score: in the screening; None where it was not tried.
        reason: why it was left out; empty where it is predicted.
    """

    name: str
    score: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Predicted:
    """A response and what models of it say about the unseen rows.

    Attributes:
        response: the column; times count as numbers of days.
        truth: (unseen,) its values.
        predictions: by what the model was trained on, "training", "synthetic" and "both":
            (unseen, levels) probabilities, or (unseen,) numbers.
        importances: of the columns in each model.
        failed: why there is no model.
        rows: that each of the first two was trained on.
    """

    response: Field
    truth: Array
    predictions: Mapping[str, Array] = field(default_factory=dict)
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0

    def score(self, name: str) -> Score | None:
        """The score of the model that was trained on a table."""
        predictions = self.predictions.get(name)
        return None if predictions is None else scored(self.truth, predictions)


@dataclass(frozen=True, eq=False)
class Downstream:
    """All models.

    Attributes:
        predicted: by response; the first is the one to look at most.
        screened: columns that were tried, or left out.
    """

    predicted: tuple[Predicted, ...]
    screened: tuple[Screened, ...]


def downstream(inputs: Inputs) -> Downstream:
    """Train models of the response, or of the columns that can be predicted best, once a report.

    Args:
        inputs: of the report; the result is kept in its cache.

    Returns:
        What the models say about the unseen rows.
    """
    found = inputs.cache.get("downstream")
    if not isinstance(found, Downstream):
        found = inputs.cache["downstream"] = _downstream(inputs)
    return found


def _downstream(inputs: Inputs) -> Downstream:
    start = time.monotonic()
    training, synthetic = (
        numeric_times(rows) for rows in (inputs.training.rows, inputs.synthetic.rows)
    )
    unseen = numeric_times(inputs.unseen.rows)
    size = min(len(training), len(synthetic), MOST_ROWS)
    training, synthetic = training.take(slice(size)), synthetic.take(slice(size))
    if inputs.options.response is not None:
        names, screened = _named(inputs.options.response, training, unseen)
    else:
        names, screened = _screen(training, inputs)
    if not names:
        return Downstream((), tuple(screened))
    tables = {
        "training": training,
        "synthetic": synthetic,
        "both": concatenated([training, synthetic]),
    }
    predicted: list[Predicted] = []
    with sent_rows(unseen) as test, ExitStack() as stack:
        frames = {name: stack.enter_context(sent_rows(rows)) for name, rows in tables.items()}
        for name in names:
            late = bool(predicted) and time.monotonic() - start > _ENOUGH_S
            if late or inputs.stop.is_set():
                screened = [
                    Screened(s.name, s.score, "not tried, to save time") if s.name == name else s
                    for s in screened
                ]
                continue
            predicted.append(_predict(frames, test, training, unseen, name, inputs))
    return Downstream(tuple(predicted), tuple(screened))


def _predict(
    frames: Mapping[str, H2OFrame],
    test: H2OFrame,
    training: Rows,
    unseen: Rows,
    name: str,
    inputs: Inputs,
) -> Predicted:
    response = training.field(name)
    predictions, importances, failed = {}, {}, {}
    for table, frame in frames.items():
        try:
            learned = learn(_learner(response), frame, name, [test], seed=inputs.options.seed)
        except NotLearnedError as error:
            failed[table] = str(error)
            continue
        predictions[table] = learned.predictions[0]
        importances[table] = learned.importances
    truth = unseen.values[name]
    return Predicted(response, truth, predictions, importances, failed, len(training))


def _learner(response: Field) -> Learner:
    """Gradient boosting; with fewer trees for each level where there are many."""
    trees = 30 if len(response.levels) <= 2 else max(90 // len(response.levels), 5)
    parameters = {"ntrees": trees, "max_depth": 5, "learn_rate": 0.2 if trees > 15 else 0.3}
    return Learner("gradient boosting", "gbm", {**parameters, "score_tree_interval": 1000})


def numeric_times(rows: Rows) -> Rows:
    """The same rows, with times as numbers of days, which models can predict."""
    fields = tuple(Field(f.name, "number") if f.kind == "time" else f for f in rows.fields)
    values = {f.name: v / _DAY_MS if f.kind == "time" else v for f, v in rows}
    return Rows(fields, values)


def sent_rows(rows: Rows) -> AbstractContextManager[H2OFrame]:
    """Rows as a frame of the cluster, for as long as the context."""
    return sent(as_table(rows))


def _named(name: str, training: Rows, unseen: Rows) -> tuple[list[str], list[Screened]]:
    """The response that the user names, unless no model can predict it."""
    if name not in training.values:
        return [], [Screened(name, None, "the column is not among those that are compared")]
    reason = _refused(training.field(name), training.values[name], _MOST_LEVELS)
    if not np.isfinite(unseen.values[name]).any():
        reason = "it is missing in all unseen rows"
    return ([] if reason else [name]), [Screened(name, None, reason)]


def _refused(response: Field, values: Array, most_levels: int) -> str:
    """Why no model can predict a column; empty where one can."""
    known = values[np.isfinite(values)]
    if len(known) < _LEAST_ROWS:
        return f"fewer than {_LEAST_ROWS} rows have a value"
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) < 2:
        return "it is constant"
    if response.is_category and len(distinct) > most_levels:
        return f"it has more than {most_levels} levels"
    if len(known) - int(counts.max()) < _LEAST_ROWS // 3:
        return "almost all rows have the same value"
    return ""


def _screen(training: Rows, inputs: Inputs) -> tuple[list[str], list[Screened]]:
    """Names of the columns that can be predicted best, and all that were tried or left out."""
    reasons = {f.name: _refused(f, values, _MOST_SCREENED_LEVELS) for f, values in training}
    if len(training.fields) < 2:
        return [], [Screened(f.name, None, "there is no other column") for f in training.fields]
    candidates = [f.name for f in training.fields if not reasons[f.name]]
    most = int(np.clip(_SCREENING_CELLS // len(training.fields), 8, _MOST_SCREENED))
    if len(candidates) > most:
        chosen = inputs.samples.rng().choice(len(candidates), most, replace=False)
        kept = {candidates[index] for index in chosen}
        for name in candidates:
            if name not in kept:
                reasons[name] = f"only {most} columns, chosen at random, were tried"
        candidates = [name for name in candidates if name in kept]
    scores = _screening_scores(training.take(slice(_SCREENING_ROWS)), candidates, inputs, reasons)
    ranked = sorted(scores, key=lambda name: -scores[name])
    for name in ranked:
        if scores[name] < _LEARNABLE:
            reasons[name] = "the other columns hardly predict it"
    able = [name for name in ranked if not reasons[name]]
    for name in able[_MOST_RESPONSES:]:
        reasons[name] = f"only the best {_MOST_RESPONSES} are predicted"
    able = able[:_MOST_RESPONSES]
    # Models of many levels take longest, and say no more.
    able.sort(key=lambda name: len(training.field(name).levels) > 2)
    tried = [Screened(f.name, scores.get(f.name), reasons[f.name]) for f in training.fields]
    return able, tried


def _screening_scores(
    rows: Rows, candidates: Sequence[str], inputs: Inputs, reasons: dict[str, str]
) -> dict[str, float]:
    """R2 of numbers and, of the most frequent level against the others, twice the AUC less one."""
    table = as_table(rows)
    table = table.rename_columns([f"c{index}" for index in range(table.num_columns)])
    targets: dict[str, str] = {}
    for index, (response, values) in enumerate(rows):
        targets[response.name] = f"c{index}"
        if response.name not in candidates or not response.is_category:
            continue
        known = np.isfinite(values)
        codes, counts = np.unique(values[known], return_counts=True)
        usual = np.where(values == codes[np.argmax(counts)], 1, 0).astype(np.int32)
        column = pa.DictionaryArray.from_arrays(pa.array(usual, mask=~known), ["0", "1"])
        targets[response.name] = f"y{index}"
        table = table.append_column(f"y{index}", column)
    extra = [name for name in table.column_names if name.startswith("y")]
    names = {f"c{index}": name for index, name in enumerate(rows.names)}
    split = len(rows) * 2 // 3
    scores: dict[str, float] = {}
    with sent(table.slice(0, split)) as frame, sent(table.slice(split)) as test:
        for name in candidates:
            if inputs.stop.is_set():
                break
            target = targets[name]
            own = f"c{target[1:]}"
            ignored = [other for other in {*extra, own} if other != target]
            try:
                learned = learn(
                    _SCREENING, frame, target, [test], ignored=ignored, seed=inputs.options.seed
                )
            except NotLearnedError as error:
                reasons[name] = str(error)
                continue
            truth = _values(table.slice(split), target)
            found = scored(truth, learned.predictions[0])
            if found is None:
                reasons[name] = "it is constant in the rows of the screening"
                continue
            scores[name] = 2 * found.value - 1 if found.kind == "auc" else found.value
            if scores[name] > _TRIVIAL:
                ranked = sorted(learned.importances, key=lambda c: -learned.importances[c])
                such = f", such as {names[ranked[0]]}" if ranked else ""
                reasons[name] = f"it follows from the other columns{such}"
    return scores


def _values(table: pa.Table, name: str) -> Array:
    column = table.column(name).combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.indices
    values: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
