"""Any column from the others, and how well a model knows a frame."""

import h2o
import numpy as np
import pytest
from h2o.exceptions import H2OValueError

from h2o_gan import H2OGANEstimator

pytestmark = pytest.mark.usefixtures("cluster")


def test_levels_are_predicted_as_by_a_classifier(prostate, trained):
    found = trained.predict_column(prostate, "CAPSULE")
    assert found.names == ["predict", "p0", "p1"] and found.nrow == prostate.nrow
    assert found.types["predict"] == "enum"
    assert found["predict"].levels() == prostate["CAPSULE"].levels()
    table = found.as_data_frame()
    assert np.allclose(table["p0"] + table["p1"], 1)
    assert (table["predict"].astype(int) == (table["p1"] > table["p0"])).mean() > 0.99
    truth = prostate["CAPSULE"].as_data_frame()["CAPSULE"].astype(int)
    ranks = table["p1"].rank()
    ones = truth == 1
    area = (ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / ones.sum() / (~ones).sum()
    assert area > 0.7
    h2o.remove(found)


def test_numbers_have_a_mean_and_quantiles_whatever_is_known(prostate, trained):
    some = prostate[:40, ["GLEASON", "CAPSULE"]]
    found = trained.predict_column(some, "PSA", destination_frame="psa", quantiles=[0.05, 0.95])
    assert found.frame_id == "psa" and found.names == ["predict", "q0.05", "q0.95"]
    table = found.as_data_frame()
    assert (table["q0.05"] <= table["predict"]).all() and (table["predict"] <= table["q0.95"]).all()
    again = trained.predict_column(some, "PSA", quantiles=[0.05, 0.95])
    assert again.as_data_frame().equals(table)
    for frame in (found, again):
        h2o.remove(frame)


def test_what_cannot_be_predicted_is_named(prostate, trained, latent, no_leaks):
    for gan, options, message in (
        (trained, {"column": "TOWN"}, "the model has no column 'TOWN'; it has 'CAPSULE'"),
        (trained, {"frame": prostate["PSA"], "column": "PSA"}, "no column from which 'PSA' could"),
        (trained, {"column": "PSA", "quantiles": [0]}, "quantiles must lie between 0 and 1"),
        (trained, {"column": "PSA", "draws": -1}, "draws must be between 0 and 10,000"),
        (trained, {"frame": None, "column": "PSA"}, r"frame is missing: predict_column\(frame="),
        (latent, {"column": "PSA"}, "architecture 'mlp' does not support it; one of 'columns'"),
    ):
        with pytest.raises((H2OValueError, ValueError), match=message):
            gan.predict_column(**{"frame": prostate, **options})


def test_performance_on_a_frame_is_shown_and_compared(prostate, trained, capsys):
    found = trained.model_performance(prostate)
    columns = found.column_log_densities()
    assert found.nobs() == prostate.nrow
    assert columns["log_density"].sum() == pytest.approx(found.mean_log_density())
    assert {*prostate.names} - {"ID"} <= {*columns["column"]}
    print(found)
    shown = capsys.readouterr().out
    for text in ("ModelMetricsGAN: gan", "Reported on test data", "Mean log density of a row: ",
                 "Detection AUC (0.5 is best): ", "GLEASON"):  # fmt: skip
        assert text in shown
    # A frame whose cells do not go together is less probable, in the columns that matter.
    mixed = prostate.as_data_frame()
    mixed["VOL"] = mixed["VOL"].to_numpy()[::-1] * 3
    frame = h2o.H2OFrame(mixed, column_types=[prostate.types[n] for n in prostate.names])
    worse = trained.model_performance(frame)
    assert worse.mean_log_density() < found.mean_log_density() - 1
    assert worse.detection_auc() > found.detection_auc() + 0.05
    h2o.remove(frame)


def test_performance_of_other_networks_and_of_the_training(prostate, trained, latent):
    found = latent.model_performance(prostate)
    assert found.mean_log_density() is None and found.column_log_densities() is None
    assert found.detection_auc() > 0.5 and "discriminator" in str(found)
    text = str(latent.model_performance())
    assert "Mean score of the discriminator: not measured" in text and "log density" not in text
    own = trained.model_performance()
    last = trained.scoring_history().iloc[-1]
    assert own.mean_log_density() == pytest.approx(-last["held_out_loss"])
    assert own.detection_auc() == last["detection_auc"] and "on train data" in str(own)
    for options, message in (({"valid": True}, "no validation_frame"), ({"xval": True}, "cross")):
        with pytest.raises(H2OValueError, match=message):
            trained.model_performance(**options)
    with pytest.raises(H2OValueError, match="PSA"):
        trained.model_performance(prostate.drop("PSA"))


def test_a_grid_and_its_models_have_a_performance(prostate, trained):
    from h2o.grid import H2OGridSearch

    grid = H2OGridSearch(H2OGANEstimator(), {"epochs": [1]})
    grid.models = [trained]
    some = prostate[:60, :]
    found, wanted = grid.model_performance(some), trained.model_performance(some)
    assert list(found) == [trained.model_id]
    assert found[trained.model_id].nobs() == 60
    assert found[trained.model_id].mean_log_density() == pytest.approx(wanted.mean_log_density())
