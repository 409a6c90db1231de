"""The training of a table's generator adapts to what held-out rows show."""

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.trainer import TableTrainer
from h2o_gan.parameters import Parameters


def trainer_of(rows):
    rng = np.random.default_rng(0)
    table = pa.table({name: rng.integers(0, 5, rows) for name in "abc"})
    encoder = TableEncoder.fit(table)
    codes = encoder.encode(table)
    parameters = Parameters(seed=1, device="cpu")
    return TableTrainer(encoder, codes, None, None, parameters, torch.device("cpu"), None)


def disturb(trainer):
    """Make both networks worse."""
    with torch.no_grad():
        for network in (trainer.generator, trainer.ema):
            for bias in network.biases:
                bias += 3 * torch.randn(bias.shape, generator=torch.Generator().manual_seed(1))


def test_a_rise_of_the_held_out_loss_restores_the_best_weights_with_more_dropout():
    trainer = trainer_of(8000)
    least = trainer.generator.dropout
    assert 0.2 < least < 0.4
    best = {name: weight.clone() for name, weight in trainer.ema.state_dict().items()}
    for rises in range(6):
        row = {"epoch": trainer.epoch, **trainer.score()}
        trainer.adapt(row)
        trainer.history.append(row)
        assert trainer.generator.dropout == pytest.approx(min(least + 0.1 * rises, 0.5))
        for network in (trainer.generator, trainer.ema):
            assert all(torch.equal(w, best[name]) for name, w in network.state_dict().items())
        disturb(trainer)
    losses = [row["held_out_loss"] for row in trainer.history]
    assert min(losses[1:]) > losses[0]


def test_further_scorings_do_not_count():
    trainer = trainer_of(8000)
    least = trainer.generator.dropout
    every = math.ceil(trainer.last_epoch() / trainer.scorings)
    assert every > 1 and trainer.is_scored(every) and not trainer.is_scored(every - 1)
    row = {"epoch": trainer.epoch, **trainer.score()}
    trainer.adapt(row)
    trainer.history.append(row)
    disturb(trainer)
    trainer.history += [{"epoch": epoch, **trainer.score()} for epoch in range(1, every)]
    trainer.adapt({"epoch": every, **trainer.score()})
    assert trainer.generator.dropout == pytest.approx(least + 0.1)


def test_small_tables_have_more_dropout():
    assert trainer_of(300).generator.dropout == 0.5
    assert trainer_of(20_000).generator.dropout == pytest.approx(0.2)
