"""H2O's own learners, trained in the cluster, as plain results.

Jobs are started and awaited over REST: no progress bar is drawn, no option of the client changes,
and any thread may call. Models and everything that H2O makes beside them are removed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import h2o
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h2o.exceptions import H2OConnectionError, H2OError, H2OResponseError, H2OServerError
from h2o.frame import H2OFrame

from h2o_gan.cluster import rest
from h2o_gan.cluster.frames import read_frame, write_frame

__all__ = ["Learned", "Learner", "NotLearnedError", "automl", "cross_validate", "learn", "sent"]

Array = npt.NDArray[np.float64]


class NotLearnedError(H2OError):
    """H2O can't learn from these rows; the message says why."""


@dataclass(frozen=True)
class Learner:
    """An algorithm of H2O with its parameters.

    Attributes:
        name: for people, as "GBM of depth 5".
        algorithm: H2O's name: "gbm", "drf", "glm".
        parameters: of the algorithm, as its REST endpoint takes them.
    """

    name: str
    algorithm: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Learned:
    """What a model gave, after it was removed.

    Attributes:
        predictions: of each frame that was asked for, in the frame's order: (rows, levels)
            probabilities where the response is an enum, in the order of its levels; else (rows,)
            numbers.
        importances: of the columns, which add up to 1; empty where the algorithm has none.
        seconds: that training and predictions took.
        name: of the algorithm, where H2O chose it.
    """

    predictions: tuple[Array, ...]
    importances: Mapping[str, float]
    seconds: float
    name: str = ""


@contextmanager
def sent(table: pa.Table) -> Iterator[H2OFrame]:
    """Rows as a frame of the cluster, which is removed at the end of the context."""
    frame = write_frame(table)
    try:
        yield frame
    finally:
        rest.remove(frame.frame_id)


def learn(
    learner: Learner,
    training: H2OFrame,
    response: str,
    tests: Sequence[H2OFrame],
    *,
    ignored: Sequence[str] = (),
    weights: str | None = None,
    seed: int = 1,
) -> Learned:
    """Train a model and predict.

    Args:
        learner: what to train.
        training: the rows.
        response: column to predict; an enum is classified.
        tests: frames to predict, with the same columns.
        ignored: columns that are not used.
        weights: column with the weights of the rows.
        seed: of the model.

    Returns:
        The predictions.

    Raises:
        NotLearnedError: H2O refuses or fails, for instance since the response is constant.
        H2OConnectionError: the cluster is lost.
    """
    start = time.monotonic()
    key = rest.new_key("model")
    try:
        more = {"seed": seed} if weights is None else {"seed": seed, "weights_column": weights}
        output = _train(learner, key, training, response, ignored, more)
        classify = training.types[response] == "enum"
        predictions = tuple(_predict(key, test, classify) for test in tests)
        return Learned(predictions, _importances(output), time.monotonic() - start, learner.name)
    finally:
        rest.remove(key)


def cross_validate(
    learner: Learner,
    training: H2OFrame,
    response: str,
    rows: H2OFrame,
    fold: npt.NDArray[np.int64],
    weights: Sequence[str],
    *,
    seed: int = 1,
) -> Learned:
    """Predict each fold by a model of the other folds.

    H2O's own cross-validation trains one model more, and leaves frames behind where it fails.

    Args:
        learner: what to train.
        training: the rows.
        response: column to predict; an enum is classified.
        rows: the same rows without the columns of weights: H2O's GLM predicts nothing for rows of
            weight 0.
        fold: (rows,) folds from 0.
        weights: by fold, the column that is 0 in the fold's rows and 1 in all others.
        seed: of the models.

    Returns:
        Predictions of the rows by the models that did not see them, and mean importances.

    Raises:
        NotLearnedError: H2O refuses or fails.
        H2OConnectionError: the cluster is lost.
    """
    start = time.monotonic()
    held_out: Array | None = None
    importances: dict[str, float] = {}
    for index, column in enumerate(weights):
        ignored = [name for name in weights if name != column]
        learned = learn(
            learner, training, response, [rows], ignored=ignored, weights=column, seed=seed
        )
        found = learned.predictions[0]
        held_out = np.empty_like(found) if held_out is None else held_out
        held_out[fold == index] = found[fold == index]
        for name, share in learned.importances.items():
            importances[name] = importances.get(name, 0.0) + share / len(weights)
    assert held_out is not None
    return Learned((held_out,), importances, time.monotonic() - start, learner.name)


def automl(
    training: H2OFrame,
    response: str,
    test: H2OFrame,
    seconds: float,
    *,
    models: int | None = None,
    seed: int = 1,
) -> Learned:
    """Have AutoML search for the best model, and predict with that one.

    Args:
        training: the rows.
        response: column to predict; an enum is classified.
        test: frame to predict.
        seconds: to search.
        models: most models, ensembles apart; None for as many as fit into the time.
        seed: of the search.

    Returns:
        The predictions; `name` is the key's beginning of the best model, as "StackedEnsemble".

    Raises:
        NotLearnedError: AutoML made no model.
        H2OConnectionError: the cluster is lost.
    """
    start = time.monotonic()
    project = f"gan_{rest.new_key('automl').rsplit('_', 1)[1]}"
    key = f"{project}@@{response}"  # as H2O forms it
    limits: dict[str, Any] = {"max_runtime_secs": max(seconds, 1.0), "seed": seed}
    if models is not None:
        limits["max_models"] = models
    build = {
        "build_control": {
            "project_name": project,
            "nfolds": 3,
            "keep_cross_validation_predictions": True,
            "stopping_criteria": limits,
        },
        "build_models": {},
        "input_spec": {"training_frame": training.frame_id, "response_column": response},
    }
    try:
        with _refusals():
            job = h2o.api("POST /99/AutoMLBuilder", json=build)["job"]["key"]["name"]
            rest.wait(job, "searching a model")
            found = rest.api(f"GET /99/AutoML/{project}")["leaderboard"]["models"]
        if not found:
            raise NotLearnedError("AutoML found no model in its time")
        leader = found[0]["name"]
        predictions = _predict(leader, test, training.types[response] == "enum")
        return Learned((predictions,), {}, time.monotonic() - start, leader.split("_", 1)[0])
    finally:
        rest.remove(key)


def _train(
    learner: Learner,
    key: str,
    training: H2OFrame,
    response: str,
    ignored: Sequence[str],
    more: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Train a model under a key; its output as H2O's JSON."""
    data = {**learner.parameters, **more}
    if ignored:
        data["ignored_columns"] = list(ignored)
    with _refusals():
        started = rest.api(
            f"POST /3/ModelBuilders/{learner.algorithm}",
            model_id=key,
            training_frame=training.frame_id,
            response_column=response,
            **data,
        )
        rest.wait(started["job"]["key"]["name"], f"training {learner.name}")
        output: Mapping[str, Any] = rest.api(f"GET /3/Models/{key}")["models"][0]["output"]
        return output


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what H2O says of rows and parameters into one error."""
    try:
        yield
    except H2OConnectionError:
        raise
    except (H2OResponseError, H2OServerError) as error:
        raise NotLearnedError(_reason(error)) from error


def _reason(error: H2OError) -> str:
    """What H2O says is wrong, without its name of the model and of the field."""
    said = " ".join(str(getattr(error.args[0], "msg", error) if error.args else error).split())
    details = said.rsplit("ERRR on field: ", 1)[-1]
    return details.split(": ", 1)[-1][:300] if details != said else said[:300]


def _predict(model: str, frame: H2OFrame, classify: bool) -> Array:
    key = rest.new_key("predictions")
    try:
        with _refusals():
            path = f"/4/Predictions/models/{rest.in_path(model)}/frames"
            answer = rest.api(
                f"POST {path}/{rest.in_path(frame.frame_id)}",
                predictions_frame=key,
            )
            job = answer["key"]["name"] if "key" in answer else answer["job"]["key"]["name"]
            rest.wait(job, "predicting")
        return _read(key, classify)
    finally:
        rest.remove(key)


def _read(key: str, classify: bool) -> Array:
    """The probabilities, or the numbers, of a frame of predictions."""
    frame = h2o.get_frame(key)
    # The first column is the predicted level.
    names = frame.names[1:] if classify else frame.names[:1]
    table = read_frame(frame, names).read_all()
    columns = [
        table.column(name).cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
        for name in names
    ]
    return np.column_stack(columns) if classify else columns[0]


def _importances(output: Mapping[str, Any]) -> dict[str, float]:
    table = output.get("variable_importances")
    if not table:
        return {}
    columns = [column["name"] for column in table["columns"]]
    shares = table["data"][columns.index("percentage")]
    names = table["data"][columns.index("variable")]
    return {
        name: float(share) if share is not None and np.isfinite(float(share)) else 0.0
        for name, share in zip(names, shares, strict=True)
    }
