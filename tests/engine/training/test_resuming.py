"""A training that one process began and another ends: kept at any step, taken on from there."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from h2o_gan import engine
from h2o_gan.engine.model import RUNNING
from h2o_gan.parameters import Parameters

ARCHITECTURES = ("columns", "mlp", "convolutional")
OWN = {
    "columns": {"discriminator_epochs": 0},
    "mlp": {"generator_architecture": {"hidden_dim": 16}},
}


@pytest.fixture(scope="module")
def tables(mixed_table, digits_table):
    return {
        "columns": mixed_table.slice(0, 400),
        "mlp": mixed_table.slice(0, 400),
        "convolutional": digits_table.slice(0, 400),
    }


def steps_of(table, **given):
    """A training of this table, to be begun, or taken on from a checkpoint."""
    parameters = Parameters(**{"seed": 1, "device": "cpu", **given})
    return lambda listen=None, checkpoint=None, stop=None: engine.fit(
        table.to_reader(), parameters, on_event=listen, checkpoint=checkpoint, stop=stop
    )


@pytest.fixture
def told_at_every_step(monkeypatch):
    """Progress is told by time: here a clock that moves a second a look, so before every step."""
    from h2o_gan.engine.training import trainer

    class Clock:
        now = 0.0

        @classmethod
        def perf_counter(cls):
            cls.now += 1.0
            return cls.now

    monkeypatch.setattr(trainer, "time", Clock)


def kept_at(step, run, folder, checkpoint=None):
    """The model file of a snapshot before this step, of a run that is stopped there."""
    stop, path = threading.Event(), folder / f"{step}.zip"
    steps = 0

    def listen(event):
        nonlocal steps
        if isinstance(event, engine.Progress) and event.snapshot and not stop.is_set():
            steps += 1
            if steps == step:
                model = event.snapshot()
                engine.save(model, path)
                stop.set()

    run(listen, checkpoint, stop)
    return engine.load(path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_goes_on_from_the_middle_of_an_epoch(
    tables, architecture, tmp_path, told_at_every_step, monkeypatch
):
    own = OWN.get(architecture, {})
    run = steps_of(tables[architecture], architecture=architecture, epochs=3, batch_size=60, **own)
    shares = []
    for name in ("TableTrainer", "LatentTrainer", "ImageTrainer"):
        training = getattr(engine.families, name)
        monkeypatch.setattr(training, "schedule", _spied(training.schedule, shares))
    whole = run()
    planned, shares[:] = list(shares), []
    begun = kept_at(4, run, tmp_path)
    assert (begun.stopped_by, begun.step, begun.epoch, begun.history) == (RUNNING, 4, 0, [])
    assert begun.sample(5, seed=0).read_all().num_rows == 5
    shares.clear()
    ended = run(checkpoint=begun)
    assert (ended.stopped_by, ended.epoch, ended.step) == ("epochs", 3, whole.step)
    assert shares == planned[4:]  # the plan of the learning rates is the first run's
    assert ended.history[-1]["epoch"] == 3
    assert ended.seconds > begun.seconds > 0


def _spied(schedule, shares):
    def spy(self, share):
        shares.append(share)
        schedule(self, share)

    return spy


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_keeping_changes_nothing_that_is_learned(tables, architecture, told_at_every_step):
    own = OWN.get(architecture, {})
    run = steps_of(tables[architecture], architecture=architecture, epochs=1, batch_size=60, **own)
    made = []

    def listen(event):
        if isinstance(event, engine.Progress) and event.snapshot:
            made.append(event.snapshot())

    first, second = run(listen), run()
    assert made and all(model.stopped_by == RUNNING for model in made)
    assert first.sample(100, seed=1).read_all() == second.sample(100, seed=1).read_all()


def test_a_run_from_an_earlier_model_goes_on_to_its_own_end(tables, tmp_path, told_at_every_step):
    """Its epochs, its rates and its time are counted from where it began, not from the start."""
    earlier = steps_of(tables["mlp"], architecture="mlp", epochs=2, batch_size=60)()
    run = steps_of(tables["mlp"], architecture="mlp", epochs=4, batch_size=60)
    begun = kept_at(7, run, tmp_path, earlier)
    assert begun.began_at == (2, earlier.step, earlier.seconds)
    ended = run(checkpoint=begun)
    assert (ended.epoch, ended.step) == (4, 2 * earlier.step)
    # Without epochs, a run goes on for as long as the first: 100 more epochs, not 100 in all.
    run = steps_of(tables["mlp"], architecture="mlp", batch_size=600)
    begun = kept_at(3, run, tmp_path, earlier)
    assert run(checkpoint=begun).epoch == 102


def test_the_critic_of_a_table_is_trained_by_who_goes_on(tables, tmp_path, told_at_every_step):
    run = steps_of(tables["columns"], epochs=2, batch_size=60, discriminator_epochs=2)
    path, shares = tmp_path / "critic.zip", []

    def listen(event):
        if isinstance(event, engine.Progress) and event.snapshot and event.share > 0.8:
            engine.save(event.snapshot(), path)
        elif isinstance(event, engine.Progress):
            shares.append(event.share)

    whole = run(listen)
    begun = engine.load(path)
    assert begun.critic is None and begun.step == whole.step
    shares.clear()
    ended = run(listen, begun)
    assert ended.stopped_by == "epochs" and ended.step == whole.step
    assert "discriminator_held_out_loss" in ended.history[-1] and ended.history[-1]["epoch"] == 2
    assert shares[-1] == 1


def test_a_stop_while_the_critic_learns_is_an_interruption(tables):
    run = steps_of(tables["columns"], epochs=1)
    stop = threading.Event()

    def listen(event):
        if isinstance(event, engine.Progress) and event.share > 0.75:
            stop.set()

    assert run(listen, None, stop).stopped_by == "interrupted"


def test_nothing_is_kept_of_an_explosion(tables, told_at_every_step):
    run = steps_of(
        tables["mlp"],
        architecture="mlp",
        epochs=20,
        batch_size=60,
        generator_learning_rate=1e30,
        discriminator_learning_rate=1e30,
    )
    kept = []

    def listen(event):
        if isinstance(event, engine.Progress) and event.snapshot:
            kept.append(event.snapshot())

    with pytest.raises(engine.TrainingDiverged):
        run(listen)
    assert kept and kept[-1] is None
    assert all(
        torch.isfinite(weight).all()
        for model in kept
        if model is not None
        for weight in model.generator.parameters()
    )


def test_a_finished_model_without_scorings_is_no_model(tables, tmp_path, told_at_every_step):
    run = steps_of(tables["mlp"], architecture="mlp", epochs=1, batch_size=60)
    begun = kept_at(2, run, tmp_path)
    engine.save(replace(begun, stopped_by="epochs"), tmp_path / "no.zip")
    with pytest.raises(engine.ModelFileError, match="history"):
        engine.load(tmp_path / "no.zip")


def test_a_cadence_keeps_to_its_share_of_the_time(monkeypatch):
    from h2o_gan.engine import events

    now = [0.0]
    monkeypatch.setattr(events.time, "monotonic", lambda: now[0])
    cadence = engine.Cadence(first=30, share=0.1)
    taken = []

    def make():
        taken.append(now[0])
        now[0] += 20.0
        return "kept"

    while now[0] < 2_000:
        kept = cadence.take(make)
        assert kept in (None, "kept")
        now[0] += 1.0
    assert taken[0] == 30
    assert min(np.diff(taken)) >= 30
    assert 0.05 * 2_000 < 20 * len(taken) <= 0.1 * 2_000 + 20


def test_an_earlier_models_scorings_do_not_stop_a_training_that_is_taken_on(
    tables, tmp_path, told_at_every_step
):
    """They are no part of the training that the first process began with that model."""
    given = {"epochs": 30, "score_each_iteration": True, "architecture": "mlp"}
    earlier = steps_of(tables["mlp"], **given)()
    more = {**given, "epochs": 34, "stopping_rounds": 4, "stopping_tolerance": 0.9}
    run = steps_of(tables["mlp"], **more)
    whole = run(checkpoint=earlier)
    resumed = run(checkpoint=kept_at(1, run, tmp_path, earlier))
    assert (resumed.epoch, resumed.stopped_by) == (whole.epoch, whole.stopped_by)


def test_the_best_generator_so_far_is_taken_along(tables, tmp_path):
    run = steps_of(tables["columns"], epochs=6, score_each_iteration=True, discriminator_epochs=0)
    path, stop = tmp_path / "kept.zip", threading.Event()

    def listen(event):
        if isinstance(event, engine.Scored) and event.row["epoch"] == 3:
            engine.save(event.snapshot(), path)
            stop.set()

    run(listen, stop=stop)
    begun = engine.load(path)
    assert begun.best_loss == min(row["held_out_loss"] for row in begun.history)
    # Nothing that comes later is better than this, so it is what the training ends with.
    ended = run(checkpoint=replace(begun, best_loss=-1e9))
    assert ended.epoch == 6
    for name, weight in ended.generator.state_dict().items():
        assert torch.equal(weight, begun.best_generator[name])
    engine.save(ended, path)
    assert engine.load(path).best_generator is None
