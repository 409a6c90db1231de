"""Training of a table's critic, against a fixed pool of generated rows.

The critic learns to tell real rows from the generator's, by the relativistic pairing loss with R1
and R2 penalties (Huang et al. 2024, R3GAN, arXiv 2501.05441). The generator starts so near to the
data that the game is nearly over when it begins; what is left of it is worth most when rows are
drawn (see :mod:`h2o_gan.engine.tabular.sampling`).
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
from h2o_gan.engine.training.trainer import Losses
from h2o_gan.parameters import Parameters

__all__ = ["Clock", "CriticTrainer", "Rows"]

_OBJECTIVE = Relativistic()
_RATE, _EMA_DECAY, _WEIGHT_DECAY = 2e-3, 0.99, 1e-3
_DROPOUT = 0.2
_PENALTY = 0.05
_WARM_UP = 50  # steps
_LOOKS = 10  # at held-out rows
_TELL_EVERY = 20  # steps
_POOL, _FEWEST_POOL, _MOST_POOL = 4, 10_000, 200_000  # generated rows: a multiple of the real ones
_POOL_VALUES = 2**24  # where rows are so wide, as many generated as real ones will do
_POOL_BLOCK = 4096  # rows
_POOL_SHARE = 0.3  # of the time that is left
_MOST_JUDGED = 4096  # generated rows that the critic does not learn from
_JUDGED_VALUES = 2**20  # at a time: each takes an encoding of a hundred bytes
_CLIP = 0.98  # quantile of the ratio on generated rows
_EVEN = math.log(2)  # the pairing loss of a critic that knows nothing

Rows = tuple[Tensor, Tensor]
"""Rows as tokens: values (rows, tokens) float32, and which are there, (rows, tokens) bool."""


@dataclass(frozen=True)
class Clock:
    """Seconds since training began, and when it has to end."""

    elapsed: Callable[[], float]
    limit: float


class CriticTrainer:
    """One run of the critic.

    Args:
        tokens: of a row.
        sizes: the critic's features of a token, and hidden units.
        generator: what it learns to tell from the data; it does not change.
        order: the tokens in the order to generate them in.
        rows: number of training rows.
        real: draws so many real rows, with this source of randomness.
        held_out: real rows that neither network learns from, or None.
        parameters: rates, penalty and seed.
        batch: rows of a step.
        seed, step: of the run; all randomness follows from them.
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
        self._random = rng_of(seed, Stream.CRITIC, step, device=device)
        start = rng_of(seed, Stream.CRITIC_WEIGHTS)
        self._critic = RowCritic(tokens, *sizes, _DROPOUT, generator.sizes.knots)
        self._critic.initialize(start)
        self._critic.to(device)
        self._average = copy.deepcopy(self._critic).requires_grad_(False)
        self._weights: list[Tensor] = [w for w in self._critic.parameters() if w.numel()]
        self._average_weights: list[Tensor] = [w for w in self._average.parameters() if w.numel()]
        self._rate = parameters.discriminator_learning_rate or _RATE
        penalty = parameters.gradient_penalty
        self._penalty = _PENALTY if penalty is None else penalty
        self._score = together(lambda flat: self._critic(flat, self._random))
        self._optimizer = adam(self._weights, self._rate, (0.5, 0.99), _WEIGHT_DECAY)

    def run(
        self, steps: int, clock: Clock, tell: Callable[[float], None], stop: threading.Event
    ) -> tuple[dict[str, float | None], RejectionSampler | None] | None:
        """Train.

        Args:
            steps: how many, unless the time is over before.
            clock: when it is.
            tell: called with the share that is done, from 0 to 1.
            stop: set it to end at the next step.

        Returns:
            What to add to the history, and how rows are accepted by the critic: None where it is
            no better than none. None for both where it was stopped.
        """
        pool = self._pool(clock, tell, stop)
        if pool is None:
            return None
        values, active = pool
        held = min(len(values) // 4, _MOST_JUDGED)
        fakes = values[:held], active[:held]
        values, active = values[held:], active[held:]
        best = BestWeights(self._average_weights, _EVEN)
        losses = Losses(self._device)
        for step in range(steps):
            if stop.is_set():
                return None
            if clock.elapsed() > clock.limit:
                break
            if step % _TELL_EVERY == 0:
                tell(_POOL_SHARE + (1 - _POOL_SHARE) * step / steps)
            warm = warm_up(step + 1, _WARM_UP)
            set_rate(self._optimizer, self._rate * (warm * cosine(step / steps)))
            self._one_step(values, active, losses)
            update_ema(self._average_weights, self._weights, _EMA_DECAY, step)
            if (step + 1) % max(steps // _LOOKS, 1) == 0:
                best.update(self._held_out_loss(fakes))
        row = {"critic_loss": losses.means()["critic_loss"], "critic_held_out_loss": best.loss}
        if best.kept is None:
            return row, None
        best.restore()
        scores = self._scores(*fakes)
        shift = float(torch.logsumexp(scores, 0)) - math.log(len(scores))
        clip = float(torch.quantile(scores - shift, _CLIP))
        return row, RejectionSampler(self._average, shift, clip)

    def _one_step(self, values: Tensor, active: Tensor, losses: Losses) -> None:
        real = self._critic.flat(*self._real(self._batch, self._random))
        picked = torch.randint(
            len(values), (self._batch,), generator=self._random, device=self._device
        )
        fake = self._critic.flat(values[picked], active[picked])
        done = critic_step(
            self._optimizer, self._weights, _OBJECTIVE, self._score, real, fake, self._penalty
        )
        losses.add_critic(done.total)

    def _pool(
        self, clock: Clock, tell: Callable[[float], None], stop: threading.Event
    ) -> Rows | None:
        """Generated rows; None where it was stopped."""
        tokens = len(self._order)
        rows = min(max(_POOL * self._rows, _FEWEST_POOL), _MOST_POOL)
        rows = min(rows, max(self._rows, _POOL_VALUES // tokens))
        values, active = [], []
        made, began = 0, clock.elapsed()
        while made < rows:
            if stop.is_set():
                return None
            if made and clock.elapsed() > began + _POOL_SHARE * (clock.limit - began):
                break
            evidence = Given.none(min(_POOL_BLOCK, rows), tokens, self._device)
            drawn, there = sample_rows(
                self._generator, None, evidence, self._order, self._order, self._random
            )
            values.append(drawn)
            active.append(there)
            made += len(drawn)
            tell(_POOL_SHARE * min(made / rows, 1))
        return torch.cat(values)[:rows], torch.cat(active)[:rows]

    @torch.no_grad()
    def _scores(self, values: Tensor, active: Tensor) -> Tensor:
        """(rows,) the scores of rows by the running mean of the critic."""
        size = max(_JUDGED_VALUES // values.shape[1], 64)
        parts = []
        for start in range(0, len(values), size):
            block = slice(start, start + size)
            parts.append(self._average(self._average.flat(values[block], active[block]))[:, 0])
        return torch.cat(parts)

    @torch.no_grad()
    def _held_out_loss(self, fakes: Rows) -> float:
        """The pairing loss on rows that neither network learned from."""
        if self._held_out is None:
            return _EVEN
        on_real, on_fake = self._scores(*self._held_out), self._scores(*fakes)
        return float(_OBJECTIVE.critic_loss(on_real[:, None], on_fake[None, :]))  # all pairs
