"""Training of a table's critic, against a fixed pool of generated rows.

The critic learns to separate real rows from generated ones, by the relativistic pairing loss with
R1 and R2 penalties (Huang et al. 2024, R3GAN, arXiv 2501.05441). The generator, trained by
likelihood, is already close to the data. What the critic learns of the rest is used when rows are
sampled (see :mod:`h2o_gan.engine.tabular.sampling`).
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator
from h2o_gan.engine.tabular.sampling import Given, RejectionSampler, sample_rows
from h2o_gan.engine.training.adversarial import critic_step, together
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.objectives import Relativistic
from h2o_gan.engine.training.optim import (
    BestWeights,
    Stream,
    adam,
    cosine,
    rng_of,
    set_rate,
    update_ema,
    warm_up,
)
from h2o_gan.parameters import Parameters

__all__ = ["Clock", "CriticTrainer", "Rows"]

_OBJECTIVE = Relativistic()
_ARCHITECTURE = "columns"
_EMA_DECAY, _WEIGHT_DECAY = 0.99, 1e-3
_DROPOUT = 0.2
_WARM_UP = 50  # steps
_VALIDATIONS = 10  # on held-out rows
_REPORT_EVERY = 20  # steps
_POOL, _MIN_POOL, _MAX_POOL = 4, 10_000, 200_000  # generated rows: a multiple of the real ones
_POOL_VALUES = 2**24  # of wide rows, no more are generated than there are real ones
_POOL_BLOCK = 4096  # rows
_POOL_SHARE = 0.3  # of the time that is left
_MAX_HELD_OUT = 4096  # generated rows
_PASS_VALUES = 2**20  # at a time: each takes an encoding of a hundred bytes
_CLIP = 0.98  # quantile of the ratio on generated rows
_CHANCE_LOSS = math.log(2)  # the pairing loss of equal scores

Rows = tuple[Tensor, Tensor]
"""Rows as tokens: float32 values (rows, tokens), and the bool mask (rows, tokens) of those set."""


@dataclass(frozen=True)
class Clock:
    """The time limit of a training.

    Attributes:
        elapsed: returns the seconds since training began.
        limit: seconds after which it has to end.
    """

    elapsed: Callable[[], float]
    limit: float


class CriticTrainer:
    """One training run of a critic.

    Args:
        tokens: of a row.
        sizes: the critic's features of a token, and its hidden units.
        generator: of the rows to separate from the real ones; it does not change.
        order: indices of the tokens in the order of generation.
        rows: number of training rows.
        real: draws a number of real rows with a generator of random numbers.
        held_out: real rows that neither network is trained on, or None.
        parameters: with the learning rate and the penalty.
        batch: rows of a step.
        seed: of the training.
        step: of the training; randomness follows from it and the seed.
        device: to train on.
    """

    def __init__(
        self,
        *,
        tokens: Sequence[Token],
        sizes: tuple[int, int],
        generator: AutoregressiveGenerator,
        order: Sequence[int],
        rows: int,
        real: Callable[[int, torch.Generator], Rows],
        held_out: Rows | None,
        parameters: Parameters,
        batch: int,
        seed: int,
        step: int,
        device: torch.device,
    ) -> None:
        self._generator, self._order, self._rows = generator, order, rows
        self._real, self._held_out, self._batch = real, held_out, batch
        self._device = device
        self._rng = rng_of(seed, Stream.CRITIC, step, device=device)
        start = rng_of(seed, Stream.CRITIC_WEIGHTS)
        self._critic = RowCritic(tokens, *sizes, _DROPOUT, generator.sizes.knots)
        self._critic.initialize(start)
        self._critic.to(device)
        self._ema = copy.deepcopy(self._critic).requires_grad_(False)
        self._weights: list[Tensor] = [w for w in self._critic.parameters() if w.numel()]
        self._ema_weights: list[Tensor] = [w for w in self._ema.parameters() if w.numel()]
        self._rate = parameters.resolved("discriminator_learning_rate", _ARCHITECTURE)
        self._penalty = parameters.resolved("gradient_penalty", _ARCHITECTURE)
        self._score = together(lambda flat: self._critic(flat, self._rng))
        self._optimizer = adam(self._weights, self._rate, (0.5, 0.99), _WEIGHT_DECAY)

    def run(
        self, steps: int, clock: Clock, on_progress: Callable[[float], None], stop: threading.Event
    ) -> tuple[dict[str, float | None], RejectionSampler | None] | None:
        """Train the critic.

        Args:
            steps: number of steps, if the time limit allows them.
            clock: the time limit.
            on_progress: called with the share that is done, from 0 to 1.
            stop: when set, the run ends at the next step.

        Returns:
            Columns for the history, and the critic's rejection sampling; None in its place if the
            critic does not improve on chance. None if the run was stopped.
        """
        pool = self._pool(clock, on_progress, stop)
        if pool is None:
            return None
        values, active = pool
        count = min(len(values) // 4, _MAX_HELD_OUT)
        fakes = values[:count], active[:count]
        values, active = values[count:], active[count:]
        best = BestWeights(self._ema_weights, _CHANCE_LOSS)
        losses = Losses(self._device)
        for step in range(steps):
            if stop.is_set():
                return None
            if clock.elapsed() > clock.limit:
                break
            if step % _REPORT_EVERY == 0:
                on_progress(_POOL_SHARE + (1 - _POOL_SHARE) * step / steps)
            warm = warm_up(step + 1, _WARM_UP)
            set_rate(self._optimizer, self._rate * (warm * cosine(step / steps)))
            self._train_step(values, active, losses)
            update_ema(self._ema_weights, self._weights, _EMA_DECAY, step)
            if (step + 1) % max(steps // _VALIDATIONS, 1) == 0:
                best.update(self._held_out_loss(fakes))
        row = {
            "discriminator_loss": losses.means()["discriminator_loss"],
            "discriminator_held_out_loss": best.loss,
        }
        if best.weights is None:
            return row, None
        best.restore()
        scores = self._scores(*fakes)
        shift = float(torch.logsumexp(scores, 0)) - math.log(len(scores))
        clip = float(torch.quantile(scores - shift, _CLIP))
        return row, RejectionSampler(self._ema, shift, clip)

    def _train_step(self, values: Tensor, active: Tensor, losses: Losses) -> None:
        real = self._critic.flat(*self._real(self._batch, self._rng))
        picked = torch.randint(
            len(values), (self._batch,), generator=self._rng, device=self._device
        )
        fake = self._critic.flat(values[picked], active[picked])
        done = critic_step(
            self._optimizer, self._weights, _OBJECTIVE, self._score, real, fake, self._penalty
        )
        losses.add_critic(done.total)

    def _pool(
        self, clock: Clock, on_progress: Callable[[float], None], stop: threading.Event
    ) -> Rows | None:
        """Generate the pool of rows; None if that was stopped."""
        tokens = len(self._order)
        rows = min(max(_POOL * self._rows, _MIN_POOL), _MAX_POOL)
        rows = min(rows, max(self._rows, _POOL_VALUES // tokens))
        values, active = [], []
        made, began = 0, clock.elapsed()
        while made < rows:
            if stop.is_set():
                return None
            if made and clock.elapsed() > began + _POOL_SHARE * (clock.limit - began):
                break
            given = Given.none(min(_POOL_BLOCK, rows), tokens, self._device)
            new_values, new_active = sample_rows(
                self._generator, None, given, self._order, self._order, self._rng
            )
            values.append(new_values)
            active.append(new_active)
            made += len(new_values)
            on_progress(_POOL_SHARE * min(made / rows, 1))
        return torch.cat(values)[:rows], torch.cat(active)[:rows]

    @torch.no_grad()
    def _scores(self, values: Tensor, active: Tensor) -> Tensor:
        """The scores (rows,) of rows by the EMA of the critic."""
        size = max(_PASS_VALUES // values.shape[1], 64)
        parts = []
        for start in range(0, len(values), size):
            block = slice(start, start + size)
            parts.append(self._ema(self._ema.flat(values[block], active[block]))[:, 0])
        return torch.cat(parts)

    @torch.no_grad()
    def _held_out_loss(self, fakes: Rows) -> float:
        """The pairing loss on rows that neither network was trained on."""
        if self._held_out is None:
            return _CHANCE_LOSS
        on_real, on_fake = self._scores(*self._held_out), self._scores(*fakes)
        return float(_OBJECTIVE.critic_loss(on_real[:, None], on_fake[None, :]))  # all pairs
