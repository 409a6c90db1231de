"""The objectives of the adversarial game, each two formulas over the critic's scores.

How a critic scores a batch, and what a step does with a loss, is in
:mod:`h2o_gan.engine.training.adversarial`; loops, devices and logging are elsewhere.

Scores have the critic's dtype and shape (B, 1), or shapes that broadcast; losses are scalars.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

__all__ = ["OBJECTIVES", "Objective", "Relativistic", "Score", "r1_r2"]

Score = Callable[..., Sequence[Tensor]]
"""Scores some batches of rows with one critic: one tensor of scores for each batch."""


class Objective(ABC):
    """An objective of the critic and one of the generator, with a gradient penalty."""

    default_penalty = 0.0
    """Weight of the gradient penalty; 0 leaves it out."""
    pixel_penalty: float | None = None
    """The default for rows of pixels, where it differs: they are longer and smoother."""
    critic_steps = 1
    """Steps of the critic for each step of the generator."""
    betas = (0.5, 0.999)
    """Adam's decay rates, from the paper or common practice (Radford et al. 2015)."""
    is_relative = False
    """Whether the generator's loss needs the scores of real rows."""

    @abstractmethod
    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """The loss that the critic minimises, without penalty.

        Args:
            on_real: scores of real rows.
            on_fake: scores of generated rows.

        Returns:
            A scalar.
        """

    @abstractmethod
    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        """The loss that the generator minimises.

        Args:
            on_fake: scores of generated rows, with gradients to the generator.
            on_real: scores of real rows; only a relative objective needs them.

        Returns:
            A scalar.
        """

    def gradient_penalty(
        self,
        score: Score,
        real: Tensor,
        fake: Tensor,
        on_real: Tensor,
        on_fake: Tensor,
        weight: float,
    ) -> Tensor:
        """The weighted penalty on the critic's gradients; R1 and R2 unless the paper has another.

        Args:
            score: the critic.
            real: (B, ...) real rows that require gradients.
            fake: (B, ...) generated rows that require gradients.
            on_real: (B, 1) scores of `real`.
            on_fake: (B, 1) scores of `fake`.
            weight: of the penalty.

        Returns:
            A scalar.
        """
        return r1_r2(on_real, on_fake, real, fake, weight)


class LeastSquares(Objective):
    """Least squares (Mao et al. 2017, arXiv 1611.04076).

    Critic: E[(C(x) - 1)^2] + E[C(G(z))^2]; generator: E[(C(G(z)) - 1)^2].
    """

    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return (on_real - 1).square().mean() + on_fake.square().mean()

    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        return (on_fake - 1).square().mean()


class CrossEntropy(Objective):
    """The original game with the non-saturating generator (Goodfellow et al. 2014, 1406.2661).

    Critic: E[softplus(-C(x))] + E[softplus(C(G(z)))]; generator: E[softplus(-C(G(z)))].
    """

    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()

    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        return F.softplus(-on_fake).mean()


class Hinge(Objective):
    """Hinge loss (Lim & Ye 2017, arXiv 1705.02894).

    Critic: E[max(0, 1 - C(x))] + E[max(0, 1 + C(G(z)))]; generator: -E[C(G(z))].
    """

    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()

    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        return -on_fake.mean()


class Wasserstein(Objective):
    """Wasserstein distance with gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028).

    Critic: E[C(G(z))] - E[C(x)] + penalty * E[(||dC/du|| - 1)^2] at points u between real and
    generated rows; generator: -E[C(G(z))]. Five critic steps for one of the generator.
    """

    default_penalty = 10.0
    critic_steps = 5
    betas = (0.0, 0.9)

    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return on_fake.mean() - on_real.mean()

    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        return -on_fake.mean()

    def gradient_penalty(
        self,
        score: Score,
        real: Tensor,
        fake: Tensor,
        on_real: Tensor,
        on_fake: Tensor,
        weight: float,
    ) -> Tensor:
        # Evenly spread weights in a fixed order stand for random ones: the rows are in random
        # order already, so no further noise source is needed.
        share = (torch.arange(len(real), device=real.device) + 0.5) / len(real)
        between = torch.lerp(fake, real, share[:, None]).detach().requires_grad_()
        (scores,) = score(between)
        (grad,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        penalty: Tensor = (grad.norm(dim=1) - 1).square().mean()
        return weight * penalty


class Relativistic(Objective):
    """Relativistic pairing loss with R1 and R2 (Huang et al. 2024, R3GAN, arXiv 2501.05441).

    Critic: E[softplus(C(G(z)) - C(x))] + penalty / 2 * (E||dC/dx||^2 + E||dC/dG(z)||^2);
    generator: E[softplus(C(x) - C(G(z)))].
    """

    default_penalty = 0.1
    pixel_penalty = 1.0
    betas = (0.0, 0.99)
    is_relative = True

    @override
    def critic_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.softplus(on_fake - on_real).mean()

    @override
    def generator_loss(self, on_fake: Tensor, on_real: Tensor | None = None) -> Tensor:
        assert on_real is not None
        return F.softplus(on_real - on_fake).mean()


def r1_r2(on_real: Tensor, on_fake: Tensor, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """Zero-centred penalties on real rows (R1) and generated ones (R2).

    Mescheder et al. 2018, arXiv 1801.04406: weight / 2 * (E||dC/dx||^2 + E||dC/dG(z)||^2).

    Args:
        on_real: (B, 1) scores of `real`.
        on_fake: (B, 1) scores of `fake`.
        real: (B, ...) real rows that require gradients.
        fake: (B, ...) generated rows that require gradients.
        weight: of both penalties.

    Returns:
        A scalar.
    """
    grads: tuple[Tensor, ...] = torch.autograd.grad(
        on_real.sum() + on_fake.sum(), [real, fake], create_graph=True
    )
    r1, r2 = (grad.square().flatten(1).sum(1).mean() for grad in grads)
    return weight / 2 * (r1 + r2)


OBJECTIVES: dict[str, type[Objective]] = {
    "relativistic": Relativistic,
    "mse": LeastSquares,
    "bce": CrossEntropy,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}
"""The objectives by the names of the parameter ``loss_function``."""
