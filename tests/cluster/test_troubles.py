"""Broken answers, pauses, full disks and kills: no job, model or frame is lost to any of them."""

from __future__ import annotations

import dataclasses
import json
import re
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OServerError
from PIL import Image
from proxy import Hold, Proxy, cut, endless, lose, say
from workers import LONG, SHORT, Start, build, cancel, ended, items, server, state, until

from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.frames import ARROW
from h2o_gan.cluster.jobs.client import JobClient
from h2o_gan.cluster.jobs.training import TrainingJob
from h2o_gan.cluster.jobs.training import sent as sent_of
from h2o_gan.cluster.jobs.worker import Worker
from h2o_gan.parameters import Parameters

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]

PAGE = "<html><body>Signed out: please log in</body></html>"
NESTED = '{"id":"some-0","parameters":' + 1200 * "[" + 1200 * "]" + "}"


@pytest.fixture
def proxy(cluster: H2OConnection) -> Iterator[Proxy]:
    """A proxy before the run's cluster."""
    with Proxy(cluster.base_url) as between:
        yield between
    h2o.h2o.h2oconn = cluster


@pytest.fixture
def through(proxy: Proxy) -> Proxy:
    """The same, and this process speaks to the cluster through it."""
    h2o.connect(url=proxy.url, strict_version_check=False, verbose=False)
    return proxy


@pytest.fixture
def inside(proxy: Proxy, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker in a thread of this process, which is quicker; it is stopped at the end."""
    stop, threads = threading.Event(), []

    def start(**options: Any) -> Worker:
        def connect() -> None:
            h2o.connect(url=proxy.url, strict_version_check=False, verbose=False)

        serving = Worker(connect, "cpu", tmp_path, stop=stop, **options)
        threads.append(threading.Thread(target=serving.serve, daemon=True))
        threads[-1].start()
        return serving

    yield start
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def generate(model: str, **wanted: Any) -> str:
    """Have a worker generate rows, though the nodes could."""
    url = f"{h2o.connection().base_url}/3/GAN/models/{model}/generate"
    answer = requests.post(url, json={"backend": "worker", **wanted}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["job"]["key"]["name"]


def artifact(model: str) -> bytes:
    url = f"{h2o.connection().base_url}/3/GAN/models/{model}/artifact"
    answer = requests.get(url, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.fixture(scope="module")
def ready(thousand: h2o.H2OFrame) -> Iterator[str]:
    """A model to generate with."""
    H2OGANEstimator(model_id="ready", **SHORT).train(training_frame=thousand)
    yield "ready"
    h2o.remove("ready")


# ---- answers


def test_no_answer_of_a_cluster_ends_a_worker_or_loses_its_work(
    inside: Callable[..., Worker], proxy: Proxy, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    for poison in (PAGE, NESTED, '{"id": 5}'):
        proxy.on("POST .*claim", say(200, poison), 4)
    inside()
    until(lambda: proxy.left() == 0)
    proxy.on("POST .*claim", lose)
    proxy.on("heartbeat", say(200, PAGE), 3)
    proxy.on("checkpoint", say(503, "busy", Retry_After="1"))
    proxy.on("POST .*finish", say(200, PAGE))
    proxy.on("POST .*finish", say(502, PAGE))
    proxy.on("POST .*finish", lose)
    # Long enough for some heartbeats, one a second, to go wrong.
    asked = {"epochs": 4, "discriminator_epochs": 20, "seed": 1}
    job = build(thousand.frame_id, model_id="found_its_way", **asked)
    attempts = until(lambda: items(job).get("attempts"))
    assert ended(job)["status"] == "DONE"
    assert attempts == 1
    assert proxy.left() == 0
    assert len(h2o.get_model("found_its_way").scoring_history()) >= 1
    h2o.remove("found_its_way")


def test_a_notebooks_model_survives_broken_answers(
    through: Proxy, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    through.on("POST .*claim", lose)
    through.on("POST .*finish", say(200, PAGE))
    through.on("POST .*finish", lose)
    through.on("GET /3/Jobs", say(200, PAGE))
    gan = H2OGANEstimator(model_id="kept_by_cluster", **SHORT)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        gan.train(training_frame=thousand)
    assert through.left() <= 1
    assert len(artifact("kept_by_cluster")) > 10_000
    h2o.remove("kept_by_cluster")


def test_broken_transfers_are_begun_again_and_endless_ones_end(
    inside: Callable[..., Worker], proxy: Proxy, ready: str, no_leaks: set[str]
) -> None:
    proxy.on("GET .*artifact", cut, 2)
    inside()
    job = generate(ready, rows=5.0, destination_frame="five")
    assert ended(job)["status"] == "DONE"
    assert h2o.get_frame("five").nrow == 5
    h2o.remove("five")
    connection = H2OConnection.open(url=proxy.url, verbose=False, strict_version_check=False)
    queue = JobClient(connection, "reader", max_bytes=1 << 20, fetch_s=2.0)
    proxy.on("GET .*artifact", endless)
    with pytest.raises(H2OServerError, match="more than 1048576 bytes"):
        queue.fetch_model(ready)
    proxy.on("GET .*artifact", cut, 100)
    with pytest.raises(H2OConnectionError, match="lost the cluster while reading model"):
        queue.fetch_model(ready)
    connection.close()


def test_a_worker_ends_in_order_whatever_it_does(
    worker: Start, proxy: Proxy, ready: str, no_leaks: set[str]
) -> None:
    idle = worker(url=proxy.url)
    idle.wait_for("waits for jobs")
    assert idle.kill(signal.SIGTERM) == 0
    fetching = worker(url=proxy.url)
    held = Hold()
    proxy.on("GET .*artifact", held)
    job = generate(ready, rows=5, destination_frame="late", wait_for_worker_secs=300)
    assert held.reached.wait(120)
    assert fetching.kill(signal.SIGTERM) == 0
    held.go.set()
    assert "returned to the queue for another worker" in fetching.said()
    assert items(job)["state"] == "waiting"
    worker()
    assert ended(job)["status"] == "DONE"
    h2o.remove("late")


def test_a_worker_leaves_large_jobs_to_others(
    inside: Callable[..., Worker], ready: str, no_leaks: set[str]
) -> None:
    inside(max_rows=10)
    large = generate(ready, rows=11, destination_frame="large", wait_for_worker_secs=3)
    small = generate(ready, rows=1e1, destination_frame="small")
    assert ended(small)["status"] == "DONE"
    assert ended(large)["status"] == "FAILED"
    h2o.remove("small")


# ---- pauses


@pytest.mark.timeout(300)
def test_a_pause_of_the_cluster_loses_no_worker(
    worker: Start, tmp_path: Path, cluster: H2OConnection, free_port: Callable[[], int]
) -> None:
    """As a long garbage collection, or a laptop that was closed."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    node = server(port, tmp_path)
    try:
        h2o.connect(url=url, strict_version_check=False, verbose=False)
        ARROW.write(pa.table({"x": np.arange(500.0) % 7}).to_reader(), "paused")
        serving = worker(url=url, lease=2)
        job = build("paused", model_id="one", **LONG)
        serving.wait_for("epoch 3,")
        node.send_signal(signal.SIGSTOP)
        time.sleep(6)
        node.send_signal(signal.SIGCONT)
        until(lambda: state(job)["progress_msg"].startswith("epoch"))
        epoch = int(serving.said().split("epoch ")[-1].split(",")[0])
        serving.wait_for(f"epoch {epoch + 20},")
        assert items(job)["attempts"] == 1
        cancel(job)
        assert ended(job)["status"] == "CANCELLED"
        assert "left" not in serving.said()
        h2o.connection().close()
    finally:
        node.kill()
        node.wait()
        h2o.h2o.h2oconn = cluster


def test_a_paused_worker_takes_its_job_back_or_leaves_it_alone(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    first = worker(lease=2)
    job = build(thousand.frame_id, model_id="paused", **LONG)
    first.wait_for("epoch 3,")
    first.process.send_signal(signal.SIGSTOP)
    until(lambda: items(job)["state"] == "waiting")
    first.process.send_signal(signal.SIGCONT)
    until(lambda: items(job)["state"] == "working")
    assert items(job)["attempts"] == 1
    # Once another has it, it is that one's.
    until(lambda: items(job)["has_checkpoint"])
    first.process.send_signal(signal.SIGSTOP)
    second = worker(lease=10)
    second.wait_for("resumes from epoch")
    first.process.send_signal(signal.SIGCONT)
    first.wait_for("left: ")
    second.wait_for(r"epoch \d+,")
    cancel(job)
    assert ended(job)["status"] == "CANCELLED"
    assert len(h2o.get_model("paused").scoring_history()) >= 3
    h2o.remove("paused")


def test_a_stale_worker_touches_no_frame_of_others(
    worker: Start, proxy: Proxy, ready: str, no_leaks: set[str]
) -> None:
    """It was stopped between writing its rows and saying so; then all went on without it."""
    held = Hold()
    proxy.on("POST .*finish", held)
    first = worker(url=proxy.url, lease=2)
    job = generate(ready, rows=20, seed=1, destination_frame="asked_for")
    assert held.reached.wait(120)
    first.process.send_signal(signal.SIGSTOP)
    worker()
    assert ended(job)["status"] == "DONE"
    assert h2o.get_frame("asked_for").nrow == 20
    h2o.remove("asked_for")
    mine = pa.table({"mine": [1.0, 2.5, 4.0]})
    ARROW.write(mine.to_reader(), "asked_for")
    first.process.send_signal(signal.SIGCONT)
    held.go.set()
    first.wait_for("left: ")
    assert ARROW.read(h2o.get_frame("asked_for"), None).read_all().equals(mine)
    h2o.remove("asked_for")


# ---- disks


def disk(process: subprocess.Popen[str], most_bytes: int) -> None:
    """The largest file that a process may write."""
    hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes: Linux")
def test_a_full_disk_ends_nothing(
    worker: Start, proxy: Proxy, thousand: h2o.H2OFrame, no_leaks: set[str], tmp_path: Path
) -> None:
    serving = worker(url=proxy.url, lease=2)
    serving.wait_for("waits for jobs")
    disk(serving.process, 0)
    job = build(thousand.frame_id, model_id="in_memory", epochs=3, seed=1)
    assert ended(job)["status"] == "DONE", serving.said()
    made = generate("in_memory", rows=5, destination_frame="made_in_memory")
    assert ended(made)["status"] == "DONE", serving.said()
    # A model that the cluster can't have is kept, and written once there is room.
    orphan = build(thousand.frame_id, model_id="nobodys", **LONG)
    serving.wait_for("train nobodys(?s:.*)epoch 5,")
    proxy.on("GAN/jobs", say(503, "down"), 10_000)
    serving.wait_for("nobodys can't be written.*stays in memory")
    assert serving.process.poll() is None
    disk(serving.process, resource.RLIM_INFINITY)
    serving.wait_for(r"is in \S+nobodys.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["nobodys.zip"]
    cancel(orphan)
    ended(orphan)
    for key in ("in_memory", "made_in_memory", "nobodys"):
        h2o.remove(key)


# ---- a notebook that dies, or leaves


def test_a_training_is_handed_over_with_every_parameter(
    worker: Start, no_leaks: set[str], tmp_path: Path, cluster: H2OConnection
) -> None:
    """Wherever it was given: none may be lost on the way to whoever goes on."""
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(60):
        pixels = random.integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    table = pa.table(
        {
            "path": [f"{i}.png" for i in range(60)],
            "weight": 1.0 + np.arange(60) % 3,
            "left_out": np.arange(60.0),
        }
    )
    ARROW.write(table.to_reader(), "all_parameters")
    constructor = {
        "weights_column": "weight",
        "ignored_columns": ["left_out"],
        "ignore_const_cols": False,
        "column_types": {"left_out": "ignore"},
        "architecture": "mlp",
        "image_shape": (8, 8),
        "image_column": "path",
        "image_root": str(folder),
        "image_errors": "skip",
        "generator_architecture": {"hidden_dim": [9, 8], "activation": "tanh"},
        "discriminator_architecture": {"hidden_dim": 7},
        "latent_size": 5,
        "loss_function": "hinge",
        "gradient_penalty": 0.25,
        "epochs": 100_000,
        "discriminator_epochs": 3,
        "batch_size": 6,
        "generator_learning_rate": 1e-3,
        "discriminator_learning_rate": 3e-3,
        "ema_decay": 0.5,
        "seed": 17,
        "device": "cpu",
        "stopping_rounds": 1000,
        "stopping_tolerance": 1e-5,
        "score_each_iteration": True,
        "relations": False,
        "ignored_relations": "a = b; c < d",
        "constraint_errors": "drop",
        "contamination": 0.125,
    }
    trained = {"model_id": "all_of_them", "max_runtime_secs": 12.0}
    # What has no meaning elsewhere, or goes another way: as the first checkpoint. Networks given
    # as dicts learn images without labels, so the response is looked at alone.
    local = {"checkpoint", "export_checkpoints_dir", "response_column"}
    assert sent_of(Parameters(response_column="label")) == {"response_column": "label"}
    # So are parameters of tables alone.
    tables = {"constraints": "a < b; c = d", "missing_values_handling": "unknown"}
    assert sent_of(Parameters(**tables)) == tables
    local |= {*tables}
    named = {*constructor, *trained}
    assert named == {field.name for field in dataclasses.fields(Parameters)} - local
    defaults = {field.name: field.default for field in dataclasses.fields(Parameters)}
    assert all(value != defaults[name] for name, value in constructor.items())
    program = f"""
        import h2o, h2o_gan
        h2o.connect(url={cluster.base_url!r}, verbose=False, strict_version_check=False)
        gan = h2o_gan.H2OGANEstimator(**{constructor!r})
        gan.train(training_frame=h2o.get_frame("all_parameters"), **{trained!r})
    """
    notebook = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
    try:
        item = until(lambda: next((i for i in _queue() if i["model_id"] == "all_of_them"), None))
        until(lambda: items(item["job"])["has_checkpoint"])
    finally:
        notebook.kill()
        notebook.wait()
    sent = item["parameters"]
    expected = {**constructor, **trained}
    for name in named - {"model_id"}:
        value = expected[name]
        assert sent[name] == (list(value) if isinstance(value, tuple) else value), name
    serving = worker("--images", str(folder))
    serving.wait_for("resumes from epoch")
    assert ended(item["job"])["status"] == "DONE", serving.said()
    model = h2o.api("GET /3/Models/all_of_them")["models"][0]
    actual = {p["name"]: p["actual_value"] for p in model["parameters"]}
    assert actual["wait_for_worker_secs"] == 300
    assert h2o.get_model("all_of_them").weights_column == "weight"
    for key in ("all_of_them", "all_parameters"):
        h2o.remove(key)


def _queue() -> list[dict[str, Any]]:
    answer = requests.get(f"{h2o.connection().base_url}/3/GAN/jobs", timeout=30)
    found: list[dict[str, Any]] = json.loads(answer.text)["jobs"]
    return found


def test_a_notebook_leaves_its_training_to_a_worker(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str], tmp_path: Path
) -> None:
    """An earlier model of that notebook alone goes along."""
    first = H2OGANEstimator(**{**SHORT, "epochs": 2})
    first.train(training_frame=thousand)
    first.save(tmp_path / "first.zip")
    h2o.remove(str(first.model_id))
    gan = H2OGANEstimator(model_id="left", checkpoint=str(tmp_path / "first.zip"), **LONG)
    gan.start(training_frame=thousand)
    job = until(lambda: next((i["job"] for i in _queue() if i["model_id"] == "left"), None))
    until(lambda: items(job)["has_checkpoint"])  # The earlier model is the first.
    until(lambda: re.match(r"epoch \d+,", state(job)["progress_msg"]))
    shared, leaving = gan._run.cluster_job, threading.Event()
    assert isinstance(shared, TrainingJob)
    shared.release_when(leaving)
    leaving.set()
    gan._job.stop.set()
    with pytest.warns(RuntimeWarning, match="interrupted"):
        gan.join()
    assert shared.released
    assert items(job)["state"] == "waiting"
    serving = worker()
    begun = serving.wait_for(r"from epoch (\d+)")
    assert int(begun[1]) >= 2
    serving.wait_for(r"epoch \d+,")
    cancel(job)
    assert ended(job)["status"] == "CANCELLED"
    h2o.remove("left")
