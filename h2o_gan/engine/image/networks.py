"""Convolutional generator and critic: residual blocks without normalisation.

The recipe is R3GAN's (Huang et al. 2024, arXiv 2501.05441): plain residual stages that mirror each
other, leaky rectifiers, bilinear resampling apart from the convolutions, initial scales that make
every block the identity (Zhang et al. 2019, Fixup, arXiv 1901.09321), class embeddings at the
generator's input and as a projection of the critic's output (Miyato & Koyama 2018, arXiv
1802.05637). The finest stage works on patches of pixels (Shi et al. 2016, arXiv 1609.05158), which
on a CPU buys several times the steps for no visible price.

Shapes: B images, C colours, H and W pixels, Z the latent vector's length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.image.flow import LatentFlow

__all__ = [
    "ImageCritic",
    "ImageEncoder",
    "ImageGenerator",
    "ImageSizes",
    "channels_last",
    "stages_of",
]

Network = TypeVar("Network", bound=nn.Module)

_SLOPE = 0.2
_COARSEST = 8  # sides of the last stage are at most this
_EMBEDDING = 64
_NARROWEST, _WIDEST = -6.0, 2.0  # log standard deviations of codes


@dataclass(frozen=True)
class ImageSizes:
    """Widths of the networks.

    ``channels`` are those of the stages from the finest to the coarsest, ``blocks`` the residual
    blocks of each, ``latent`` the random input's length, ``patch`` the side of the square of pixels
    that the finest stage takes for one place.
    """

    channels: tuple[int, ...]
    blocks: int = 1
    latent: int = 64
    patch: int = 2


def stages_of(height: int, width: int, patch: int) -> list[tuple[int, int]]:
    """Heights and widths of the stages, from the finest to the coarsest."""
    sizes = [(-(-height // patch), -(-width // patch))]
    while max(sizes[-1]) > _COARSEST:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


class _Block(nn.Module):
    """x + conv(act(conv(act(x)))), the identity at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.last(_act(self.first(_act(x))))
        return x + inner


class ImageGenerator(nn.Module):
    """Latent vectors and classes to images.

    Args:
        shape: (height, width, colours).
        classes: how many there are; 0 for images without labels.
        sizes: widths.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__()
        self._shape, self._patch, self.latent_size = shape, sizes.patch, sizes.latent
        self._stages = stages_of(shape[0], shape[1], sizes.patch)
        height, width = self._stages[-1]
        channels = sizes.channels
        self.embedding = nn.Embedding(classes, _EMBEDDING) if classes else None
        self.flow = LatentFlow(sizes.latent, classes)
        inputs = sizes.latent + (_EMBEDDING if classes else 0)
        self.start = nn.Linear(inputs, channels[-1] * height * width)
        self.stages = nn.ModuleList(
            nn.Sequential(*[_Block(own) for _ in range(sizes.blocks)]) for own in channels[::-1]
        )
        self.between = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for coarse, fine in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.paint = nn.Conv2d(channels[0], shape[2] * sizes.patch**2, 3, padding=1)

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start."""
        _initialize(self, random)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, generator=random)
        nn.init.normal_(self.start.weight, std=self.start.in_features**-0.5, generator=random)
        self.flow.initialize(random)
        with torch.no_grad():
            self.paint.weight.mul_(0.3)

    def forward(self, latent: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, Z) standard normal latents and (B,) classes to (B, C, H, W), about [-1, 1]."""
        return self.decode(self.flow(latent, classes), classes)

    def decode(self, codes: Tensor, classes: Tensor | None = None) -> Tensor:
        """The images of (B, Z) codes."""
        inner = F.normalize(codes) * math.sqrt(self.latent_size)
        if self.embedding is not None:
            inner = torch.cat([inner, self.embedding(classes)], 1)
        height, width = self._stages[-1]
        x = self.start(inner).view(len(codes), -1, height, width)
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        sizes = self._stages[-2::-1]
        for change, stage, size in zip(self.between, self.stages[1:], sizes, strict=True):
            x = F.interpolate(change(x), size=size, mode="bilinear", align_corners=False)
            x = stage(x)
        painted = F.pixel_shuffle(self.paint(_act(x)), self._patch)
        return painted[:, :, : self._shape[0], : self._shape[1]]


class _Looking(nn.Module):
    """Images to flat features of their coarsest stage; the generator's mirror.

    With labels, `label` guesses the class from these.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__()
        self._patch = sizes.patch
        self._stages = stages_of(shape[0], shape[1], sizes.patch)
        channels = sizes.channels
        self._margins = (
            self._stages[0][1] * sizes.patch - shape[1],
            self._stages[0][0] * sizes.patch - shape[0],
        )
        self.look = nn.Conv2d(shape[2] * sizes.patch**2, channels[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(*[_Block(own) for _ in range(sizes.blocks)]) for own in channels
        )
        self.between = nn.ModuleList(
            nn.Conv2d(fine, coarse, 1) for fine, coarse in pairwise(channels)
        )
        height, width = self._stages[-1]
        self.width = channels[-1] * height * width
        self.label = nn.Linear(self.width, classes) if classes else None

    def see_like(self, other: _Looking) -> None:
        """Take over how another of the same sizes looks at images."""
        for name in ("look", "stages", "between", "label"):
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(getattr(other, name).state_dict())

    def seen(self, images: Tensor) -> Tensor:
        """(B, C, H, W) to (B, width)."""
        if any(self._margins):
            images = F.pad(images, (0, self._margins[0], 0, self._margins[1]), mode="replicate")
        patches = F.pixel_unshuffle(images, self._patch)
        x = self.stages[0](self.look(patches.contiguous(memory_format=torch.channels_last)))
        for change, stage, size in zip(
            self.between, self.stages[1:], self._stages[1:], strict=True
        ):
            x = stage(change(F.interpolate(x, size=size, mode="area")))
        return _act(x).flatten(1)


class ImageCritic(_Looking):
    """Images and their classes to scores.

    Args:
        shape: (height, width, colours).
        classes: how many there are; 0 for images without labels.
        sizes: widths.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__(shape, classes, sizes)
        self.end = nn.Linear(self.width, _EMBEDDING if classes else 1)
        self.embedding = nn.Embedding(classes, _EMBEDDING) if classes else None

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start."""
        _initialize(self, random)
        nn.init.normal_(self.end.weight, std=self.width**-0.5, generator=random)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, generator=random)

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, C, H, W) images and (B,) classes to (B, 1) scores."""
        return self.judge(self.seen(images), classes)

    def judge(self, seen: Tensor, classes: Tensor | None) -> Tensor:
        """The scores of what was seen."""
        features: Tensor = self.end(seen)
        if self.embedding is None:
            return features
        scores: Tensor = (features * self.embedding(classes)).sum(1, keepdim=True)
        return scores / math.sqrt(_EMBEDDING)


class ImageEncoder(_Looking):
    """Images to normal distributions of the codes that may have made them, and to classes.

    Args:
        shape: (height, width, colours).
        classes: how many there are; 0 for images without labels.
        sizes: widths.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__(shape, classes, sizes)
        self.end = nn.Linear(self.width, 2 * sizes.latent)

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start."""
        _initialize(self, random)
        nn.init.normal_(self.end.weight, std=self.width**-0.5, generator=random)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) to means and log standard deviations, float32 (B, Z) each."""
        return self.code(self.seen(images))

    def code(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The distributions of what was seen."""
        means, logs = self.end(seen).float().chunk(2, 1)
        return means, logs.clamp(_NARROWEST, _WIDEST)


def channels_last(network: Network, device: torch.device) -> Network:
    """The network itself, on a device, laid out as convolutions are fastest."""
    moved: Network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def _act(x: Tensor) -> Tensor:
    activated: Tensor = F.leaky_relu(x, _SLOPE)
    return activated


def _initialize(network: nn.Module, random: torch.Generator) -> None:
    blocks = sum(isinstance(module, _Block) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan = module.weight[0].numel()
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan), generator=random)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, _Block):
            with torch.no_grad():
                module.first.weight.mul_(blocks**-0.5)
            nn.init.zeros_(module.last.weight)
