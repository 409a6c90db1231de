"""Rows from a trained generator, in blocks whose randomness is their own.

A block's size and seed follow from the model and the block's number alone, so a seed gives the
same rows whatever the batch size, and the first rows of a long sample are those of a short one.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from h2o_gan.engine.blocks import block_seed
from h2o_gan.engine.mlp.expansion import Expansion

__all__ = ["block_rows", "calibrate", "hardened_blocks"]


_BLOCK_ROWS = 4096
_BLOCK_CELLS = 2**22
_CALIBRATION_ROWS = 16_384
_CALIBRATION_ROUNDS = 6


def block_rows(width: int) -> int:
    """Rows of a block: fewer for wide rows, so that a block's memory is bounded."""
    return int(min(_BLOCK_ROWS, max(64, _BLOCK_CELLS // max(width, 1))))


def hardened_blocks(
    generator: nn.Module,
    expansion: Expansion,
    bias: Tensor,
    latent_size: int,
    rows: int,
    seed: int,
) -> Iterator[Tensor]:
    """Hardened outputs, float64 (block, columns) on the CPU, until there are `rows`."""
    device = bias.device
    size = block_rows(len(bias))
    for block, start in enumerate(range(0, rows, size)):
        random = torch.Generator(device).manual_seed(block_seed(seed, block))
        with torch.no_grad():
            latent = torch.randn(size, latent_size, generator=random, device=device)
            hard = expansion.harden(generator(latent) + bias, random)
        yield hard[: rows - start].cpu()


def calibrate(
    generator: nn.Module,
    expansion: Expansion,
    latent_size: int,
    seed: int,
    device: torch.device,
) -> Tensor:
    """A bias (width,) for raw outputs under which choices come at their real shares.

    A GAN gets the shares of levels and of missing values about right; users want them right. Each
    round adds the log ratio of the real share to the generated one, as iterative proportional
    fitting does, over the exact probabilities of the choices rather than over draws.
    """
    width = expansion.width
    bias = torch.zeros(width, device=device)
    choices = [span for span in expansion.spans if span.activation == "softmax"]
    if not choices:
        return bias
    random = torch.Generator(device).manual_seed(block_seed(seed, 2**32 - 1))
    size = block_rows(width)
    with torch.no_grad():
        raw = [
            generator(torch.randn(size, latent_size, generator=random, device=device))
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
