"""Rows from a column-by-column generator, accepted or rejected by the critic.

Discriminator rejection sampling (Azadi et al. 2019, arXiv 1810.06758): at the optimum the
relativistic critic is, up to a constant, the log density ratio of real to generated rows. A row is
accepted with a probability in proportion to that ratio, which is clipped at a high quantile.

Rows with conditions are drawn in an order that begins with the conditions' columns, which the
generator knows less well than its usual order. They are weighted by the likelihood in the usual
order over the one they were drawn with, times the critic's ratio: importance resampling, after
which they follow what filtering a large unconditional sample would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.bounds import Bounds
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.drawing import draw_rows
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator

__all__ = ["Given", "RejectionSampler", "sample_rows"]

_MAX_ROUNDS = 64
_MAX_CANDIDATES = 64  # per row and round
_ROW_CANDIDATES = 12  # per row, where each row has its own conditions
_CLIP = 0.98  # quantile of the weights at which they are clipped
# Candidates beyond the expected need make most second rounds unnecessary.
_SPARE_FACTOR, _SPARE_ROWS = 1.02, 8
_UNREACHABLE = "no row of the model meets the conditions together: loosen them."


@dataclass(frozen=True)
class RejectionSampler:
    """The critic as a log density ratio.

    Attributes:
        critic: the network.
        shift: log of the mean of its ratio on generated rows.
        clip: largest log ratio.
    """

    critic: RowCritic
    shift: float
    clip: float

    @torch.no_grad()
    def log_ratio(self, values: Tensor, active: Tensor) -> Tensor:
        """Log density ratio of real to generated rows.

        Args:
            values: (rows, tokens) float32.
            active: (rows, tokens) bool.

        Returns:
            (rows,), at most ``clip``.
        """
        scores: Tensor = self.critic(self.critic.flat(values, active))[:, 0]
        return (scores - self.shift).clamp(max=self.clip)


@dataclass(frozen=True)
class Given:
    """The tokens that are given.

    Attributes:
        values: (rows, tokens) float32.
        active: (rows, tokens) bool, which tokens rows have.
        known: (rows, tokens) bool, which of the above is given.
        alike: whether the same is given for every row.
    """

    values: Tensor
    active: Tensor
    known: Tensor
    alike: bool = True

    @classmethod
    def none(cls, rows: int, tokens: int, device: torch.device) -> Given:
        """Rows without given tokens."""
        absent = torch.zeros(rows, tokens, dtype=torch.bool, device=device)
        return cls(torch.zeros(rows, tokens, device=device), absent, absent)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Given:
        """Some rows, (rows,) int64; a row may be taken more than once."""
        return Given(self.values[rows], self.active[rows], self.known[rows], self.alike)


@torch.no_grad()
def sample_rows(
    generator: AutoregressiveGenerator,
    sampler: RejectionSampler | None,
    given: Given,
    order: Sequence[int],
    usual_order: Sequence[int],
    rng: torch.Generator,
    bounds: Mapping[int, Bounds] | None = None,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Sample rows that have the given tokens and meet the bounds.

    Rows still empty after 64 rounds are filled with rejected candidates, sampled by their weights.
    If each row has its own given tokens, weights of different rows do not compare: each row then
    takes one of 12 candidates. At another temperature than 1 nothing is rejected.

    Args:
        generator: draws the candidates.
        sampler: the critic, or None.
        given: the given tokens.
        order: the tokens in the order in which candidates are drawn.
        usual_order: the tokens in the order of training.
        rng: the only source of randomness.
        bounds: what tokens may be, by token.
        temperature: see :func:`draw_rows`.

    Returns:
        Values, (rows, tokens) float32; and which tokens the rows have, (rows, tokens) bool.

    Raises:
        Unreachable: every row within the bounds has probability 0.
    """
    bounds = bounds or {}
    device = given.values.device
    conditioned = bool(bounds) or bool(given.known.any())
    main = torch.tensor(usual_order, device=device)

    def candidates(owner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        wanted = given.take(owner)
        drawn, present, log_drawn = draw_rows(
            generator,
            wanted.values,
            wanted.active,
            wanted.known,
            order,
            rng,
            {token: bound.take(owner) for token, bound in bounds.items()},
            temperature,
            with_log=conditioned,
        )
        weight = torch.where(log_drawn == -torch.inf, -torch.inf, 0.0)
        if temperature == 1:
            if conditioned:
                likelihood = generator.log_likelihood(drawn, present, main).sum(0)
                weight = weight + (likelihood - log_drawn).nan_to_num(nan=-torch.inf)
            if sampler is not None:
                weight = weight + sampler.log_ratio(drawn, present)
        return drawn, present, weight

    if given.alike:
        ceiling: float | None = 0.0
        if temperature == 1 and conditioned:
            ceiling = None
        elif temperature == 1 and sampler is not None:
            ceiling = sampler.clip
        return _filled_alike(candidates, given, rng, ceiling)
    return _filled_by_row(candidates, given, rng, 1 if temperature != 1 else _ROW_CANDIDATES)


Candidates = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def _filled_alike(
    candidates: Candidates,
    given: Given,
    rng: torch.Generator,
    ceiling: float | None,
) -> tuple[Tensor, Tensor]:
    """Fill rows with the same conditions: any accepted candidate can be any of them.

    Args:
        candidates: draws rows, by index, with their log weights.
        given: the given tokens.
        rng: decides which candidates are accepted.
        ceiling: log weight from which a row is always accepted; None for a quantile of the first
            round's.
    """
    rows, device = len(given), given.values.device
    values, active = torch.empty_like(given.values), torch.empty_like(given.active)
    # Ratios have a mean of one, so this share of the candidates will be accepted.
    likely = 1.0 if ceiling is None else math.exp(-ceiling)
    reserve = values[:0], active[:0], torch.empty(0, device=device)
    filled, sure = 0, ceiling is not None
    for _ in range(_MAX_ROUNDS):
        missing = rows - filled
        count = math.ceil(missing / likely * _SPARE_FACTOR) + (_SPARE_ROWS if likely < 1 else 0)
        count = min(count, max(rows, missing * _MAX_CANDIDATES))
        drawn, present, weight = candidates(torch.arange(count, device=device) % rows)
        if ceiling is None:
            possible = weight[weight > -torch.inf]
            ceiling = float(torch.quantile(possible, _CLIP)) if len(possible) else 0.0
        weight = weight.clamp(max=ceiling)
        noise = torch.rand(2, count, generator=rng, device=device).clamp_(1e-12, 1 - 1e-7)
        accepted = noise[0].log() < weight - ceiling
        likely = max(float(accepted.float().mean()), 1 / _MAX_CANDIDATES)
        taken = accepted.nonzero()[:missing, 0]
        end = filled + len(taken)
        values[filled:end], active[filled:end] = drawn[taken], present[taken]
        filled = end
        if filled == rows:
            return values, active
        if sure and not filled:
            # A critic whose ratios have a mean of one accepts some of the first round. One that
            # accepts none is broken: the generator's rows are taken as they are, but for those
            # that the bounds forbid.
            allowed = (weight != -torch.inf).nonzero()[:, 0]
            if len(allowed):
                every = allowed[torch.arange(rows, device=device) % len(allowed)]
                return drawn[every], present[every]
        # The largest weights under Gumbel noise are draws by weight, without replacement.
        refused = (~accepted & (weight > -torch.inf)).nonzero()[:, 0]
        keys = torch.cat([reserve[2], (weight - (-noise[1].log()).log())[refused]])
        best = keys.topk(min(rows - filled, len(keys))).indices
        reserve = (
            torch.cat([reserve[0], drawn[refused]])[best],
            torch.cat([reserve[1], present[refused]])[best],
            keys[best],
        )
    missing = rows - filled
    if not missing:
        return values, active
    if not filled + len(reserve[2]):
        raise Unreachable(_UNREACHABLE)
    # If even those are too few, rows are repeated.
    pool = torch.cat([reserve[0], values[:filled]]), torch.cat([reserve[1], active[:filled]])
    again = torch.arange(missing, device=device) % len(pool[0])
    values[filled:], active[filled:] = pool[0][again], pool[1][again]
    return values, active


def _filled_by_row(
    candidates: Candidates, given: Given, rng: torch.Generator, count: int
) -> tuple[Tensor, Tensor]:
    """Fill rows that have different conditions: each from `count` candidates, by weight."""
    rows, device = len(given), given.values.device
    values, active = torch.empty_like(given.values), torch.empty_like(given.active)
    best = torch.full((rows,), -torch.inf, device=device)
    for _ in range(count):
        drawn, present, weight = candidates(torch.arange(rows, device=device))
        noise = torch.rand(rows, generator=rng, device=device).clamp_(1e-12, 1 - 1e-7)
        key = weight - (-noise.log()).log()
        better = key > best
        values[better], active[better], best[better] = drawn[better], present[better], key[better]
    if torch.isneginf(best).any():
        raise Unreachable(_UNREACHABLE)
    return values, active
