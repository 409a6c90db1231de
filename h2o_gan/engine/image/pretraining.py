"""Pre-training of an image GAN: the generator is trained as the decoder of an autoencoder.

A GAN finds the modes of its data one after the other, and on a small budget not all of them. The
decoder of a variational autoencoder (Kingma & Welling 2014, arXiv 1312.6114) has drawn every
training image before the adversarial training begins, if not sharply. That then improves how the
images look (Larsen et al. 2016, arXiv 1512.09300). The decoder's variance is the batch's error
(Rybkin et al. 2021, arXiv 2006.13202), so there is no weight to tune. Then a flow is fitted to the
latents (:mod:`h2o_gan.engine.image.flow`), and the critic begins with the encoder's backbone. With
labels the encoder is also trained to classify.

Shapes: B images, C channels, H and W pixels, Z the length of a latent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from h2o_gan.engine.image.flow import FlowFit, Posteriors, sample_latents
from h2o_gan.engine.image.networks import MIN_ERROR, ImageCritic, ImageEncoder, ImageGenerator
from h2o_gan.engine.training.optim import (
    adam,
    cosine,
    gradient_step,
    set_rate,
    warm_up,
)

__all__ = ["Batches", "VaePretraining", "reconstruction_nll"]

_RATE = 2e-3
_MAX_GRAD_NORM = 1e3
_WARM_UP_STEPS = 100
_VAE_FRACTION = 0.7  # of the pre-training; the flow's fit has the rest

Batches = Callable[[], Iterable[tuple[Tensor, Tensor | None]]]
"""Returns images (B, C, H, W) and their classes (B,), batch by batch."""


class VaePretraining:
    """Trains a generator as a decoder, then its flow.

    Args:
        generator: to train.
        encoder: to train with it.
        training: the images whose latents the flow is fitted to.
        held_out: other images, for early stopping of the flow's fit; there may be none.
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
        decoder = [w for n, w in generator.named_parameters() if not n.startswith("flow.")]
        self._weights: list[Tensor] = [*decoder, *self._encoder.parameters()]
        self._optimizer = adam(self._weights, _RATE, (0.9, 0.99))
        self._steps = 0
        self._share = 0.0
        self._fit: FlowFit | None = None

    def schedule(self, share: float) -> None:
        """Prepare a step when this share of the pre-training is over, from 0 to 1."""
        self._share = share
        self._steps += 1
        warm = warm_up(self._steps, _WARM_UP_STEPS)
        set_rate(self._optimizer, _RATE * warm * cosine(share / _VAE_FRACTION))

    def step(
        self,
        images: Tensor,
        classes: Tensor | None,
        rng: torch.Generator,
        autocast: torch.autocast,
    ) -> Tensor:
        """Take a step of the autoencoder, or later of the flow's fit.

        Args:
            images: (B, C, H, W) float32 in [-1, 1].
            classes: (B,) int64, or None without labels.
            rng: on the images' device.
            autocast: the precision of the networks' products.

        Returns:
            The loss, a scalar without gradients: in nats a pixel and channel, later the
            flow-matching loss.
        """
        if self._share >= _VAE_FRACTION:
            fit = self._flow_fit(rng, autocast)
            return fit.step((self._share - _VAE_FRACTION) / (1 - _VAE_FRACTION), rng)
        with autocast:
            features = self._encoder.features(images)
            means, log_stds = self._encoder.posterior(features)
            latents = sample_latents(means, log_stds, rng)
            decoded = self._generator.decode(latents, classes).float()
        divergence = (0.5 * (means.square() + (2 * log_stds).exp() - 1) - log_stds).sum(1).mean()
        # The loss of an image, not of a pixel: gradients of that would drown in Adam's epsilon.
        loss = reconstruction_nll(decoded, images) * images[0].numel() + divergence
        if self._encoder.label is not None and classes is not None:
            with autocast:
                logits = self._encoder.label(features)
            loss = loss + F.cross_entropy(logits.float(), classes)
        gradient_step(self._optimizer, loss, self._weights, _MAX_GRAD_NORM)
        return loss.detach() / images[0].numel()

    def finish(self, critic: ImageCritic, rng: torch.Generator, autocast: torch.autocast) -> None:
        """End the flow's fit, and give the critic the encoder's backbone.

        Args:
            critic: of the same sizes as the encoder.
            rng: on the networks' device.
            autocast: the precision of the networks' products.
        """
        self._flow_fit(rng, autocast).finish()
        self._fit = None
        critic.load_backbone(self._encoder)

    def _flow_fit(self, rng: torch.Generator, autocast: torch.autocast) -> FlowFit:
        if self._fit is None:
            posteriors = self._posteriors(self._training, autocast)
            assert posteriors is not None
            held_out = self._posteriors(self._held_out, autocast)
            self._fit = FlowFit(self._generator.flow, posteriors, held_out, rng)
        return self._fit

    @torch.no_grad()
    def _posteriors(self, batches: Batches, autocast: torch.autocast) -> Posteriors | None:
        means, log_stds, classes = [], [], []
        for images, batch_classes in batches():
            with autocast:
                mean, log_std = self._encoder(images)
            means.append(mean)
            log_stds.append(log_std)
            if batch_classes is not None:
                classes.append(batch_classes)
        if not means:
            return None
        return torch.cat(means), torch.cat(log_stds), torch.cat(classes) if classes else None


def reconstruction_nll(decoded: Tensor, images: Tensor) -> Tensor:
    """The negative log likelihood of images under a decoder with the batch's variance.

    Args:
        decoded: (B, C, H, W) the decoder's images.
        images: (B, C, H, W) the real ones.

    Returns:
        A scalar: nats a pixel and channel, plus a constant.
    """
    return 0.5 * torch.log((decoded - images).square().mean() + MIN_ERROR)
