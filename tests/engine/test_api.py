"""Training: it learns, repeats itself, stops when told, and survives what goes wrong."""

import dataclasses
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pyarrow as pa
import pytest
import torch

from h2o_gan import engine
from h2o_gan.parameters import Parameters


def train(table, *, on_event=None, stop=None, checkpoint=None, validation=None, **parameters):
    # One epoch of a table's critic: its usual 500 steps would take most of the time.
    parameters = {"seed": 1, "epochs": 2, "discriminator_epochs": 1, "device": "cpu", **parameters}
    return engine.fit(
        table.to_reader(),
        Parameters(**parameters),
        on_event=on_event,
        stop=stop,
        checkpoint=checkpoint,
        validation=None if validation is None else validation.to_reader(),
    )


ARCHITECTURES = ("columns", "mlp")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trained(mixed_table, request):
    epochs = {"columns": 30, "mlp": 20}[request.param]
    return train(mixed_table, epochs=epochs, architecture=request.param, discriminator_epochs=None)


@pytest.fixture(scope="module")
def few_rows(mixed_table):
    return mixed_table.slice(0, 400)


def test_it_learns_marginals_and_dependencies(mixed_table, trained):
    samples = trained.sample(4_000, seed=0).read_all()
    real, fake = mixed_table.to_pandas(), samples.to_pandas()
    shares = fake["group"].value_counts(normalize=True)
    for level, share in real["group"].value_counts(normalize=True).items():
        assert shares[level] == pytest.approx(share, abs=0.05)
    # The means per group are 10, 20 and 40: a sampler of independent columns would give one mean.
    means = fake.groupby("group", observed=True)["amount"].mean()
    assert means["red"] < 16 and 14 < means["green"] < 27 and means["blue"] > 30


def test_missing_values_come_at_their_real_rate(mixed_table, trained):
    samples = trained.sample(8_000, seed=0).read_all()
    for name in ("amount", "flag"):
        real = mixed_table.column(name).null_count / mixed_table.num_rows
        assert samples.column(name).null_count / 8_000 == pytest.approx(real, abs=0.025), name
    assert samples.column("count").null_count == 0
    assert samples.column("empty").null_count == 8_000


def test_samples_have_the_schema_and_ranges_of_the_data(mixed_table, trained):
    samples = trained.sample(5_000, seed=0).read_all()
    assert samples.schema.equals(mixed_table.schema)
    levels = mixed_table.column("group").chunk(0).dictionary
    assert all(chunk.dictionary.equals(levels) for chunk in samples.column("group").chunks)
    for name in ("amount", "count"):
        real, fake = mixed_table.column(name).to_numpy(), samples.column(name).to_numpy()
        assert np.nanmin(fake) >= np.nanmin(real) and np.nanmax(fake) <= np.nanmax(real)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_seed_one_model(mixed_table, architecture):
    def learn(seed):
        return train(mixed_table.slice(0, 300), seed=seed, epochs=1, architecture=architecture)

    first, second, other = learn(1), learn(1), learn(2)
    rows = first.sample(300, seed=5).read_all()
    assert rows.equals(second.sample(300, seed=5).read_all())
    assert not rows.equals(other.sample(300, seed=5).read_all())
    drawn = learn(-1)
    again = learn(drawn.parameters.seed)
    assert drawn.sample(300, seed=5).read_all().equals(again.sample(300, seed=5).read_all())


def test_scoring_changes_no_training(few_rows):
    often = train(few_rows, epochs=22, score_each_iteration=True, validation=few_rows)
    rarely = train(few_rows, epochs=22)
    # What is kept may differ, as it is the best of what was scored; what was learned may not.
    assert len(often.history) > len(rarely.history)
    for name, weight in rarely.last_generator.items():
        assert torch.equal(weight, often.last_generator[name]), name


def test_a_short_sample_is_the_start_of_a_long_one(trained):
    long = trained.sample(9_000, seed=3).read_all()
    for rows in (1, 100, 4_096, 5_000):
        assert trained.sample(rows, seed=3).read_all().equals(long.slice(0, rows))
    assert not trained.sample(100).read_all().equals(trained.sample(100).read_all())


@pytest.mark.parametrize(
    ("architecture", "metric"), [("columns", "held_out_loss"), ("mlp", "sliced_wasserstein")]
)
def test_history_has_a_row_per_scoring(few_rows, architecture, metric):
    seen = []
    model = train(few_rows, epochs=3, score_each_iteration=True, on_event=seen.append,
                  validation=few_rows, architecture=architecture)  # fmt: skip
    assert [row["epoch"] for row in model.history] == [1, 2, 3]
    assert set(model.history[0]) == {
        "epoch", "step", "seconds", "discriminator_loss", "generator_loss",
        metric, f"validation_{metric}",
    }  # fmt: skip
    assert [e.row for e in seen if isinstance(e, engine.Scored)] == model.history
    shares = [e.share for e in seen if isinstance(e, engine.Progress)]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    assert model.stopped_by == "epochs" and model.epoch == 3


@pytest.mark.parametrize("loss", ["relativistic", "mse", "bce", "hinge", "wasserstein"])
def test_every_game_brings_samples_nearer(digits_table, loss):
    networks = {"hidden_dim": [64, 64]}
    model = train(
        digits_table.slice(0, 900),
        loss_function=loss,
        architecture="mlp",
        generator_architecture=networks,
        discriminator_architecture=networks,
        epochs=15,
        score_each_iteration=True,
        generator_learning_rate=5e-4,
        discriminator_learning_rate=5e-4,
    )
    distances = [row["sliced_wasserstein"] for row in model.history]
    assert np.mean(distances[-3:]) < 0.85 * distances[0]


@pytest.mark.parametrize(
    "activation",
    ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus"],
)
def test_every_activation_trains(mixed_table, activation):
    architecture = {"hidden_dim": [16, 8], "activation": activation}
    model = train(
        mixed_table,
        epochs=1,
        generator_architecture=architecture,
        discriminator_architecture=architecture,
    )
    assert [m.out_features for m in model.generator if isinstance(m, torch.nn.Linear)][:2] == [
        16,
        8,
    ]
    assert np.isfinite(model.history[-1]["discriminator_loss"])


@pytest.mark.parametrize(
    ("weights", "message"),
    [([-1.0, 1.0], "negative or infinite"), ([0.0, 0.0], "zero in every row")],
)
def test_unfit_weights_are_named(weights, message):
    table = pa.table({"x": [1.0, 2.0], "w": weights})
    with pytest.raises(ValueError, match=f"weights_column 'w'.*{message}"):
        train(table, weights_column="w")


def test_a_stop_keeps_what_was_learned(mixed_table):
    stop = threading.Event()

    def listen(event):
        if isinstance(event, engine.Scored) and event.row["epoch"] == 2:
            stop.set()

    model = train(mixed_table, epochs=10_000, score_each_iteration=True, stop=stop, on_event=listen)
    assert model.stopped_by == "interrupted" and model.epoch == 2
    assert model.sample(10).read_all().num_rows == 10


def test_a_stop_before_the_first_step_leaves_no_model(mixed_table):
    stop = threading.Event()
    stop.set()
    with pytest.raises(engine.TrainingStopped, match="no model"):
        train(mixed_table, stop=stop)


def test_max_runtime_secs_ends_training(mixed_table):
    began = time.perf_counter()
    limits = {"epochs": 1_000_000, "discriminator_epochs": None, "max_runtime_secs": 1.5}
    model = train(mixed_table, **limits)
    assert model.stopped_by == "max_runtime_secs"
    assert 1.5 <= time.perf_counter() - began < 30 and model.step > 0


def test_the_shortest_runtime_still_makes_a_model(mixed_table):
    model = train(mixed_table, max_runtime_secs=1e-9)
    assert model.stopped_by == "max_runtime_secs"
    assert model.step == 1
    assert model.sample(3).read_all().num_rows == 3


def test_early_stopping_ends_training(few_rows):
    model = train(
        few_rows,
        epochs=500,
        stopping_rounds=2,
        stopping_tolerance=0.5,
        score_each_iteration=True,
        discriminator_epochs=10,
    )
    assert model.stopped_by == "stopping_rounds" and model.epoch < 500
    # It ends as any training does: with the best generator, a critic, and a look at the samples.
    assert model.critic is not None
    assert {"discriminator_loss", "detection_auc"} <= model.history[-1].keys()


def test_an_explosion_keeps_the_last_good_weights(mixed_table):
    with pytest.warns(RuntimeWarning, match=r"losses exploded.*Lower generator_learning_rate"):
        model = _exploding(mixed_table)
    assert model.stopped_by == "diverged"
    for weight in (*model.generator.parameters(), *model.critic.parameters()):
        assert torch.isfinite(weight).all()
    assert model.sample(100).read_all().num_rows == 100


def _exploding(table):
    """A hinge game without penalty whose rates grow on the fly until something gives."""
    return train(
        table,
        epochs=400,
        loss_function="wasserstein",
        gradient_penalty=0.0,
        generator_learning_rate=0.05,
        discriminator_learning_rate=0.05,
        batch_size=500,
    )


def test_nan_from_the_start_is_an_error_with_a_cure(mixed_table):
    with pytest.raises(engine.TrainingDiverged, match="nothing was learned.*Lower generator"):
        train(mixed_table, generator_learning_rate=1e30, discriminator_learning_rate=1e30)


def test_a_large_batch_shrinks_with_a_warning(mixed_table):
    few = mixed_table.slice(0, 200)
    with pytest.warns(RuntimeWarning, match="batch_size=5000 is larger than the data: 200"):
        assert train(few, batch_size=5_000, architecture="mlp").batch_size == 200
    with pytest.warns(RuntimeWarning, match="batch_size=5000 is larger than the data: 180"):
        assert train(few, batch_size=5_000).batch_size == 180  # the others are held out


@pytest.mark.parametrize("rows", [2, 3, 33])
def test_few_rows_train_with_one_warning(mixed_table, rows):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = train(mixed_table.slice(0, rows))
    assert [str(one.message).split(":")[0] for one in told] == [
        f"{rows} rows are few to learn from"
    ]
    assert model.sample(5).read_all().num_rows == 5


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_goes_on_from_a_checkpoint(few_rows, tmp_path, architecture):
    model = train(few_rows, epochs=2, architecture=architecture)
    engine.save(model, tmp_path / "model.zip")
    rows = []
    for earlier in (model, engine.load(tmp_path / "model.zip")):
        longer = train(few_rows, epochs=5, checkpoint=earlier, score_each_iteration=True,
                       architecture=architecture)  # fmt: skip
        assert longer.epoch == 5 and longer.step == model.step // 2 * 5
        assert [row["epoch"] for row in longer.history] == [1, 2, 3, 4, 5]
        assert longer.seconds > model.seconds
        steps = {int(s["step"]) for s in longer.generator_optimizer["state"].values()}
        assert steps == {longer.step}
        betas = {"columns": (0.9, 0.98), "mlp": (0.0, 0.99)}[architecture]
        assert longer.generator_optimizer["param_groups"][0]["betas"] == betas
        rows.append(longer.sample(200, seed=0).read_all())
    assert rows[0].equals(rows[1])  # from the file as from the object


@pytest.mark.parametrize("architecture", ["columns", "mlp"])
def test_a_snapshot_is_taken_to_the_end_of_its_training(few_rows, tmp_path, architecture):
    """So that one process can finish what another began."""
    parameters = Parameters(
        epochs=5, seed=1, architecture=architecture, score_each_iteration=True, device="cpu",
        discriminator_epochs=1,
    )  # fmt: skip
    shares = []

    def listen(event):
        if isinstance(event, engine.Scored):
            engine.save(event.snapshot(), tmp_path / f"{event.row['epoch']}.zip")
        elif isinstance(event, engine.Progress):
            shares.append(event.share)

    engine.fit(few_rows.to_reader(), parameters, on_event=listen)
    shares.clear()
    begun = engine.load(tmp_path / "3.zip")
    whole = engine.fit(few_rows.to_reader(), parameters, checkpoint=begun, on_event=listen)
    assert (whole.epoch, whole.stopped_by) == (5, "epochs")
    assert [row["epoch"] for row in whole.history] == [1, 2, 3, 4, 5]
    assert whole.history[:3] == begun.history
    # A limit of time counts what the first has taken.
    late = parameters.replace(max_runtime_secs=begun.seconds)
    stopped = engine.fit(few_rows.to_reader(), late, checkpoint=begun)
    assert (stopped.step, stopped.stopped_by) == (begun.step + 1, "max_runtime_secs")
    # Of the very last snapshot nothing is left to do.
    last = engine.load(tmp_path / "5.zip")
    done = engine.fit(few_rows.to_reader(), parameters, checkpoint=last)
    assert (done.step, done.stopped_by) == (last.step, "epochs")
    assert done.sample(10, 1).read_all() == last.sample(10, 1).read_all()


@pytest.fixture(scope="module")
def short(few_rows):
    return train(few_rows, epochs=2, architecture="mlp")


def test_a_checkpoint_of_other_kinds_is_refused(mixed_table, trained):
    place = mixed_table.column_names.index("flag")
    other = mixed_table.set_column(place, "flag", pa.array(np.arange(2_000.0)))
    with pytest.raises(ValueError, match="column 'flag' as enum, not real"):
        train(other, checkpoint=trained, epochs=99, architecture=trained.parameters.architecture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 2}, "epochs=2 includes the 2 epochs of the checkpoint: set epochs above 2"),
        ({"latent_size": 7}, "trained with latent_size=128, not 7"),
        ({"loss_function": "mse"}, "trained with loss_function='relativistic'"),
        ({"generator_architecture": {"hidden_dim": 9}}, "trained with generator_architecture=None"),
        ({"architecture": "columns"}, "another architecture, mlp"),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(few_rows, short, change, message):
    with pytest.raises(ValueError, match=message):
        train(few_rows, checkpoint=short, **{"epochs": 5, "architecture": "mlp", **change})


def test_a_checkpoint_of_other_columns_is_refused(mixed_table, trained):
    with pytest.raises(ValueError, match="other columns; the difference is count"):
        train(
            mixed_table.drop_columns(["count"]),
            checkpoint=trained,
            epochs=99,
            architecture=trained.parameters.architecture,
        )


@pytest.mark.parametrize("which", ["generator_architecture", "discriminator_architecture"])
def test_a_dimension_that_does_not_match_the_data_is_named(mixed_table, which):
    key = "output_dim" if which.startswith("generator") else "input_dim"
    with pytest.raises(ValueError, match=rf"{which}\['{key}'\]=12345 .* 7 columns: use 7"):
        train(mixed_table, **{which: {key: 12_345}})
    assert train(mixed_table, **{which: {key: 7}}).step


def test_anomaly_scores_rank_noise_above_real_rows(mixed_table, trained):
    rng = np.random.default_rng(0)
    shuffled = pa.table(
        {name: mixed_table.column(name).take(rng.permutation(2_000))
         for name in mixed_table.column_names}
    )  # fmt: skip
    real, noise = (
        trained.anomalies(table.to_reader()).read_all() for table in (mixed_table, shuffled)
    )
    scores, odd = (table["anomaly_score"].to_numpy() for table in (real, noise))
    assert (scores[:, None] < odd[None, :]).mean() > 0.7
    assert real.column_names == ["anomaly_score", trained.score_name]
    ranks = np.searchsorted(trained.anomaly_quantiles, scores) / len(trained.anomaly_quantiles)
    assert np.quantile(ranks, 0.5) == pytest.approx(0.5, abs=0.05)


def test_contamination_marks_that_share_of_the_training_rows(mixed_table, trained):
    parameters = trained.parameters.replace(contamination=0.05)
    model = dataclasses.replace(trained, parameters=parameters)
    rows = model.anomalies(mixed_table.to_reader()).read_all()
    assert rows.column_names == ["predict", "anomaly_score", trained.score_name]
    odd = np.array(rows["predict"].to_pylist()) == "1"
    scores = rows["anomaly_score"].to_numpy()
    assert odd.mean() == pytest.approx(0.05, abs=0.03)
    assert scores[odd].min() > model.anomaly_threshold(0.05) >= scores[~odd].max()


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "meta"])
def test_unknown_devices_are_named(device):
    with pytest.raises(ValueError, match=f"device='{device}'"):
        engine.resolve_device(device)


def test_the_engine_needs_neither_h2o_nor_torchs_compiler():
    program = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "h2o" or name.startswith("h2o."):
            raise ModuleNotFoundError("No module named 'h2o'", name=name)
sys.meta_path.insert(0, Blocker())
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "h2o" else find_spec(name, *a)
import pyarrow as pa
from h2o_gan import engine
from h2o_gan.parameters import Parameters
table = pa.table({"a": [1, 2, 3, 4], "b": pa.array(["x", "y", "x", "y"]).dictionary_encode()})
given = Parameters(epochs=2, discriminator_epochs=1, seed=0, device="cpu")
model = engine.fit(table.to_reader(), given)
compiler = "torch._dynamo" in sys.modules  # takes as long to import as torch itself
print(model.sample(5).read_all().num_rows, "h2o" in sys.modules, compiler)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["5", "False", "False"], done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_training_on_a_gpu(mixed_table):
    model = train(mixed_table, epochs=5, device="cuda")
    assert next(model.generator.parameters()).device.type == "cpu"
    assert model.sample(100, seed=0).read_all().schema.equals(mixed_table.schema)
