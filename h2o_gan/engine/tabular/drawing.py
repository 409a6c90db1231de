"""Drawing rows from the generator, token by token.

Shapes: B rows, T tokens, S groups of rows that are equal so far, R the summary's width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.bounds import Bounds
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, log_normal_mixture

__all__ = ["draw_rows", "placed_ranks", "presence"]

LogDensity = Callable[[], Tensor]


@torch.no_grad()
def draw_rows(
    generator: AutoregressiveGenerator,
    values: Tensor,
    active: Tensor,
    known: Tensor,
    order: Sequence[int],
    rng: torch.Generator,
    bounds: Mapping[int, Bounds] | None = None,
    temperature: float = 1.0,
    with_log: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the tokens of rows that are not known.

    Args:
        generator: the generator.
        values: (B, T) float32; unknown tokens are ignored.
        active: (B, T) bool, which tokens rows have.
        known: (B, T) bool, the given tokens, given absences among them.
        order: the tokens to draw, from the first to the last; known ones stay as they are.
        rng: the only source of randomness.
        bounds: what tokens may be, by token.
        temperature: of choices and, as a factor of the variance, of numbers.
        with_log: whether log probabilities are needed.

    Returns:
        The values, (B, T); which tokens the rows have, (B, T) bool; and (B,) the log probability
        (density, for numbers) of the drawn tokens within the bounds.
    """
    bounds = bounds or {}
    active = active & known
    values = torch.where(active, values, 0.0)
    log_drawn = values.new_zeros(len(values))
    any_known = bool(known.any())
    summaries = _Summaries(generator, values, active, any_known)
    for step, index in enumerate(order):
        given = known[:, index]
        if any_known and bool(given.all()):
            continue
        token = generator.tokens[index]
        bound = bounds.get(index, Bounds()).linked(values, token.size)
        if token.is_second:
            summaries.separate()
        log_density: LogDensity | None = None
        present: Tensor | None
        if token.ranks is not None:
            drawn, present = _draw_placed(token, index, values, rng)
        elif token.is_number:
            output = summaries.output(index, values)
            mixture = generator.mixture_of(index, output, values, active)
            drawn, log_density = _draw_number(mixture, bound, temperature, rng)
            present = presence(generator.tokens, index, values)
        else:
            output = summaries.output(index, values)
            first = values[:, index - 1].long() if token.is_second else None
            mask = bound.mask if first is None else bound.mask_after(first)
            drawn, log_density = _draw_choice(output, mask, temperature, rng)
            present = None
        if present is not None:
            drawn = drawn * present
        if with_log and log_density is not None:
            counted = ~given if present is None else ~given & present
            log_drawn = log_drawn + torch.where(counted, log_density(), 0.0)
        if any_known:
            drawn = torch.where(given, values[:, index], drawn)
        values[:, index] = drawn
        active[:, index] = torch.where(
            given, active[:, index], True if present is None else present
        )
        if step + 1 < len(order):
            rows = values, active
            summaries.add(index, rows, present, given if any_known else None)
    return values, active, log_drawn


class _Summaries:
    """Summaries of rows in progress; rows with the same choices so far share one.

    Most of a row's first tokens are choices among few. With nothing given, the network then runs
    once for each combination of choices instead of once for each row.
    """

    def __init__(
        self,
        generator: AutoregressiveGenerator,
        values: Tensor,
        active: Tensor,
        any_known: bool,
    ) -> None:
        self._generator = generator
        rows, width, device = len(values), generator.first.shape[1], values.device
        self._groups: Tensor | None = None
        """(B,) int64, the summary of each row, where rows share them."""
        if any_known:
            self._summaries = generator.summarize(values, active)
        else:
            self._summaries = values.new_zeros(1, width)
            self._groups = torch.zeros(rows, dtype=torch.int64, device=device)

    def separate(self) -> None:
        """Give every row its summary."""
        if self._groups is not None:
            self._summaries, self._groups = self._summaries[self._groups], None

    def output(self, index: int, values: Tensor) -> Tensor:
        """The output of a token's network for all rows; see `AutoregressiveGenerator.output`."""
        output = self._generator.output(index, self._summaries, values)
        return output if self._groups is None else output[self._groups]

    def add(
        self,
        index: int,
        rows: tuple[Tensor, Tensor],
        present: Tensor | None,
        given: Tensor | None,
    ) -> None:
        """Add a token, and the crosses that are known with it.

        Args:
            index: of the token.
            rows: values and known tokens, (B, T) each, this token among them.
            present: (B,) bool, which rows have it; None for all.
            given: (B,) bool, rows whose summary has it already; None for no row.
        """
        if self._groups is not None:
            size = self._generator.tokens[index].size
            if size and self._split(index, size, rows):
                return
            self.separate()
        part = self._generator.contribution(index, rows[0][:, index], present)
        part = self._with_crosses(part, index, rows)
        self._summaries.add_(part if given is None else part * ~given[:, None])

    def _with_crosses(self, part: Tensor, index: int, rows: tuple[Tensor, Tensor]) -> Tensor:
        """What a token adds, with the crosses that it completes."""
        crosses = self._generator.crosses
        crossed = None if crosses is None else crosses.completed_by(index, *rows)
        return part if crossed is None else part + crossed

    def _split(self, index: int, size: int, rows: tuple[Tensor, Tensor]) -> bool:
        """Split groups by a choice, unless there would be too many groups."""
        assert self._groups is not None
        drawn = rows[0][:, index]
        states, groups = torch.unique(self._groups * size + drawn.long(), return_inverse=True)
        if len(states) > len(drawn) // 4:
            return False
        choices = (states % size).to(drawn.dtype)
        part = self._generator.contribution(index, choices)
        # Any row of a group has its choices.
        of_group = torch.empty_like(states)
        of_group[groups] = torch.arange(len(drawn), device=drawn.device)
        part = self._with_crosses(part, index, (rows[0][of_group], rows[1][of_group]))
        self._summaries, self._groups = self._summaries[states // size] + part, groups
        return True


def _draw_placed(
    token: Token, index: int, values: Tensor, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw placed numbers, (B,); and (B,) bool, which rows have one."""
    start, length = placed_ranks(token, values[:, index - token.before :]).unbind(-1)
    noise = torch.rand(len(values), generator=rng, device=values.device)
    present = ~start.isnan()
    rank = (start + length * noise).clamp(1e-6, 1 - 1e-6)
    return torch.special.ndtri(rank).nan_to_num(nan=0.0), present


def placed_ranks(token: Token, choices: Tensor) -> Tensor:
    """The ranks that a placed number can have.

    Args:
        token: the placed number.
        choices: (B, at least the tokens of the choice), the tokens of its column.

    Returns:
        (B, 2) the first rank and the length of ranks; NaN where there is no number.
    """
    assert token.ranks is not None
    ranks = torch.from_numpy(token.ranks).to(choices.device, choices.dtype)
    found: Tensor = ranks[choices[:, : ranks.ndim - 1].long().unbind(1)]
    return found


def presence(tokens: Sequence[Token], index: int, values: Tensor) -> Tensor | None:
    """Which rows have a token, as the choices of its column before it decide.

    Args:
        tokens: of a row, or of one column.
        index: of the token among them.
        values: (B, tokens).

    Returns:
        (B,) bool; None for all.
    """
    token = tokens[index]
    if token.ranks is not None:
        return ~placed_ranks(token, values[:, index - token.before :])[:, 0].isnan()
    if not token.is_number or not index or tokens[index - 1].column != token.column:
        return None
    return values[:, index - 1] == tokens[index - 1].size - 1


def _draw_number(
    mixture: tuple[Tensor, Tensor, Tensor], bound: Bounds, temperature: float, rng: torch.Generator
) -> tuple[Tensor, LogDensity]:
    """Draw numbers, (B,), from mixtures of normals; and a function for their log densities."""
    weight, mean, log_sd = mixture
    weight = weight / temperature if temperature != 1 else weight
    log_sd = log_sd + 0.5 * math.log(temperature)
    shares = torch.softmax(weight, -1)
    rows = torch.arange(len(weight), device=weight.device)
    noise = torch.rand(len(weight), generator=rng, device=weight.device)
    if bound.is_open:
        component = _pick(shares, noise)
        normal = torch.randn(len(weight), generator=rng, device=weight.device)
        drawn = torch.addcmul(mean[rows, component], normal, log_sd[rows, component].exp())
        log_mass = torch.zeros_like(drawn)
    else:
        sd = log_sd.exp()
        below = torch.special.ndtr((bound.low - mean) / sd)
        up_to = torch.special.ndtr((bound.high - mean) / sd)
        mass = (shares * (up_to - below)).clamp_min(1e-30)
        component = _pick(mass, noise)
        start, end = below[rows, component], up_to[rows, component]
        uniform = torch.rand(len(weight), generator=rng, device=weight.device)
        rank = (start + (end - start) * uniform).clamp(1e-6, 1 - 1e-6)
        drawn = mean[rows, component] + torch.special.ndtri(rank) * sd[rows, component]
        drawn = drawn[:, None].clamp(bound.low, bound.high)[:, 0]
        log_mass = mass.sum(-1).log()
    return drawn, lambda: log_normal_mixture(weight, mean, log_sd, drawn) - log_mass


def _draw_choice(
    logits: Tensor, mask: Tensor | None, temperature: float, rng: torch.Generator
) -> tuple[Tensor, LogDensity]:
    """Draw choices, (B,); and a function for their log probabilities (-inf: none is allowed)."""
    shares = torch.softmax(logits / temperature if temperature != 1 else logits, -1)
    allowed = shares if mask is None else shares * mask
    noise = torch.rand(len(logits), generator=rng, device=logits.device)
    drawn = _pick(allowed, noise)

    def log_share() -> Tensor:
        # A choice that is allowed in part counts in full: its part is in the total alone, so that
        # weights by likelihood keep it.
        chosen = (shares * (allowed > 0)).gather(1, drawn[:, None])[:, 0]
        return (chosen / allowed.sum(-1)).log().nan_to_num(nan=-torch.inf)

    return drawn.to(logits.dtype), log_share


def _pick(shares: Tensor, noise: Tensor) -> Tensor:
    """Choices, (B,) int64, from (B, choices) shares and (B,) uniforms, by inverting the sum."""
    sums = shares.cumsum(-1)
    # Below one by more than rounding: a draw at the very end must not fall past the last choice.
    target = (noise * (1 - 1e-6))[:, None] * sums[:, -1:]
    return torch.searchsorted(sums, target, right=True)[:, 0].clamp_(max=shares.shape[1] - 1)
