"""Each objective against its formula, worked out another way."""

import pytest
import torch

from h2o_gan.engine.training.objectives import OBJECTIVES, r1_r2

LINEAR = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])  # of a critic C(x) = w.x, whose gradient is w


@pytest.fixture
def rows():
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(16, 5, generator=rng).requires_grad_() for _ in range(2)]


def score(*batches):
    return [(batch @ LINEAR)[:, None] for batch in batches]


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
def test_losses_are_the_papers(name):
    rng = torch.Generator().manual_seed(0)
    on_real, on_fake = torch.randn(2, 16, 1, generator=rng)
    objective = OBJECTIVES[name]()
    critic_loss, generator_loss = expected(name, on_real, on_fake)
    assert torch.allclose(objective.critic_loss(on_real, on_fake), critic_loss, atol=1e-6)
    found = objective.generator_loss(on_fake, on_real)
    assert torch.allclose(found, generator_loss, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_raises_the_scores_of_its_rows(name):
    on_fake = torch.linspace(-2, 2, 9)[:, None].requires_grad_()
    objective = OBJECTIVES[name]()
    on_real = torch.zeros(9, 1) if objective.is_relative else None
    (grad,) = torch.autograd.grad(objective.generator_loss(on_fake, on_real), on_fake)
    below = on_fake.detach() < 1  # least squares pulls scores above 1 back
    assert (grad[below] < 0).all()


@pytest.mark.parametrize("name", ["relativistic", "mse", "bce", "hinge"])
def test_r1_and_r2_penalize_gradients_at_real_and_generated_rows(name, rows):
    on_real, on_fake = score(*rows)
    found = OBJECTIVES[name]().gradient_penalty(score, *rows, on_real, on_fake, 0.3)
    assert found.item() == pytest.approx(0.3 / 2 * 2 * LINEAR.square().sum().item())


def test_r1_and_r2_of_a_quadratic_critic():
    """C(x) = |x|^2 / 2 has the gradient x, so the penalties are mean squared lengths."""
    rng = torch.Generator().manual_seed(1)
    real = torch.randn(8, 2, 3, generator=rng).requires_grad_()
    fake = 2 * torch.randn(8, 2, 3, generator=rng)
    fake.requires_grad_()
    on_real, on_fake = (rows.square().flatten(1).sum(1, keepdim=True) / 2 for rows in (real, fake))
    lengths = [rows.detach().square().flatten(1).sum(1).mean() for rows in (real, fake)]
    found = r1_r2(on_real, on_fake, real, fake, 0.5)
    assert torch.allclose(found, 0.25 * (lengths[0] + lengths[1]))
    found.backward()  # the penalty itself can be descended
    assert torch.allclose(real.grad, 0.25 * 2 * real.detach() / 8)


def test_wasserstein_penalizes_gradients_whose_length_is_not_one(rows):
    found = OBJECTIVES["wasserstein"]().gradient_penalty(score, *rows, None, None, 10.0)
    assert found.item() == pytest.approx(10 * (LINEAR.norm().item() - 1) ** 2, rel=1e-4)


def test_wasserstein_looks_between_real_and_generated_rows(rows):
    seen = []

    def spied(*batches):
        seen.extend(batches)
        return score(*batches)

    OBJECTIVES["wasserstein"]().gradient_penalty(spied, *rows, None, None, 1.0)
    real, fake = rows
    shares = ((seen[0] - fake) / (real - fake)).detach()
    assert torch.allclose(shares, shares.mean(1, keepdim=True).expand(16, 5), atol=1e-3)
    assert shares.min() > 0 and shares.max() < 1 and shares.std() > 0.2
