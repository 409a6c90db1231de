"""The estimator against a real cluster: H2O's contract."""

import inspect

import h2o
import pyarrow as pa
import pytest
from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OTypeError, H2OValueError
from sklearn.base import clone

import h2o_gan
from h2o_gan import H2OGANEstimator, engine
from h2o_gan.parameters import Parameters

pytestmark = pytest.mark.usefixtures("cluster")


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
    drawn = H2OGANEstimator(epochs=1, discriminator_epochs=1).train(
        x=["AGE"], training_frame=h2o.get_frame("prostate_mixed")
    )
    assert drawn.params["seed"]["input"] == -1 and drawn.actual_params["seed"] >= 0


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


def test_what_train_does_not_give_stays_the_constructors(prostate):
    gan = H2OGANEstimator(
        epochs=1,
        discriminator_epochs=1,
        seed=1,
        max_runtime_secs=60.0,
        ignored_columns=["ID", "PSA"],
        model_id="given",
    )
    gan.train(training_frame=prostate, max_runtime_secs=90.0)
    given = {name: entry["input"] for name, entry in gan.params.items()}
    assert given["max_runtime_secs"] == 90.0
    assert given["ignored_columns"] == ["ID", "PSA"] and given["model_id"] == "given"
    h2o.remove("given")


def test_start_takes_what_train_takes(prostate, capsys):
    gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1, model_id="started")
    with pytest.raises(TypeError, match=r"start\(\) does not take epochs: give it to"):
        gan.start(training_frame=prostate, epochs=1)
    gan.start(["AGE", "PSA"], training_frame=prostate, verbose=True)
    gan.join()
    assert "epoch=1" in capsys.readouterr().out
    h2o.remove("started")


def test_start_and_join(prostate):
    gan = H2OGANEstimator(epochs=3, discriminator_epochs=1, seed=1)
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    with pytest.raises(H2OValueError, match="training already"):
        gan.train(training_frame=prostate)
    gan.join()
    assert gan.engine_model.epoch == 3
    with pytest.raises(H2OValueError, match="call start"):
        gan.join()


def test_sklearns_fit_trains(prostate):
    with pytest.warns(UserWarning, match="`fit` is not recommended"):
        gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).fit(
            prostate[["AGE", "PSA"]]
        )
    assert gan.engine_model.rows == 380


def test_the_summary_tells_what_columns_were_treated_as(prostate, capsys):
    gan = H2OGANEstimator(
        epochs=1,
        discriminator_epochs=1,
        seed=1,
        column_types={"ID": "ignore", "AGE": "categorical"},
    )
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


def test_a_model_can_be_renamed(trained, tmp_path):
    again = h2o_gan.load_model(trained.save(tmp_path))
    again.set_params(model_id="for_the_next_training")
    assert again.model_id == "prostate_gan"
    again.model_id = "another_name"
    assert again.model_id == again.key == again.get_params()["model_id"] == "another_name"
    assert h2o_gan.load_model(again.save(tmp_path)).model_id == "another_name"


def test_a_model_of_the_engine_gets_a_model_id(trained, tmp_path, capsys):
    table = pa.table({"a": range(50)})
    model = engine.fit(table.to_reader(), Parameters(epochs=1, seed=1, architecture="mlp"))
    engine.save(model, tmp_path / "model.zip")
    loaded = h2o_gan.load_model(tmp_path / "model.zip")
    assert loaded.model_id is not None
    assert loaded.model_id == loaded.engine_model.parameters.model_id
    loaded.show()
    shown = capsys.readouterr().out
    assert loaded.model_id in shown and "removed" not in shown


def test_an_untrained_estimator_says_so(prostate):
    gan = H2OGANEstimator()
    for call in (
        lambda: gan.generate(1), lambda: gan.predict(prostate), lambda: gan.save("x"),
        gan.plot, gan.scoring_history,
    ):  # fmt: skip
        with pytest.raises(H2OValueError, match=r"call train\(\) first"):
            call()
