"""Sampling from a trained generator in blocks, and the calibration of its choices.

The size and the seed of a block follow from the model and the block's number alone. So a seed gives
the same rows whatever the batch size, and a long sample begins with the rows of a short one.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from h2o_gan.engine.blocks import block_seed
from h2o_gan.engine.mlp.features import FeatureTransform

__all__ = ["block_rows", "calibrate", "discrete_blocks"]


_BLOCK_ROWS = 4096
_BLOCK_CELLS = 2**22
_CALIBRATION_ROWS = 16_384
_CALIBRATION_ROUNDS = 6
_CALIBRATION_BLOCK = 2**32 - 1  # whose seed no block of a sample has


def block_rows(width: int) -> int:
    """The number of rows of a block: fewer for wide rows, so that its memory is bounded."""
    return int(min(_BLOCK_ROWS, max(64, _BLOCK_CELLS // max(width, 1))))


def discrete_blocks(
    generator: nn.Module,
    features: FeatureTransform,
    bias: Tensor,
    latent_size: int,
    rows: int,
    seed: int,
) -> Iterator[Tensor]:
    """Generate rows in blocks.

    Args:
        generator: latents (b, latent_size) to raw outputs (b, width).
        features: of the generator's outputs, on its device.
        bias: float32 (width,) added to raw outputs; see :func:`calibrate`.
        latent_size: length of a latent.
        rows: how many to generate.
        seed: of the sample.

    Yields:
        float64 (b, columns) on the CPU, for :meth:`~h2o_gan.engine.data.encoder.Encoder.decode`.
    """
    device = bias.device
    size = block_rows(len(bias))
    for block, start in enumerate(range(0, rows, size)):
        rng = torch.Generator(device).manual_seed(block_seed(seed, block))
        with torch.no_grad():
            latent = torch.randn(size, latent_size, generator=rng, device=device)
            discrete = features.discretize(generator(latent) + bias, rng)
        yield discrete[: rows - start].cpu()


def calibrate(
    generator: nn.Module,
    features: FeatureTransform,
    latent_size: int,
    seed: int,
    device: torch.device,
) -> Tensor:
    """Fit a bias for raw outputs under which choices have their real shares.

    A GAN reproduces the shares of levels and of missing values only roughly. Each round adds the
    log ratio of the real to the generated share, as iterative proportional fitting does, from the
    exact probabilities of the choices.

    Args:
        generator: latents (b, latent_size) to raw outputs (b, width).
        features: of the generator's outputs, with the real shares.
        latent_size: length of a latent.
        seed: of the training.
        device: of the generator.

    Returns:
        float32 (width,).
    """
    width = features.width
    bias = torch.zeros(width, device=device)
    choices = [span for span in features.spans if span.activation == "softmax"]
    if not choices:
        return bias
    rng = torch.Generator(device).manual_seed(block_seed(seed, _CALIBRATION_BLOCK))
    size = block_rows(width)
    with torch.no_grad():
        raw = [
            generator(torch.randn(size, latent_size, generator=rng, device=device))
            for _ in range(max(_CALIBRATION_ROWS // size, 1))
        ]
        for span in choices:
            part = slice(span.start, span.start + span.width)
            real = torch.tensor(span.shares, device=device)
            for _ in range(_CALIBRATION_ROUNDS):
                drawn = [torch.softmax(r[:, part] + bias[part], 1).mean(0) for r in raw]
                shares = torch.stack(drawn).mean(0)
                bias[part] += (real / shares.clamp_min(1e-9)).log().clamp(-3, 3)
    return bias
