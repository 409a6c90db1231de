"""Rows from a column-by-column generator, accepted or refused by what is known better.

Discriminator rejection sampling (Azadi et al. 2019, arXiv 1810.06758): at the optimum the
relativistic critic is, up to a constant, the log density ratio of real to generated rows. A row is
kept with a probability in proportion to that ratio, clipped where it is rarely reached.

Rows that have to meet conditions are drawn in an order that begins with those, which the generator
knows less well than its own. They are weighted by the likelihood in its own order over the one
they were drawn with, times the critic's ratio: importance resampling, after which they follow what
filtering a large unconditional sample would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Bounds

__all__ = ["Acceptance", "Evidence", "fill_rows"]

_ROUNDS = 64
_MOST_CANDIDATES = 64  # of a row in a round
_ROW_CANDIDATES = 12  # of a row that has evidence of its own
_CLIP = 0.98  # quantile of the weights above which they are cut
_MORE, _A_FEW = 1.02, 8  # candidates beyond the expected need, which spare most second rounds
_UNREACHABLE = "no row of the model meets the conditions together: loosen them."


@dataclass(frozen=True)
class Acceptance:
    """The critic, the log of its mean ratio on generated rows, and where ratios are clipped."""

    critic: RowCritic
    shift: float
    clip: float

    @torch.no_grad()
    def log_ratio(self, values: Tensor, active: Tensor) -> Tensor:
        """(rows,) log density ratio of real to generated, at most ``clip``."""
        scores: Tensor = self.critic(self.critic.flat(values, active))[:, 0]
        return (scores - self.shift).clamp(max=self.clip)


@dataclass(frozen=True)
class Evidence:
    """What is given of rows: values (rows, tokens), which are there, and which are known.

    ``alike`` says that the same is given of every row.
    """

    values: Tensor
    active: Tensor
    known: Tensor
    alike: bool = True

    @classmethod
    def none(cls, rows: int, tokens: int, device: torch.device) -> Evidence:
        """Nothing given."""
        absent = torch.zeros(rows, tokens, dtype=torch.bool, device=device)
        return cls(torch.zeros(rows, tokens, device=device), absent, absent)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Evidence:
        """Some rows, repeated if asked for twice."""
        return Evidence(self.values[rows], self.active[rows], self.known[rows], self.alike)


def fill_rows(
    generator: AutoregressiveGenerator,
    acceptance: Acceptance | None,
    evidence: Evidence,
    order: Sequence[int],
    own_order: Sequence[int],
    random: torch.Generator,
    bounds: Mapping[int, Bounds] | None = None,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Values (rows, tokens), and which are there, that agree with the evidence and the bounds.

    Rows that no candidate of many rounds was accepted for take refused ones, drawn by their
    weights. Each row with evidence of its own, which no other row's weights compare with, takes
    one of a few candidates so. At another temperature than 1 rows are taken as they come.

    Args:
        generator: draws the candidates.
        acceptance: the critic, or None.
        evidence: what is given.
        order: the tokens in the order to draw them in.
        own_order: the tokens in the order that the generator knows best.
        random: the only source of randomness.
        bounds: what tokens may be.
        temperature: see :meth:`AutoregressiveGenerator.draw`.

    Raises:
        Unreachable: the generator gives the bounds no probability at all.
    """
    bounds = bounds or {}
    device = evidence.values.device
    conditioned = bool(bounds) or bool(evidence.known.any())
    main = torch.tensor(own_order, device=device)

    def candidates(owner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        given = evidence.take(owner)
        drawn, there, log_drawn = generator.draw(
            given.values,
            given.active,
            given.known,
            order,
            random,
            {token: bound.take(owner) for token, bound in bounds.items()},
            temperature,
            with_log=conditioned,
        )
        weight = torch.where(log_drawn == -torch.inf, -torch.inf, 0.0)
        if temperature == 1:
            if conditioned:
                likelihood = generator.log_likelihood(drawn, there, main).sum(0)
                weight = weight + (likelihood - log_drawn).nan_to_num(nan=-torch.inf)
            if acceptance is not None:
                weight = weight + acceptance.log_ratio(drawn, there)
        return drawn, there, weight

    if evidence.alike:
        ceiling: float | None = 0.0
        if temperature == 1 and conditioned:
            ceiling = None
        elif temperature == 1 and acceptance is not None:
            ceiling = acceptance.clip
        return _filled_alike(candidates, evidence, random, ceiling)
    return _filled_by_row(candidates, evidence, random, 1 if temperature != 1 else _ROW_CANDIDATES)


Candidates = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def _filled_alike(
    candidates: Candidates,
    evidence: Evidence,
    random: torch.Generator,
    ceiling: float | None,
) -> tuple[Tensor, Tensor]:
    """Rows that all ask for the same: any accepted candidate serves any of them.

    Args:
        candidates: draws rows, by number, with the logs of their weights.
        evidence: what is given of them.
        random: the source of acceptance.
        ceiling: log weight at which a row is accepted for sure; None to take it from the first.
    """
    rows, device = len(evidence), evidence.values.device
    values, active = torch.empty_like(evidence.values), torch.empty_like(evidence.active)
    # Ratios have a mean of one, so this part of the candidates will be accepted.
    likely = 1.0 if ceiling is None else math.exp(-ceiling)
    reserve = values[:0], active[:0], torch.empty(0, device=device)
    filled, sure = 0, ceiling is not None
    for _ in range(_ROUNDS):
        missing = rows - filled
        count = math.ceil(missing / likely * _MORE) + (_A_FEW if likely < 1 else 0)
        count = min(count, max(rows, missing * _MOST_CANDIDATES))
        drawn, there, weight = candidates(torch.arange(count, device=device) % rows)
        if ceiling is None:
            possible = weight[weight > -torch.inf]
            ceiling = float(torch.quantile(possible, _CLIP)) if len(possible) else 0.0
        weight = weight.clamp(max=ceiling)
        noise = torch.rand(2, count, generator=random, device=device).clamp_(1e-12, 1 - 1e-7)
        accepted = noise[0].log() < weight - ceiling
        likely = max(float(accepted.float().mean()), 1 / _MOST_CANDIDATES)
        taken = accepted.nonzero()[:missing, 0]
        end = filled + len(taken)
        values[filled:end], active[filled:end] = drawn[taken], there[taken]
        filled = end
        if filled == rows:
            return values, active
        if sure and not filled:
            # By its own account the critic accepts some of the first round. One that accepts none
            # is broken, and no number of rounds will do: rows are then as the generator has them.
            every = torch.arange(rows, device=device) % count
            return drawn[every], there[every]
        # The largest weights under Gumbel noise are draws by weight, without replacement.
        refused = (~accepted & (weight > -torch.inf)).nonzero()[:, 0]
        keys = torch.cat([reserve[2], (weight - (-noise[1].log()).log())[refused]])
        best = keys.topk(min(rows - filled, len(keys))).indices
        reserve = (
            torch.cat([reserve[0], drawn[refused]])[best],
            torch.cat([reserve[1], there[refused]])[best],
            keys[best],
        )
    missing = rows - filled
    if not missing:
        return values, active
    if not filled + len(reserve[2]):
        raise Unreachable(_UNREACHABLE)
    # Where even those are too few, rows come more than once.
    pool = torch.cat([reserve[0], values[:filled]]), torch.cat([reserve[1], active[:filled]])
    again = torch.arange(missing, device=device) % len(pool[0])
    values[filled:], active[filled:] = pool[0][again], pool[1][again]
    return values, active


def _filled_by_row(
    candidates: Candidates, evidence: Evidence, random: torch.Generator, count: int
) -> tuple[Tensor, Tensor]:
    """Rows that each ask for something else: one of `count` candidates of its own, by weight."""
    rows, device = len(evidence), evidence.values.device
    values, active = torch.empty_like(evidence.values), torch.empty_like(evidence.active)
    best = torch.full((rows,), -torch.inf, device=device)
    for _ in range(count):
        drawn, there, weight = candidates(torch.arange(rows, device=device))
        noise = torch.rand(rows, generator=random, device=device).clamp_(1e-12, 1 - 1e-7)
        key = weight - (-noise.log()).log()
        better = key > best
        values[better], active[better], best[better] = drawn[better], there[better], key[better]
    if torch.isneginf(best).any():
        raise Unreachable(_UNREACHABLE)
    return values, active
