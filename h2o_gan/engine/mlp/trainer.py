"""Training of a GAN of multilayer perceptrons: steps of critic and generator in turn."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.mlp.features import feature_transform
from h2o_gan.engine.mlp.model import LatentModel
from h2o_gan.engine.mlp.networks import (
    build_critic,
    build_generator,
    initialize,
    start_at_marginals,
)
from h2o_gan.engine.model import RUNNING
from h2o_gan.engine.training.adversarial import (
    AdversarialTrainer,
    critic_step,
    generator_loss,
    separately,
    together,
)
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.objectives import OBJECTIVES, Objective
from h2o_gan.engine.training.optim import (
    Stream,
    gradient_step,
    linear_decay,
    rng_of,
    update_ema,
)
from h2o_gan.engine.training.scoring import sliced_wasserstein
from h2o_gan.parameters import Parameters, default_for

__all__ = ["LatentTrainer"]

_DECAYED_PART = 0.3  # of the training: learning rates fall to zero over it
_SCORED_ROWS = 2048


class LatentTrainer(AdversarialTrainer):
    """One run of the game between two multilayer perceptrons.

    Args:
        encoder: of the rows.
        codes: integers (rows, columns).
        weights: float64 (rows,) row weights, or None.
        held_out: codes of a validation frame, or None.
        parameters: of the training.
        device: to train on.
        checkpoint: an earlier model to continue, or None.
    """

    architecture = LatentModel.architecture
    metric = "sliced_wasserstein"
    hint = (
        "Lower generator_learning_rate and discriminator_learning_rate, raise gradient_penalty, "
        "or try loss_function='relativistic'."
    )

    def __init__(
        self,
        encoder: Encoder,
        codes: Tensor,
        weights: npt.NDArray[np.float64] | None,
        held_out: Tensor | None,
        parameters: Parameters,
        device: torch.device,
        checkpoint: LatentModel | None,
    ) -> None:
        super().__init__(codes, weights, len(codes), parameters, device, checkpoint)
        self.encoder = encoder
        self.features = feature_transform(encoder, device)
        self.objective: Objective = OBJECTIVES[parameters.loss_function]()
        self._penalty = self._gradient_penalty()

        self.generator = build_generator(parameters, self.features.width)
        self.critic = build_critic(parameters, self.features.width)
        start = rng_of(self.seed, Stream.WEIGHTS)
        initialize(self.generator, start)
        initialize(self.critic, start)
        start_at_marginals(self.generator, self.features.spans)
        self.ema = build_generator(parameters, self.features.width).requires_grad_(False)
        self.ema.load_state_dict(self.generator.state_dict())
        if checkpoint is not None:
            self.generator.load_state_dict(checkpoint.last_generator)
            self.critic.load_state_dict(checkpoint.critic.state_dict())
            self.ema.load_state_dict(checkpoint.generator.state_dict())
        for network in (self.generator, self.critic, self.ema):
            network.to(device)
        self._score = separately(self.critic) if self._penalty else together(self.critic)
        self.reset_optimizers()
        if checkpoint is not None:
            self.load_optimizers(checkpoint.generator_optimizer, checkpoint.critic_optimizer)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._ema_weights: list[Tensor] = list(self.ema.parameters())
        self._references = self.reference_rows(held_out, self.metric, _SCORED_ROWS)

    @staticmethod
    @override
    def default_batch(rows: int) -> int:
        return 1 << int(math.log2(min(max(rows / 64, 32), 512)))

    @override
    def last_epoch(self) -> int:
        epochs: int = default_for("epochs", self.architecture)
        return self.parameters.epochs or self.first_epoch + epochs

    @override
    def networks(self) -> Mapping[str, list[Tensor]]:
        return {
            "generator": self._generator_weights,
            "critic": self._critic_weights,
            "ema": self._ema_weights,
        }

    @override
    def schedule(self, share: float) -> None:
        factor = linear_decay(share, _DECAYED_PART)
        self.scale_rates(factor)

    def train_step(self, rows: Tensor, losses: Losses) -> None:
        """Take a step of the critic and, every `critic_steps`, one of the generator."""
        real = self.features.expand(self.codes[rows], self.rng)
        with torch.no_grad():
            fake = self._generate(self.generator, len(rows), self.rng)
        step = critic_step(
            self.critic_optimizer,
            self._critic_weights,
            self.objective,
            self._score,
            real,
            fake,
            self._penalty,
        )
        losses.add_critic(step.total)
        self.step += 1
        if self.step % self.objective.critic_steps:
            return
        fake = self._generate(self.generator, len(rows), self.rng)
        loss = generator_loss(self.objective, self.critic, real, fake)
        gradient_step(self.generator_optimizer, loss, self._generator_weights)
        losses.add_generator(loss)
        updates = self.step // self.objective.critic_steps
        update_ema(self._ema_weights, self._generator_weights, self.ema_decay, updates)

    def _generate(self, network: nn.Module, rows: int, rng: torch.Generator) -> Tensor:
        """float32 (rows, width) generated features."""
        latent = torch.randn(
            rows, self.parameters.resolved_latent_size, generator=rng, device=self.device
        )
        return self.features.relax(network(latent), rng)

    @override
    def score(self) -> dict[str, float | None]:
        rng = rng_of(self.seed, Stream.SCORES, device=self.device)
        row: dict[str, float | None] = {}
        with torch.no_grad():
            for name, codes in self._references.items():
                real = self.features.expand(codes, rng)
                fake = self._generate(self.ema, len(codes), rng)
                row[name] = sliced_wasserstein(real, fake, rng)
        return row

    @override
    def to_model(self, stopped_by: str = RUNNING) -> LatentModel:
        return LatentModel.of_training(
            encoder=self.encoder,
            generator=self.ema,
            last_generator=self.generator,
            critic=self.critic,
            generator_optimizer=self.generator_optimizer,
            critic_optimizer=self.critic_optimizer,
            real=self._references[self.metric],
            **self.model_state(stopped_by),
        )

    def _gradient_penalty(self) -> float:
        """The penalty's weight: the user's, or the objective's default for such rows."""
        asked: float | None = self.parameters.gradient_penalty
        if asked is None and isinstance(self.encoder, PixelEncoder):
            asked = self.objective.pixel_penalty
        return self.objective.default_penalty if asked is None else asked
