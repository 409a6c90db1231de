"""The parts of a training step."""

import pytest
import torch

from h2o_gan.engine.training.optim import (
    Stream,
    cosine,
    gradient_step,
    load_moments,
    rng_of,
    set_rate,
    update_ema,
)


def test_streams_are_the_same_for_a_seed_and_differ_from_each_other():
    drawn = {
        (seed, stream, step): torch.rand(3, generator=rng_of(seed, stream, step)).tolist()
        for seed in (1, 2)
        for stream in Stream
        for step in (0, 7)
    }
    assert len({tuple(values) for values in drawn.values()}) == len(drawn)
    again = torch.rand(3, generator=rng_of(1, Stream.STEPS, 7))
    assert again.tolist() == drawn[1, Stream.STEPS, 7]


@pytest.mark.parametrize("max_norm", [None, 0.5, 100.0])
def test_a_step_goes_down_the_loss_by_clipped_gradients(max_norm):
    weights = [torch.tensor([3.0, 4.0], requires_grad=True), torch.zeros(2, requires_grad=True)]
    other = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([*weights, other], lr=1.0)
    loss = (weights[0] * other).sum() + (weights[1] * torch.ones(2)).sum()
    gradient_step(optimizer, loss, weights, max_norm)
    factor = 1.0 if max_norm is None else min(1.0, max_norm / 2.0)  # four gradients of one
    assert torch.allclose(weights[0].detach(), torch.tensor([3.0, 4.0]) - factor, atol=1e-5)
    assert torch.allclose(weights[1].detach(), torch.full((2,), -factor), atol=1e-5)
    assert other.grad is None and other.tolist() == [1.0, 1.0]


def test_the_average_begins_short_and_becomes_long():
    average, weights = [torch.zeros(2)], [torch.ones(2, requires_grad=True)]
    update_ema(average, weights, 0.9, 1)
    assert average[0].tolist() == pytest.approx([1 - 2 / 11] * 2)
    average = [torch.zeros(2)]
    update_ema(average, weights, 0.9, 10_000)
    assert average[0].tolist() == pytest.approx([0.1] * 2)
    assert not average[0].requires_grad


def test_rates():
    assert [cosine(share) for share in (0.0, 0.5, 1.0, 2.0)] == pytest.approx([1, 0.5, 0, 0])
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    set_rate(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_moments_are_loaded_and_settings_kept():
    weight = torch.ones(2, requires_grad=True)
    first = torch.optim.Adam([weight], lr=0.1)
    gradient_step(first, weight.sum(), [weight])
    second = torch.optim.Adam([weight], lr=0.3, betas=(0.5, 0.9))
    load_moments(second, first.state_dict())
    assert second.param_groups[0]["lr"] == 0.3 and second.param_groups[0]["betas"] == (0.5, 0.9)
    assert torch.equal(
        second.state_dict()["state"][0]["exp_avg"], first.state_dict()["state"][0]["exp_avg"]
    )
