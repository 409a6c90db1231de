"""The start of an image GAN: its generator learns to draw the training images from codes of them.

A GAN finds the modes of its data one after the other, and on a small budget not all of them. A
generator that has been the decoder of a variational autoencoder (Kingma & Welling 2014, arXiv
1312.6114) has drawn every training image before the game begins, if not well; the game then goes
about how they look (Larsen et al. 2016, arXiv 1512.09300, play both at once). The decoder's
variance is the batch's own error (Rybkin et al. 2021, arXiv 2006.13202), so nothing is to be tuned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from h2o_gan.engine.image_networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
)

__all__ = ["AutoencoderStart"]

_RATE = 2e-3
_LONGEST_SLOPE = 1e3
_LEAST_ERROR = 1e-4
_WARM_UP_STEPS = 100


class AutoencoderStart:
    """Trains a generator as a decoder.

    Args:
        generator: what to train.
        shape: (height, width, colours).
        sizes: widths of the generator; its encoder has the same.
        start: draws the encoder's first weights.
        device: where.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        shape: tuple[int, int, int],
        sizes: ImageSizes,
        start: torch.Generator,
        device: torch.device,
    ) -> None:
        self._generator = generator
        self._encoder = ImageEncoder(shape, sizes)
        self._encoder.initialize(start)
        channels_last(self._encoder, device)
        # Where codes lie is found by `finish`; `decode` knows nothing of it.
        fitted = ("middles", "spreads")
        of_generator = [w for name, w in generator.named_parameters() if name not in fitted]
        self._weights = [*of_generator, *self._encoder.parameters()]
        self._optimizer = torch.optim.Adam(
            self._weights, lr=_RATE, betas=(0.9, 0.99), fused=device.type in ("cpu", "cuda")
        )
        self._steps = 0

    def schedule(self, share: float) -> None:
        """Set the learning rate for this share of the start, from 0 to 1."""
        self._steps += 1
        warm = min(1.0, self._steps / _WARM_UP_STEPS)
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * warm * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def step(
        self,
        images: Tensor,
        classes: Tensor | None,
        random: torch.Generator,
        half: torch.autocast,
    ) -> Tensor:
        """Learn from images (B, C, H, W) and their classes (B,).

        Returns:
            The negative evidence lower bound of an image, in nats a pixel and colour.
        """
        with half:
            means, logs = self._encoder(images)
            noise = torch.randn(means.shape, generator=random, device=means.device)
            drawn = self._generator.decode(means + noise * logs.exp(), classes).float()
        error = (drawn - images).square().mean()
        divergence = (0.5 * (means.square() + (2 * logs).exp() - 1) - logs).sum(1).mean()
        loss = 0.5 * torch.log(error + _LEAST_ERROR) + divergence / images[0].numel()
        # Slopes of a whole image's loss: those of a pixel's would drown in Adam's epsilon.
        slopes = torch.autograd.grad(loss * images[0].numel(), self._weights)
        for weight, slope in zip(self._weights, slopes, strict=True):
            weight.grad = slope
        torch.nn.utils.clip_grad_norm_(self._weights, _LONGEST_SLOPE)
        self._optimizer.step()
        return loss

    @torch.no_grad()
    def finish(self, batches: Iterable[tuple[Tensor, Tensor | None]], critic: ImageCritic) -> None:
        """Hand over to the game.

        The generator learns where the codes of each class lie, so that latent vectors drawn at
        random become codes like those of training images (an idea of the second stage of Dai &
        Wipf 2019, arXiv 1903.05789). The critic goes on from what the encoder sees.

        Args:
            batches: images and their classes.
            critic: of the same sizes.
        """
        means, variances, groups = [], [], []
        for images, classes in batches:
            mean, log = self._encoder(images)
            means.append(mean)
            variances.append((2 * log).exp())
            groups.append(self._generator.groups_of(mean, classes))
        mean, variance, group = torch.cat(means), torch.cat(variances), torch.cat(groups)
        size = mean.shape[1]
        shared = _covariance(mean) + torch.diag(variance.mean(0))
        for place in range(len(self._generator.middles)):
            own = group == place
            count = int(own.sum())
            if count == 0:
                self._generator.middles[place] = mean.mean(0)
                spread = shared
            else:
                self._generator.middles[place] = mean[own].mean(0)
                spread = _covariance(mean[own]) + torch.diag(variance[own].mean(0))
                # Few images say little of how their codes spread.
                spread = torch.lerp(shared, spread, count / (count + size))
            spread = spread + _LEAST_ERROR * torch.eye(size, device=spread.device)
            self._generator.spreads[place] = torch.linalg.cholesky(spread)
        critic.see_like(self._encoder)


def _covariance(points: Tensor) -> Tensor:
    apart = points - points.mean(0)
    return apart.T @ apart / len(points)
