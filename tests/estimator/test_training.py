"""Trainings that run to their end, are stopped, or lose their cluster."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import h2o
import pytest
from h2o.exceptions import H2OJobCancelled

from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.jobs.client import JobClient

pytestmark = pytest.mark.usefixtures("cluster")


def test_lazy_frames_train(prostate):
    lazy = prostate[prostate["AGE"] > 60, ["AGE", "PSA", "CAPSULE"]].rbind(
        prostate[prostate["AGE"] <= 60, ["AGE", "PSA", "CAPSULE"]]
    )
    gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).train(training_frame=lazy)
    assert [column.name for column in gan.engine_model.columns] == ["AGE", "PSA", "CAPSULE"]


def test_the_progress_bar_is_h2os(prostate, capsys):
    H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).train(
        x=["AGE"], training_frame=prostate
    )
    assert "gan Model Build progress: |" in capsys.readouterr().out
    h2o.no_progress()
    try:
        gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).train(
            x=["AGE"], training_frame=prostate
        )
        h2o.remove(gan.generate(5))
        assert capsys.readouterr().out == ""
    finally:
        h2o.show_progress()


def test_verbose_prints_the_scoring_history(prostate, capsys):
    H2OGANEstimator(epochs=40, discriminator_epochs=1, seed=1).train(
        training_frame=prostate, verbose=True
    )
    assert "held_out_loss=" in capsys.readouterr().out


def test_a_training_that_is_stopped_at_once_is_a_cancelled_job(prostate):
    gan = H2OGANEstimator(epochs=1_000_000, seed=1)
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    gan._job.cancel()
    with pytest.raises(H2OJobCancelled, match="stopped before the first training step"):
        gan.join()
    assert gan.model_id is None or gan.model_id not in set(h2o.ls()["key"])


def test_ctrl_c_keeps_the_model(prostate, tmp_path):
    gan = H2OGANEstimator(
        epochs=1_000_000, seed=1, score_each_iteration=True, export_checkpoints_dir=tmp_path
    )

    def interrupt():
        while not list(tmp_path.glob("*.zip")):  # until training is under way
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.warns(RuntimeWarning, match="interrupted in epoch"):
        gan.train(x=["AGE", "PSA"], training_frame=prostate)
    frame = gan.generate(20)
    assert frame.nrow == 20 and gan.get_summary()["stopped_by"] == ["interrupted"]
    h2o.remove(frame)


@pytest.mark.skipif(extension.jar() is None, reason="without the extension there is no job")
def test_a_second_ctrl_c_leaves_the_model_in_this_process(prostate, monkeypatch):
    """The first one ends the training, the second one the wait for the upload."""
    asked, allowed = threading.Event(), threading.Event()
    finish = JobClient.finish

    def late(*arguments):
        asked.set()
        allowed.wait(60)
        finish(*arguments)

    monkeypatch.setattr(JobClient, "finish", late)

    def interrupt():
        for _ in range(2):
            asked.wait(60)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.0)

    gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1, model_id="late")
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.warns(RuntimeWarning, match="'late' was in the cluster: it is only in this"):
        gan.train(x=["AGE", "PSA"], training_frame=prostate)
    try:
        gan.model_id = "renamed"  # Here alone: a rename in the cluster would fail.
        assert gan.engine_model.epoch == 1
    finally:
        allowed.set()
    deadline = time.monotonic() + 60
    while "late" not in set(h2o.ls()["key"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    h2o.remove("late")


def test_a_cluster_that_dies_leaves_the_model(tmp_path):
    """In a process of its own: kill the JVM while training, then use and save what was learned."""
    program = textwrap.dedent("""
        import os, signal, sys, threading, time, warnings
        import h2o, h2o_gan, numpy as np
        from h2o_gan.cluster.jobs import training
        from h2o_gan.cluster import patience
        patience.REPORT_AFTER_S, training._PATIENCE_S = 2.0, 8.0
        h2o_gan.init(port=FREE, name="dies", max_mem_size="500M")
        frame = h2o.H2OFrame([[i, i * 1.5] for i in range(400)], column_names=["a", "b"])
        jvm = h2o.connection().local_server._process
        gan = h2o_gan.H2OGANEstimator(
            epochs=1_000_000, max_runtime_secs=4, seed=1, architecture="mlp",
            score_each_iteration=True, export_checkpoints_dir=sys.argv[1],
        )
        def kill():
            while not os.listdir(sys.argv[1]):  # until training is under way
                time.sleep(0.05)
            jvm.kill()
        threading.Thread(target=kill, daemon=True).start()
        gan.train(training_frame=frame)
        assert jvm.poll() is not None
        rows = gan.predict(np.random.randn(5, 128))
        path = gan.save(sys.argv[1])
        try:
            gan.generate(10)
        except Exception as error:
            print(type(error).__name__)
        print(rows.shape, h2o_gan.load_model(path).get_summary()["stopped_by"])
    """).replace("FREE", str(_free_port()))
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    lines = done.stdout.strip().splitlines()
    assert "(5, 2) ['max_runtime_secs']" in lines, done.stderr[-2_000:] + done.stdout
    assert "H2OConnectionError" in lines or "H2OServerError" in lines
    assert "not answered for 2 s while uploading the model; waiting for up to 8 s" in done.stderr


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_constant_columns_alone_are_refused_unless_asked_for(cluster):
    frame = h2o.H2OFrame({"a": [1, 1, 1], "b": ["x", "x", "x"]}, column_types=["int", "enum"])
    with pytest.raises(ValueError, match="every column is constant.*ignore_const_cols=False"):
        H2OGANEstimator().train(training_frame=frame)
    gan = H2OGANEstimator(ignore_const_cols=False, epochs=1, discriminator_epochs=1).train(
        training_frame=frame
    )
    synthetic = gan.generate(3)
    assert synthetic.as_data_frame().values.tolist() == [[1, "x"]] * 3


def test_text_is_dropped_by_name(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3], "note": ["p", "q", "r"]}, column_types=["int", "string"])
    with pytest.warns(RuntimeWarning, match="Dropping text columns.*note"):
        gan = H2OGANEstimator(epochs=1, discriminator_epochs=1).train(training_frame=frame)
    assert [column.name for column in gan.engine_model.columns] == ["a"]
    with pytest.raises(ValueError, match=r"only text is left to learn \('note'\)"):
        H2OGANEstimator().train(x=["note"], training_frame=frame)


def test_an_output_dim_that_does_not_match_is_refused(prostate):
    gan = H2OGANEstimator(generator_architecture={"output_dim": 784})
    with pytest.raises(ValueError, match=r"\['output_dim'\]=784 .* 9 columns: use 9"):
        gan.train(training_frame=prostate)


def lines_of(warned, words):
    """Where the warnings that have these words point."""
    return {w.filename for w in warned if words in str(w.message)}


def test_warnings_point_at_the_users_line(cluster, prostate, tmp_path):
    frame = h2o.H2OFrame(
        {"a": list(range(60)), "note": ["a remark" if i % 3 else "another" for i in range(60)]},
        column_types=["int", "string"],
    )
    with pytest.warns(RuntimeWarning) as warned:
        H2OGANEstimator(epochs=1, discriminator_epochs=1, batch_size=100).train(
            training_frame=frame
        )
    assert lines_of(warned, "Dropping text columns") == {__file__}
    assert lines_of(warned, "batch_size=100 is larger") == {__file__}

    gan = H2OGANEstimator(
        epochs=1_000_000, score_each_iteration=True, export_checkpoints_dir=tmp_path
    )
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    while not list(tmp_path.glob("*.zip")):
        time.sleep(0.05)
    gan._job.cancel()
    with pytest.warns(RuntimeWarning) as warned:
        gan.join()
    assert lines_of(warned, "training was interrupted") == {__file__}


def test_a_warning_that_is_an_error_ends_the_training(cluster):
    frame = h2o.H2OFrame({"a": list(range(60))})
    gan = H2OGANEstimator(epochs=1_000_000, batch_size=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(RuntimeWarning, match="batch_size=100"):
            gan.train(training_frame=frame)
    assert not [t for t in threading.enumerate() if t.name == "gan Model Build" and _lives(t)]


def _lives(thread):
    thread.join(20)
    return thread.is_alive()


def test_a_table_of_image_paths_and_a_tiny_one_are_warned_about(cluster):
    frame = h2o.H2OFrame(
        {"file": [f"pictures/{i % 4}.png" for i in range(12)], "size": list(range(12))},
        column_types=["enum", "int"],
    )
    with pytest.warns(RuntimeWarning) as warned:
        H2OGANEstimator(epochs=1, discriminator_epochs=1).train(training_frame=frame)
    words = [str(w.message) for w in warned]
    assert any("'file' looks like paths of image files" in w and "image_column" in w for w in words)
    assert any("12 rows are few" in w and "at least 50" in w for w in words)


def test_a_training_frame_that_is_removed_meanwhile_takes_no_model_with_it(tmp_path):
    frame = h2o.H2OFrame({"a": list(range(200)), "b": [i % 7 for i in range(200)]})
    gan = H2OGANEstimator(
        epochs=1_000_000, score_each_iteration=True, export_checkpoints_dir=tmp_path
    )
    gan.start(training_frame=frame)
    while not list(tmp_path.glob("*.zip")):
        time.sleep(0.05)
    h2o.remove(frame)
    gan._job.cancel()
    with pytest.warns(RuntimeWarning, match="interrupted"):
        gan.join()
    if extension.jar() is not None:
        assert gan._in_cluster and h2o.get_model(gan.model_id).model_id == gan.model_id
    rows = gan.generate(5)
    assert rows.nrow == 5
    h2o.remove(rows)
