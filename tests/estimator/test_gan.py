"""The estimator against a real cluster: H2O's contract, and frames that fit the originals."""

import inspect
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import h2o
import numpy as np
import pytest
from h2o.estimators import H2OGradientBoostingEstimator
from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OConnectionError, H2OJobCancelled, H2OTypeError, H2OValueError
from sklearn.base import clone

import h2o_gan
from h2o_gan import H2OGANEstimator, engine, extension
from h2o_gan.parameters import Parameters

pytestmark = pytest.mark.usefixtures("cluster")

FACTORS = ["CAPSULE", "RACE", "DPROS", "DCAPS", "GLEASON"]


@pytest.fixture(scope="module")
def prostate(cluster):
    frame = h2o.upload_file(os.path.join(os.path.dirname(h2o.__file__), "h2o_data", "prostate.csv"))
    for name in FACTORS:
        frame[name] = frame[name].asfactor()
    frame = h2o.assign(frame, "prostate_mixed")
    yield frame
    h2o.remove("prostate_mixed")


@pytest.fixture(scope="module")
def trained(prostate):
    gan = H2OGANEstimator(epochs=60, seed=1, ignored_columns=["ID"], model_id="prostate_gan")
    return gan.train(training_frame=prostate)


@pytest.fixture(scope="module")
def latent(prostate):
    gan = H2OGANEstimator(epochs=2, seed=1, ignored_columns=["ID"], architecture="mlp")
    return gan.train(training_frame=prostate)


@pytest.fixture(scope="module")
def with_gaps(cluster):
    """Numbers, times and levels with missing values, and one column that is always missing."""
    rng = np.random.default_rng(0)
    rows = ["when,size,kind,gone"]
    for i in range(400):
        when = "" if rng.random() < 0.1 else f"19{60 + i % 40}-0{1 + i % 9}-11 10:00:00"
        size = "" if rng.random() < 0.3 else f"{rng.normal(5, 2):.2f}"
        kind = "" if rng.random() < 0.2 else ["a", "b, c", "d"][i % 3]
        rows.append(f'{when},{size},"{kind}",' if kind else f"{when},{size},,")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "gaps.csv")
        with open(path, "w") as file:
            file.write("\n".join(rows))
        frame = h2o.upload_file(path)
    yield frame
    h2o.remove(frame)


# ---- frames that fit


def test_a_generated_frame_has_the_columns_types_and_levels(prostate, trained):
    synthetic = trained.generate(500, seed=3)
    original = prostate.drop("ID")
    assert synthetic.nrow == 500
    assert synthetic.names == original.names
    assert synthetic.types == original.types
    for name in FACTORS:
        assert synthetic[name].levels() == original[name].levels()
    for name in ("AGE", "PSA", "VOL"):
        assert synthetic[name].min() >= prostate[name].min()
        assert synthetic[name].max() <= prostate[name].max()
    h2o.remove(synthetic)


def test_a_generated_frame_binds_to_the_original_and_trains_a_gbm(prostate, trained):
    synthetic = trained.generate(1_000, seed=3)
    both = prostate.drop("ID").rbind(synthetic)
    assert both.nrow == prostate.nrow + 1_000
    gbm = H2OGradientBoostingEstimator(ntrees=20, seed=1)
    gbm.train(y="CAPSULE", training_frame=both)
    assert gbm.auc() > 0.6
    on_synthetic = H2OGradientBoostingEstimator(ntrees=20, max_depth=3, seed=1)
    on_synthetic.train(y="CAPSULE", training_frame=synthetic)
    # Trained on nothing but synthetic rows, it must tell something about the real ones.
    assert on_synthetic.model_performance(prostate).auc() > 0.6
    h2o.remove(synthetic)


def test_missing_values_times_and_empty_columns_come_through(with_gaps):
    gan = H2OGANEstimator(epochs=20, seed=1).train(training_frame=with_gaps)
    synthetic = gan.generate(4_000, seed=1)
    assert synthetic.names == with_gaps.names
    for name in ("when", "size", "kind"):
        assert synthetic.types[name] == with_gaps.types[name]
        real, fake = with_gaps[name].isna().mean()[0], synthetic[name].isna().mean()[0]
        assert fake == pytest.approx(real, abs=0.03), name
    assert synthetic["gone"].isna().mean()[0] == 1
    assert synthetic["kind"].levels() == with_gaps["kind"].levels()
    assert with_gaps.rbind(synthetic).nrow == 4_400
    h2o.remove(synthetic)


def test_a_seed_gives_the_same_frame(trained):
    frames = [trained.generate(300, seed=seed) for seed in (9, 9, 10)]
    tables = [frame.as_data_frame() for frame in frames]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    for frame in frames:
        h2o.remove(frame)


def test_the_destination_frame_is_named(trained):
    frame = trained.generate(10, destination_frame="my_rows")
    assert frame.frame_id == "my_rows"
    with pytest.raises(H2OValueError, match="my_rows"):
        trained.generate(10, destination_frame="my_rows")
    assert h2o.get_frame("my_rows").nrow == 10
    h2o.remove("my_rows")


def test_nothing_but_the_new_frame_stays_in_the_cluster(prostate, trained):
    prostate.refresh()
    before = set(h2o.ls()["key"])
    gan = H2OGANEstimator(epochs=1, seed=1).train(training_frame=prostate)
    if extension.jar() is not None:  # Then the model lives there.
        before |= {key for key in set(h2o.ls()["key"]) if str(gan.model_id) in key}
    assert set(h2o.ls()["key"]) == before
    frame = gan.generate(10)
    assert set(h2o.ls()["key"]) == before | {frame.frame_id}
    scores = gan.predict(frame)
    assert set(h2o.ls()["key"]) == before | {frame.frame_id, scores.frame_id}
    h2o.remove(frame)
    h2o.remove(scores)


def test_lazy_frames_train(prostate):
    lazy = prostate[prostate["AGE"] > 60, ["AGE", "PSA", "CAPSULE"]].rbind(
        prostate[prostate["AGE"] <= 60, ["AGE", "PSA", "CAPSULE"]]
    )
    gan = H2OGANEstimator(epochs=1, seed=1).train(training_frame=lazy)
    assert [column.name for column in gan.engine_model.columns] == ["AGE", "PSA", "CAPSULE"]


def test_columns_are_chosen_by_x_y_and_ignored_columns(prostate):
    def columns(**arguments):
        gan = H2OGANEstimator(epochs=1, seed=1).train(training_frame=prostate, **arguments)
        return [column.name for column in gan.engine_model.columns]

    assert columns(x=["PSA", "AGE"]) == ["AGE", "PSA"]
    assert columns(x=["PSA", 2], y="CAPSULE") == ["CAPSULE", "AGE", "PSA"]
    assert columns(x=-1, y=1) == ["CAPSULE", "GLEASON"]
    assert columns(ignored_columns=["ID", 3]) == [
        n for n in prostate.names if n not in ("ID", prostate.names[3])
    ]
    assert columns(x=["AGE", "PSA"], weights_column="VOL") == ["AGE", "PSA"]


# ---- H2O's contract


def test_it_is_an_h2o_estimator_with_h2os_signature(trained):
    assert isinstance(trained, H2OEstimator)
    own = list(inspect.signature(H2OGANEstimator.train).parameters)
    assert own == list(inspect.signature(H2OEstimator.train).parameters)
    assert trained.model_id == trained.key == "prostate_gan"
    assert trained.type == "unsupervised"
    assert trained.have_mojo is False and trained.have_pojo is False
    assert 0 < trained.run_time <= trained.end_time - trained.start_time


def test_params_tell_default_given_and_actual(trained):
    assert trained.params["epochs"] == {"default": None, "actual": 60, "input": 60}
    assert trained.actual_params["model_id"] == "prostate_gan"
    assert trained.actual_params["training_frame"] == "prostate_mixed"
    assert trained.default_params["loss_function"] == "relativistic"
    drawn = H2OGANEstimator(epochs=1).train(
        x=["AGE"], training_frame=h2o.get_frame("prostate_mixed")
    )
    assert drawn.params["seed"]["input"] == -1 and drawn.actual_params["seed"] >= 0


def test_parameters_are_properties_with_help():
    for name in Parameters.__dataclass_fields__:
        assert isinstance(inspect.getattr_static(H2OGANEstimator, name), property), name
        assert name in H2OGANEstimator.__doc__
    gan = H2OGANEstimator(epochs=3)
    gan.epochs = 4
    assert gan.epochs == 4 and gan.get_params()["epochs"] == 4
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        gan.epochs = 0
    assert gan.epochs == 4


def test_get_set_and_clone_are_scikit_learns():
    architecture = {"hidden_dim": [8], "activation": "relu"}
    gan = H2OGANEstimator(epochs=7, generator_architecture=architecture)
    assert gan.get_params()["generator_architecture"] is architecture
    copy = clone(gan)
    assert copy is not gan and copy.get_params() == gan.get_params()
    assert copy.set_params(epochs=8, seed=3) is copy
    assert (copy.epochs, copy.seed, gan.epochs) == (8, 3, 7)
    with pytest.raises(H2OTypeError, match="'epoch' is not a parameter"):
        gan.set_params(epoch=3)
    with pytest.raises(H2OTypeError, match="'epoch' is not a parameter"):
        H2OGANEstimator(epoch=3)


def test_it_shows_itself(trained, capsys):
    assert "H2OGANEstimator : Generative Adversarial Network" in repr(trained) + str(trained)
    assert "Scoring History" in str(trained)
    assert "prostate_gan" in trained._repr_html_()
    trained.show()
    assert "Model Summary" in capsys.readouterr().out
    summary = trained.get_summary()
    assert summary["training_rows"] == [380] and summary["stopped_by"] == ["epochs"]
    assert trained.summary().col_header == summary.col_header
    assert str(H2OGANEstimator()) == "No model available"


def test_scoring_history_and_plot(trained, tmp_path):
    history = trained.scoring_history()
    for name in ("epoch", "step", "seconds", "generator_loss", "held_out_loss"):
        assert history[name].notna().all(), name
    assert history["discriminator_loss"].notna().sum() == 1  # trained once, at the end
    assert list(history["epoch"]) == list(range(3, 61, 3))
    assert trained.scoring_history(as_data_frame=False)["epoch"] == list(range(3, 61, 3))
    picture = tmp_path / "history.png"
    trained.plot(server=True, save_plot_path=str(picture))
    assert picture.read_bytes()[:4] == b"\x89PNG"
    trained.plot(timestep="seconds", metric="discriminator_loss", server=True)
    with pytest.raises(H2OValueError, match="metric='auc' is not known; use .*held_out_loss"):
        trained.plot(metric="auc", server=True)
    with pytest.raises(H2OValueError, match="timestep='days' is not known"):
        trained.plot(timestep="days", server=True)


def test_what_cannot_apply_is_refused_in_words(trained):
    refused = []
    for name in dir(H2OEstimator):
        if name.startswith("_") or not callable(inspect.getattr_static(H2OEstimator, name)):
            continue
        if (
            getattr(H2OGANEstimator, name).__doc__
            == "Does not apply to a GAN: raises NotImplementedError."
        ):
            refused.append(name)
            with pytest.raises(NotImplementedError, match=f"^{name} does not apply to a GAN"):
                getattr(trained, name)()
    for name in ("download_pojo", "download_mojo", "save_mojo", "varimp", "varimp_plot", "auc",
                 "model_performance", "train_segments", "explain", "partial_plot"):  # fmt: skip
        assert name in refused


def test_the_progress_bar_is_h2os(prostate, capsys):
    H2OGANEstimator(epochs=1, seed=1).train(x=["AGE"], training_frame=prostate)
    assert "gan Model Build progress: |" in capsys.readouterr().out
    h2o.no_progress()
    try:
        gan = H2OGANEstimator(epochs=1, seed=1).train(x=["AGE"], training_frame=prostate)
        h2o.remove(gan.generate(5))
        assert capsys.readouterr().out == ""
    finally:
        h2o.show_progress()


def test_verbose_prints_the_scoring_history(prostate, capsys):
    H2OGANEstimator(epochs=40, seed=1).train(training_frame=prostate, verbose=True)
    assert "held_out_loss=" in capsys.readouterr().out


def test_start_and_join(prostate):
    gan = H2OGANEstimator(epochs=3, seed=1)
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    with pytest.raises(H2OValueError, match="training already"):
        gan.train(training_frame=prostate)
    gan.join()
    assert gan.engine_model.epoch == 3
    with pytest.raises(H2OValueError, match="call start"):
        gan.join()


def test_sklearns_fit_trains(prostate):
    with pytest.warns(UserWarning, match="`fit` is not recommended"):
        gan = H2OGANEstimator(epochs=1, seed=1).fit(prostate[["AGE", "PSA"]])
    assert gan.engine_model.rows == 380


# ---- predict


def test_latents_become_rows(latent):
    size = latent.engine_model.latent_size
    latents = np.random.default_rng(0).normal(size=(5, size))
    rows = latent.predict(latents)
    assert rows.shape == (5, 8) and rows.dtype == object
    assert rows[0, 0] in ("0", "1")
    for one in (latents[2], latents[2][:, None]):
        assert np.array_equal(latent.predict(one), rows[2:3])


@pytest.mark.parametrize(
    "latents",
    [np.zeros(5), np.zeros((3, 5)), np.zeros((0, 128)), np.zeros((2, 128, 1)), np.zeros(())],
)
def test_latents_of_a_wrong_shape_are_refused(latent, latents):
    with pytest.raises(ValueError, match="latent vectors"):
        latent.predict(latents)


def test_what_is_neither_latents_nor_a_frame_is_refused(latent):
    with pytest.raises(H2OTypeError, match="must be an H2OFrame or an array of latent vectors"):
        latent.predict("x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_latents_must_be_finite(latent, value):
    with pytest.raises(ValueError, match="finite"):
        latent.predict(np.full((1, 128), value))


def test_a_model_without_latents_says_so(trained):
    with pytest.raises(H2OValueError, match="no latent vectors.*architecture='mlp'"):
        trained.predict(np.zeros((2, 128)))


def test_a_frame_becomes_the_critics_opinion(prostate, trained):
    scores = trained.predict(prostate)
    assert scores.names == ["realism", "log_density"] and scores.nrow == prostate.nrow
    assert scores["realism"].min() >= 0 and scores["realism"].max() <= 1
    assert scores["realism"].mean()[0] == pytest.approx(0.5, abs=0.1)
    h2o.remove(scores)
    with pytest.raises(H2OValueError, match="no column 'PSA'"):
        trained.predict(prostate.drop("PSA"))
    other = h2o.deep_copy(prostate, "other_types")
    other["CAPSULE"] = other["CAPSULE"].asnumeric()
    with pytest.raises(H2OValueError, match="column 'CAPSULE' is (int|real) .* trained on enum"):
        trained.predict(other)
    h2o.remove("other_types")


# ---- what rows have to meet


def test_conditions_reach_the_cluster(prostate, trained):
    synthetic = trained.generate(300, seed=1, conditions={"CAPSULE": "1", "AGE": (60, 70)})
    assert synthetic.types == {n: t for n, t in prostate.types.items() if n != "ID"}
    rows = synthetic.as_data_frame()
    assert set(rows["CAPSULE"]) == {1} and rows["AGE"].between(60, 70).all()
    assert prostate.drop("ID").rbind(synthetic).nrow == 680
    h2o.remove(synthetic)


def test_a_frame_of_conditions_is_completed(prostate, trained):
    given = prostate[:50, ["AGE", "RACE"]]
    synthetic = trained.generate(conditions=given, seed=1)
    assert synthetic.nrow == 50 and synthetic.names == [
        c.name for c in trained.engine_model.columns
    ]
    for name in ("AGE", "RACE"):
        assert (synthetic[name] == given[name]).all()
    h2o.remove(synthetic)
    with pytest.raises(H2OValueError, match="n=7, but conditions has 50 rows"):
        trained.generate(7, conditions=given)
    with pytest.raises(H2OValueError, match="the model has no column 'ID'"):
        trained.generate(conditions=prostate[["ID"]])


def test_balance_reaches_the_cluster(trained):
    synthetic = trained.generate(200, seed=1, balance="CAPSULE")
    assert sorted(synthetic["CAPSULE"].table().as_data_frame()["Count"]) == [100, 100]
    h2o.remove(synthetic)


def test_missing_values_are_imputed(with_gaps):
    gan = H2OGANEstimator(epochs=5, seed=1).train(training_frame=with_gaps)
    filled = gan.impute(with_gaps, seed=1)
    assert filled.types == with_gaps.types
    before, after = with_gaps.as_data_frame(), filled.as_data_frame()
    for name in ("when", "size", "kind"):
        assert after[name].notna().all() and before[name].isna().any()
        seen = before[name].notna()
        assert (before[name][seen] == after[name][seen]).all()
    assert after["gone"].isna().all()
    h2o.remove(filled)


def test_unmet_conditions_leave_no_frame(trained):
    frames = set(h2o.ls()["key"])
    for options, message in (
        ({"n": 5, "conditions": {"RACE": "9"}}, "no level '9'"),
        ({"n": 5, "conditions": {"TOWN": "x"}}, "no column 'TOWN'"),
        ({"n": 5, "balance": "AGE"}, "not a categorical column"),
        ({"n": 5, "temperature": 0}, "temperature must be above 0"),
        ({}, "n is missing"),
    ):
        with pytest.raises((H2OValueError, ValueError), match=message):
            trained.generate(**options)
    assert set(h2o.ls()["key"]) == frames


def test_an_mlp_takes_no_conditions(prostate, latent):
    with pytest.raises(H2OValueError, match="balance: a model of architecture 'mlp' does not"):
        latent.generate(5, balance="CAPSULE")
    with pytest.raises(H2OValueError, match="imputation: a model of architecture 'mlp' does not"):
        latent.impute(prostate)


def test_the_summary_tells_what_columns_were_treated_as(prostate, capsys):
    gan = H2OGANEstimator(epochs=1, seed=1, column_types={"ID": "ignore", "AGE": "categorical"})
    gan.train(y="CAPSULE", training_frame=prostate)
    assert gan.engine_model.parameters.response_column == "CAPSULE"
    summary = gan.column_summary().set_index("column")
    assert summary.loc["CAPSULE", "treated_as"] == "categorical"
    assert summary.loc["PSA", "treated_as"] == "numeric" and "ID" not in summary.index
    gan.show_summary()
    assert "treated_as" in capsys.readouterr().out
    with pytest.raises(H2OValueError, match="column_types: .* no column 'TOWN'"):
        H2OGANEstimator(column_types={"TOWN": "ignore"}).train(training_frame=prostate)
    with pytest.raises(ValueError, match="column_types.*'AGE'.*is not known"):
        H2OGANEstimator(column_types={"AGE": "counts"})


def test_identifiers_come_back_fresh_and_of_their_type(cluster):
    names = [f"AB-{i:04d}" for i in range(0, 400, 2)]
    frame = h2o.H2OFrame(
        {"code": names, "tag": names, "value": list(range(200))},
        column_types=["string", "enum", "int"],
    )
    gan = H2OGANEstimator(epochs=2, seed=1).train(training_frame=frame)
    synthetic = gan.generate(100, seed=1)
    assert synthetic.types == frame.types
    rows = synthetic.as_data_frame()
    for name in ("code", "tag"):
        assert rows[name].str.fullmatch(r"AB-\d{4}").all() and not set(rows[name]) & set(names)
    assert gan.predict(frame).nrow == 200  # names of rows are not judged
    h2o.remove(synthetic)


# ---- models that last


def test_save_and_load(trained, tmp_path):
    path = trained.save(tmp_path)
    assert path == str(tmp_path / "prostate_gan.zip")
    with pytest.raises(H2OValueError, match="exists.*force=True"):
        trained.save(path)
    assert trained.save(path, force=True) == path
    again = h2o_gan.load_model(path)
    assert again.model_id == "prostate_gan" and again.actual_params["epochs"] == 60
    assert again.scoring_history().equals(trained.scoring_history())
    rows = again.engine_model.sample(50, seed=3).read_all()
    assert rows.equals(trained.engine_model.sample(50, seed=3).read_all())
    frames = [gan.generate(50, seed=2) for gan in (again, trained)]
    assert frames[0].as_data_frame().equals(frames[1].as_data_frame())
    for frame in frames:
        h2o.remove(frame)


def test_a_model_can_be_renamed(trained, tmp_path):
    again = h2o_gan.load_model(trained.save(tmp_path))
    again.set_params(model_id="for_the_next_training")
    assert again.model_id == "prostate_gan"
    again.model_id = "another_name"
    assert again.model_id == again.key == again.get_params()["model_id"] == "another_name"
    assert h2o_gan.load_model(again.save(tmp_path)).model_id == "another_name"


def test_an_unwritable_path_is_named(trained, tmp_path):
    with pytest.raises(H2OValueError, match=r"can't be written to .*missing"):
        trained.save(tmp_path / "missing" / "model.zip")


def test_a_damaged_file_is_refused(trained, tmp_path):
    path = tmp_path / "model.zip"
    trained.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(engine.ModelFileError, match=r"model\.zip"):
        h2o_gan.load_model(path)


@pytest.mark.parametrize("by", ["estimator", "model_id", "file"])
def test_training_goes_on_from_a_checkpoint(prostate, tmp_path, by):
    first = H2OGANEstimator(epochs=2, seed=1).train(x=["AGE", "PSA"], training_frame=prostate)
    checkpoint = {"estimator": first, "model_id": first.model_id}.get(by) or first.save(tmp_path)
    second = H2OGANEstimator(epochs=5, seed=1, checkpoint=checkpoint)
    second.train(x=["AGE", "PSA"], training_frame=prostate)
    assert second.engine_model.epoch == 5
    with pytest.raises(ValueError, match="other columns"):
        second.train(x=["AGE", "VOL"], training_frame=prostate)


def test_checkpoints_are_exported_at_every_scoring(prostate, tmp_path):
    gan = H2OGANEstimator(epochs=3, seed=1, export_checkpoints_dir=tmp_path / "new", model_id="m")
    gan.train(x=["AGE", "PSA"], training_frame=prostate)
    files = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert files == [f"m.epoch_0000{i}.zip" for i in (1, 2, 3)]
    assert h2o_gan.load_model(tmp_path / "new" / files[1]).engine_model.epoch == 2


def test_a_checkpoint_that_cannot_be_written_does_not_end_training(prostate, tmp_path):
    folder = tmp_path / "soon gone"
    gan = H2OGANEstimator(epochs=300, seed=1, export_checkpoints_dir=folder)
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    while not list(folder.iterdir()):
        time.sleep(0.05)
    while folder.exists():  # Files come and go meanwhile.
        shutil.rmtree(folder, ignore_errors=True)
    with pytest.warns(RuntimeWarning, match=r"checkpoint .* was not written"):
        gan.join()
    assert gan.get_summary()["stopped_by"] == ["epochs"]


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


def test_ctrl_c_while_generating_leaves_no_frame(trained):
    before = set(h2o.ls()["key"])
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(H2OJobCancelled, match="no frame was made"):
        trained.generate(50_000_000)
    assert set(h2o.ls()["key"]) == before


def test_a_cluster_that_dies_leaves_the_model(tmp_path):
    """In a process of its own: kill the JVM while training, then use and save what was learned."""
    program = textwrap.dedent("""
        import os, signal, sys, threading, time, warnings
        import h2o, h2o_gan, numpy as np
        from h2o_gan.cluster.jobs import training
        from h2o_gan.cluster import patience
        patience.REPORT_AFTER_S, training._PATIENCE_S = 2.0, 8.0
        h2o_gan.init(port=PORT, name="dies", max_mem_size="500M")
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
    """).replace("PORT", str(_free_port()))
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


# ---- names under which h2o's users look for it


def test_it_is_known_to_h2o():
    import h2o.estimators.gans
    from h2o.estimators.gans import GANEstimator

    assert GANEstimator is h2o.GANEstimator is h2o.estimators.gans.GANEstimator
    assert isinstance(h2o.estimators.create_estimator("gan", epochs=3), H2OGANEstimator)


def test_importing_is_light():
    program = "import sys, h2o_gan; print('torch' in sys.modules, 'pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stdout + done.stderr


# ---- bad input: one error each, before any training, naming what is wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "training_frame is missing"),
        ({"training_frame": 5}, "training_frame must be an H2OFrame, not int"),
        ({"training_frame": "no_such_frame"}, "no_such_frame"),
    ],
)
def test_a_training_frame_is_needed(arguments, message):
    with pytest.raises((H2OValueError, H2OTypeError), match=message):
        H2OGANEstimator().train(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": "nope"}, "y: frame 'prostate_mixed' has no column 'nope'; it has 'ID', 'CAPSULE'"),
        ({"y": 99}, "y: frame 'prostate_mixed' has no column 99"),
        ({"x": ["AGE", "nope"]}, "x: frame 'prostate_mixed' has no column 'nope'"),
        ({"ignored_columns": ["nope"]}, "ignored_columns: .*'nope'"),
        ({"weights_column": "nope"}, "weights_column: .*'nope'"),
        ({"weights_column": "RACE"}, "weights_column 'RACE' is not numeric"),
        ({"x": ["AGE"], "ignored_columns": ["ID"]}, "x and ignored_columns"),
        ({"offset_column": "AGE"}, "offset_column does not apply"),
        ({"fold_column": "AGE"}, "fold_column does not apply"),
        ({"y": "ID", "ignored_columns": ["ID"]}, "y='ID' is ignored"),
        ({"ignored_columns": list(range(9))}, "every column of frame 'prostate_mixed' is ignored"),
        ({"max_runtime_secs": -1}, "max_runtime_secs must be at least 0"),
    ],
)
def test_columns_that_do_not_fit_are_named(prostate, arguments, message):
    with pytest.raises(ValueError, match=message):
        H2OGANEstimator().train(training_frame=prostate, **arguments)


def test_a_validation_frame_must_have_the_columns(prostate):
    with pytest.raises(H2OValueError, match="validation_frame: .* no column 'PSA'"):
        H2OGANEstimator().train(
            x=["AGE", "PSA"], training_frame=prostate, validation_frame=prostate[["AGE", "VOL"]]
        )
    gan = H2OGANEstimator(epochs=1, seed=1)
    gan.train(x=["AGE", "PSA"], training_frame=prostate, validation_frame=prostate[:100, :])
    assert "validation_held_out_loss" in gan.scoring_history()


def test_constant_columns_alone_are_refused_unless_asked_for(cluster):
    frame = h2o.H2OFrame({"a": [1, 1, 1], "b": ["x", "x", "x"]}, column_types=["int", "enum"])
    with pytest.raises(ValueError, match="every column is constant.*ignore_const_cols=False"):
        H2OGANEstimator().train(training_frame=frame)
    gan = H2OGANEstimator(ignore_const_cols=False, epochs=1).train(training_frame=frame)
    synthetic = gan.generate(3)
    assert synthetic.as_data_frame().values.tolist() == [[1, "x"]] * 3


def test_text_is_dropped_by_name(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3], "note": ["p", "q", "r"]}, column_types=["int", "string"])
    with pytest.warns(RuntimeWarning, match="Dropping text columns.*note"):
        gan = H2OGANEstimator(epochs=1).train(training_frame=frame)
    assert [column.name for column in gan.engine_model.columns] == ["a"]
    with pytest.raises(ValueError, match=r"only text is left to learn \('note'\)"):
        H2OGANEstimator().train(x=["note"], training_frame=frame)


def test_an_empty_frame_is_refused(prostate):
    with pytest.raises(H2OValueError, match="has no rows"):
        H2OGANEstimator().train(training_frame=prostate[prostate["AGE"] > 1_000, :])


def test_a_removed_frame_is_named(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3]})
    h2o.remove(frame)
    with pytest.raises(H2OValueError, match="training_frame was removed"):
        H2OGANEstimator().train(training_frame=frame)
    frame = h2o.H2OFrame({"a": [1, 2, 3]}, destination_frame="soon_gone")
    frame.refresh()
    h2o.remove("soon_gone", cascade=False)
    with pytest.raises((H2OValueError, H2OConnectionError, ValueError), match="soon_gone"):
        H2OGANEstimator().train(training_frame=frame)


def test_an_output_dim_that_does_not_match_is_refused(prostate):
    gan = H2OGANEstimator(generator_architecture={"output_dim": 784})
    with pytest.raises(ValueError, match=r"\['output_dim'\]=784 .* 9 columns: use 9"):
        gan.train(training_frame=prostate)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError)])
def test_generate_needs_a_row_count(trained, n, error):
    before = set(h2o.ls()["key"])
    with pytest.raises(error, match="n must be"):
        trained.generate(n)
    assert set(h2o.ls()["key"]) == before


def test_an_untrained_estimator_says_so(prostate):
    gan = H2OGANEstimator()
    for call in (
        lambda: gan.generate(1), lambda: gan.predict(prostate), lambda: gan.save("x"),
        gan.plot, gan.scoring_history,
    ):  # fmt: skip
        with pytest.raises(H2OValueError, match=r"call train\(\) first"):
            call()


def test_unwritable_export_dir_and_unknown_checkpoint_are_refused(prostate, tmp_path):
    (tmp_path / "file").write_text("")
    gan = H2OGANEstimator(export_checkpoints_dir=tmp_path / "file")
    with pytest.raises(H2OValueError, match="export_checkpoints_dir .* can't be written"):
        gan.train(training_frame=prostate)
    with pytest.raises(H2OValueError, match="checkpoint='nothing' is neither"):
        H2OGANEstimator(checkpoint="nothing").train(training_frame=prostate)


def test_no_cluster_is_said_clearly():
    program = textwrap.dedent("""
        import h2o_gan, h2o
        from h2o.frame import H2OFrame
        try:
            h2o_gan.H2OGANEstimator().train(training_frame="some_frame")
        except Exception as error:
            print(type(error).__name__, error)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "H2OConnectionError" in done.stdout and "h2o.connect(" in done.stdout, done.stderr


# ---- warnings point at the user's line


def lines_of(warned, words):
    """Where the warnings that have these words point."""
    return {w.filename for w in warned if words in str(w.message)}


def test_warnings_point_at_the_users_line(cluster, prostate, tmp_path):
    frame = h2o.H2OFrame(
        {"a": list(range(60)), "note": ["a remark" if i % 3 else "another" for i in range(60)]},
        column_types=["int", "string"],
    )
    with pytest.warns(RuntimeWarning) as warned:
        H2OGANEstimator(epochs=1, batch_size=100).train(training_frame=frame)
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


# ---- what a first user mistypes


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda gan, frame: gan.generate(5, conditions=["RACE"]), TypeError,
         "conditions must be a dict .* not list"),
        (lambda gan, frame: gan.predict(frame.as_data_frame()), TypeError,
         r"test_data must be an H2OFrame .* not DataFrame: h2o.H2OFrame\(data\)"),
        (lambda gan, frame: gan.impute(None), ValueError, r"frame is missing: impute\(frame=frame"),
        (lambda gan, frame: gan.copies(None), ValueError, r"frame is missing: copies\(frame=frame"),
        (lambda gan, frame: h2o.explain(gan, frame), NotImplementedError, "do not apply to a GAN"),
        (lambda gan, frame: gan.generate("5"), TypeError, "n must be a whole number, not '5'"),
        (lambda gan, frame: gan.generate(True), TypeError, "n must be a whole number"),
        (lambda gan, frame: gan.train(training_frame=frame, epoch=3), TypeError,
         r"'epoch' is not a parameter of train\(\). Did you mean H2OGANEstimator\(epochs="),
        (lambda gan, frame: gan.train(training_frame=frame, epochs=3), TypeError,
         r"train\(\) does not take epochs: give it to H2OGANEstimator\(epochs="),
        (lambda gan, frame: gan.train(training_fram=frame), TypeError,
         "Did you mean training_frame"),
        (lambda gan, frame: gan.train(training_frame=frame, nfolds=5), TypeError,
         "nfolds: a GAN is not cross-validated"),
        (lambda gan, frame: gan.set_params(epoch=3), TypeError, "Did you mean epochs"),
        (lambda gan, frame: H2OGANEstimator(nfolds=5), TypeError, "nfolds: a GAN is not cross"),
        (lambda gan, frame: H2OGANEstimator(lose_function="mse"), TypeError,
         "Did you mean loss_function"),
    ],
)  # fmt: skip
def test_mistakes_are_named_and_answered(prostate, trained, call, error, message):
    before = set(h2o.ls()["key"])
    with pytest.raises(error, match=message):
        call(trained, prostate)
    assert set(h2o.ls()["key"]) == before


@pytest.mark.parametrize("n", [20.0, np.int64(20), np.float64(20)])
def test_whole_numbers_of_any_notation_are_taken(trained, n):
    frame = trained.generate(n, seed=np.int64(1))
    assert frame.nrow == 20
    h2o.remove(frame)


def test_more_rows_than_fit_are_refused_at_once(trained):
    before = set(h2o.ls()["key"])
    with pytest.raises(H2OValueError, match=r"n=1000000000000: .* GB free.*At most \d+ rows fit"):
        trained.generate(10**12)
    assert set(h2o.ls()["key"]) == before


def test_model_files_of_h2o_and_ours_are_told_apart(prostate, trained, tmp_path):
    theirs = h2o.save_model(trained if trained._in_cluster else _gbm(prostate), str(tmp_path))
    with pytest.raises(engine.ModelFileError, match=r"h2o.save_model .*h2o.load_model\("):
        h2o_gan.load_model(theirs)
    ours = trained.save(tmp_path / "ours.zip")
    for load in (h2o.load_model, h2o.upload_model):
        with pytest.raises(H2OValueError, match=r"h2o_gan.load_model\(.*ours.zip"):
            load(ours)


def _gbm(frame):
    model = H2OGradientBoostingEstimator(ntrees=1)
    model.train(y="CAPSULE", training_frame=frame)
    return model


def test_a_table_of_image_paths_and_a_tiny_one_are_warned_about(cluster):
    frame = h2o.H2OFrame(
        {"file": [f"pictures/{i % 4}.png" for i in range(12)], "size": list(range(12))},
        column_types=["enum", "int"],
    )
    with pytest.warns(RuntimeWarning) as warned:
        H2OGANEstimator(epochs=1).train(training_frame=frame)
    words = [str(w.message) for w in warned]
    assert any("'file' looks like paths of image files" in w and "image_column" in w for w in words)
    assert any("12 rows are few" in w and "at least 50" in w for w in words)


def test_a_response_of_text_is_refused(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3], "note": ["p", "q", "r"]}, column_types=["int", "string"])
    with pytest.raises(H2OValueError, match=r"y='note' is a column of text.*asfactor\(\)"):
        H2OGANEstimator().train(y="note", training_frame=frame)


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


# ---- a program that ends while it trains


@pytest.mark.parametrize("pause", [0, 3])
def test_a_program_that_ends_in_mid_training_ends_in_order(cluster, prostate, pause):
    program = textwrap.dedent("""
        import sys, time
        import h2o, h2o_gan
        h2o.connect(url=sys.argv[1], verbose=False, strict_version_check=False)
        gan = h2o_gan.H2OGANEstimator(epochs=1_000_000, score_each_iteration=True, seed=1)
        gan.start(x=["AGE", "PSA"], training_frame="prostate_mixed")
        time.sleep(float(sys.argv[2]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.base_url, str(pause)],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "is stopped because the program ends" in done.stderr
    assert "Traceback" not in done.stderr and "terminate called" not in done.stderr
    if extension.jar() is None:
        return
    [job] = [j for j in _unfinished_jobs() if j["kind"] == "train"]
    assert job["state"] == "waiting"  # for a worker that goes on from what there is
    h2o.api(f"POST /3/Jobs/{job['job']}/cancel")
    deadline = time.monotonic() + 60
    while _unfinished_jobs() and time.monotonic() < deadline:
        time.sleep(0.2)


def _unfinished_jobs():
    import requests

    jobs = requests.get(h2o.connection().base_url + "/3/GAN/jobs", timeout=30).json()["jobs"]
    return [job for job in jobs if job["state"] in ("waiting", "working")]


# ---- grids


@pytest.mark.skipif(extension.jar() is None, reason="grids need the cluster extension")
def test_a_grid_takes_dicts_and_ranks_all_families_by_one_measure(prostate):
    from h2o.grid import H2OGridSearch

    from h2o_gan.cluster.jobs.worker import Worker

    url, stop = h2o.connection().base_url, threading.Event()
    worker = threading.Thread(
        target=Worker(lambda: h2o.connection(), "cpu", stop=stop).serve, daemon=True
    )
    worker.start()
    try:
        grid = H2OGridSearch(
            H2OGANEstimator(seed=1, epochs=2, column_types={"VOL": "numeric"}),
            {
                "generator_architecture": [
                    {"hidden_dim": 8},
                    {"hidden_dim": 16, "activation": "elu"},
                ]
            },
        )
        grid.train(x=["AGE", "PSA", "VOL"], training_frame=prostate)
        sizes = {
            h2o.get_model(key).actual_params["generator_architecture"]["hidden_dim"]
            for key in grid.model_ids
        }
        assert sizes == {8, 16} and len(grid.model_ids) == 2
        families = H2OGridSearch(H2OGANEstimator(seed=1), {"architecture": ["mlp", "columns"]})
        families.train(x=["AGE", "PSA", "RACE"], training_frame=prostate)
        aucs = {
            key: h2o.get_model(key).scoring_history()["detection_auc"].iloc[-1]
            for key in families.model_ids
        }
        # The best is told apart no better than by chance, by which a held-out half may fall below.
        assert families.model_ids == sorted(aucs, key=lambda key: abs(aucs[key] - 0.5))
        by_auc = families.get_grid(sort_by="detection_auc", decreasing=False).model_ids
        assert by_auc == sorted(aucs, key=lambda key: aucs[key])
        first = by_auc[0]
        model = h2o.api(f"GET /3/Models/{first}")["models"][0]
        metrics = model["output"]["training_metrics"]
        assert metrics["detection_auc"] == pytest.approx(aucs[first])
        assert len({"held_out_loss", "sliced_wasserstein"} & metrics._metric_json.keys()) == 1
        assert metrics.mse() is None and metrics.rmse() is None
        assert "detection_auc" in str(h2o.get_model(first))
    finally:
        stop.set()
        worker.join(30)
    assert h2o.connection().base_url == url
