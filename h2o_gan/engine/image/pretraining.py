"""The start of an image GAN: its generator learns to draw the training images from codes of them.

A GAN finds the modes of its data one after the other, and on a small budget not all of them. A
generator that has been the decoder of a variational autoencoder (Kingma & Welling 2014, arXiv
1312.6114) has drawn every training image before the game begins, if not well; the game then goes
about how they look (Larsen et al. 2016, arXiv 1512.09300). The decoder's variance is the batch's
own error (Rybkin et al. 2021, arXiv 2006.13202), so nothing is to be tuned. Then a flow learns
where the codes lie (:mod:`h2o_gan.engine.image.flow`), and the critic begins with what the encoder
sees, which with labels is also trained to tell them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from h2o_gan.engine.image.flow import Codes, FlowFit
from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
)
from h2o_gan.engine.training.optim import (
    adam,
    cosine,
    gradient_step,
    set_rate,
    warm_up,
)

__all__ = ["LEAST_ERROR", "AutoencoderStart", "Batches", "log_error"]

_RATE = 2e-3
_MAX_NORM = 1e3
LEAST_ERROR = 1e-4
_WARM_UP_STEPS = 100
_CODING = 0.7  # of the start; the flow has the rest

Batches = Callable[[], Iterable[tuple[Tensor, Tensor | None]]]
"""Gives images (B, C, H, W) and their classes (B,), part by part."""


class AutoencoderStart:
    """Trains a generator as a decoder, then its flow.

    Args:
        generator: what to train.
        encoder: what to train with it.
        training: images whose codes the flow learns.
        held_out: others, to tell when it knows those well enough; may give none.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        encoder: ImageEncoder,
        training: Batches,
        held_out: Batches,
    ) -> None:
        self._generator, self._encoder = generator, encoder
        self._training, self._held_out = training, held_out
        of_generator = [w for n, w in generator.named_parameters() if not n.startswith("flow.")]
        self._weights = [*of_generator, *self._encoder.parameters()]
        self._optimizer = adam(self._weights, _RATE, (0.9, 0.99))
        self._steps = 0
        self._share = 0.0
        self._fit: FlowFit | None = None

    def schedule(self, share: float) -> None:
        """Prepare a step when this share of the start is over, from 0 to 1."""
        self._share = share
        self._steps += 1
        warm = warm_up(self._steps, _WARM_UP_STEPS)
        set_rate(self._optimizer, _RATE * warm * cosine(share / _CODING))

    def step(
        self,
        images: Tensor,
        classes: Tensor | None,
        random: torch.Generator,
        half: torch.autocast,
    ) -> Tensor:
        """Learn from images (B, C, H, W) and their classes (B,), or later from codes.

        Returns:
            A loss in nats a pixel and colour, or later a number of a code.
        """
        if self._share >= _CODING:
            if self._fit is None:
                self._begin_fit(random, half)
            assert self._fit is not None
            return self._fit.step((self._share - _CODING) / (1 - _CODING), random)
        with half:
            seen = self._encoder.seen(images)
            means, logs = self._encoder.code(seen)
            noise = torch.randn(means.shape, generator=random, device=means.device)
            drawn = self._generator.decode(means + noise * logs.exp(), classes).float()
        divergence = (0.5 * (means.square() + (2 * logs).exp() - 1) - logs).sum(1).mean()
        # An image's loss, not a pixel's: those slopes would drown in Adam's epsilon.
        loss = log_error(drawn, images) * images[0].numel() + divergence
        if self._encoder.label is not None and classes is not None:
            with half:
                guesses = self._encoder.label(seen)
            loss = loss + F.cross_entropy(guesses.float(), classes)
        gradient_step(self._optimizer, loss, self._weights, _MAX_NORM)
        return loss.detach() / images[0].numel()

    def finish(self, critic: ImageCritic, random: torch.Generator, half: torch.autocast) -> None:
        """Hand over to the game; the critic goes on from what the encoder sees."""
        if self._fit is None:
            self._begin_fit(random, half)
        assert self._fit is not None
        self._fit.finish()
        self._fit = None
        critic.see_like(self._encoder)

    def _begin_fit(self, random: torch.Generator, half: torch.autocast) -> None:
        codes = self._codes(self._training, half)
        assert codes is not None
        self._fit = FlowFit(self._generator.flow, codes, self._codes(self._held_out, half), random)

    @torch.no_grad()
    def _codes(self, batches: Batches, half: torch.autocast) -> Codes | None:
        means, logs, classes = [], [], []
        for images, own in batches():
            with half:
                mean, log = self._encoder(images)
            means.append(mean)
            logs.append(log)
            classes.append(own)
        if not means:
            return None
        known = [own for own in classes if own is not None]
        return torch.cat(means), torch.cat(logs), torch.cat(known) if known else None


def log_error(drawn: Tensor, images: Tensor) -> Tensor:
    """How unlikely images are where these were drawn: nats a pixel and colour, plus a constant."""
    return 0.5 * torch.log((drawn - images).square().mean() + LEAST_ERROR)
