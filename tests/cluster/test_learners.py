"""H2O's learners as plain results."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from h2o.job import H2OJob

from h2o_gan.cluster.learners import Learner, NotLearnedError, automl, cross_validate, learn, sent
from h2o_gan.reporting.measures.statistics import auc

GBM = Learner("GBM", "gbm", {"ntrees": 5, "max_depth": 3})
WEIGHTS = ["not 0", "not 1"]
GLM = Learner("GLM", "glm", {"lambda": [0.001]})


def table(rows: int = 400, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    kind = rng.integers(3, size=rows)
    y = (x + rng.normal(size=rows) / 2 > 0).astype(int)
    return pa.table(
        {
            "x, [1]": x,
            "kind": pa.DictionaryArray.from_arrays(kind.astype(np.int32), ["a", "b", "c"]),
            "one": np.ones(rows),
            "none": pa.nulls(rows, pa.float64()),
            "y": pa.DictionaryArray.from_arrays(y.astype(np.int32), ["no", "yes"]),
            "z": 3 * x + kind,
            "not 0": np.arange(rows) % 2 * 1.0,
            "not 1": 1.0 - np.arange(rows) % 2,
        }
    )


def truth(rows: pa.Table) -> Any:
    return rows.column("y").combine_chunks().indices.to_numpy()


def test_learners_predict_levels_and_numbers_in_row_order(
    no_leaks: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows, others = table(), table(seed=2)
    with sent(rows) as training, sent(others) as test:
        ignored = ["z", *WEIGHTS]
        classified = learn(GBM, training, "y", [training, test], ignored=ignored)
        linear = learn(GLM, training, "y", [test], ignored=ignored)
        number = learn(GBM, training, "z", [test], ignored=["y", *WEIGHTS])
    for result, index in ((classified, 1), (linear, 0)):
        probabilities = result.predictions[index]
        assert probabilities.shape == (400, 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        assert auc(probabilities[:, 1], truth(others)) > 0.85
    assert max(classified.importances, key=lambda name: classified.importances[name]) == "x, [1]"
    assert not set(ignored) & set(classified.importances)
    assert sum(classified.importances.values()) == pytest.approx(1)
    assert np.corrcoef(number.predictions[0], others.column("z").to_numpy())[0, 1] > 0.9
    assert not capsys.readouterr().out
    assert H2OJob.__PROGRESS_BAR__


def test_folds_are_predicted_by_models_that_did_not_see_them(no_leaks: set[str]) -> None:
    rows = table(1200)
    rng = np.random.default_rng(3)
    noise = pa.DictionaryArray.from_arrays(
        rng.integers(2, size=1200).astype(np.int32), ["no", "yes"]
    )
    rows = rows.set_column(rows.column_names.index("y"), "y", noise)
    deep = Learner("GBM", "gbm", {"ntrees": 20, "max_depth": 8, "min_rows": 1})
    fold = np.arange(1200) % 2
    with sent(rows) as frame, sent(rows.drop_columns(WEIGHTS)) as plain:
        seen = learn(deep, frame, "y", [plain], ignored=WEIGHTS).predictions[0]
        unseen = cross_validate(deep, frame, "y", plain, fold, WEIGHTS).predictions[0]
        linear = cross_validate(GLM, frame, "y", plain, fold, WEIGHTS).predictions[0]
    assert auc(seen[:, 1], truth(rows)) > 0.8
    for held_out in (unseen, linear):
        assert held_out.shape == (1200, 2)
        assert abs(auc(held_out[:, 1], truth(rows)) - 0.5) < 0.1


@pytest.mark.parametrize("learner", [GBM, GLM], ids=lambda learner: learner.algorithm)
def test_folds_are_predicted_by_what_the_others_teach(learner: Learner) -> None:
    rows = table()
    fold = np.arange(rows.num_rows) % 2
    with sent(rows) as frame, sent(rows.drop_columns(WEIGHTS)) as plain:
        found = cross_validate(learner, frame, "y", plain, fold, WEIGHTS).predictions[0]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert auc(found[:, 1], truth(rows)) > 0.8


def test_errors_say_why_and_leave_nothing(no_leaks: set[str]) -> None:
    with sent(table(60)) as frame:
        with pytest.raises(NotLearnedError, match="constant"):
            learn(GBM, frame, "one", [frame])
        with pytest.raises(NotLearnedError, match="constant"):
            cross_validate(GBM, frame, "one", frame, np.arange(60) % 2, WEIGHTS)
        wrong = Learner("GBM", "gbm", {"ntrees": -1})
        with pytest.raises(NotLearnedError):
            learn(wrong, frame, "y", [frame])


def test_automl_predicts_with_its_leader(no_leaks: set[str]) -> None:
    rows = table(200)
    result: list[Any] = []
    with sent(rows.select(["x, [1]", "kind", "y"])) as frame:
        thread = threading.Thread(
            target=lambda: result.append(automl(frame, "y", frame, seconds=120, models=1))
        )
        thread.start()
        thread.join()
    assert result[0].name
    assert result[0].predictions[0].shape == (200, 2)
    assert auc(result[0].predictions[0][:, 1], truth(rows)) > 0.85
