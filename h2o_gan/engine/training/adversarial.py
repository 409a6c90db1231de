"""The steps of the adversarial game that all families of models take.

An :class:`~h2o_gan.engine.training.objectives.Objective` has the formulas; here a critic scores
a batch by it, and takes a step.

Shapes: B rows of any shape; scores (B, 1); losses are scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from h2o_gan.engine.training.objectives import Objective, Score
from h2o_gan.engine.training.optim import adam, gradient_step, load_optimizer_state, set_rate
from h2o_gan.engine.training.trainer import Trainer

__all__ = [
    "AdversarialTrainer",
    "CriticLoss",
    "critic_loss",
    "critic_step",
    "generator_loss",
    "separately",
    "together",
]

Critic = Callable[[Tensor], Tensor]


def together(critic: Critic) -> Score:
    """Scores batches of equal size in one pass: the faster way."""
    return lambda *batches: critic(torch.cat(batches)).chunk(len(batches))


def separately(critic: Critic) -> Score:
    """Scores each batch in a pass of its own, as a gradient penalty on flat rows needs."""
    return lambda *batches: [critic(batch) for batch in batches]


@dataclass(frozen=True)
class CriticLoss:
    """A critic's loss on one batch.

    Attributes:
        objective: the loss without penalty and auxiliary loss.
        total: the loss to descend.
        on_real: (B, 1) scores of the real rows.
        on_fake: (B, 1) scores of the generated rows.
    """

    objective: Tensor
    total: Tensor
    on_real: Tensor
    on_fake: Tensor


def critic_loss(
    objective: Objective,
    score: Score,
    real: Tensor,
    fake: Tensor,
    penalty: float = 0.0,
    auxiliary: Callable[[], Tensor] | None = None,
) -> CriticLoss:
    """Score a batch and sum up what the critic minimises.

    Args:
        objective: the formulas.
        score: the critic.
        real: (B, ...) real rows, or features of them that carry gradients to the critic.
        fake: as many generated rows, without gradients to the generator.
        penalty: weight of the gradient penalty; 0 leaves it out.
        auxiliary: a further loss, computed once the rows are scored.

    Returns:
        The losses and the scores.
    """
    if penalty:
        real, fake = (
            rows if rows.requires_grad else rows.detach().requires_grad_() for rows in (real, fake)
        )
    on_real, on_fake = score(real, fake)
    loss = objective.critic_loss(on_real, on_fake)
    total = loss if auxiliary is None else loss + auxiliary()
    if penalty:
        total = total + objective.gradient_penalty(score, real, fake, on_real, on_fake, penalty)
    return CriticLoss(loss, total, on_real, on_fake)


def critic_step(
    optimizer: torch.optim.Optimizer,
    weights: Sequence[Tensor],
    objective: Objective,
    score: Score,
    real: Tensor,
    fake: Tensor,
    penalty: float = 0.0,
    auxiliary: Callable[[], Tensor] | None = None,
) -> CriticLoss:
    """Take one step of the critic's optimizer; the other arguments are :func:`critic_loss`'s.

    Args:
        optimizer: of the critic.
        weights: of the critic.
        objective: the formulas.
        score: the critic.
        real: (B, ...) real rows.
        fake: (B, ...) generated rows.
        penalty: weight of the gradient penalty.
        auxiliary: a further loss.

    Returns:
        The losses before the step.
    """
    losses = critic_loss(objective, score, real, fake, penalty, auxiliary)
    gradient_step(optimizer, losses.total, weights)
    return losses


def generator_loss(objective: Objective, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """The generator's loss on a batch, through the critic.

    Args:
        objective: the formulas.
        critic: rows (B, ...) to scores (B, 1).
        real: (B, ...) real rows; only a relative objective uses them.
        fake: as many generated rows, with gradients to the generator.

    Returns:
        A scalar.
    """
    if not objective.is_relative:
        return objective.generator_loss(critic(fake))
    on_real, on_fake = together(critic)(real.detach(), fake)
    return objective.generator_loss(on_fake, on_real)


class AdversarialTrainer(Trainer):
    """A trainer of a generator and a critic at the same time, each with an Adam optimizer."""

    objective: Objective
    generator: nn.Module
    critic: nn.Module

    def reset_optimizers(self) -> None:
        """Create both optimizers."""
        rates, betas = self._rates(), self.objective.betas
        self.generator_optimizer = adam(self.generator.parameters(), rates[0], betas)
        self.critic_optimizer = adam(self.critic.parameters(), rates[1], betas)

    def load_optimizers(self, generator: Mapping[str, Any], critic: Mapping[str, Any]) -> None:
        """Load the moments of both optimizers from state dicts."""
        load_optimizer_state(self.generator_optimizer, generator)
        load_optimizer_state(self.critic_optimizer, critic)

    def scale_rates(self, factor: float) -> None:
        """Set both learning rates to this share of the full ones."""
        optimizers = (self.generator_optimizer, self.critic_optimizer)
        for optimizer, rate in zip(optimizers, self._rates(), strict=True):
            set_rate(optimizer, rate * factor)

    def _rates(self) -> tuple[float, float]:
        names = ("generator_learning_rate", "discriminator_learning_rate")
        generator, discriminator = (self.resolved(name) for name in names)
        return generator, discriminator
