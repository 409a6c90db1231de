"""Random changes to images before the critic scores them, real and generated ones alike.

With few images a critic overfits to them, and the generator follows. Changes that both kinds of
images undergo prevent that and do not show in generated images (Zhao et al. 2020, DiffAugment,
arXiv 2006.10738; Karras et al. 2020, ADA, arXiv 2006.06676). Their probability follows ADA's rule:
it depends on how much better the critic scores training images than held-out ones.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["AdaptiveAugmentation", "augment"]

_SHIFT = 0.125  # of the side
_ROTATION = math.radians(12)
_ZOOM = 0.15  # log factor
_STRETCH = 0.15  # log factor
_BRIGHTNESS = 0.3
_CUTOUT = 0.4  # of the side

_TARGET = 0.5  # of the overfitting measure
_WINDOW = 20_000  # images over which the probability may rise from 0 to 1
_MAX_PROBABILITY = 0.9


def augment(images: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Shift, rotate, zoom, stretch and shade images, and cut a square out of them.

    Differentiable, so that gradients reach the generator.

    Args:
        images: (B, C, H, W) float32.
        probability: of each change, for each image by itself.
        rng: on the images' device.

    Returns:
        Images of the same shape and dtype; the very images where the probability is 0.
    """
    if probability <= 0:
        return images
    count, _, height, width = images.shape
    device = images.device

    def draw(spread: float) -> Tensor:
        value = (2 * torch.rand(count, generator=rng, device=device) - 1) * spread
        return value * (torch.rand(count, generator=rng, device=device) < probability)

    angle, zoom, stretch = draw(_ROTATION), draw(_ZOOM).exp(), draw(_STRETCH).exp()
    right, down = draw(2 * _SHIFT), draw(2 * _SHIFT)
    cos, sin = angle.cos(), angle.sin()
    across, along = zoom * stretch, zoom / stretch
    ratio = height / width
    matrix = torch.stack(
        [across * cos, -along * sin * ratio, right, across * sin / ratio, along * cos, down], 1
    ).view(count, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    moved = moved * (1 + draw(_BRIGHTNESS))[:, None, None, None]
    is_cut = torch.rand(count, generator=rng, device=device) < probability
    center = torch.rand(2, count, generator=rng, device=device)
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    inside = ((rows - center[0, :, None]).abs() < _CUTOUT / 2)[:, :, None] & (
        (columns - center[1, :, None]).abs() < _CUTOUT / 2
    )[:, None, :]
    mask = ~(inside & is_cut[:, None, None])
    return moved * mask[:, None]


class AdaptiveAugmentation:
    """The probability of augmentation, adapted to how far the critic overfits (ADA).

    The measure of overfitting is (trained - held out) / (trained - generated), from mean scores of
    three kinds of images: 0 without overfitting, 1 if held-out images score like generated ones.

    Args:
        value: the probability to begin with.
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value
        """The present probability."""

    def update(self, trained: float, held_out: float, generated: float, images: int) -> None:
        """Adapt the probability.

        Args:
            trained: mean score of training images.
            held_out: mean score of held-out images.
            generated: mean score of generated images.
            images: number of training images since the last update.
        """
        margin = trained - generated
        overfitting = (trained - held_out) / margin if margin > 0 else 0.0
        step = images / _WINDOW
        value = self.value + (step if overfitting > _TARGET else -step)
        self.value = min(max(value, 0.0), _MAX_PROBABILITY)
