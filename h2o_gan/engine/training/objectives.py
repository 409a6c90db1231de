"""The adversarial games.

Each is two methods over the critic and a batch: what the critic minimises and what the generator
minimises. Loops, devices and logging are elsewhere. Scores C(x) have shape (rows, 1); losses are
scalars; ``real`` and ``fake`` have shape (rows, width) and equal row counts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["OBJECTIVES", "Objective", "Relativistic", "r1_r2"]

Critic = Callable[[Tensor], Tensor]


class Objective:
    """A game with a gradient penalty of weight ``penalty``; 0 leaves the penalty out."""

    default_penalty = 0.0
    pixel_penalty: float | None = None
    """The default for pixels, where it differs: rows of pixels are longer and smoother."""
    critic_steps = 1
    """Steps of the critic for each of the generator's."""
    betas = (0.5, 0.999)
    """Adam's, as the game's paper or common practice (Radford et al. 2015) has them."""

    def __init__(self, penalty: float | None = None) -> None:
        self.penalty = self.default_penalty if penalty is None else penalty

    def critic_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic minimises. `fake` carries no gradient to the generator."""
        if not self.penalty:
            on_real, on_fake = critic(torch.cat([real, fake])).chunk(2)
            return self.critic_game(on_real, on_fake)
        real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
        on_real, on_fake = critic(real), critic(fake)
        return self.critic_game(on_real, on_fake) + r1_r2(
            on_real, on_fake, real, fake, self.penalty
        )

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimises, through the critic's view of `fake`."""
        return self.generator_game(critic(fake))

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """The critic's loss on scores, without penalty."""
        raise NotImplementedError

    def generator_game(self, on_fake: Tensor) -> Tensor:
        """The generator's loss on scores."""
        raise NotImplementedError


class LeastSquares(Objective):
    """Least squares (Mao et al. 2017, arXiv 1611.04076).

    Critic: E[(C(x) - 1)^2] + E[C(G(z))^2]; generator: E[(C(G(z)) - 1)^2].
    """

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return (on_real - 1).square().mean() + on_fake.square().mean()

    def generator_game(self, on_fake: Tensor) -> Tensor:
        return (on_fake - 1).square().mean()


class CrossEntropy(Objective):
    """The original game with the non-saturating generator (Goodfellow et al. 2014, 1406.2661).

    Critic: E[softplus(-C(x))] + E[softplus(C(G(z)))]; generator: E[softplus(-C(G(z)))].
    """

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()

    def generator_game(self, on_fake: Tensor) -> Tensor:
        return F.softplus(-on_fake).mean()


class Hinge(Objective):
    """Hinge loss (Lim & Ye 2017, arXiv 1705.02894).

    Critic: E[max(0, 1 - C(x))] + E[max(0, 1 + C(G(z)))]; generator: -E[C(G(z))].
    """

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()

    def generator_game(self, on_fake: Tensor) -> Tensor:
        return -on_fake.mean()


class Wasserstein(Objective):
    """Wasserstein distance with gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028).

    Critic: E[C(G(z))] - E[C(x)] + penalty * E[(||dC/du|| - 1)^2] at points u between real and
    generated rows; generator: -E[C(G(z))]. Five critic steps for one of the generator.
    """

    default_penalty = 10.0
    critic_steps = 5
    betas = (0.0, 0.9)

    def critic_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        loss = self.critic_game(critic(real), critic(fake))
        if not self.penalty:
            return loss
        # Evenly spread weights in a fixed order stand for random ones: the rows are in random
        # order already, so no further noise source is needed.
        share = (torch.arange(len(real), device=real.device) + 0.5) / len(real)
        between = torch.lerp(fake, real, share[:, None]).detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty: Tensor = (slope.norm(dim=1) - 1).square().mean()
        return loss + self.penalty * penalty

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return on_fake.mean() - on_real.mean()

    def generator_game(self, on_fake: Tensor) -> Tensor:
        return -on_fake.mean()


class Relativistic(Objective):
    """Relativistic pairing loss with R1 and R2 (Huang et al. 2024, R3GAN, arXiv 2501.05441).

    Critic: E[softplus(C(G(z)) - C(x))] + penalty / 2 * (E||dC/dx||^2 + E||dC/dG(z)||^2);
    generator: E[softplus(C(x) - C(G(z)))].
    """

    default_penalty = 0.1
    pixel_penalty = 1.0
    betas = (0.0, 0.99)

    def generator_loss(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = critic(torch.cat([real, fake])).chunk(2)
        return F.softplus(on_real - on_fake).mean()

    def critic_game(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return F.softplus(on_fake - on_real).mean()


def r1_r2(on_real: Tensor, on_fake: Tensor, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """Zero-centred penalties on real (R1) and generated rows (R2), Mescheder et al. 2018.

    Rows may have any shape.
    """
    slopes: tuple[Tensor, ...] = torch.autograd.grad(
        on_real.sum() + on_fake.sum(), [real, fake], create_graph=True
    )
    r1, r2 = (slope.square().flatten(1).sum(1).mean() for slope in slopes)
    return weight / 2 * (r1 + r2)


OBJECTIVES: dict[str, type[Objective]] = {
    "relativistic": Relativistic,
    "mse": LeastSquares,
    "bce": CrossEntropy,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}
