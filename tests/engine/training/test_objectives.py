"""Each game against its formula, worked out another way."""

import pytest
import torch

from h2o_gan.engine.training.objectives import OBJECTIVES


@pytest.fixture
def rows():
    random = torch.Generator().manual_seed(0)
    return torch.randn(16, 5, generator=random), torch.randn(16, 5, generator=random)


def linear(weights):
    """A critic C(x) = w.x, whose slope is w everywhere."""
    return lambda x: (x @ weights)[:, None]


W = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])


def expected(name, on_real, on_fake):
    sigmoid = torch.sigmoid
    if name == "mse":
        return ((on_real - 1) ** 2).mean() + (on_fake**2).mean(), ((on_fake - 1) ** 2).mean()
    if name == "bce":
        critic = -sigmoid(on_real).log().mean() - (1 - sigmoid(on_fake)).log().mean()
        return critic, -sigmoid(on_fake).log().mean()
    if name == "hinge":
        critic = (1 - on_real).clamp(min=0).mean() + (1 + on_fake).clamp(min=0).mean()
        return critic, -on_fake.mean()
    if name == "wasserstein":
        return on_fake.mean() - on_real.mean(), -on_fake.mean()
    return -sigmoid(on_real - on_fake).log().mean(), -sigmoid(on_fake - on_real).log().mean()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_are_the_papers(name, rows):
    real, fake = rows
    game, critic = OBJECTIVES[name](0.0), linear(W / 10)
    on_real, on_fake = critic(real), critic(fake)
    critic_loss, generator_loss = expected(name, on_real, on_fake)
    assert torch.allclose(game.critic_loss(critic, real, fake), critic_loss, atol=1e-6)
    assert torch.allclose(game.generator_loss(critic, real, fake), generator_loss, atol=1e-6)


@pytest.mark.parametrize("name", ["relativistic", "mse", "bce", "hinge"])
def test_r1_r2_penalise_the_slope_at_real_and_generated_rows(name, rows):
    critic = linear(W)
    without = OBJECTIVES[name](0.0).critic_loss(critic, *rows)
    with_penalty = OBJECTIVES[name](0.3).critic_loss(critic, *rows)
    slope = W.square().sum()
    assert torch.allclose(with_penalty - without, 0.3 / 2 * 2 * slope, rtol=1e-4)


def test_wasserstein_penalises_slopes_away_from_one(rows):
    critic = linear(W)
    without = OBJECTIVES["wasserstein"](0.0).critic_loss(critic, *rows)
    with_penalty = OBJECTIVES["wasserstein"](10.0).critic_loss(critic, *rows)
    assert torch.allclose(with_penalty - without, 10 * (W.norm() - 1) ** 2, rtol=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_is_pulled_towards_what_the_critic_likes(name, rows):
    real, fake = rows
    fake = fake.clone().requires_grad_()
    OBJECTIVES[name]().generator_loss(linear(W / 10), real, fake).backward()
    # Against the gradient of the loss, the critic's score must rise.
    assert ((-fake.grad @ W) >= 0).all() and (fake.grad != 0).any()
