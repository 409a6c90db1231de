"""Blocks of samples, and choices that have their real shares."""

import pytest
import torch
from torch import nn

from h2o_gan.engine.mlp.calibration import block_rows, calibrate, discrete_blocks
from h2o_gan.engine.mlp.features import Span

CPU = torch.device("cpu")


class OneChoice:
    """A column of three levels."""

    spans = (Span("a", 0, 3, "softmax", (0.6, 0.3, 0.1)),)
    width = 3

    def discretize(self, raw, rng):
        probabilities = torch.softmax(raw, 1)
        return torch.multinomial(probabilities, 1, generator=rng).double()


class Numbers:
    """Numbers alone, whose raw outputs are the rows."""

    def __init__(self, width):
        self.spans, self.width = (Span("a", 0, width, "tanh"),), width

    def discretize(self, raw, rng):
        return raw.double()


def generator(outputs):
    torch.manual_seed(0)
    return nn.Linear(4, outputs)


def test_blocks_are_bounded():
    assert block_rows(1) == 4096 and block_rows(2**13) == 512 and block_rows(2**30) == 64


def test_a_long_sample_begins_with_the_rows_of_a_short_one():
    width = 2**13  # in blocks of 512 rows
    make = generator(width)

    def rows(count, seed):
        return torch.cat(
            list(discrete_blocks(make, Numbers(width), torch.zeros(width), 4, count, seed))
        )

    long, short = rows(600, 3), rows(10, 3)
    assert long.shape == (600, width) and long.dtype == torch.float64
    assert torch.equal(long[:10], short)
    assert not torch.equal(rows(10, 4), short)
    assert not torch.equal(long[512:520], long[:8])  # every block has a seed


def test_the_bias_is_added():
    make, bias = generator(3), torch.tensor([1.0, 2.0, 3.0])
    with_bias, without = (
        next(discrete_blocks(make, Numbers(3), b, 4, 5, 0)) for b in (bias, torch.zeros(3))
    )
    assert torch.allclose(with_bias - without, bias.double(), atol=1e-6)


def test_choices_get_their_real_shares():
    make = generator(3)
    bias = calibrate(make, OneChoice(), 4, 0, CPU)
    latents = torch.randn(50_000, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = torch.softmax(make(latents), 1).mean(0)
        after = torch.softmax(make(latents) + bias, 1).mean(0)
    real = torch.tensor(OneChoice.spans[0].shares)
    assert (before - real).abs().max() > 0.1
    assert after.tolist() == pytest.approx(real.tolist(), abs=0.01)


def test_numbers_need_no_bias():
    assert calibrate(generator(2), Numbers(2), 4, 0, CPU).tolist() == [0.0, 0.0]
