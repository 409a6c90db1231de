"""Training of a one-pass GAN: a step of the critic, a step of the generator, and so on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.mlp.expansion import expansion_of
from h2o_gan.engine.mlp.model import LatentModel
from h2o_gan.engine.mlp.networks import (
    build_critic,
    build_generator,
    initialize,
    start_at_marginals,
)
from h2o_gan.engine.training.adversarial import (
    critic_step,
    generator_loss,
    separately,
    together,
)
from h2o_gan.engine.training.objectives import OBJECTIVES, Objective
from h2o_gan.engine.training.optim import (
    Stream,
    adam,
    gradient_step,
    linear_decay,
    load_moments,
    rng_of,
    set_rate,
    update_ema,
)
from h2o_gan.engine.training.scoring import sliced_wasserstein
from h2o_gan.engine.training.trainer import RUNNING, Losses, Training
from h2o_gan.parameters import Parameters

__all__ = ["LatentTraining"]

_EPOCHS = 100
_LEARNING_RATE = 2e-4
_EMA_DECAY = 0.999
_DECAYED_PART = 0.3  # of the training: learning rates fall to zero over it
_SCORED_ROWS = 2048


class LatentTraining(Training):
    """One run of the adversarial game between two multilayer perceptrons."""

    metric = "sliced_wasserstein"
    cure = (
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
        self.expansion = expansion_of(encoder, device)
        self.objective: Objective = OBJECTIVES[parameters.loss_function]()
        self._penalty = self._gradient_penalty()
        self._rates = (
            parameters.generator_learning_rate or _LEARNING_RATE,
            parameters.discriminator_learning_rate or _LEARNING_RATE,
        )
        decay = parameters.ema_decay
        self._ema_decay = _EMA_DECAY if decay is None else decay

        self.generator = build_generator(parameters, self.expansion.width)
        self.critic = build_critic(parameters, self.expansion.width)
        start = rng_of(self.seed, Stream.WEIGHTS)
        initialize(self.generator, start)
        initialize(self.critic, start)
        start_at_marginals(self.generator, self.expansion.spans)
        self.average = build_generator(parameters, self.expansion.width).requires_grad_(False)
        self.average.load_state_dict(self.generator.state_dict())
        if checkpoint is not None:
            self.generator.load_state_dict(checkpoint.last_generator)
            self.critic.load_state_dict(checkpoint.critic.state_dict())
            self.average.load_state_dict(checkpoint.generator.state_dict())
        for network in (self.generator, self.critic, self.average):
            network.to(device)
        self._score = separately(self.critic) if self._penalty else together(self.critic)
        self.forget()
        if checkpoint is not None:
            load_moments(self.generator_optimizer, checkpoint.generator_optimizer)
            load_moments(self.critic_optimizer, checkpoint.critic_optimizer)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._average_weights: list[Tensor] = list(self.average.parameters())
        self._references = self.reference_rows(held_out, self.metric, _SCORED_ROWS)

    @staticmethod
    def default_batch(rows: int) -> int:
        return 1 << int(math.log2(min(max(rows / 64, 32), 512)))

    def last_epoch(self) -> int:
        return self.parameters.epochs or self.first_epoch + _EPOCHS

    def networks(self) -> Mapping[str, list[Tensor]]:
        return {
            "generator": self._generator_weights,
            "critic": self._critic_weights,
            "average": self._average_weights,
        }

    def schedule(self, share: float) -> None:
        factor = linear_decay(share, _DECAYED_PART)
        optimizers = (self.generator_optimizer, self.critic_optimizer)
        for optimizer, rate in zip(optimizers, self._rates, strict=True):
            set_rate(optimizer, rate * factor)

    def one_step(self, rows: Tensor, losses: Losses) -> None:
        """One step of the critic and, every ``critic_steps``, one of the generator."""
        real = self.expansion.expand(self.codes[rows], self.random)
        with torch.no_grad():
            fake = self._generate(len(rows))
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
        fake = self._generate(len(rows))
        loss = generator_loss(self.objective, self.critic, real, fake)
        gradient_step(self.generator_optimizer, loss, self._generator_weights)
        losses.add_generator(loss)
        updates = self.step // self.objective.critic_steps
        update_ema(self._average_weights, self._generator_weights, self._ema_decay, updates)

    def _generate(self, rows: int, network: nn.Module | None = None) -> Tensor:
        latent = torch.randn(
            rows,
            self.parameters.resolved_latent_size,
            generator=self.random,
            device=self.device,
        )
        return self.expansion.activate((network or self.generator)(latent), self.random)

    def score(self) -> dict[str, float | None]:
        training_random = self.random
        self.random = rng_of(self.seed, Stream.SCORES, device=self.device)
        row: dict[str, float | None] = {}
        with torch.no_grad():
            for name, codes in self._references.items():
                real = self.expansion.expand(codes, self.random)
                fake = self._generate(len(codes), self.average)
                row[name] = sliced_wasserstein(real, fake, self.random)
        self.random = training_random
        return row

    def snapshot(self, stopped_by: str = RUNNING) -> LatentModel:
        return LatentModel.of_training(
            encoder=self.encoder,
            generator=self.average,
            last_generator=self.generator,
            critic=self.critic,
            generator_optimizer=self.generator_optimizer,
            critic_optimizer=self.critic_optimizer,
            real=self._references[self.metric],
            **self.model_state(stopped_by),
        )

    def forget(self) -> None:
        betas = self.objective.betas
        self.generator_optimizer = adam(self.generator.parameters(), self._rates[0], betas)
        self.critic_optimizer = adam(self.critic.parameters(), self._rates[1], betas)

    def _gradient_penalty(self) -> float:
        """The penalty's weight: the user's, or the objective's default for such rows."""
        asked: float | None = self.parameters.gradient_penalty
        if asked is None and isinstance(self.encoder, PixelEncoder):
            asked = self.objective.pixel_penalty
        return self.objective.default_penalty if asked is None else asked
