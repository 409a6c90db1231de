"""New frames from a model: generate, impute and predict."""

import os
import signal
import threading

import h2o
import numpy as np
import pytest
from h2o.estimators import H2OGradientBoostingEstimator
from h2o.exceptions import H2OJobCancelled, H2OTypeError, H2OValueError

from h2o_gan import H2OGANEstimator, extension

pytestmark = pytest.mark.usefixtures("cluster")

FACTORS = ["CAPSULE", "RACE", "DPROS", "DCAPS", "GLEASON"]


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


@pytest.fixture(scope="module")
def of_gaps(with_gaps):
    gan = H2OGANEstimator(epochs=20, discriminator_epochs=1, seed=1)
    return gan.train(training_frame=with_gaps)


def test_missing_values_times_and_empty_columns_come_through(with_gaps, of_gaps):
    synthetic = of_gaps.generate(4_000, seed=1)
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
    gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).train(training_frame=prostate)
    if extension.jar() is not None:  # Then the model lives there.
        before |= {key for key in set(h2o.ls()["key"]) if str(gan.model_id) in key}
    assert set(h2o.ls()["key"]) == before
    frame = gan.generate(10)
    assert set(h2o.ls()["key"]) == before | {frame.frame_id}
    scores = gan.predict(frame)
    assert set(h2o.ls()["key"]) == before | {frame.frame_id, scores.frame_id}
    h2o.remove(frame)
    h2o.remove(scores)


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


def test_a_frame_becomes_anomaly_scores(prostate, trained):
    scores = trained.predict(prostate)
    assert scores.names == ["anomaly_score", "log_density"] and scores.nrow == prostate.nrow
    assert scores["anomaly_score"].mean()[0] == pytest.approx(0, abs=1)
    same = trained.anomaly(prostate)
    assert same.names == ["anomaly_score"]
    assert abs(same["anomaly_score"] - scores["anomaly_score"]).max() < 1e-9
    h2o.remove(scores)
    with pytest.raises(H2OValueError, match="no column 'PSA'"):
        trained.predict(prostate.drop("PSA"))
    other = h2o.deep_copy(prostate, "other_types")
    other["CAPSULE"] = other["CAPSULE"].asnumeric()
    with pytest.raises(H2OValueError, match="column 'CAPSULE' is (int|real) .* trained on enum"):
        trained.predict(other)
    h2o.remove("other_types")


def test_the_share_of_each_column_says_why_a_row_is_odd(prostate, trained, latent):
    odd = h2o.deep_copy(prostate[:50, :], "odd_rows")
    odd["PSA"] = 1_000
    shares = trained.anomaly(odd, per_feature=True)
    assert shares.names == [name for name in prostate.names if name != "ID"]
    rows, scores = shares.as_data_frame(), trained.anomaly(odd).as_data_frame()
    assert np.allclose(rows.sum(axis=1), scores["anomaly_score"])
    assert (rows.idxmax(axis=1) == "PSA").mean() > 0.9
    with pytest.raises(H2OValueError, match="per_feature: a model of architecture 'mlp'"):
        latent.anomaly(odd, per_feature=True)
    assert latent.anomaly(odd).names == ["anomaly_score"]
    with pytest.raises(H2OTypeError, match="test_data must be an H2OFrame, not list"):
        trained.anomaly([1, 2])
    h2o.remove("odd_rows")


def test_contamination_marks_anomalies(prostate, trained):
    gan = H2OGANEstimator(
        checkpoint=trained,
        contamination=0.1,
        epochs=61,
        discriminator_epochs=1,
        ignored_columns=["ID"],
        seed=1,
    ).train(training_frame=prostate)
    answers = gan.predict(prostate)
    assert answers.names == ["predict", "anomaly_score", "log_density"]
    assert answers.types["predict"] == "enum" and answers["predict"].levels() == [["0", "1"]]
    assert answers["predict"].asnumeric().mean()[0] == pytest.approx(0.1, abs=0.05)
    with pytest.raises(ValueError, match=r"contamination must be -1 or from 0 to 0.5, not -0.5"):
        H2OGANEstimator(contamination=-0.5)


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


def test_missing_values_are_imputed(with_gaps, of_gaps):
    filled = of_gaps.impute(with_gaps, seed=1)
    assert filled.types == with_gaps.types
    before, after = with_gaps.as_data_frame(), filled.as_data_frame()
    for name in ("when", "size", "kind"):
        assert after[name].notna().all() and before[name].isna().any()
        seen = before[name].notna()
        assert (before[name][seen] == after[name][seen]).all()
    assert after["gone"].isna().all()
    h2o.remove(filled)


@pytest.mark.parametrize("method", ["mean", "mode"])
def test_missing_values_are_estimated(with_gaps, of_gaps, method):
    filled = of_gaps.impute(with_gaps, method=method, draws=4, destination_frame="estimated")
    assert filled.frame_id == "estimated" and filled.types == with_gaps.types
    before, after = with_gaps.as_data_frame(), filled.as_data_frame()
    sizes = before["size"]
    assert after[["when", "size", "kind"]].notna().all().all() and after["gone"].isna().all()
    assert after["size"].between(sizes.min(), sizes.max()).all()
    seen = sizes.notna()
    assert (sizes[seen] == after["size"][seen]).all()
    h2o.remove(filled)


def test_several_frames_are_completed(with_gaps, of_gaps, no_leaks):
    frames = of_gaps.impute(with_gaps, seed=1, n=3, destination_frame="filled")
    assert [frame.frame_id for frame in frames] == ["filled_1", "filled_2", "filled_3"]
    first = of_gaps.impute(with_gaps, seed=1)
    tables = [frame.as_data_frame() for frame in (first, *frames)]
    assert tables[0].equals(tables[1])
    seen = with_gaps.as_data_frame()["size"].notna()
    for table in tables[2:]:
        assert (table["size"][seen] == tables[0]["size"][seen]).all()
        assert (table["size"] != tables[0]["size"])[~seen].mean() > 0.5
    for options, message in (
        ({"n": 0}, "n must be at least 1"),
        ({"n": 2, "method": "mean"}, "n=2, but method='mean' gives one frame"),
        ({"method": "median"}, "method='median' is not known"),
        ({"draws": 5}, "draws is for the estimates"),
    ):
        with pytest.raises(H2OValueError, match=message):
            of_gaps.impute(with_gaps, **options)
    for frame in (first, *frames):
        h2o.remove(frame)


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


def test_identifiers_come_back_fresh_and_of_their_type(cluster):
    names = [f"AB-{i:04d}" for i in range(0, 400, 2)]
    frame = h2o.H2OFrame(
        {"code": names, "tag": names, "value": list(range(200))},
        column_types=["string", "enum", "int"],
    )
    gan = H2OGANEstimator(epochs=2, discriminator_epochs=1, seed=1).train(training_frame=frame)
    synthetic = gan.generate(100, seed=1)
    assert synthetic.types == frame.types
    rows = synthetic.as_data_frame()
    for name in ("code", "tag"):
        assert rows[name].str.fullmatch(r"AB-\d{4}").all() and not set(rows[name]) & set(names)
    assert gan.predict(frame).nrow == 200  # names of rows are not judged
    h2o.remove(synthetic)


def test_ctrl_c_while_generating_leaves_no_frame(trained):
    before = set(h2o.ls()["key"])
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(H2OJobCancelled, match="no frame was made"):
        trained.generate(50_000_000)
    assert set(h2o.ls()["key"]) == before


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError)])
def test_generate_needs_a_row_count(trained, n, error):
    before = set(h2o.ls()["key"])
    with pytest.raises(error, match="n must be"):
        trained.generate(n)
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
