"""How a critic scores a batch, and the steps of the game."""

import pytest
import torch
from torch import nn

from h2o_gan.engine.training.adversarial import (
    critic_loss,
    critic_step,
    generator_loss,
    separately,
    together,
)
from h2o_gan.engine.training.objectives import OBJECTIVES


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


@pytest.fixture
def rows():
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(6, 4, generator=rng) for _ in range(2)]


def test_one_pass_and_several_score_alike(critic, rows):
    passes = []

    def spied(batch):
        passes.append(len(batch))
        return critic(batch)

    first, second = (scored(*rows) for scored in (together(spied), separately(spied)))
    assert passes == [12, 6, 6]
    for one, other in zip(first, second, strict=True):
        assert one.shape == (6, 1) and torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_total_is_the_objective_with_its_penalty_and_the_auxiliary_loss(name, critic, rows):
    objective = OBJECTIVES[name]()
    plain = critic_loss(objective, separately(critic), *rows)
    assert torch.equal(plain.total, plain.objective)
    assert torch.equal(plain.objective, objective.critic_loss(plain.on_real, plain.on_fake))
    full = critic_loss(objective, separately(critic), *rows, 2.0, lambda: torch.tensor(3.0))
    leaves = [batch.clone().requires_grad_() for batch in rows]
    scores = separately(critic)(*leaves)
    penalty = objective.gradient_penalty(separately(critic), *leaves, *scores, 2.0)
    assert penalty > 0
    assert torch.allclose(full.total, plain.objective + 3 + penalty)
    assert torch.allclose(full.objective, plain.objective)
    assert not any(batch.requires_grad for batch in rows)  # the caller's rows stay as they are


def test_rows_that_carry_gradients_keep_them(critic, rows):
    """Features of a table's rows come from weights of the critic, which the penalty reaches."""
    scale = torch.ones(4, requires_grad=True)
    real, fake = (batch * scale for batch in rows)
    loss = critic_loss(OBJECTIVES["relativistic"](), together(critic), real, fake, 0.1)
    (grad,) = torch.autograd.grad(loss.total, scale)
    assert (grad != 0).all()


def test_a_step_of_the_critic_lowers_its_loss_and_changes_nothing_else(critic, rows):
    weights = list(critic.parameters())
    optimizer = torch.optim.SGD(weights, lr=0.1)
    real, fake = rows[0], rows[1].clone().requires_grad_()
    objective = OBJECTIVES["relativistic"]()
    before = critic_step(optimizer, weights, objective, together(critic), real, fake, 0.1)
    after = critic_loss(objective, together(critic), real, fake, 0.1)
    assert after.total < before.total
    assert fake.grad is None


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generators_loss_goes_through_the_critic_to_its_rows_alone(name, critic, rows):
    objective = OBJECTIVES[name]()
    real, fake = (batch.clone().requires_grad_() for batch in rows)
    loss = generator_loss(objective, critic, real, fake)
    on_real, on_fake = critic(real), critic(fake)
    assert torch.allclose(loss, objective.generator_loss(on_fake, on_real))
    loss.backward()
    assert real.grad is None and (fake.grad != 0).any()
