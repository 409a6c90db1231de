"""Convolutional generator and critic: residual blocks without normalisation.

The recipe is R3GAN's (Huang et al. 2024, arXiv 2501.05441): plain residual stages that mirror each
other, leaky rectifiers, and bilinear resampling apart from the convolutions. Initial scales make
every block the identity (Zhang et al. 2019, Fixup, arXiv 1901.09321). Class embeddings enter at
the generator's input and as a projection of the critic's output (Miyato & Koyama 2018, arXiv
1802.05637). The finest stage works on patches of pixels (Shi et al. 2016, arXiv 1609.05158): on a
CPU that makes steps several times as fast, without a visible loss.

Shapes: B images, C channels, H and W pixels, Z the length of a latent, F features of the coarsest
stage. Tensors are float32, classes int64.
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
    "MIN_ERROR",
    "Backbone",
    "ImageCritic",
    "ImageEncoder",
    "ImageGenerator",
    "ImageSizes",
    "channels_last",
    "stages_of",
]

Network = TypeVar("Network", bound=nn.Module)

MIN_ERROR = 1e-4
"""Added to the decoder's mean squared error, so that its logarithm stays finite."""

_NEGATIVE_SLOPE = 0.2  # of the leaky rectifiers
_MAX_COARSEST_SIDE = 8  # of the last stage
_EMBEDDING = 64
_MIN_LOG_STD, _MAX_LOG_STD = -6.0, 2.0  # of latents


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of the networks.

    Attributes:
        channels: of the stages, from the finest to the coarsest.
        blocks: residual blocks of each stage.
        latent: length of a latent, Z.
        patch: side in pixels of the square that is one position of the finest stage.
    """

    channels: tuple[int, ...]
    blocks: int = 1
    latent: int = 64
    patch: int = 2


def stages_of(height: int, width: int, patch: int) -> list[tuple[int, int]]:
    """Heights and widths of the stages, from the finest to the coarsest.

    Args:
        height: of the images.
        width: of the images.
        patch: side of a patch in pixels.
    """
    sizes = [(-(-height // patch), -(-width // patch))]
    while max(sizes[-1]) > _MAX_COARSEST_SIDE:
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
    """A network from latents and classes to images.

    Args:
        shape: (height, width, channels) of the images.
        classes: number of classes; 0 for images without labels.
        sizes: of the network.
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
        self.project = nn.Linear(inputs, channels[-1] * height * width)
        self.stages = nn.ModuleList(
            nn.Sequential(*[_Block(width) for _ in range(sizes.blocks)]) for width in channels[::-1]
        )
        self.transitions = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for coarse, fine in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.to_rgb = nn.Conv2d(channels[0], shape[2] * sizes.patch**2, 3, padding=1)

    def initialize(self, rng: torch.Generator) -> None:
        """Draw all initial weights from `rng`, on the CPU."""
        _initialize(self, rng)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, generator=rng)
        nn.init.normal_(self.project.weight, std=self.project.in_features**-0.5, generator=rng)
        self.flow.initialize(rng)
        with torch.no_grad():
            self.to_rgb.weight.mul_(0.3)

    def forward(self, latent: Tensor, classes: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            latent: (B, Z) standard normal vectors.
            classes: (B,), or None for images without labels.

        Returns:
            (B, C, H, W) images, about in [-1, 1].
        """
        return self.decode(self.flow(latent, classes), classes)

    def decode(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        """Decode latents of the autoencoder.

        Args:
            latents: (B, Z).
            classes: (B,), or None for images without labels.

        Returns:
            (B, C, H, W) images, about in [-1, 1].
        """
        inner = F.normalize(latents) * math.sqrt(self.latent_size)
        if self.embedding is not None:
            inner = torch.cat([inner, self.embedding(classes)], 1)
        height, width = self._stages[-1]
        x = self.project(inner).view(len(latents), -1, height, width)
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        sizes = self._stages[-2::-1]
        for transition, stage, size in zip(self.transitions, self.stages[1:], sizes, strict=True):
            x = F.interpolate(transition(x), size=size, mode="bilinear", align_corners=False)
            x = stage(x)
        images = F.pixel_shuffle(self.to_rgb(_act(x)), self._patch)
        return images[:, :, : self._shape[0], : self._shape[1]]


class Backbone(nn.Module):
    """A network from images to features of the coarsest stage, the generator's mirror.

    Args:
        shape: (height, width, channels) of the images.
        classes: number of classes; with 0 there is no classifier, `label`.
        sizes: of the network.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__()
        self._patch = sizes.patch
        self._stages = stages_of(shape[0], shape[1], sizes.patch)
        channels = sizes.channels
        self._padding = (
            self._stages[0][1] * sizes.patch - shape[1],
            self._stages[0][0] * sizes.patch - shape[0],
        )
        self.stem = nn.Conv2d(shape[2] * sizes.patch**2, channels[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(*[_Block(width) for _ in range(sizes.blocks)]) for width in channels
        )
        self.transitions = nn.ModuleList(
            nn.Conv2d(fine, coarse, 1) for fine, coarse in pairwise(channels)
        )
        height, width = self._stages[-1]
        self.width = channels[-1] * height * width
        self.label = nn.Linear(self.width, classes) if classes else None

    def load_backbone(self, other: Backbone) -> None:
        """Copy the weights of the stages and of the classifier from a network of the same sizes."""
        for name in ("stem", "stages", "transitions", "label"):
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(getattr(other, name).state_dict())

    def features(self, images: Tensor) -> Tensor:
        """The features (B, F) of images (B, C, H, W)."""
        if any(self._padding):
            images = F.pad(images, (0, self._padding[0], 0, self._padding[1]), mode="replicate")
        patches = F.pixel_unshuffle(images, self._patch)
        x = self.stages[0](self.stem(patches.contiguous(memory_format=torch.channels_last)))
        for transition, stage, size in zip(
            self.transitions, self.stages[1:], self._stages[1:], strict=True
        ):
            x = stage(transition(F.interpolate(x, size=size, mode="area")))
        return _act(x).flatten(1)


class ImageCritic(Backbone):
    """A network from images and their classes to scores.

    Args:
        shape: (height, width, channels) of the images.
        classes: number of classes; 0 for images without labels.
        sizes: of the network.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__(shape, classes, sizes)
        self.head = nn.Linear(self.width, _EMBEDDING if classes else 1)
        self.embedding = nn.Embedding(classes, _EMBEDDING) if classes else None

    def initialize(self, rng: torch.Generator) -> None:
        """Draw all initial weights from `rng`, on the CPU."""
        _initialize(self, rng)
        nn.init.normal_(self.head.weight, std=self.width**-0.5, generator=rng)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, generator=rng)

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """The scores (B, 1) of images (B, C, H, W) of classes (B,)."""
        return self.score(self.features(images), classes)

    def score(self, features: Tensor, classes: Tensor | None) -> Tensor:
        """The scores (B, 1) of features (B, F) of images of classes (B,)."""
        projected: Tensor = self.head(features)
        if self.embedding is None:
            return projected
        scores: Tensor = (projected * self.embedding(classes)).sum(1, keepdim=True)
        return scores / math.sqrt(_EMBEDDING)


class ImageEncoder(Backbone):
    """A network from images to normal posteriors of their latents, and to classes.

    Args:
        shape: (height, width, channels) of the images.
        classes: number of classes; 0 for images without labels.
        sizes: of the network.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, sizes: ImageSizes) -> None:
        super().__init__(shape, classes, sizes)
        self.head = nn.Linear(self.width, 2 * sizes.latent)

    def initialize(self, rng: torch.Generator) -> None:
        """Draw all initial weights from `rng`, on the CPU."""
        _initialize(self, rng)
        nn.init.normal_(self.head.weight, std=self.width**-0.5, generator=rng)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The posteriors of images (B, C, H, W): means and log standard deviations, (B, Z) each."""
        return self.posterior(self.features(images))

    def posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The posteriors of features (B, F): means and log standard deviations, (B, Z) each."""
        means, log_stds = self.head(features).float().chunk(2, 1)
        return means, log_stds.clamp(_MIN_LOG_STD, _MAX_LOG_STD)


def channels_last(network: Network, device: torch.device) -> Network:
    """Move a network to a device, in the memory layout that convolutions are fastest with.

    Args:
        network: changed in place.
        device: the target.

    Returns:
        The network itself.
    """
    moved: Network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def _act(x: Tensor) -> Tensor:
    activated: Tensor = F.leaky_relu(x, _NEGATIVE_SLOPE)
    return activated


def _initialize(network: nn.Module, rng: torch.Generator) -> None:
    blocks = sum(isinstance(module, _Block) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan = module.weight[0].numel()
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan), generator=rng)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, _Block):
            with torch.no_grad():
                module.first.weight.mul_(blocks**-0.5)
            nn.init.zeros_(module.last.weight)
