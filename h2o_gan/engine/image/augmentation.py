"""Random changes to images before the critic sees them, real and generated ones alike.

With few images a critic learns them by heart, and the generator with it. Changes that both kinds of
images undergo hide which one it is without showing in what is generated (Zhao et al. 2020,
DiffAugment, arXiv 2006.10738; Karras et al. 2020, ADA, arXiv 2006.06676). How often they are made
follows from how much better the critic knows the images it trains on than held-out ones, which is
ADA's rule.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["AdaptiveStrength", "augmented"]

_SHIFT = 0.125  # of the side
_TURN = math.radians(12)
_ZOOM = 0.15
_STRETCH = 0.15
_SHADE = 0.3
_CUT = 0.4  # of the side

_TARGET = 0.5  # share of the critic's knowledge that may be of the images themselves
_WINDOW = 20_000  # images over which the strength may rise from none to full


def augmented(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    """Changed images, (B, C, H, W) like those given; differentiable.

    Each image is moved, turned, zoomed and stretched a little, shaded, and a square of it hidden,
    each with probability `strength`.
    """
    if strength <= 0:
        return images
    count, _, height, width = images.shape
    device = images.device

    def drawn(spread: float) -> Tensor:
        value = (2 * torch.rand(count, generator=random, device=device) - 1) * spread
        return value * (torch.rand(count, generator=random, device=device) < strength)

    turn, zoom, stretch = drawn(_TURN), drawn(_ZOOM).exp(), drawn(_STRETCH).exp()
    right, down = drawn(2 * _SHIFT), drawn(2 * _SHIFT)
    cos, sin = turn.cos(), turn.sin()
    across, along = zoom * stretch, zoom / stretch
    ratio = height / width
    place = torch.stack(
        [across * cos, -along * sin * ratio, right, across * sin / ratio, along * cos, down], 1
    ).view(count, 2, 3)
    grid = F.affine_grid(place, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    moved = moved * (1 + drawn(_SHADE))[:, None, None, None]
    hidden = torch.rand(count, generator=random, device=device) < strength
    middle = torch.rand(2, count, generator=random, device=device)
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    inside = ((rows - middle[0, :, None]).abs() < _CUT / 2)[:, :, None] & (
        (columns - middle[1, :, None]).abs() < _CUT / 2
    )[:, None, :]
    kept = ~(inside & hidden[:, None, None])
    return moved * kept[:, None]


class AdaptiveStrength:
    """How often images are changed, from how much better the critic knows those it trains on.

    With scores of trained, held-out and generated images, the critic's knowledge that is of the
    images themselves is (trained - held out) / (trained - generated): 0 for none, 1 for all of it.
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def update(self, trained: float, held_out: float, generated: float, images: int) -> None:
        """Take in mean scores after so many more training images."""
        known = trained - generated
        by_heart = (trained - held_out) / known if known > 0 else 0.0
        step = images / _WINDOW
        self.value = min(max(self.value + (step if by_heart > _TARGET else -step), 0.0), 0.9)
