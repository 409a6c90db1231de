"""A flow that carries standard normal vectors to the latents of images.

An autoencoder's latents are never quite normal, and decoding vectors from between them gives
blurred images (Dai & Wipf 2019, arXiv 1903.05789). A velocity field that is fitted to the straight
lines from noise to latents (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv
2209.03003; on latents: Dao et al. 2023, arXiv 2307.08698) transports normal vectors to them, class
by class, in a few steps that cost little beside the decoder. On the latents of MNIST it halves the
Frechet distance that affine couplings leave, in the same time.

Shapes: B vectors, n images, Z the length of a latent. Tensors are float32, classes int64.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.training.optim import (
    BestWeights,
    adam,
    gradient_step,
    linear_decay,
    set_rate,
    update_ema,
    warm_up,
)

__all__ = ["FlowFit", "LatentFlow", "Posteriors", "noise_and_times", "sample_latents"]

_WIDTH, _BLOCKS = 256, 4
_FREQUENCIES, _MAX_LOG_FREQUENCY = 16, 5.0  # of the time's encoding
_STEPS = 2  # of the integration
_MIN_STD = 1e-3
_RATE, _WARM_UP_STEPS, _MAX_GRAD_NORM = 4e-3, 200, 10.0
_EMA_DECAY = 0.999
_BATCH = 256
_VALIDATE_EVERY = 100  # steps


class _Block(nn.Module):
    """x + linear(act(linear(norm(x + condition)))), the identity at first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(_WIDTH, _WIDTH)
        self.last = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        inner: Tensor = self.last(F.silu(self.first(F.layer_norm(x + condition, (_WIDTH,)))))
        return x + inner


class LatentFlow(nn.Module):
    """A map from standard normal vectors to latents, by a velocity field.

    Args:
        size: length of a vector, Z.
        classes: number of classes; 0 for images without labels.
    """

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.empty(size))
        self.std = nn.Parameter(torch.empty(size))
        self.first = nn.Linear(size, _WIDTH)
        self.time = nn.Linear(2 * _FREQUENCIES, _WIDTH)
        self.label = nn.Embedding(classes, _WIDTH) if classes else None
        self.blocks = nn.ModuleList(_Block() for _ in range(_BLOCKS))
        self.last = nn.Linear(_WIDTH, size)

    def initialize(self, rng: torch.Generator) -> None:
        """Make the flow the identity for every class; linear layers are initialized already."""
        if self.label is not None:
            nn.init.normal_(self.label.weight, generator=rng)
        nn.init.zeros_(self.mean)
        nn.init.ones_(self.std)
        for block in self.blocks:
            nn.init.zeros_(block.last.weight)  # type: ignore[union-attr, arg-type]
        nn.init.zeros_(self.last.weight)

    def standardize(self, latents: Tensor) -> None:
        """Set the mean and the standard deviation to those of latents (n, Z)."""
        with torch.no_grad():
            self.mean.copy_(latents.mean(0))
            if len(latents) > 1:
                self.std.copy_(latents.std(0).clamp_min(_MIN_STD))

    def forward(self, noise: Tensor, classes: Tensor | None) -> Tensor:
        """Map standard normal vectors to latents by Heun's method.

        The adversarial training that follows the fit corrects what its few steps miss.

        Args:
            noise: (B, Z).
            classes: (B,), or None for images without labels.

        Returns:
            (B, Z) latents.
        """
        x = noise
        for begin, end in pairwise(torch.linspace(0, 1, _STEPS + 1).tolist()):
            first = self.velocity(x, self._time(begin, x), classes)
            ahead = x + first * (end - begin)
            second = self.velocity(ahead, self._time(end, x), classes)
            x = x + (first + second) * ((end - begin) / 2)
        return x * self.std + self.mean

    def velocity(self, x: Tensor, time: Tensor, classes: Tensor | None) -> Tensor:
        """The velocity field on standardized latents.

        Args:
            x: (B, Z) vectors between noise and latents.
            time: (B, 1), from 0 at the noise to 1 at the latents.
            classes: (B,) or None.

        Returns:
            (B, Z) velocities.
        """
        frequencies = torch.exp(
            torch.linspace(0, _MAX_LOG_FREQUENCY, _FREQUENCIES, device=x.device)
        )
        waves = time * frequencies
        condition = self.time(torch.cat([waves.sin(), waves.cos()], 1))
        if self.label is not None:
            condition = condition + self.label(classes)
        inner = self.first(x) + condition
        for block in self.blocks:
            inner = block(inner, condition)
        velocity: Tensor = self.last(F.layer_norm(inner, (_WIDTH,)))
        return velocity

    def loss(self, latents: Tensor, classes: Tensor | None, noise: Tensor, time: Tensor) -> Tensor:
        """The flow-matching loss: mean squared error of the velocity between noise and latents.

        Args:
            latents: (B, Z).
            classes: (B,) or None.
            noise: (B, Z).
            time: (B, 1).

        Returns:
            A scalar.
        """
        targets = (latents - self.mean.detach()) / self.std.detach()
        velocity = self.velocity(torch.lerp(noise, targets, time), time, classes)
        return (velocity - (targets - noise)).square().mean()

    @staticmethod
    def _time(time: float, like: Tensor) -> Tensor:
        return torch.full((len(like), 1), time, device=like.device)


Posteriors = tuple[Tensor, Tensor, Tensor | None]
"""Means and log standard deviations (n, Z) of latents, and the classes (n,) of their images."""


class FlowFit:
    """The fit of a flow to latents, which are drawn from their posteriors at each step.

    Args:
        flow: to fit; on the posteriors' device.
        posteriors: of the training images.
        held_out: of other images, or None; the flow ends with the weights that fit these best.
        rng: on the posteriors' device.
    """

    def __init__(
        self,
        flow: LatentFlow,
        posteriors: Posteriors,
        held_out: Posteriors | None,
        rng: torch.Generator,
    ) -> None:
        self._flow, self._posteriors, self._held_out = flow, posteriors, held_out
        flow.standardize(sample_latents(*posteriors[:2], rng))
        self._weights = _fitted_weights(flow)
        self._optimizer = adam(self._weights, _RATE, (0.9, 0.99))
        # The EMA is what the fit ends with: it averages over noisy gradients.
        self._ema = copy.deepcopy(flow).requires_grad_(False)
        self._ema_weights = _fitted_weights(self._ema)
        self._reference: tuple[Tensor, ...] | None = None
        if held_out is not None:
            self._reference = (
                sample_latents(*held_out[:2], rng),
                *noise_and_times(held_out[0], rng),
            )
        self._best = BestWeights(self._ema_weights)
        self._steps = 0

    def step(self, share: float, rng: torch.Generator) -> Tensor:
        """Take one step.

        Args:
            share: of the fit that is over, from 0 to 1.
            rng: on the posteriors' device.

        Returns:
            The loss, a scalar without gradients.
        """
        means, log_stds, classes = self._posteriors
        if self._steps % _VALIDATE_EVERY == 0:
            self._validate()
        self._steps += 1
        warm = warm_up(self._steps, _WARM_UP_STEPS)
        set_rate(self._optimizer, _RATE * warm * linear_decay(share))
        count = min(_BATCH, len(means))
        rows = torch.randint(len(means), (count,), generator=rng, device=means.device)
        latents = sample_latents(means[rows], log_stds[rows], rng)
        batch_classes = None if classes is None else classes[rows]
        loss = self._flow.loss(latents, batch_classes, *noise_and_times(latents, rng))
        gradient_step(self._optimizer, loss, self._weights, _MAX_GRAD_NORM)
        update_ema(self._ema_weights, self._weights, _EMA_DECAY, self._steps)
        return loss.detach()

    def finish(self) -> None:
        """Give the flow the weights that fit the held-out latents best."""
        self._validate()
        self._best.restore()
        with torch.no_grad():
            torch._foreach_copy_(self._weights, self._ema_weights)

    @torch.no_grad()
    def _validate(self) -> None:
        if self._held_out is None or self._reference is None:
            return
        latents, noise, time = self._reference
        self._best.update(float(self._ema.loss(latents, self._held_out[2], noise, time)))


def _fitted_weights(flow: LatentFlow) -> list[Tensor]:
    """All weights but the mean and the standard deviation, which are set once."""
    return [weight for name, weight in flow.named_parameters() if name not in ("mean", "std")]


def noise_and_times(latents: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw noise and times for the flow-matching loss, more times in the middle of the way.

    Logit-normal times fit velocities best (Esser et al. 2024, arXiv 2403.03206).

    Args:
        latents: (B, Z).
        rng: on the latents' device.

    Returns:
        Noise (B, Z) and times (B, 1) in (0, 1).
    """
    noise = torch.randn(latents.shape, generator=rng, device=latents.device)
    time = torch.randn(len(latents), 1, generator=rng, device=latents.device)
    return noise, torch.sigmoid(time)


def sample_latents(means: Tensor, log_stds: Tensor, rng: torch.Generator) -> Tensor:
    """Draw latents from normal distributions.

    Args:
        means: (B, Z).
        log_stds: (B, Z) log standard deviations.
        rng: on their device.

    Returns:
        (B, Z) latents.
    """
    noise = torch.randn(means.shape, generator=rng, device=means.device)
    return means + noise * log_stds.exp()
