"""The algorithm ``gan`` in the cluster, and the queue that workers serve, over REST as they are."""

from __future__ import annotations

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


def heartbeat(item: dict[str, Any], **more: Any) -> requests.Response:
    return call("POST", f"jobs/{item['id']}/heartbeat", json={"token": item["token"], **more})


def checkpoint(item: dict[str, Any], artifact: bytes) -> requests.Response:
    params = {"token": item["token"]}
    return call("POST", f"jobs/{item['id']}/checkpoint", params=params, data=artifact)


def finish(item: dict[str, Any], artifact: bytes) -> requests.Response:
    headers = {"X-GAN-Token": item["token"]}
    return call("POST", f"jobs/{item['id']}/finish", headers=headers, data=artifact)


def cancel(job: dict[str, Any]) -> None:
    """Asks for it and goes on: the cluster answers when the job has ended."""
    path = f"POST /3/Jobs/{job['key']['name']}/cancel"
    threading.Thread(target=h2o.api, args=(path,), daemon=True).start()


def test_a_job_without_workers_says_how_to_start_one(train: Callable[..., dict[str, Any]]) -> None:
    """The first one here: a cluster that has heard of a worker of late expects it to come."""
    about = f"{h2o.connection().base_url}/3/GAN"
    while any(w["last_seen_s"] < 11 for w in requests.get(about, timeout=60).json()["workers"]):
        time.sleep(0.2)
    began = time.monotonic()
    job = train()
    while "Start one" not in (said := state(job["key"]["name"])["progress_msg"] or ""):
        assert time.monotonic() - began < 2, said
        time.sleep(0.1)
    assert f"h2o-gan worker --url {h2o.connection().base_url}" in said
    assert "waits 60 s" in said
    cancel(job)


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
    assert "discriminator_epochs" not in given
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
    told = {"token": item["token"], "message": "out of memory"}
    assert call("POST", f"jobs/{item['id']}/fail", json=told).status_code == 200
    last = ended(job["key"]["name"])
    assert last["status"] == "FAILED"
    assert "out of memory" in last["exception"]


def test_only_the_holder_counts(train: Callable[..., dict[str, Any]], no_leaks: set[str]) -> None:
    """Everybody can read the holder's name, but the token is the holder's alone."""
    job = train(model_id="held")
    item = claim(job)
    assert item is not None
    assert claim(job, "w2") is None
    listed = next(j for j in call("GET", "jobs").json()["jobs"] if j["id"] == item["id"])
    assert listed["worker"] == "w1"
    assert item["token"] not in json.dumps(listed)
    stranger = {**item, "token": "w1-w1-w1-w1-w1-w1-w1"}
    for answer in (heartbeat(stranger), checkpoint(stranger, b"x"), finish(stranger, b"x")):
        assert answer.status_code == 409
        assert "no longer holds the job" in answer.json()["msg"]
    finish(item, b"right")
    ended(job["key"]["name"])
    assert call("GET", "models/held/artifact").content == b"right"
    h2o.remove("held")


def test_a_claim_whose_answer_was_lost_is_made_again(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train()
    body = {"worker": "w1", "token": secrets.token_urlsafe(), "job": job["key"]["name"]}
    body["lease_s"] = 2
    while (first := call("POST", "jobs/claim", json=body)).status_code == 204:
        time.sleep(0.05)
    again = call("POST", "jobs/claim", json=body)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["attempts"] == 1
    answer = call("POST", "jobs/claim", json={**body, "token": secrets.token_urlsafe()})
    assert answer.status_code == 204
    cancel(job)


def test_a_lost_worker_is_replaced_from_its_checkpoint(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="handed_on", worker="w1")
    assert claim(job, "w2") is None
    item = claim(job, "w1", lease=2)
    assert item is not None
    for file in (b"first", b"second"):
        assert checkpoint(item, file).status_code == 200
    second = claim(job, "w2", lease=2)  # After two seconds without a sign of life.
    assert second is not None
    assert call("GET", f"jobs/{item['id']}/checkpoint").content == b"second"
    assert heartbeat(item).status_code == 409
    finish(second, b"whole")
    assert ended(job["key"]["name"])["status"] == "DONE"
    h2o.remove("handed_on")


def test_who_lost_the_lease_takes_the_job_back(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="taken_back")
    item = claim(job, lease=2)
    assert item is not None
    deadline = time.monotonic() + 10
    while "lost worker" not in (state(job["key"]["name"])["progress_msg"] or ""):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert heartbeat(item).status_code == 200
    other = {"worker": "w2", "job": job["key"]["name"]}
    assert call("POST", "jobs/claim", json=other).status_code == 204
    assert finish(item, b"mine").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    h2o.remove("taken_back")


def test_two_lost_workers_are_enough(train: Callable[..., dict[str, Any]]) -> None:
    job = train()
    for worker in ("w1", "w2"):
        assert claim(job, worker, lease=2) is not None
    last = ended(job["key"]["name"])
    assert last["status"] == "FAILED"
    assert "lost 2 workers" in last["exception"]


def test_the_last_checkpoint_is_the_model_where_nobody_goes_on(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="left_over", wait_for_worker_secs=4)
    item = claim(job, lease=2)
    assert item is not None
    checkpoint(item, b"so far")
    last = ended(job["key"]["name"])
    assert last["status"] == "CANCELLED"
    assert "until the last checkpoint" in str(last["warnings"])
    assert call("GET", "models/left_over/artifact").content == b"so far"
    h2o.remove("left_over")


@pytest.mark.parametrize("end", ["cancelled", "failed", "never begun", "done"])
def test_a_model_stays_until_the_next_one_stands(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], end: str
) -> None:
    """A training under a taken model_id, here from that model itself, replaces it at its end."""
    job = train(model_id="again")
    first = claim(job)
    assert first is not None
    finish(first, b"old" * 2_000_000)
    ended(job["key"]["name"])
    wait = 1 if end == "never begun" else 60
    job = train(model_id="again", checkpoint="again", epochs=7, wait_for_worker_secs=wait)
    assert call("GET", "models/again/artifact").content == b"old" * 2_000_000
    if end != "never begun":
        item = claim(job, lease=2)
        assert item is not None
        assert item["parameters"]["checkpoint"] == "again"
    if end == "cancelled":
        cancel(job)
    elif end == "failed":
        call("POST", f"jobs/{item['id']}/fail", json={"token": item["token"], "message": "no"})
    elif end == "done":
        finish(item, b"new")
    last = ended(job["key"]["name"])
    assert last["status"] == {"cancelled": "CANCELLED", "done": "DONE"}.get(end, "FAILED")
    wanted = b"new" if end == "done" else b"old" * 2_000_000
    assert call("GET", "models/again/artifact").content == wanted
    shown = h2o.api("GET /3/Models/again")["models"][0]["parameters"]
    epochs = next(p["actual_value"] for p in shown if p["name"] == "epochs")
    assert epochs == (7 if end == "done" else 0)
    h2o.remove("again")


def test_a_second_training_of_a_model_is_refused_at_once(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], frame: str
) -> None:
    job = train(model_id="twice")
    assert claim(job, lease=2) is not None
    with pytest.raises(h2o.exceptions.H2OResponseError, match="being trained by another job"):
        train(model_id="twice")
    with pytest.raises(h2o.exceptions.H2OResponseError):  # H2O's own words.
        train(model_id=frame)
    cancel(job)


@pytest.mark.parametrize("artifact", [None, b"so far"])
def test_cancelled(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], artifact: bytes | None
) -> None:
    """The worker hears of it and hands in what it has."""
    job = train(model_id="cancelled")
    item = claim(job, lease=2)
    assert item is not None
    cancel(job)
    if artifact is None:
        # The worker is silent: its lease runs out, and nothing is left.
        assert ended(job["key"]["name"])["status"] == "CANCELLED"
        return
    deadline = time.monotonic() + 10
    while not heartbeat(item).json()["cancel"] and time.monotonic() < deadline:
        time.sleep(0.1)
    finish(item, artifact)
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert call("GET", "models/cancelled/artifact").content == artifact
    h2o.remove("cancelled")


def test_cancelled_when_its_worker_is_lost(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    """What the worker has handed in before is the model then."""
    job = train(model_id="left")
    item = claim(job, lease=2)
    assert item is not None
    checkpoint(item, b"so far")
    cancel(job)
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert call("GET", "models/left/artifact").content == b"so far"
    h2o.remove("left")


def test_waiting_jobs_starve_nobody(
    train: Callable[..., dict[str, Any]], no_leaks: set[str], frame: str, tmp_path: Path
) -> None:
    """Far more of them than the cluster has threads for; everything else goes on."""
    cores = h2o.cluster().nodes[0]["num_cpus"]
    began = time.monotonic()
    jobs = [train() for _ in range(4 * cores + 2)]
    held = claim(jobs[0], lease=5)
    assert held is not None
    (tmp_path / "parsed.csv").write_text("a,b\n" + "\n".join(f"{i},{i % 7}" for i in range(200)))
    parsed = h2o.upload_file(str(tmp_path / "parsed.csv"))
    gbm = h2o.estimators.H2OGradientBoostingEstimator(ntrees=2)
    gbm.train(x=["a"], y="b", training_frame=parsed)
    assert parsed["a"].mean()[0] == 99.5
    assert ARROW.read(parsed, None).read_all().num_rows == 200
    assert time.monotonic() - began < 40
    h2o.remove(gbm.model_id)
    h2o.remove(parsed)
    for job in jobs:
        cancel(job)
    for job in jobs:
        assert ended(job["key"]["name"])["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("heartbeat", {"tables": 5}, "tables must be an object"),
        ("heartbeat", {"tables": {"metrics": {"held_out_loss": "low"}}}, "metrics must be"),
        ("heartbeat", {"tables": {"metrics": 3}}, "metrics must be"),
        ("heartbeat", {"tables": {"scoring_history": {"columns": [], "rows": [[1]]}}}, "must have"),
        ("heartbeat", {"tables": {"model_summary": [1]}}, "must have"),
        ("heartbeat", {"progress": "half"}, "progress must be a number"),
        ("heartbeat", {"message": ["a"]}, "message must be a text"),
        ("fail", {}, "message is missing"),
    ],
)
def test_malformed_words_of_a_worker_change_nothing(
    malformed: dict[str, Any], verb: str, body: dict[str, Any], words: str
) -> None:
    told = {"token": malformed["token"], **body}
    answer = call("POST", f"jobs/{malformed['id']}/{verb}", json=told)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["msg"]
    assert heartbeat(malformed).status_code == 200


@pytest.fixture(scope="module")
def malformed(frame: str) -> Iterator[dict[str, Any]]:
    """A job that is held."""
    data = {"training_frame": frame, "model_id": "malformed"}
    job = h2o.api("POST /3/ModelBuilders/gan", data=data)["job"]
    item = claim(job, lease=60)
    assert item is not None
    yield item
    assert finish(item, b"whole").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    h2o.remove("malformed")


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("jobs/claim", b"[" * 1200 + b"]" * 1200, 400),
        ("jobs/claim", b'{"worker": "w", "a": ' + b"[" * 1200 + b"]" * 1200 + b"}", 400),
        ("jobs/claim", b'{"worker": "' + b"w" * (1 << 21) + b'"}', 413),
        ("jobs/claim", b"{", 400),
        ("jobs/claim", b'{"worker": "w", "token": "short"}', 400),
        ("jobs/none-0/heartbeat", b"{}", 404),
        ("jobs/none/heartbeat", b"{}", 404),
        ("nothing", b"", 404),
    ],
)
def test_every_error_is_json(path: str, data: bytes, status: int) -> None:
    """Also for curl, which says that it sends a form."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call("POST", path, data=data, headers=form)
    assert answer.status_code == status
    if path != "nothing":  # H2O's own address.
        assert answer.json()["http_status"] == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"worker": /*"*/ [[[[1]]]] }', "must be a JSON object"),
        ("{'worker': \"'[[[[\"}", "must be a JSON object"),
        ('{"worker": ' + 40 * "[" + 40 * "]" + "}", "nests JSON more than 32 levels"),
        ('{"worker": [' + 600_000 * "," + "]}", "more than 500000 values"),
    ],
)
def test_json_that_is_none_or_too_much(body: str, words: str) -> None:
    answer = call("POST", "jobs/claim", data=body)
    assert answer.status_code == 400
    assert words in answer.json()["msg"]


def test_a_grid_goes_on_after_a_model_that_nobody_ended(no_leaks: set[str], frame: str) -> None:
    """Its last checkpoint is the model, and the job, which is the grid's, is not cancelled."""
    asked = {"training_frame": frame, "grid_id": "cut_grid", "wait_for_worker_secs": 2}
    asked["hyper_parameters"] = '{"seed": [1, 2]}'
    job = h2o.api("POST /99/Grid/gan", data=asked)["job"]
    first = claim(job, lease=2)
    assert first is not None
    assert checkpoint(first, b"so far").status_code == 200
    # Its worker is not heard of again, and no other comes.
    deadline = time.monotonic() + 30
    while all(item["id"] == first["id"] for item in call("GET", "jobs").json()["jobs"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    second = claim(job, lease=5)
    assert second is not None
    assert finish(second, b"the model").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    found = {model["name"] for model in h2o.api("GET /99/Grids/cut_grid")["model_ids"]}
    assert found == {first["model_id"], second["model_id"]}
    for key in (*found, "cut_grid"):
        h2o.remove(key)


def test_a_checkpoint_has_bytes_and_is_of_a_training(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="with_checkpoints")
    item = claim(job, lease=2)
    assert item is not None
    assert checkpoint(item, b"so far").status_code == 200
    assert checkpoint(item, b"").status_code == 400
    kept = call("GET", f"jobs/{item['id']}/checkpoint")
    assert kept.content == b"so far"
    assert finish(item, b"the model").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    url = f"{h2o.connection().base_url}/3/GAN/models/with_checkpoints/generate"
    asked = requests.post(url, json={"rows": 5}, timeout=60).json()["job"]
    item = claim(asked, lease=2)
    assert item is not None
    assert "no checkpoints" in checkpoint(item, b"rows").json()["msg"]
    cancel(asked)
    assert ended(asked["key"]["name"])["status"] == "CANCELLED"
    h2o.remove("with_checkpoints")


def test_other_methods_are_refused_in_json() -> None:
    for method in ("PUT", "DELETE"):
        answer = call(method, "jobs")
        assert answer.status_code == 405
        assert "GET and POST" in answer.json()["msg"]


def test_the_cluster_lists_workers_and_nodes() -> None:
    assert call("POST", "jobs/claim", json={"worker": "seen"}).status_code == 204
    about = requests.get(f"{h2o.connection().base_url}/3/GAN", timeout=60).json()
    seen = next(worker for worker in about["workers"] if worker["name"] == "seen")
    assert 0 <= seen["last_seen_s"] < 10
    assert [node["protocol"] for node in about["nodes"]] == [about["protocol"]]


def test_cancelled_before_a_worker_came(train: Callable[..., dict[str, Any]]) -> None:
    job = train()
    began = time.monotonic()
    h2o.api(f"POST /3/Jobs/{job['key']['name']}/cancel")
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": -2}, "epochs must be at least 1, not -2"),
        ({"ema_decay": 2}, "ema_decay must be at most 0.999999, not 2"),
        ({"column_types": "[1]"}, "column_types must be a JSON object"),
        ({"model_id": "no/slashes"}, "model_id='no/slashes' must be a name without slashes"),
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
        ({"generator_architecture": '{"hidden_dim": [100000, 100000]}'}, "makes a network of"),
        ({"latent_size": 1_000_000}, "latent_size makes a network of"),
        (
            {"latent_size": 5, "generator_architecture": '{"input_dim": 6}'},
            "they are the same thing",
        ),
        ({"architecture": "columns", "loss_function": "lsgan"}, "loss_function is for"),
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
    rows = pa.table({"x": [1.5] * 5})
    sent = send_rows(item, rows)
    assert sent.status_code == 200
    finish(item, b"")
    assert ended(started["key"]["name"])["status"] == "DONE"
    assert ARROW.read(h2o.get_frame("generated"), None).read_all().equals(rows)
    for body, status, message in REFUSED:
        answer = call("POST", "models/generator/generate", json={"rows": 1, **body})
        assert (answer.status_code, message in answer.json()["msg"]) == (status, True), answer.text
    h2o.remove("generated")
    h2o.remove("generator")


REFUSED = [
    ({"rows": None}, 400, "rows is missing"),
    ({"rows": 0}, 400, "rows must"),
    ({"rows": 1.5}, 400, "rows must be a whole number"),
    ({"rows": 10**12}, 413, "rows fit"),
    ({"destination_frame": "generated"}, 409, "already has"),
    ({"destination_frame": "a\nb"}, 400, "control characters"),
    ({"condition": {"x": 1}}, 400, "'condition' is not known"),
    ({"conditions": {"y": 1}}, 400, "the model has no column 'y'"),
    ({"conditions": {"x": {"from": 1}}}, 400, "'from' is not known"),
    ({"conditions": ["x"]}, 400, "conditions must be an object"),
    ({"balance": "y"}, 400, "the model has no column 'y'"),
    ({"temperature": 0}, 400, "temperature must"),
    ({"seed": -1}, 400, "seed must"),
]


def send_rows(item: dict[str, Any], rows: pa.Table) -> requests.Response:
    """Sends what a worker has generated."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    params = {"job": item["id"], "token": item["token"]}
    path = f"frames/{item['attempt_frame_id']}.arrow"
    return call("POST", path, params=params, data=sink.getvalue().to_pybytes())


@pytest.fixture(scope="module")
def generator(frame: str) -> Iterator[str]:
    """A model whose rows a test sends in its place."""
    data = {"training_frame": frame, "model_id": "rows_of"}
    job = h2o.api("POST /3/ModelBuilders/gan", data=data)["job"]
    item = claim(job)
    assert item is not None
    finish(item, b"model")
    ended(job["key"]["name"])
    yield "rows_of"
    h2o.remove("rows_of")


def generation(model: str, frame: str) -> dict[str, Any]:
    body = {"rows": "5e0", "destination_frame": frame}
    text = json.dumps(body).replace('"5e0"', "5e0")
    job: dict[str, Any] = call("POST", f"models/{model}/generate", data=text).json()["job"]
    return job


ROWS = pa.table({"x": [1.0] * 5})


def test_rows_of_a_lost_worker_are_taken(generator: str, no_leaks: set[str]) -> None:
    """It was lost between writing them and saying so."""
    job = generation(generator, "adopted")
    item = claim(job, lease=2)
    assert item is not None
    assert send_rows(item, ROWS).status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    assert h2o.get_frame("adopted").nrow == 5
    assert finish(item, b"").status_code == 404
    assert h2o.get_frame("adopted").nrow == 5
    h2o.remove("adopted")


def test_a_second_attempt_does_not_meet_the_first(generator: str, no_leaks: set[str]) -> None:
    job = generation(generator, "attempted")
    first = claim(job, "w1", lease=2)
    second = claim(job, "w2")
    assert first is not None
    assert second is not None
    assert first["attempt_frame_id"] != second["attempt_frame_id"]
    late = send_rows(first, ROWS)
    assert late.status_code == 409
    assert send_rows(second, ROWS).status_code == 200
    assert finish(second, b"").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    assert send_rows(first, ROWS).status_code == 409
    h2o.remove("attempted")


@pytest.mark.parametrize("end", ["cancel", "fail", "taken"])
def test_a_generation_that_ends_otherwise_leaves_nothing(
    generator: str, no_leaks: set[str], end: str
) -> None:
    job = generation(generator, "unwanted")
    item = claim(job, lease=2)
    assert item is not None
    assert send_rows(item, ROWS).status_code == 200
    if end == "cancel":
        cancel(job)
    elif end == "fail":
        told = {"token": item["token"], "message": "no"}
        assert call("POST", f"jobs/{item['id']}/fail", json=told).status_code == 200
    else:
        ARROW.write(pa.table({"mine": [1, 2]}).to_reader(), "unwanted")
        finish(item, b"")
    last = ended(job["key"]["name"])
    assert last["status"] == ("CANCELLED" if end == "cancel" else "FAILED")
    if end == "taken":
        assert "another object has taken the key 'unwanted'" in last["exception"]
        assert h2o.get_frame("unwanted").names == ["mine"]
        h2o.remove("unwanted")
