"""The queue of jobs that workers serve, over REST: claims, leases, cancellation and results."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2o
import pytest
import requests
from queue_calls import (
    HISTORY,
    ask,
    call,
    cancel,
    checkpoint,
    claim,
    ended,
    finish,
    heartbeat,
    listed,
    state,
)

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW
from h2o_gan.parameters import Parameters

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]


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
    Parameters(
        **{name: v for name, v in given.items() if name not in ("validation_frame", "report")}
    )
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
    assert ask(job, "w2").status_code == 204
    shown = listed(job)
    assert (shown["id"], shown["worker"]) == (item["id"], "w1")
    assert item["token"] not in json.dumps(shown)
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
    assert listed(job)["state"] == "waiting"
    assert ask(job, "w2").status_code == 204
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
    assert "the model is that of the last checkpoint" in str(last["warnings"])
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
    train: Callable[..., dict[str, Any]], no_leaks: set[str], queue_frame: str
) -> None:
    job = train(model_id="twice")
    assert claim(job, lease=2) is not None
    with pytest.raises(h2o.exceptions.H2OResponseError, match="being trained by another job"):
        train(model_id="twice")
    with pytest.raises(h2o.exceptions.H2OResponseError):  # H2O's own words.
        train(model_id=queue_frame)
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
    train: Callable[..., dict[str, Any]], no_leaks: set[str], queue_frame: str, tmp_path: Path
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


def test_a_grid_goes_on_after_a_model_that_nobody_ended(
    no_leaks: set[str], queue_frame: str
) -> None:
    """Its last checkpoint is the model, and the job, which is the grid's, is not cancelled."""
    asked = {"training_frame": queue_frame, "grid_id": "cut_grid", "wait_for_worker_secs": 2}
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


def test_cancelled_before_a_worker_came(train: Callable[..., dict[str, Any]]) -> None:
    job = train()
    began = time.monotonic()
    h2o.api(f"POST /3/Jobs/{job['key']['name']}/cancel")
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert time.monotonic() - began < 5
