"""The parts of the image trainer that need no training."""

import numpy as np
import pytest
import torch
from pictures import pixels

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.image.model import _OLD_NAMES, _renamed
from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
)
from h2o_gan.engine.image.trainer import ImageTrainer, preview_grid, sizes_of
from h2o_gan.parameters import Parameters

CPU = torch.device("cpu")


def trainer_of(rows=64, checkpoint=None, **parameters):
    table = pixels(np.random.default_rng(0).integers(0, 256, (rows, 64)))
    encoder = PixelEncoder.fit(table)
    given = Parameters(seed=1, device="cpu", architecture="convolutional", **parameters)
    return ImageTrainer(encoder, encoder.encode(table), None, None, given, CPU, checkpoint)


@pytest.mark.parametrize(
    ("shape", "patch", "stages"),
    [((8, 8, 1), 1, 1), ((28, 28, 1), 2, 2), ((64, 64, 3), 2, 3), ((128, 100, 3), 4, 3)],
)
def test_sizes_follow_the_larger_side(shape, patch, stages):
    sizes = sizes_of(shape, Parameters(latent_size=7, architecture="convolutional"))
    assert (sizes.patch, len(sizes.channels), sizes.latent) == (patch, stages, 7)
    assert max(shape) / patch / 2 ** (stages - 1) <= 8


def test_a_preview_has_full_rows():
    assert preview_grid(0, 64) % 8 == 0 and preview_grid(10, 64) % 10 == 0
    assert preview_grid(10, 2**16) == 10  # one row of large images
    assert preview_grid(500, 64) % 8 == 0  # too many classes for a row


def test_previews_stay_few_and_the_latest_one_stays(monkeypatch):
    monkeypatch.setattr("h2o_gan.engine.image.trainer._MAX_PREVIEWS", 5)
    trainer, epochs = trainer_of(), []
    for trainer.epoch in range(1, 9):
        trainer._preview()
        epochs.append(list(trainer._preview_epochs))
    assert epochs[4:8] == [[1, 2, 3, 4, 5], [2, 4, 6], [2, 4, 6, 7], [2, 4, 6, 7, 8]]
    assert len(trainer._previews) == len(epochs[-1])


def test_pretraining_comes_first_then_the_critic_alone_then_both():
    trainer = trainer_of()
    found = []
    for share in (0.0, 0.29, 0.31, 0.5):
        trainer.schedule(share)
        found.append((trainer._pretraining is not None, trainer._is_critic_first))
    assert found == [(True, False), (True, False), (False, True), (False, False)]


def test_rates_warm_up_and_fall():
    trainer = trainer_of(generator_learning_rate=1.0, discriminator_learning_rate=2.0)
    rates = []
    for share in (0.301, 0.4, 0.6, 0.9, 1.0):
        trainer.schedule(share)
        rates.append(trainer.generator_optimizer.param_groups[0]["lr"])
        assert trainer.critic_optimizer.param_groups[0]["lr"] == 2 * rates[-1]
    assert rates[0] < rates[1] == rates[2] == 1 > rates[3] > rates[4] > 0


def test_a_penalty_is_taken_every_few_steps_and_weighs_more(monkeypatch):
    from h2o_gan.engine.image import trainer as module

    trainer, weights = trainer_of(gradient_penalty=0.5), []
    step = module.critic_step
    monkeypatch.setattr(
        module, "critic_step", lambda *given: weights.append(given[6]) or step(*given)
    )
    trainer.schedule(0.5)
    for _ in range(5):
        trainer.train_step(torch.arange(16), trainer._losses)
    assert weights == [2.0, 0.0, 0.0, 0.0, 2.0]


def test_old_names_are_none_of_todays():
    shape, sizes = (28, 28, 1), ImageSizes((2, 2), 1, 2, 2)
    networks = [kind(shape, 0, sizes) for kind in (ImageGenerator, ImageCritic, ImageEncoder)]
    parts = {part for n in networks for key in n.state_dict() for part in key.split(".")}
    assert not parts & set(_OLD_NAMES) and set(_OLD_NAMES.values()) <= parts


def test_names_of_earlier_files_are_read_once():
    one, other = torch.zeros(1), torch.ones(1)
    assert _renamed({"critic.look.weight": one, "critic.label.bias": other}) == {
        "critic.stem.weight": one,
        "critic.label.bias": other,
    }
    with pytest.raises(Damaged, match="twice"):
        _renamed({"critic.look.weight": one, "critic.stem.weight": other})
