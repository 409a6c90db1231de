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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from h2o_gan.engine.autoregressive import AutoregressiveGenerator, Bounds, RowCritic

__all__ = ["Acceptance", "Evidence", "Unreachable", "fill_rows"]

_ROUNDS = 64
_MOST_CANDIDATES = 64  # of a row in a round
_ROW_CANDIDATES = 12  # of a row that has evidence of its own
_CLIP = 0.98  # quantile of the weights above which they are cut


class Unreachable(ValueError):
    """No row of the model can meet the conditions."""


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

    A row that no candidate of many rounds was accepted for takes one of its candidates, drawn by
    their weights; so does each row with evidence of its own, which no other row's weights compare
    with. At another temperature than 1 rows are taken as they come.

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
    rows, device = len(evidence), evidence.values.device
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

    values = torch.empty_like(evidence.values)
    active = torch.empty_like(evidence.active)
    best = torch.full((rows,), -torch.inf, device=device)
    pending = torch.arange(rows, device=device)
    ceiling = None if conditioned else (acceptance.clip if acceptance else 0.0)
    likely = 1.0  # part of the candidates that were accepted so far
    rounds = _ROUNDS if evidence.alike else _ROW_CANDIDATES
    for _ in range(1 if temperature != 1 else rounds):
        repeats = min(math.ceil(1 / likely), max(rows // len(pending), 1), _MOST_CANDIDATES)
        drawn, there, weight = candidates(pending.repeat_interleave(repeats))
        if ceiling is None:
            possible = weight[weight > -torch.inf]
            ceiling = float(torch.quantile(possible, _CLIP)) if len(possible) else 0.0
        weight = weight.clamp(max=ceiling) if evidence.alike else weight
        noise = torch.rand(2, len(weight), generator=random, device=device).clamp_(1e-12, 1 - 1e-7)
        accepted = (noise[0].log() < weight - ceiling) & evidence.alike
        likely = max(float(accepted.float().mean()), 1 / _MOST_CANDIDATES)
        # Of a row's candidates the first accepted one counts; else the one with the largest
        # weight under Gumbel noise stays in reserve, which is a draw by weight.
        keys = (weight - (-noise[1].log()).log()).view(-1, repeats)
        accepted = accepted.view(-1, repeats)
        chosen = torch.where(accepted.any(1), accepted.int().argmax(1), keys.argmax(1))
        key = keys.gather(1, chosen[:, None])[:, 0]
        key = torch.where(accepted.any(1), torch.inf, key)
        better = key > best[pending]
        taken = (torch.arange(len(pending), device=device) * repeats + chosen)[better]
        target = pending[better]
        values[target], active[target], best[target] = drawn[taken], there[taken], key[better]
        pending = pending[best[pending] < torch.inf]
        if not len(pending):
            return values, active
    if torch.isneginf(best).any():
        raise Unreachable("no row of the model meets the conditions together: loosen them.")
    return values, active
