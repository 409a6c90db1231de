"""Rows that the cluster's nodes make and rate by themselves, on one node and on two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OValueError
from queue_calls import call, cancel, ended, state

from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.frames import ARROW

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]
ROWS = 1500


def people(rows: int = ROWS) -> pa.Table:
    """Rows with every type, gaps, integers that doubles cannot hold, and pairs that are unique."""
    rng = np.random.default_rng(1)
    pairs = rng.permutation(62 * 200)[:rows]
    city = pa.array(rng.choice(["Brno", "Praha", "Zlín"], rows), mask=rng.random(rows) < 0.05)
    return pa.table(
        {
            "age": 18 + pairs // 200,
            "income": pa.array(rng.gamma(2.0, 900.0, rows).round(2), mask=rng.random(rows) < 0.1),
            "city": city.dictionary_encode(),
            "account": 2**60 + rng.integers(0, 2**30, rows),
            "since": pa.array(
                rng.integers(10**12, 10**12 + 10**10, rows), pa.timestamp("ms", "UTC")
            ),
            "name": pa.array([f"p-{i:06d}" for i in rng.permutation(rows)]),
            "day": pairs % 200,
            "code": pa.array([f"C{i:05d}" for i in rng.permutation(rows)]).dictionary_encode(),
        }
    )


@pytest.fixture(scope="module")
def gan(cluster: Any) -> Iterator[H2OGANEstimator]:
    frame = ARROW.write(people().to_reader(), "people_there")
    gan = H2OGANEstimator(
        epochs=1, seed=1, contamination=0.05, model_id="gan_there", constraints=["unique(age, day)"]
    )
    gan.train(training_frame=frame)
    yield gan
    h2o.remove("gan_there")
    h2o.remove("people_there")


def read(key: str) -> pa.Table:
    return ARROW.read(h2o.get_frame(key), None).read_all()


def made(what: str, key: str, **body: Any) -> pa.Table:
    """The rows that a request makes, whose frame is removed."""
    answer = call("POST", f"models/gan_there/{what}", json={**body, "destination_frame": key})
    assert answer.status_code == 200, answer.text
    assert ended(answer.json()["job"]["key"]["name"])["status"] == "DONE"
    table = read(key)
    h2o.remove(key)
    return table


def test_predictions_are_those_of_python(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    """Unseen levels, values beyond the training range, gaps, and other columns in between."""
    table = people(700)
    city = table["city"].cast(pa.string()).to_pylist()
    city[:3] = ["Aš", "Aš", None]
    account = table["account"].to_numpy().copy()
    account[5] = 2**62 + 1
    age = [None, 900, *table["age"].to_pylist()[2:]]
    test = pa.table(
        {
            "city": pa.array(city).dictionary_encode(),
            "other": [1.5] * 700,
            **{name: table[name] for name in ("income", "since", "day")},
            "account": account,
            "age": pa.array(age, pa.float64()),
        }
    )
    frame = ARROW.write(test.to_reader(), "people_test")
    pairs = [
        [method(frame, backend=backend) for backend in ("local", "cluster")]
        for method in (
            gan.predict,
            gan.anomaly,
            lambda frame, backend: gan.anomaly(frame, True, backend=backend),
        )
    ]
    for local, there in pairs:
        wanted, found = (ARROW.read(f, None).read_all() for f in (local, there))
        assert found.schema.names == wanted.schema.names
        for name in wanted.schema.names:
            if name == "predict":
                assert found[name].to_pylist() == wanted[name].to_pylist()
                continue
            numbers = [t[name].cast(pa.float64()).to_numpy() for t in (found, wanted)]
            np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-4)
    for frames in pairs:
        h2o.remove(frames)
    with pytest.raises(H2OValueError, match="no column 'since'"):
        gan.predict(frame.drop("since"), backend="cluster")
    h2o.remove(frame)


def test_frames_with_empty_chunks(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    """A filter leaves them, here the second one."""
    rows = np.arange(140_000)
    table = people(700).take(pa.array(rows % 700)).append_column("row", pa.array(rows))
    frame = ARROW.write(table.to_reader(), "chunks_full")
    part = frame[(frame["row"] < 256) | (frame["row"] >= 139_900)]
    part.refresh()
    chunks = h2o.api(f"GET /3/FrameChunks/{part.frame_id}")["chunks"]
    assert [chunk["row_count"] for chunk in chunks] == [256, 0, 100]
    scores = [gan.anomaly(part, backend=backend) for backend in ("local", "cluster")]
    local, there = (ARROW.read(frame, None).read_all()[0].to_numpy() for frame in scores)
    np.testing.assert_allclose(there, local, rtol=1e-4, atol=1e-4)
    filled = gan.impute(part.drop("row"), 1, backend="cluster")
    assert filled.nrow == 356
    h2o.remove([frame, part, filled, *scores])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"age": None}, "frame 'unfit' has no column 'age'; it has 'income', 'city'"),
        ({"age": pa.array(["a"] * 9).dictionary_encode()}, "column 'age' is enum in the frame"),
        ({"city": pa.array([1] * 9)}, "column 'city' is int in the frame, but the model was"),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    gan: H2OGANEstimator, no_leaks: set[str], columns: dict[str, Any], reason: str
) -> None:
    table = people(9)
    for name, values in columns.items():
        table = table.drop_columns(name)
        if values is not None:
            table = table.append_column(name, values)
    ARROW.write(table.to_reader(), "unfit")
    base = h2o.connection().base_url
    answer = requests.post(f"{base}/3/Predictions/models/gan_there/frames/unfit", timeout=60)
    assert answer.status_code == 412
    assert reason in answer.json()["msg"]
    for what in ("anomaly", "impute"):
        answer = call("POST", f"models/gan_there/{what}", json={"frame": "unfit"})
        assert (answer.status_code, reason in answer.json()["msg"]) == (400, True), answer.text
    h2o.remove("unfit")


def test_stock_clients_measure_and_predict(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    """Those who have nothing of ours: h2o's own class, and what R's h2o.anomaly asks for."""
    base = h2o.connection().base_url
    frame = ARROW.write(people(300).to_reader(), "people_stock")
    shown = h2o.api("GET /3/Models/gan_there")["models"][0]
    assert shown["output"]["model_category"] == "AnomalyDetection"
    assert shown["output"]["training_metrics"]["__meta"]["schema_type"] == "ModelMetricsGAN"
    stock = H2OEstimator()
    stock._resolve_model("gan_there", shown)
    assert "Generative Adversarial Network" in str(stock)
    found = stock.model_performance(frame)
    scored = gan.anomaly(frame, backend="local")
    scores = ARROW.read(scored, None).read_all()[0].to_numpy()
    assert found["mean_score"] == pytest.approx(scores.mean(), abs=1e-4)
    assert 0.3 < found["mean_normalized_score"] < 0.7
    predicted = stock.predict(frame)
    assert predicted.names == ["predict", "anomaly_score", "log_density"]
    assert predicted["predict"].levels() == [["0", "1"]]
    asked = {"reconstruction_error": "true", "reconstruction_error_per_feature": "true"}
    path = "/3/Predictions/models/gan_there/frames/people_stock"
    answer = requests.post(base + path, data=asked, timeout=60).json()
    key = answer["model_metrics"][0]["predictions"]["frame_id"]["name"]
    names = ["age", "income", "city", "account", "since", "day"]
    assert h2o.get_frame(key).names == [name for name in names if name in h2o.get_frame(key).names]
    # Metrics of a frame belong to the model, and would go with it.
    requests.delete(f"{base}/3/ModelMetrics/models/gan_there/frames/people_stock", timeout=60)
    h2o.remove([key, predicted, scored, frame])


def test_generated_rows_have_types_levels_and_a_seed(
    gan: H2OGANEstimator, no_leaks: set[str]
) -> None:
    train = people()
    body = {"rows": 1500, "seed": 3, "conditions": {"age": {"low": 30, "high": 40}}}
    first = made("generate", "made_there", **body)
    assert first.schema.names == train.schema.names
    assert first.equals(made("generate", "made_again", **body))
    ages = first["age"].to_numpy()
    assert (ages.min(), ages.max()) == (30, 40)
    pairs = zip(first["age"].to_pylist(), first["day"].to_pylist(), strict=True)
    assert len(set(pairs)) == 1500
    assert len(set(first["name"].to_pylist())) == 1500
    assert not set(first["name"].to_pylist()) & set(train["name"].to_pylist())
    assert first["account"].to_numpy().min() >= 2**60
    assert first["city"].null_count
    # Identifiers have new levels, the same as in Python.
    frame = gan.generate(1500, 3, backend="local")
    assert first["code"].to_pylist() == read(frame.frame_id)["code"].to_pylist()
    h2o.remove(frame)
    # A short sample is the beginning of a long one, whatever the chunks.
    body = {"rows": 1500, "seed": 2**62 + 1, "temperature": 0.5}
    first = made("generate", "made_long", **body)
    short = made("generate", "made_short", **{**body, "rows": 300})
    assert short.to_pylist() == first.slice(0, 300).to_pylist()
    balanced = made("generate", "made_balanced", rows=300, balance="city")
    counts = balanced["city"].value_counts().to_pylist()
    assert sorted(row["counts"] for row in counts) == [100, 100, 100]
    answer = call("POST", "models/gan_there/generate", json={"rows": 1}).json()
    assert (answer["backend"], answer["seed"] >= 0) == ("cluster", True)
    ended(answer["job"]["key"]["name"])
    h2o.remove(answer["job"]["dest"]["name"])


def test_python_takes_the_cluster_s_way(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    frame = gan.generate(
        500,
        3,
        "made_by_python",
        conditions={"city": ["Brno"], "age": (30, None)},
        backend="cluster",
    )
    assert frame.frame_id == "made_by_python"
    assert frame.types == h2o.get_frame("people_there").types
    table = read("made_by_python")
    assert set(table["city"].to_pylist()) == {"Brno"}
    for options, reason in PYTHON_REFUSED:
        with pytest.raises(H2OValueError, match=reason):
            gan.generate(5, **options)
    with pytest.raises(H2OValueError, match="method='mean' is for this process alone"):
        gan.impute(frame, method="mean", backend="cluster")
    two = gan.impute(h2o.get_frame("people_there"), 1, n=2, backend="cluster")
    assert [made.nrow for made in two] == [ROWS, ROWS]
    h2o.remove([frame, *two])


PYTHON_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"backend": "gpu"}, "backend='gpu' is not known"),
    ({"backend": "cluster", "conditions": {"age": [30, float("nan")]}}, "use None for missing"),
    ({"backend": "cluster", "temperature": float("nan")}, "temperature must be above 0"),
    ({"backend": "cluster", "conditions": {"city": "Aš"}}, "has no level"),
    ({"backend": "cluster", "destination_frame": "people_there"}, "already has something"),
    ({"backend": "cluster", "balance": "age"}, "is not a categorical column"),
]


def test_gaps_are_filled_and_given_cells_stay(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    table = people(600)
    city = ["Aš", *table["city"].cast(pa.string()).to_pylist()[1:]]
    at = table.schema.names.index("city")
    table = table.set_column(at, "city", pa.array(city).dictionary_encode())
    code = [None, None, *table["code"].to_pylist()[2:]]
    at = table.schema.names.index("code")
    table = table.set_column(at, "code", pa.array(code).dictionary_encode())
    ARROW.write(table.to_reader(), "gaps")
    filled = made("impute", "gaps_filled", frame="gaps", seed=1)
    assert filled.schema.names == table.schema.names
    for name in table.schema.names:
        assert filled[name].null_count == 0
        text = table[name].cast(pa.string()).to_pylist()
        for before, after in zip(text, filled[name].cast(pa.string()).to_pylist(), strict=True):
            assert before in (None, after)
    assert filled.equals(made("impute", "gaps_again", frame="gaps", seed=1))
    assert len(set(filled["code"].to_pylist())) == 600
    halves = table.set_column(0, "age", pa.array([30.5] * 600))
    ARROW.write(halves.to_reader(), "gaps_halves")
    for body, status, message in IMPUTE_REFUSED:
        answer = call("POST", "models/gan_there/impute", json=body)
        assert (answer.status_code, message in answer.json()["msg"]) == (status, True), answer.text
    h2o.remove(["gaps", "gaps_halves"])


IMPUTE_REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "frame is missing"),
    ({"frame": "nowhere"}, 404, "no frame 'nowhere'"),
    ({"frame": "gaps_halves"}, 400, "column 'age' has numbers that are not whole"),
    ({"frame": "gaps", "method": "mean"}, 400, "H2OGANEstimator"),
    ({"frame": "gaps", "seed": -1}, 400, "seed must"),
    ({"frame": "gaps", "destination_frame": "gaps"}, 409, "already has"),
]


def test_cancelled_and_impossible_jobs_leave_nothing(
    gan: H2OGANEstimator, no_leaks: set[str]
) -> None:
    body = {"rows": 300_000, "destination_frame": "never_made"}
    job = call("POST", "models/gan_there/generate", json=body).json()["job"]
    while state(job["key"]["name"])["progress"] == 0:
        time.sleep(0.02)
    began = time.monotonic()
    cancel(job)
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert time.monotonic() - began < 2
    assert h2o.get_frame("never_made") is None
    # There are not so many pairs.
    body = {"rows": 1000, "conditions": {"age": {"low": 30, "high": 31}}}
    job = call("POST", "models/gan_there/generate", json=body).json()["job"]
    failed = ended(job["key"]["name"])
    assert failed["status"] == "FAILED"
    assert "unique(age, day): the model has too few different values" in failed["exception"]


def test_refused_generations(gan: H2OGANEstimator) -> None:
    for body, status, message in REFUSED:
        answer = call("POST", "models/gan_there/generate", data=json.dumps({"rows": 1, **body}))
        assert (answer.status_code, message in answer.json()["msg"]) == (status, True), answer.text


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"backend": "gpu"}, 400, "backend must be one of auto, cluster, worker"),
    ({"rows": 10**12}, 413, "rows fit"),
    ({"conditions": {"age": "old"}}, 400, "age"),
    ({"conditions": {"age": {"low": 5000}}}, 400, "age"),
    ({"conditions": {"age": True}}, 400, "must be a number, a text or null"),
    ({"balance": "age"}, 400, "is not a categorical column"),
    ({"destination_frame": "people_there"}, 409, "already has"),
]


def test_rapids(gan: H2OGANEstimator, no_leaks: set[str]) -> None:
    h2o.rapids('(tmp= rapid_rows (gan.generate "gan_there" 200 3))')
    assert read("rapid_rows").equals(made("generate", "posted_rows", rows=200, seed=3))
    h2o.rapids('(tmp= rapid_filled (gan.impute "gan_there" people_there 1))')
    assert h2o.get_frame("rapid_filled").nrow == ROWS
    for expression in ('(gan.generate "nothing" 1 1)', '(gan.generate "gan_there" 0 1)'):
        with pytest.raises(Exception, match=r"no GAN 'nothing'|rows must be a whole number"):
            h2o.rapids(expression)
    h2o.remove(["rapid_rows", "rapid_filled"])


def test_auto_goes_on_without_the_model_of_the_cluster(
    cluster: Any, no_leaks: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster of many cores, from which somebody has removed the model."""
    monkeypatch.setattr("h2o_gan.estimator.sampling.SLOWER", 0.0)
    frame = ARROW.write(people(300).to_reader(), "people_again")
    gan = H2OGANEstimator(epochs=1, seed=1, model_id="gan_gone").train(training_frame=frame)
    local, there = (gan.generate(20, seed=3, backend=b) for b in ("local", "cluster"))
    before = gan.generate(20, seed=3)
    h2o.remove("gan_gone")
    after = gan.generate(20, seed=3)
    rows = [ARROW.read(made, None).read_all() for made in (local, there, before, after)]
    assert rows[0] != rows[1]
    assert (rows[2], rows[3]) == (rows[1], rows[0])
    with pytest.raises(H2OValueError, match="there is no GAN 'gan_gone'"):
        gan.generate(20, backend="cluster")
    h2o.remove([local, there, before, after, frame])
