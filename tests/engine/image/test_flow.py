"""The flow from noise to latents, and its fit."""

import pytest
import torch

from h2o_gan.engine.image.flow import FlowFit, LatentFlow, noise_and_times, sample_latents


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def flow_of(size, classes=0):
    torch.manual_seed(0)
    flow = LatentFlow(size, classes)
    flow.initialize(rng())
    for layer in (flow.first, flow.time, flow.last):
        torch.nn.init.zeros_(layer.bias)
    return flow


@pytest.mark.parametrize("classes", [0, 3])
def test_it_begins_as_the_identity(classes):
    flow, noise = flow_of(5, classes), torch.randn(7, 5, generator=rng())
    labels = torch.arange(7) % 3 if classes else None
    assert torch.allclose(flow(noise, labels), noise, atol=1e-6)


def test_standardized_it_has_the_mean_and_deviation_of_latents():
    latents = torch.randn(500, 4, generator=rng()) * torch.tensor([1.0, 2, 3, 0]) + 7
    flow = flow_of(4)
    flow.standardize(latents)
    out = flow(torch.randn(4000, 4, generator=rng(1)), None)
    assert torch.allclose(out.mean(0), latents.mean(0), atol=0.2)
    assert torch.allclose(out.std(0)[:3], latents.std(0)[:3], rtol=0.1)
    assert out.std(0)[3] > 0  # a constant latent leaves a finite scale
    assert torch.isfinite(flow.loss(latents, None, *noise_and_times(latents, rng())))


def test_the_loss_is_zero_for_the_true_velocity():
    """All latents at one point x: from noise z, at time t, the velocity is (x - y) / (1 - t)."""
    flow = flow_of(3)
    point = torch.tensor([[0.5, -1.0, 2.0]]).expand(6, 3)
    flow.velocity = lambda x, time, classes: (point - x) / (1 - time)
    noise, time = torch.randn(6, 3, generator=rng()), torch.rand(6, 1, generator=rng()) * 0.9
    assert flow.loss(point, None, noise, time).item() == pytest.approx(0, abs=1e-8)
    flow.velocity = lambda x, time, classes: (point - x) / (1 - time) + 2
    assert flow.loss(point, None, noise, time).item() == pytest.approx(4, rel=1e-4)


def test_integration_is_exact_for_velocities_that_are_linear_in_time():
    flow = flow_of(2)
    flow.velocity = lambda x, time, classes: 3 + 4 * time.expand_as(x)
    assert torch.allclose(flow(torch.zeros(1, 2), None), torch.full((1, 2), 5.0))


def test_the_fit_separates_classes():
    """Two classes of latents around -3 and 3: samples of each class lie at its own."""
    flow, classes = flow_of(2, 2), torch.arange(128) % 2
    means = torch.randn(128, 2, generator=rng()) * 0.3 + (classes * 6.0 - 3)[:, None]
    log_stds = torch.full((128, 2), -3.0)
    held_out = means[:64], log_stds[:64], classes[:64]
    fit = FlowFit(flow, (means, log_stds, classes), held_out, rng())
    losses = [fit.step(step / 80, rng(step)).item() for step in range(80)]
    fit.finish()
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    with torch.no_grad():
        for label, center in ((0, -3), (1, 3)):
            out = flow(torch.randn(200, 2, generator=rng()), torch.full((200,), label))
            assert out.mean().item() == pytest.approx(center, abs=1.0)


@pytest.mark.parametrize("is_held_out", [True, False])
def test_the_fit_ends_with_the_best_weights_or_without_held_out_latents_the_last(is_held_out):
    flow = flow_of(2)
    latents = torch.randn(32, 2, generator=rng()), torch.full((32, 2), -3.0), None
    fit = FlowFit(flow, latents, latents if is_held_out else None, rng())
    fit.step(0.0, rng())
    fitted = [weight for name, weight in fit._ema.named_parameters() if name not in ("mean", "std")]
    with torch.no_grad():
        for weight in fitted:
            weight.add_(1.0)  # far worse
    worse = [weight.clone() for weight in fitted]
    fit.finish()
    weights = [w for name, w in flow.named_parameters() if name not in ("mean", "std")]
    are_last = all(torch.equal(one, other) for one, other in zip(weights, worse, strict=True))
    assert are_last != is_held_out


def test_times_are_logit_normal():
    noise, time = noise_and_times(torch.zeros(20_000, 3), rng())
    assert noise.shape == (20_000, 3) and time.shape == (20_000, 1)
    logits = torch.logit(time)
    assert logits.mean().abs() < 0.05 and logits.std().item() == pytest.approx(1, abs=0.05)
    assert noise.std().item() == pytest.approx(1, abs=0.05)


def test_latents_are_drawn_from_their_posteriors():
    means = torch.tensor([[1.0, -2.0]]).expand(20_000, 2)
    log_stds = torch.tensor([[0.0, -1.0]]).expand(20_000, 2)
    latents = sample_latents(means, log_stds, rng())
    assert torch.allclose(latents.mean(0), means[0], atol=0.05)
    assert torch.allclose(latents.std(0), log_stds[0].exp(), rtol=0.05)
