"""Sums of losses between two checks."""

import math

import pytest
import torch

from h2o_gan.engine.training.losses import Losses


def test_losses_are_means_since_the_last_check():
    losses = Losses(torch.device("cpu"))
    for value in (1.0, 3.0):
        losses.add_critic(torch.tensor(value))
    assert losses.means() == {"discriminator_loss": 2.0, "generator_loss": None}
    losses.add_critic(torch.tensor(5.0))
    losses.add_generator(torch.tensor(-1.0))
    assert losses.check()
    assert losses.means() == {"discriminator_loss": 5.0, "generator_loss": -1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e7, -1e7])
def test_losses_that_exploded_are_seen(value):
    losses = Losses(torch.device("cpu"))
    losses.add_generator(torch.tensor(value))
    assert not losses.are_good()
    assert not losses.check()
    assert losses.means()["generator_loss"] == (value if math.isfinite(value) else None)
