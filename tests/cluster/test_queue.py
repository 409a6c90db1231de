"""The algorithm ``gan`` in the cluster, and the queue that workers serve, over REST as they are."""

from __future__ import annotations

import dataclasses
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h2o
import pyarrow as pa
import pytest
import requests

from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.frames import ARROW
from h2o_gan.parameters import Parameters

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]

_ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")
HISTORY = {
    "scoring_history": {
        "columns": [{"name": "epoch", "type": "int"}, {"name": "loss", "type": "double"}],
        "rows": [[1, 0.5], [2, None]],
    }
}


def call(method: str, path: str, **more: Any) -> requests.Response:
    base = h2o.connection().base_url
    return requests.request(method, f"{base}/3/GAN/{path}", timeout=60, **more)


@pytest.fixture(scope="module")
def frame(cluster: Any) -> Iterator[str]:
    """Rows to learn from, a constant column and a text among them."""
    table = pa.table({"x": [1.5, 2.5, None], "one": [1, 1, 1], "text": ["a", "b", "c"]})
    yield ARROW.write(table.to_reader(), "queue_frame").frame_id
    h2o.remove("queue_frame")


@pytest.fixture
def train(frame: str, no_leaks: set[str]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Starts a job as Flow does."""
    jobs = []

    def start(**parameters: Any) -> dict[str, Any]:
        values = {"training_frame": frame, "wait_for_worker_secs": 60, **parameters}
        job = h2o.api("POST /3/ModelBuilders/gan", data=values)["job"]
        jobs.append(job["key"]["name"])
        return job

    yield start
    for key in jobs:
        if state(key)["status"] in _ALIVE:
            h2o.api(f"POST /3/Jobs/{key}/cancel")


def state(job: str) -> dict[str, Any]:
    return h2o.api(f"GET /3/Jobs/{job}")["jobs"][0]


def ended(job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = state(job)
        if now["status"] not in _ALIVE:
            return now
        time.sleep(0.1)
    pytest.fail(f"the job does not end: {now}")


def claim(job: dict[str, Any], worker: str = "w1", lease: float = 15) -> dict[str, Any] | None:
    """Takes a job as soon as it is on offer, within a few seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        body = {"worker": worker, "lease_s": lease, "job": job["key"]["name"]}
        answer = call("POST", "jobs/claim", json=body)
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code == 204, answer.text
        time.sleep(0.1)
    return None


def heartbeat(item: dict[str, Any], worker: str = "w1", **more: Any) -> requests.Response:
    return call("POST", f"jobs/{item['id']}/heartbeat", json={"worker": worker, **more})


def finish(item: dict[str, Any], artifact: bytes, worker: str = "w1") -> requests.Response:
    return call("POST", f"jobs/{item['id']}/finish", params={"worker": worker}, data=artifact)


def test_a_model_is_made(train: Callable[..., dict[str, Any]], no_leaks: set[str]) -> None:
    job = train(
        model_id="queued", epochs=3, generator_architecture='{"hidden_dim": 8}', image_shape="[8,8]"
    )
    item = claim(job)
    assert item is not None
    assert (item["kind"], item["model_id"], item["frame_id"]) == ("train", "queued", "queue_frame")
    given = item["parameters"]
    assert given["epochs"] == 3
    assert given["generator_architecture"] == {"hidden_dim": 8}
    assert given["image_shape"] == [8, 8]
    assert "critic_epochs" not in given
    Parameters(**{name: v for name, v in given.items() if name != "validation_frame"})
    answer = heartbeat(item, progress=0.5, message="epoch 1 of 3", tables=HISTORY)
    assert answer.json() == {"cancel": False}
    deadline = time.monotonic() + 10
    while state(job["key"]["name"])["progress"] < 0.5 and time.monotonic() < deadline:
        time.sleep(0.1)
    seen = state(job["key"]["name"])
    assert (round(seen["progress"], 2), seen["progress_msg"]) == (0.5, "epoch 1 of 3")
    growing = h2o.api("GET /3/Models/queued")["models"][0]["output"]["scoring_history"]
    assert list(growing.cell_values[0])[-2:] == [1, 0.5]
    assert call("GET", "models/queued/artifact").status_code == 409
    artifact = secrets.token_bytes(9_000_000)
    assert finish(item, artifact).status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    assert call("GET", "models/queued/artifact").content == artifact
    model = h2o.api("GET /3/Models/queued")["models"][0]
    assert model["algo"] == "gan"
    assert len(model["output"]["scoring_history"].cell_values) == 2
    assert heartbeat(item).status_code == 404
    h2o.remove("queued")
    assert call("GET", "models/queued/artifact").status_code == 404


def test_saved_and_loaded(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], tmp_path: Path
) -> None:
    job = train(model_id="kept")
    item = claim(job)
    assert item is not None
    artifact = secrets.token_bytes(5_000_000)
    finish(item, artifact)
    ended(job["key"]["name"])
    saved = h2o.api("GET /99/Models.bin/kept", data={"dir": str(tmp_path / "kept"), "force": True})
    h2o.remove("kept")
    assert call("GET", "models/kept/artifact").status_code == 404
    h2o.api("POST /99/Models.bin/", data={"dir": saved["dir"]})
    assert call("GET", "models/kept/artifact").content == artifact
    h2o.remove("kept")


def test_no_worker(train: Callable[..., dict[str, Any]]) -> None:
    job = train(wait_for_worker_secs=1)
    last = ended(job["key"]["name"])
    assert last["status"] == "FAILED"
    assert "no worker took this job within 1 s; start one with: h2o-gan worker" in last["exception"]


def test_a_worker_that_fails_says_why(train: Callable[..., dict[str, Any]]) -> None:
    job = train(model_id="failing")
    item = claim(job)
    assert item is not None
    heartbeat(item, tables=HISTORY)
    call("POST", f"jobs/{item['id']}/fail", json={"worker": "w1", "message": "out of memory"})
    last = ended(job["key"]["name"])
    assert last["status"] == "FAILED"
    assert "out of memory" in last["exception"]


def test_only_the_holder_counts(train: Callable[..., dict[str, Any]], no_leaks: set[str]) -> None:
    job = train(model_id="held")
    item = claim(job)
    assert item is not None
    assert claim(job, "w2") is None
    for answer in (heartbeat(item, "w2"), finish(item, b"x", "w2")):
        assert answer.status_code == 409
        assert "another worker's" in answer.json()["msg"]
    finish(item, b"right")
    ended(job["key"]["name"])
    assert call("GET", "models/held/artifact").content == b"right"
    h2o.remove("held")


def test_a_lost_worker_is_replaced_from_its_checkpoint(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="handed_on", worker="w1")
    assert claim(job, "w2") is None
    item = claim(job, "w1", lease=2)
    assert item is not None
    for checkpoint in (b"first", b"second"):
        answer = call(
            "POST", f"jobs/{item['id']}/checkpoint", params={"worker": "w1"}, data=checkpoint
        )
        assert answer.status_code == 200
    assert claim(job, "w2", lease=2) is not None  # After two seconds without a sign of life.
    assert call("GET", f"jobs/{item['id']}/checkpoint").content == b"second"
    assert heartbeat(item, "w1").status_code == 409
    finish(item, b"whole", "w2")
    assert ended(job["key"]["name"])["status"] == "DONE"
    h2o.remove("handed_on")


def test_three_lost_workers_are_enough(train: Callable[..., dict[str, Any]]) -> None:
    job = train()
    for worker in ("w1", "w2", "w3"):
        assert claim(job, worker, lease=2) is not None
    last = ended(job["key"]["name"])
    assert last["status"] == "FAILED"
    assert "lost 3 workers" in last["exception"]


@pytest.mark.parametrize("checkpoint", [None, b"so far"])
def test_cancelled(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], checkpoint: bytes | None
) -> None:
    """The worker hears of it and hands in what it has."""
    job = train(model_id="cancelled")
    item = claim(job, lease=2)
    assert item is not None
    cancel = f"POST /3/Jobs/{job['key']['name']}/cancel"  # It answers when the job has ended.
    threading.Thread(target=h2o.api, args=(cancel,), daemon=True).start()
    if checkpoint is None:
        # The worker is silent: its lease runs out, and nothing is left.
        assert ended(job["key"]["name"])["status"] == "CANCELLED"
        return
    deadline = time.monotonic() + 10
    while not heartbeat(item).json()["cancel"] and time.monotonic() < deadline:
        time.sleep(0.1)
    finish(item, checkpoint)
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert call("GET", "models/cancelled/artifact").content == checkpoint
    h2o.remove("cancelled")


def test_cancelled_when_its_worker_is_lost(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    """What the worker has handed in before is the model then."""
    job = train(model_id="left")
    item = claim(job, lease=2)
    assert item is not None
    call("POST", f"jobs/{item['id']}/checkpoint", params={"worker": "w1"}, data=b"so far")
    cancel = f"POST /3/Jobs/{job['key']['name']}/cancel"
    threading.Thread(target=h2o.api, args=(cancel,), daemon=True).start()
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert call("GET", "models/left/artifact").content == b"so far"
    h2o.remove("left")


def test_cancelled_before_a_worker_came(train: Callable[..., dict[str, Any]]) -> None:
    job = train()
    began = time.monotonic()
    h2o.api(f"POST /3/Jobs/{job['key']['name']}/cancel")
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": -2}, "epochs must be at least 0"),
        ({"ema_decay": 2}, "ema_decay must be at least -1"),
        ({"column_types": "[1]"}, "column_types must be a JSON object"),
        ({"nfolds": 5}, "cross-validation has no meaning"),
        ({"loss_function": "guess"}, "loss_function"),
        ({"column_types": '{"x": "wide"}'}, "use one of numeric"),
        ({"generator_architecture": '{"depth": 3}'}, "unknown key depth"),
        ({"generator_architecture": '{"hidden_dim": [8, 0]}'}, "from 1 to 1,000,000 or a list"),
        ({"generator_architecture": '{"activation": "step"}'}, "activation .*step.* is not known"),
        ({"discriminator_architecture": '{"output_dim": 2}'}, "output_dim must be 1"),
        ({"architecture": "columns", "latent_size": 3}, "latent_size is for architecture mlp"),
        ({"architecture": "convolutional", "loss_function": "mse"}, "loss_function is for"),
        ({"architecture": "columns", "image_shape": "[8,8]"}, "image_shape is for"),
        ({"image_shape": "[8]"}, "image_shape must be height and width"),
        ({"image_shape": "[8,800]"}, "sides from 8 to 128"),
        ({"image_root": "/images"}, "image_root is given without image_column"),
        ({"image_column": "text"}, "image_shape is missing"),
    ],
)
def test_bad_parameters_are_told_at_once(
    train: Callable[..., dict[str, Any]], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(h2o.exceptions.H2OResponseError, match=message):
        train(**parameters)
    # So does the Python class.
    values = {
        name: json.loads(value) if isinstance(value, str) and value[0] in "[{" else value
        for name, value in parameters.items()
    }
    with pytest.raises((ValueError, TypeError)):
        H2OGANEstimator(**values)


def test_generated_rows_come_as_a_job(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="generator")
    item = claim(job)
    assert item is not None
    finish(item, b"model")
    ended(job["key"]["name"])
    body = {"rows": 5, "seed": 1, "destination_frame": "generated", "conditions": {"x": 1}}
    started = call("POST", "models/generator/generate", json=body).json()["job"]
    assert started["dest"] == {**started["dest"], "name": "generated", "type": "Key<Frame>"}
    item = claim(started)
    assert item is not None
    assert (item["kind"], item["model_id"], item["frame_id"]) == (
        "generate",
        "generator",
        "generated",
    )
    assert item["parameters"]["conditions"] == {"x": 1}
    ARROW.write(pa.table({"x": [1.0] * 5}).to_reader(), "generated")
    finish(item, b"")
    assert ended(started["key"]["name"])["status"] == "DONE"
    taken = {"rows": 1, "destination_frame": "generated"}
    for body, message in [({}, "rows is"), ({"rows": 0}, "rows must"), (taken, "already has")]:
        answer = call("POST", "models/generator/generate", json=body)
        assert answer.status_code in (400, 409)
        assert message in answer.json()["msg"]
    h2o.remove("generated")
    h2o.remove("generator")


def test_one_declaration_serves_both() -> None:
    """The parameters in the cluster are those of the Python class, in the same words."""
    builder = h2o.api("GET /3/ModelBuilders/gan")["model_builders"]["gan"]
    declared = {entry["name"]: entry for entry in builder["parameters"]}
    own = {field.name: field for field in dataclasses.fields(Parameters)}
    only_there = {"training_frame", "validation_frame", "wait_for_worker_secs", "worker"}
    assert set(declared) == set(own) | only_there
    of_h2o = {
        "model_id", "ignored_columns", "ignore_const_cols", "weights_column", "response_column",
        "max_runtime_secs", "stopping_rounds", "stopping_tolerance", "score_each_iteration",
        "checkpoint", "export_checkpoints_dir",
    }  # fmt: skip
    for name, field in own.items():
        entry = declared[name]
        if name not in of_h2o:
            assert entry["help"].startswith(field.metadata["help"]), name
        if field.metadata["choices"]:
            assert entry["values"] == list(field.metadata["choices"])
        default = entry["default_value"]
        if field.default is None:
            assert default in (None, 0, -1), name
            assert default in (None, "") or entry["help"].endswith(f" {default:g} for absent.")
        else:
            assert default == field.default, name
    assert json.dumps(declared)
