"""Reports on a model's rows and on any frames."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h2o
import jsonschema
import numpy as np
import pandas as pd
import pytest
from h2o.exceptions import H2OJobCancelled, H2OTypeError, H2OValueError

import h2o_gan
from h2o_gan.estimator.report import _row_weights
from h2o_gan.reporting.report import Report, ReportNotOk

ROWS = 400


def customers(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    price = np.round(rng.gamma(2, 20, rows), 2)
    bought = rng.random(rows) < 1 / (1 + np.exp(-(age - 45) / 5))
    return pd.DataFrame(
        {
            "age": age,
            "price": price,
            "paid": np.round(price * 2, 2),
            "sex": rng.choice(["f", "m"], rows),
            "bought": np.where(bought, "yes", "no"),
        }
    )


def frame_of(table: pd.DataFrame, key: str) -> h2o.H2OFrame:
    kinds = {"sex": "enum", "bought": "enum"}
    return h2o.H2OFrame(table, destination_frame=key, column_types=kinds)


@pytest.fixture(scope="module")
def frames(cluster: h2o.backend.H2OConnection) -> Iterator[tuple[h2o.H2OFrame, h2o.H2OFrame]]:
    made = frame_of(customers(ROWS, 1), "report_train"), frame_of(customers(ROWS, 2), "report_test")
    yield made
    for frame in made:
        h2o.remove(frame)


@pytest.fixture(scope="module")
def gan(frames: tuple[h2o.H2OFrame, h2o.H2OFrame]) -> Iterator[h2o_gan.H2OGANEstimator]:
    made = h2o_gan.H2OGANEstimator(
        model_id="report_gan", seed=1, epochs=20, discriminator_epochs=1, constraints=["price > 0"]
    )
    made.train(y="bought", training_frame=frames[0])
    yield made
    h2o.remove("report_gan")


@pytest.fixture(scope="module")
def report(
    gan: h2o_gan.H2OGANEstimator,
    frames: tuple[h2o.H2OFrame, h2o.H2OFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> Report:
    path = tmp_path_factory.mktemp("report") / "report.html"
    made = gan.report(frames[1], path=path, groups="sex")
    assert path.read_text(encoding="utf-8") == made.html
    return made


def test_a_report_of_a_model_is_whole(report: Report, tmp_path: Path) -> None:
    sections = [section.name for section in report.document.sections]
    assert sections == ["fidelity", "detection", "usefulness", "privacy", "groups"]
    assert not report.document.unfinished
    relations = {row[0]: row for row in report.document.tables["fidelity.relations"].rows}
    assert relations["price > 0"][2:] == [1.0, 1.0, 1.0]
    assert "usefulness.bought" in report.figures
    schema = resources.files("h2o_gan.reporting").joinpath("schema.json").read_text("utf-8")
    file = report.save(tmp_path / "report.json")
    data = json.loads(Path(file).read_text("utf-8"))
    jsonschema.validate(data, json.loads(schema))
    assert data == report.json
    assert len(report.document.answers) == 40 and sum(report.document.answers) == 20
    assert data["identity"]["Model"]["model"] == "report_gan"


def test_a_report_shows_itself(report: Report) -> None:
    assert "Accuracy of pairs of columns" in str(report)
    assert "fidelity.pairs" in report.tables["figures"].as_data_frame()["figure"].tolist()
    assert report.tables["fidelity.columns"].as_data_frame().shape == (5, 8)  # nothing is missing
    assert report._repr_html_().count("<table") >= 1


def test_the_model_of_the_cluster_carries_the_report(report: Report) -> None:
    from h2o_gan.cluster import rest

    if not rest.extension():
        pytest.skip("the extension is not built: needs a JDK")
    output = h2o.api("GET /3/Models/report_gan")["models"][0]["output"]
    assert len(output["report"].cell_values) == len(report.figures)


def test_limits(report: Report) -> None:
    report.assert_ok(max_membership_auc=1.0, min_fidelity=0.1, min_fidelity_columns=0.1)
    with pytest.raises(ReportNotOk, match=r"fidelity\.pairs is 0\.\d+, below 1;.*membership is"):
        report.assert_ok(min_fidelity=1.0, max_membership_auc=0.0)
    with pytest.raises(H2OValueError, match="max_auc names no limit"):
        report.assert_ok(max_auc=0.5)


def test_copies_raise_the_alarm_and_unseen_rows_do_not(
    frames: tuple[h2o.H2OFrame, h2o.H2OFrame], no_leaks: set[str]
) -> None:
    train, test = frames
    copied = h2o_gan.report(train, train, test, show_rows=False)
    assert copied.figures["fidelity.pairs"].value == 1
    assert copied.figures["privacy.copies"].verdict == "poor"
    assert copied.figures["privacy.membership"].verdict == "poor"
    assert copied.document.quiz is None and "privacy.closest" not in copied.tables
    with pytest.raises(ReportNotOk, match=r"privacy\.copies is 1"):
        copied.assert_ok()
    other = frame_of(customers(ROWS, 3), "report_other")
    unseen = h2o_gan.report(train, other, test, y="bought")
    h2o.remove(other)
    assert not [figure for figure in unseen.figures.values() if figure.verdict == "poor"]


def test_rows_without_others_to_compare_with_are_not_attacked(
    frames: tuple[h2o.H2OFrame, h2o.H2OFrame], no_leaks: set[str]
) -> None:
    made = h2o_gan.report(frames[0], frames[1], columns=["age", "price"])
    assert made.figures["privacy.membership"].value is None
    with pytest.raises(ReportNotOk, match=r"privacy\.membership was not measured"):
        made.assert_ok()
    assert made.figures["fidelity.pairs"].value is not None


def test_held_out_rows_serve_where_there_are_no_others(
    gan: h2o_gan.H2OGANEstimator, frames: tuple[h2o.H2OFrame, h2o.H2OFrame], no_leaks: set[str]
) -> None:
    made = gan.report(training_frame="report_train", synthetic=frames[1])
    assert made.json["identity"]["Tables"]["unseen rows"].startswith("40 ")
    assert made.figures["privacy.membership"].rows is not None


def test_ending_early_keeps_what_is_done(
    gan: h2o_gan.H2OGANEstimator, frames: tuple[h2o.H2OFrame, h2o.H2OFrame]
) -> None:
    from h2o_gan.reporting.gathering import Source
    from h2o_gan.reporting.inputs import Options
    from h2o_gan.reporting.making import make

    stop = threading.Event()

    def progress(share: float, step: str) -> None:
        if step == "fidelity":
            stop.set()

    made = make(Source(*frames), Options(), {}, stop, progress)
    assert [section.name for section in made.sections] == ["fidelity"]
    assert set(made.unfinished) == {"fidelity", "privacy", "detection", "usefulness"}
    with pytest.raises(H2OJobCancelled):
        make(Source(*frames), Options(), {}, stop, progress)


def test_bad_input_is_refused_before_anything_is_read(
    gan: h2o_gan.H2OGANEstimator,
    frames: tuple[h2o.H2OFrame, h2o.H2OFrame],
    tmp_path: Path,
    no_leaks: set[str],
) -> None:
    train, test = frames
    for call, message in (
        (lambda: h2o_gan.report(train, test, y="nothing"), "y: frame .* has no column 'nothing'"),
        (lambda: h2o_gan.report(train, test, groups="city"), "groups: .* has no column 'city'"),
        (lambda: h2o_gan.report(train, test[["age"]]), "synthetic lacks the column 'price'"),
        (lambda: h2o_gan.report(train, test[:5, :]), "synthetic has 5 rows"),
        (lambda: gan.report(test, path=tmp_path / "no" / "report.html"), "there is no folder"),
        (lambda: gan.report(test, path=tmp_path), "is a folder"),
        (lambda: gan.report(test, automl_secs=-1), "automl_secs must be at least 0"),
        (lambda: gan.report(test[["age"]]), "test_frame: .*has no column 'price'"),
        (lambda: h2o_gan.report("nowhere", test), "real='nowhere' is not a frame"),
    ):
        with pytest.raises(H2OValueError, match=message):
            call()
    with pytest.raises(H2OTypeError, match="synthetic must be an H2OFrame"):
        h2o_gan.report(train, 7)  # type: ignore[arg-type]


def test_row_weights_are_said_not_to_count() -> None:
    for name, count in ((None, 0), ("exposure", 1)):
        model: Any = SimpleNamespace(parameters=SimpleNamespace(weights_column=name))
        said = _row_weights(model)
        assert len(said) == count
        assert not count or "exposure" in said["row weights"]


def test_columns_of_another_type_are_named(
    frames: tuple[h2o.H2OFrame, h2o.H2OFrame], no_leaks: set[str]
) -> None:
    other = h2o.H2OFrame(customers(ROWS, 4), column_types={"sex": "string", "bought": "enum"})
    with pytest.raises(H2OValueError, match=r"'sex' is enum in real, but string in synthetic"):
        h2o_gan.report(frames[0], other)
    h2o.remove(other)
