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
from h2o_gan.engine.training.objectives import OBJECTIVES, Objective
from h2o_gan.engine.training.optim import (
    Stream,
    gradient_step,
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
        super().__init__(codes, weights, parameters, device, checkpoint)
        self.encoder = encoder
        self.expansion = expansion_of(encoder, device)
        game = OBJECTIVES[parameters.loss_function]
        penalty = parameters.gradient_penalty
        if penalty is None and isinstance(encoder, PixelEncoder):
            penalty = game.pixel_penalty
        self.objective: Objective = game(penalty)
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
        self.forget()
        if checkpoint is not None:
            load_moments(self.generator_optimizer, checkpoint.generator_optimizer)
            load_moments(self.critic_optimizer, checkpoint.critic_optimizer)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._average_weights: list[Tensor] = list(self.average.parameters())
        self._references = self._reference_rows(self.codes, held_out)

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
        factor = min(1.0, max(1 - share, 0.01) / _DECAYED_PART)
        optimizers = (self.generator_optimizer, self.critic_optimizer)
        for optimizer, rate in zip(optimizers, self._rates, strict=True):
            set_rate(optimizer, rate * factor)

    def one_step(self, rows: Tensor, losses: Losses) -> None:
        """One step of the critic and, every ``critic_steps``, one of the generator."""
        real = self.expansion.expand(self.codes[rows], self.random)
        with torch.no_grad():
            fake = self._generate(len(rows))
        loss = self.objective.critic_loss(self.critic, real, fake)
        gradient_step(self.critic_optimizer, loss, self._critic_weights)
        losses.add_critic(loss)
        self.step += 1
        if self.step % self.objective.critic_steps:
            return
        fake = self._generate(len(rows))
        loss = self.objective.generator_loss(self.critic, real.detach(), fake)
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
            parameters=self.parameters.replace(seed=self.seed),
            encoder=self.encoder,
            generator=self.average,
            last_generator=self.generator,
            critic=self.critic,
            generator_optimizer=self.generator_optimizer,
            critic_optimizer=self.critic_optimizer,
            epoch=self.epoch,
            step=self.step,
            seconds=self.seconds,
            began_at=self.began_at,
            history=self.history,
            stopped_by=stopped_by,
            rows=len(self.codes),
            batch_size=self.batch,
            real=self._references["sliced_wasserstein"],
        )

    def forget(self) -> None:
        self.generator_optimizer = self._adam(self.generator, self._rates[0])
        self.critic_optimizer = self._adam(self.critic, self._rates[1])

    def _reference_rows(self, codes: Tensor, held_out: Tensor | None) -> dict[str, Tensor]:
        """Fixed rows to score against."""
        random = rng_of(self.seed, Stream.REAL_SCORES)
        references = {"sliced_wasserstein": codes}
        if held_out is not None:
            references["validation_sliced_wasserstein"] = held_out.to(self.device)
        for name, rows in references.items():
            if name == "sliced_wasserstein" and self.weights is not None:
                picked = self.draw_by_weight(_SCORED_ROWS, random)
            else:
                picked = torch.randperm(len(rows), generator=random)[:_SCORED_ROWS]
            references[name] = rows[picked.to(self.device)]
        return references

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(),
            lr=rate,
            betas=self.objective.betas,
            fused=self.device.type in ("cpu", "cuda"),
        )
