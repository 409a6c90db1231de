"""The parts of a training step."""

import pytest
import torch

from h2o_gan.engine.training.optim import (
    BestWeights,
    Stream,
    adam,
    cosine,
    gradient_step,
    linear_decay,
    load_optimizer_state,
    rng_of,
    set_rate,
    update_ema,
    warm_up,
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


def test_gradients_and_moments_have_the_strides_of_their_weights():
    """CUDA's fused optimizers refuse others."""
    layout = torch.channels_last
    weight = torch.rand(8, 4, 3, 3).contiguous(memory_format=layout).requires_grad_()
    target = torch.arange(weight.numel(), dtype=torch.float32).reshape(weight.shape)
    loss = (weight.contiguous() * target).sum()  # the gradient's strides are those of `target`
    assert torch.autograd.grad(loss, weight, retain_graph=True)[0].stride() != weight.stride()
    optimizer = adam([weight], 0.1, (0.5, 0.9))
    gradient_step(optimizer, loss, [weight])
    assert weight.grad.stride() == weight.stride() and torch.equal(weight.grad, target)
    moments = optimizer.state[weight]
    stored = {name: moment.contiguous() for name, moment in moments.items()}
    again = adam([weight], 0.1, (0.5, 0.9))
    load_optimizer_state(again, {"state": {0: stored}})
    for name, moment in again.state[weight].items():
        assert torch.equal(moment, moments[name])
        assert moment.stride() == moments[name].stride()


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
    assert [warm_up(step, 4) for step in (0, 1, 4, 9)] == [0, 0.25, 1, 1]
    assert [linear_decay(share, 0.5) for share in (0, 0.5, 0.75)] == [1, 1, 0.5]
    assert [linear_decay(share) for share in (0.0, 0.25, 1.0, 1.5)] == [1, 0.75, 0.01, 0.01]
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    set_rate(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_moments_are_loaded_and_settings_kept():
    weight = torch.ones(2, requires_grad=True)
    first = torch.optim.Adam([weight], lr=0.1)
    gradient_step(first, weight.sum(), [weight])
    second = torch.optim.Adam([weight], lr=0.3, betas=(0.5, 0.9))
    load_optimizer_state(second, first.state_dict())
    assert second.param_groups[0]["lr"] == 0.3 and second.param_groups[0]["betas"] == (0.5, 0.9)
    assert torch.equal(
        second.state_dict()["state"][0]["exp_avg"], first.state_dict()["state"][0]["exp_avg"]
    )


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_an_adam_decays_weights_apart_from_their_gradients(decay):
    weight = torch.ones(2, requires_grad=True)
    optimizer = adam([weight], 0.5, (0.0, 0.99), decay)
    assert optimizer.param_groups[0]["fused"]
    weight.grad = torch.tensor([0.0, 1.0])
    optimizer.step()
    expected = torch.tensor([1.0, 1.0 - 0.5]) - 0.5 * decay
    assert torch.allclose(weight.detach(), expected, atol=1e-4)


def test_the_best_weights_come_back():
    weights = [torch.zeros(2, requires_grad=True)]
    best = BestWeights(weights, 10.0)
    best.update(11.0)
    assert best.weights is None
    for value, loss in ((1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (4.0, float("nan"))):
        with torch.no_grad():
            weights[0].fill_(value)
        best.update(loss)
    assert best.loss == 3.0
    best.restore()
    assert weights[0].tolist() == [2.0, 2.0] and weights[0].requires_grad
