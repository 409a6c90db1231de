"""Workers as processes: what they do for a cluster, and what happens when either is killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection
from h2o.grid import H2OGridSearch
from PIL import Image
from workers import LONG, SHORT, Start, build, cancel, ended, items, rows, server, state, until

import h2o_gan
from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.frames import ARROW

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]


def check_samples(gan: H2OGANEstimator, frame: h2o.H2OFrame) -> None:
    synthetic = gan.generate(200, seed=1)
    assert synthetic.types == frame.types
    assert synthetic.rbind(frame).nrow == 200 + frame.nrow
    h2o.remove(synthetic)


def sample(gan: H2OGANEstimator, n: int = 20, **options: Any) -> pa.Table:
    made = gan.generate(n, seed=7, **options)
    table = ARROW.read(made, None).read_all()
    h2o.remove(made)
    return table


def test_a_model_and_a_frame_are_made_for_whoever_asks(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str], tmp_path: Path
) -> None:
    serving = worker()
    job = build(thousand.frame_id, model_id="by_worker", epochs=3, seed=1)
    assert ended(job)["status"] == "DONE", serving.said()
    gan = h2o.get_model("by_worker")
    assert isinstance(gan, H2OGANEstimator)
    assert gan.epochs == 3
    assert list(gan.scoring_history()["epoch"]) == [1, 2, 3]
    assert gan.actual_params["training_frame"] == thousand.frame_id
    check_samples(gan, thousand)
    # The same numbers in the cluster, where Flow and R look.
    output = h2o.api("GET /3/Models/by_worker")["models"][0]["output"]
    assert output["model_summary"]["architecture"][0] == "columns"
    assert output["column_summary"]["column"] == ["x", "y", "colour"]
    metric = output["training_metrics"]
    assert metric["held_out_loss"] == gan.scoring_history()["held_out_loss"].iloc[-1]
    # The worker generates as this process does.
    body = {
        "backend": "worker",
        "rows": 50,
        "seed": 7,
        "destination_frame": "made",
        "conditions": {"colour": "red", "x": {"low": -1, "high": 0}},
    }
    url = f"{h2o.connection().base_url}/3/GAN/models/by_worker/generate"
    started = requests.post(url, json=body, timeout=30).json()["job"]["key"]["name"]
    assert ended(started)["status"] == "DONE", serving.said()
    made = ARROW.read(h2o.get_frame("made"), None).read_all()
    assert made["colour"].unique().to_pylist() == ["red"]
    assert -1 <= min(made["x"].to_pylist()) <= max(made["x"].to_pylist()) <= 0
    assert sample(gan, 50, conditions={"colour": "red", "x": (-1, 0)}).equals(made)
    # A column that is not there is refused at once; what only the engine can tell fails the job.
    body = {"backend": "worker", "rows": 5, "conditions": {"size": 1}}
    refused = requests.post(url, json=body, timeout=30)
    assert refused.status_code == 400
    assert "no column 'size'" in refused.json()["msg"]
    body["conditions"] = {"x": "red"}
    started = requests.post(url, json=body, timeout=30).json()["job"]["key"]["name"]
    failed = ended(started)
    assert failed["status"] == "FAILED"
    assert "'x'" in failed["exception"]
    for key in ("made", "by_worker"):
        h2o.remove(key)


def test_rules_come_as_text_and_are_kept(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    """As Flow, R and grids send them."""
    serving = worker()
    short = {"epochs": 1, "discriminator_epochs": 0, "seed": 1}
    job = build(thousand.frame_id, model_id="broken", constraints="y > 0; x < 99", **short)
    failed = ended(job)
    assert failed["status"] == "FAILED", serving.said()
    assert re.search(r"'y > 0' is broken by \d+ rows", failed["exception"])
    assert "broken" not in set(h2o.ls()["key"])
    job = build(
        thousand.frame_id, model_id="kept", constraints="y > 0; x < 99", constraint_errors="drop",
        **short,
    )  # fmt: skip
    assert ended(job)["status"] == "DONE", serving.said()
    table = h2o.api("GET /3/Models/kept")["models"][0]["output"]["relation_summary"]
    assert table["relation"][:2] == ["y > 0", "x < 99"]
    gan = h2o.get_model("kept")
    assert gan.constraints == ("y > 0", "x < 99") and gan.constraint_errors == "drop"
    assert 300 < gan.get_summary()["training_rows"][0] < 700
    assert min(sample(gan, 200)["y"].to_pylist()) > 0
    shared = H2OGANEstimator(constraints=["x < 99", "y < 99"], **short)
    grid = H2OGridSearch(shared, {"relations": [True, False]}, grid_id="relations_grid")
    grid.train(training_frame=thousand)
    assert {model.relations for model in grid.models} == {True, False}
    for model in grid.models:
        assert model.constraints == ("x < 99", "y < 99")
    for key in ("kept", *grid.model_ids, "relations_grid"):
        h2o.remove(key)


def test_models_are_saved_loaded_renamed_and_removed_as_others(
    thousand: h2o.H2OFrame, no_leaks: set[str], tmp_path: Path
) -> None:
    gan = H2OGANEstimator(model_id="moved", **{**SHORT, "epochs": 2})
    gan.train(training_frame=thousand)
    assert "moved" in set(h2o.ls()["key"])
    expected = sample(gan)

    def same(model: H2OGANEstimator) -> bool:
        return bool(sample(model).equals(expected))

    saved = h2o.save_model(gan, str(tmp_path), filename="saved")
    downloaded = gan.download_model(str(tmp_path), filename="downloaded")
    h2o.remove("moved")
    with pytest.raises(h2o.exceptions.H2OResponseError):
        h2o.get_model("moved")
    assert same(h2o.load_model(saved))
    h2o.remove("moved")
    before = set(h2o.ls()["key"])
    assert same(h2o.upload_model(downloaded))
    no_leaks |= {k for k in set(h2o.ls()["key"]) - before if k.startswith("upload_")}  # H2O's own.
    found = h2o.get_model("moved")
    found.model_id = "moved_on"
    assert same(h2o.get_model("moved_on"))
    longer = {**SHORT, "epochs": 3}
    again = H2OGANEstimator(checkpoint="moved_on", model_id="longer", **longer)
    again.train(training_frame=thousand)
    assert list(again.scoring_history()["epoch"]) == [1, 2, 3]
    for key in ("moved_on", "longer"):
        h2o.remove(key)


def test_a_grid_is_ranked_by_how_well_models_know_the_data(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    worker()
    shared = H2OGANEstimator(discriminator_epochs=1, seed=1)
    grid = H2OGridSearch(shared, {"epochs": [1, 6]}, grid_id="gan_grid")
    grid.train(training_frame=thousand)
    assert [model.epochs for model in grid.models] == [6, 1]
    table = grid.sorted_metric_table()
    assert list(table["residual_deviance"]) == sorted(table["residual_deviance"])
    again = grid.get_grid(sort_by="held_out_loss", decreasing=True)
    assert [model.epochs for model in again.models] == [1, 6]
    check_samples(grid.models[0], thousand)
    for key in (*grid.model_ids, "gan_grid"):
        h2o.remove(key)


def test_a_training_is_watched_and_cancelled_in_the_cluster(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    serving = worker()
    job = build(thousand.frame_id, model_id="cut_short", **LONG)
    serving.wait_for(r"epoch 5,")
    deadline = time.monotonic() + 10
    while not state(job)["progress_msg"].startswith("epoch ") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert re.match(r"epoch \d+, generator_loss", state(job)["progress_msg"])
    growing = h2o.api("GET /3/Models/cut_short")["models"][0]["output"]["scoring_history"]
    assert len(growing.cell_values) >= 1
    cancel(job)
    assert ended(job, 10)["status"] == "CANCELLED"
    gan = h2o.get_model("cut_short")
    assert len(gan.scoring_history()) >= 5
    check_samples(gan, thousand)
    # The worker is there for the next one.
    assert ended(build(thousand.frame_id, model_id="next", epochs=1))["status"] == "DONE"
    for key in ("cut_short", "next"):
        h2o.remove(key)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_another_worker_goes_on(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str], number: int
) -> None:
    """A killed worker is missed after its lease; one that is asked to leave hands over at once."""
    first = worker(lease=2 if number == signal.SIGKILL else None)
    job = build(thousand.frame_id, model_id="handed_over", **LONG)
    first.wait_for(r"epoch 30,")
    until(lambda: items(job)["has_checkpoint"])
    assert first.kill(number) == (-number if number == signal.SIGKILL else 0)
    second = worker()
    begun = second.wait_for(r"resumes from epoch (\d+)", 40)
    assert int(begun[1]) >= 1
    second.wait_for(rf"epoch {int(begun[1]) + 5},")
    cancel(job)
    assert ended(job, 10)["status"] == "CANCELLED"
    epochs = list(h2o.get_model("handed_over").scoring_history()["epoch"])
    # Both workers' epochs in one history; the last one was cut in two.
    assert epochs == [*range(1, len(epochs)), len(epochs) - 1]
    assert len(epochs) > int(begun[1]) + 4
    h2o.remove("handed_over")


def test_two_workers_share_the_queue(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    both = [worker(), worker()]
    jobs = [build(thousand.frame_id, model_id=f"shared_{i}", **LONG) for i in range(2)]
    for process in both:
        process.wait_for("epoch 3,")
    named = [re.findall(r"train (shared_\d)", process.said()) for process in both]
    assert sorted(named) == [["shared_0"], ["shared_1"]]
    for job in jobs:
        cancel(job)
    for i, job in enumerate(jobs):
        assert ended(job, 15)["status"] == "CANCELLED"
        h2o.remove(f"shared_{i}")


def test_a_notebook_that_dies_is_replaced_by_a_worker(
    worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str], cluster: H2OConnection
) -> None:
    """Until then its training shows up in the cluster like any other."""
    program = f"""
        import h2o, h2o_gan
        h2o.connect(url={cluster.base_url!r}, verbose=False, strict_version_check=False)
        gan = h2o_gan.H2OGANEstimator(model_id="notebooks", **{LONG!r})
        gan.train(training_frame=h2o.get_frame("worker_frame"))
    """
    notebook = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
    try:
        deadline = time.monotonic() + 60
        job = None
        while time.monotonic() < deadline:
            jobs = h2o.api("GET /3/Jobs")["jobs"]
            mine = [j for j in jobs if (j["dest"] or {}).get("name") == "notebooks"]
            if mine and re.match(r"epoch \d\d", mine[0]["progress_msg"] or ""):
                job = mine[0]["key"]["name"]
                break
            time.sleep(0.2)
        assert job is not None
    finally:
        notebook.kill()
        notebook.wait()
    serving = worker()
    serving.wait_for("resumes from epoch", 40)
    cancel(job)
    assert ended(job, 15)["status"] == "CANCELLED"
    h2o.remove("notebooks")


def test_a_notebook_hears_of_a_cancelled_job(thousand: h2o.H2OFrame, no_leaks: set[str]) -> None:
    gan = H2OGANEstimator(model_id="from_flow", **LONG)
    gan.start(training_frame=thousand)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        jobs = h2o.api("GET /3/Jobs")["jobs"]
        mine = [j for j in jobs if (j["dest"] or {}).get("name") == "from_flow"]
        if mine and (mine[0]["progress_msg"] or "").startswith("epoch"):
            break
        time.sleep(0.2)
    cancel(mine[0]["key"]["name"])
    with pytest.warns(RuntimeWarning, match="the model has the weights of that step"):
        gan.join()
    assert state(mine[0]["key"]["name"])["status"] == "CANCELLED"
    check_samples(gan, thousand)
    check_samples(h2o.get_model("from_flow"), thousand)
    h2o.remove("from_flow")


def test_once(worker: Start, thousand: h2o.H2OFrame, no_leaks: set[str]) -> None:
    single = worker("--once")
    job = build(thousand.frame_id, model_id="only", epochs=1, report=True)
    assert ended(job)["status"] == "DONE"
    assert single.process.wait(90) == 0
    output = h2o.api("GET /3/Models/only")["models"][0]["output"]
    figures = output["report"].as_data_frame().set_index("figure")
    assert 0 < figures.loc["fidelity.pairs", "value"] <= 1, single.said()
    assert sorted(output["report_columns"]["column"]) == ["colour", "x", "y"]
    assert len(output["report_attacks"].cell_values) > 3
    h2o.remove("only")
    failing = worker("--once")
    job = build(thousand.frame_id, column_types='{"colour": "numeric"}')
    last = ended(job)
    assert last["status"] == "FAILED"
    assert "colour" in last["exception"]
    assert failing.process.wait(15) == 1


def test_image_files_are_read_only_where_the_worker_was_told(
    worker: Start, no_leaks: set[str], tmp_path: Path
) -> None:
    """Whoever starts a job names its image_root: it must not be any folder of the worker's."""
    folder = tmp_path / "images" / "digits"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(40):
        pixels = random.integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    table = pa.table({"path": [f"{i}.png" for i in range(40)]})
    frame = ARROW.write(table.to_reader(), "image_files")
    asked = {"image_column": "path", "image_shape": "[8,8]", "epochs": 1, "model_id": "of_files"}
    without = worker("--once")
    last = ended(build("image_files", image_root=str(folder), **asked))
    assert "reads no image files; start it with --images" in last["exception"]
    assert without.process.wait(15) == 1
    worker("--images", str(folder.parent))
    last = ended(build("image_files", image_root=str(tmp_path), **asked))
    assert "is not below the folder of images" in last["exception"]
    assert ended(build("image_files", image_root="digits", **asked))["status"] == "DONE"
    assert h2o.get_model("of_files").generate_images(3).shape == (3, 8, 8)
    h2o.remove("of_files")
    h2o.remove(frame)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--device", "tpu"), "device='tpu' is not known"), (("--keep", "/proc/none"), "--keep")],
)
def test_wrong_usage(worker: Start, arguments: tuple[str, ...], words: str) -> None:
    process = worker(*arguments)
    assert process.process.wait(60) == 2
    assert words in process.said()


@pytest.mark.timeout(200)
def test_the_cluster_is_killed_and_comes_back(
    worker: Start, cluster: H2OConnection, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The worker says so, keeps what it has, and serves the new cluster; a model moves over."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    node = server(port, tmp_path)
    try:
        h2o.connect(url=url, strict_version_check=False, verbose=False)
        ARROW.write(rows(1000).to_reader(), "lost")
        serving = worker(url=url, lease=2)
        job = build("lost", model_id="early", epochs=1)
        assert ended(job)["status"] == "DONE"
        downloaded = h2o.download_model(h2o.get_model("early"), str(tmp_path))
        build("lost", model_id="orphan", **LONG)
        serving.wait_for("epoch 5,")
        h2o.connection().close()
        node.kill()
        node.wait()
        kept = serving.wait_for(r"is in (\S+orphan\.zip)", 60)
        assert "checkpoint=" in serving.said()
        gan = h2o_gan.load_model(kept[1])
        assert len(gan.scoring_history()) >= 5
        serving.wait_for("no cluster yet", 60)
        node = server(port, tmp_path)
        serving.wait_for(r"(?s)no cluster yet.*waits for jobs", 60)
        h2o.connect(url=url, strict_version_check=False, verbose=False)
        assert h2o.upload_model(downloaded).generate(10).nrow == 10
        ARROW.write(rows(1000).to_reader(), "found")
        assert ended(build("found", epochs=1))["status"] == "DONE"
        h2o.connection().close()
    finally:
        node.kill()
        node.wait()
        h2o.h2o.h2oconn = cluster
