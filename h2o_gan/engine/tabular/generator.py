"""The generator of tables: a network that writes a row token by token, in any order.

Each token has a small network of its own, which sees a linear summary of the tokens known so far.
As the summary is a plain sum over known tokens, any set of them can be given, and a row costs one
small step a token: the order-agnostic estimator of Uria et al. (2014, "A Deep and Tractable
Density Estimator", arXiv 1310.1757), with heads as in mixture density networks (Bishop 1994).
Numbers enter as piecewise linear encodings (Gorishniy et al. 2022, arXiv 2203.05556).

Shapes: B rows, T tokens, E features of a token, R the summary's width, H a token's hidden units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.tabular.features import TokenFeatures
from h2o_gan.engine.tabular.tokens import Token

__all__ = ["AutoregressiveGenerator", "Bounds", "Sizes"]

_NARROWEST, _WIDEST = -5.5, 2.0  # log standard deviations of a component
_FEW_TOKENS = 64  # up to here, summaries for all tokens are one product with the order's mask
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Sizes:
    """Widths of a generator.

    Attributes:
        features: of a token.
        summary: of the tokens that are known.
        hidden: units of a token's layers.
        knots: pieces of a number's encoding.
        components: of a number's mixture of normals.
    """

    features: int = 16
    summary: int = 128
    hidden: int = 128
    knots: int = 24
    components: int = 12

    @property
    def weights(self) -> int:
        """About how many weights a token has; a number's has more of them than most choices'."""
        body = (self.features + 1) * self.summary + self.summary * self.hidden + self.hidden**2
        return body + 3 * self.components * self.hidden + (self.knots + 1) * self.features


@dataclass(frozen=True)
class Bounds:
    """What a token may be. ``left`` is for choices, ``low`` and ``high`` for numbers.

    ``left`` is the share of each choice that is allowed, (size,); for a second token (first's
    size, size); and ``by_row`` (rows, size). A number lies between ``low`` and ``high``.
    """

    left: Tensor | None = None
    low: float = -math.inf
    high: float = math.inf
    by_row: bool = False

    def to(self, device: torch.device) -> Bounds:
        """The same on another device."""
        return self if self.left is None else replace(self, left=self.left.to(device))

    def take(self, rows: Tensor) -> Bounds:
        """The bounds of some rows."""
        return (
            replace(self, left=self.left[rows]) if self.by_row and self.left is not None else self
        )


class AutoregressiveGenerator(nn.Module):
    """p(row) as a product over tokens, each given those before it in an order.

    Args:
        tokens: of a row.
        sizes: widths of the networks.
        dropout: of the hidden layers.
    """

    def __init__(self, tokens: Sequence[Token], sizes: Sizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens, self.sizes = tuple(tokens), sizes
        self._dropout = dropout
        count, summary, hidden = len(tokens), sizes.summary, sizes.hidden
        self._choices = [place for place, token in enumerate(tokens) if not token.is_number]
        self._numbers = [place for place, token in enumerate(tokens) if token.is_number]
        self.features = TokenFeatures(tokens, sizes.features, sizes.knots)
        # One row more than features: that a token is known, whatever it is.
        self.project = nn.Parameter(torch.empty(count, sizes.features + 1, summary))
        self.first = nn.Parameter(torch.empty(count, summary, hidden))
        self.first_bias = nn.Parameter(torch.empty(count, 1, hidden))
        self.second = nn.Parameter(torch.empty(count, hidden, hidden))
        self.second_bias = nn.Parameter(torch.empty(count, 1, hidden))
        widths = [token.size or 3 * sizes.components for token in tokens]
        self.heads = nn.ParameterList([torch.empty(hidden, width) for width in widths])
        self.biases = nn.ParameterList(
            [
                torch.empty(token.shares.shape if token.is_second else width)
                for token, width in zip(tokens, widths, strict=True)
            ]
        )

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start: a generator of independent tokens with the right shares."""
        self.features.initialize(random)
        count, features, summary = self.project.shape
        hidden = self.first.shape[2]
        nn.init.normal_(self.project, std=math.sqrt(2 / (count * features)), generator=random)
        nn.init.normal_(self.first, std=summary**-0.5, generator=random)
        nn.init.normal_(self.second, std=hidden**-0.5, generator=random)
        for bias in (self.first_bias, self.second_bias):
            nn.init.zeros_(bias)
        parts = self.sizes.components
        with torch.no_grad():
            for token, head, bias in zip(self.tokens, self.heads, self.biases, strict=True):
                nn.init.normal_(head, std=0.01, generator=random)
                if token.is_number:
                    bias.zero_()
                    bias[parts : 2 * parts] = torch.linspace(-1.8, 1.8, parts)
                    bias[2 * parts :] = math.log(0.5)
                else:
                    bias.copy_(torch.from_numpy(token.shares).clamp_min(1e-9).log())

    def log_likelihood(
        self,
        values: Tensor,
        active: Tensor,
        order: Tensor,
        random: torch.Generator | None = None,
    ) -> Tensor:
        """Log probability (density, for numbers) of each token given those before it.

        Args:
            values: (B, T) float32.
            active: (B, T) bool; others count as unknown and for nothing.
            order: (T,) int64, the tokens from the first to the last.
            random: source of dropout; None for none.

        Returns:
            (T, B), in nats.
        """
        features = self.features(values, active)
        known = active.T[:, :, None].to(features.dtype)
        summaries = self._before(torch.bmm(torch.cat([features, known], -1), self.project), order)
        hidden = self._hidden(summaries, random)
        columns, present = values.unbind(1), active.T
        if len(self._numbers) > _FEW_TOKENS:
            return self._logs_of_many(hidden, values) * present
        outputs = [self._output(place, own, values) for place, own in enumerate(hidden.unbind(0))]
        logs = [
            self._log_normal_mixture(output, column)
            if token.is_number
            else -F.cross_entropy(output, column.long(), reduction="none")
            for token, output, column in zip(self.tokens, outputs, columns, strict=True)
        ]
        return torch.stack(logs) * present

    def _before(self, parts: Tensor, order: Tensor) -> Tensor:
        """(T, B, R) parts to the sums of those before each token in `order`."""
        count = len(order)
        place = torch.empty_like(order)
        place[order] = torch.arange(count, device=order.device)
        if count <= _FEW_TOKENS:
            earlier = (place[:, None] > place[None, :]).to(parts.dtype)
            return (earlier @ parts.reshape(count, -1)).reshape(parts.shape)
        ordered = parts[order]
        return (ordered.cumsum(0) - ordered)[place]

    def _logs_of_many(self, hidden: Tensor, values: Tensor) -> Tensor:
        """(T, B) log probabilities where numbers are so many that one by one they take minutes."""
        heads = torch.stack([self.heads[place] for place in self._numbers])
        biases = torch.stack([self.biases[place] for place in self._numbers])
        outputs = torch.baddbmm(biases[:, None, :], hidden[self._numbers], heads)
        of_numbers = self._log_normal_mixture(outputs, values[:, self._numbers].T)
        logs: list[Tensor] = [*of_numbers.unbind(0)]
        for place in self._choices:
            output = self._output(place, hidden[place], values)
            logs.append(-F.cross_entropy(output, values[:, place].long(), reduction="none"))
        own_order = torch.tensor([*self._numbers, *self._choices], device=hidden.device).argsort()
        return torch.stack(logs)[own_order]

    def _hidden(self, summaries: Tensor, random: torch.Generator | None) -> Tensor:
        hidden = F.silu(torch.baddbmm(self.first_bias, summaries, self.first))
        inner = self._dropped(hidden, random)
        hidden = hidden + F.silu(torch.baddbmm(self.second_bias, inner, self.second))
        return self._dropped(hidden, random)

    def _output(self, place: int, hidden: Tensor, values: Tensor) -> Tensor:
        return torch.addmm(self._bias(place, values), hidden, self.heads[place])

    def _bias(self, place: int, values: Tensor) -> Tensor:
        bias: Tensor = self.biases[place]
        if self.tokens[place].is_second:
            return bias[values[:, place - 1].long()]
        return bias

    def _dropped(self, hidden: Tensor, random: torch.Generator | None) -> Tensor:
        if random is None or not self._dropout:
            return hidden
        # The same noise for all tokens: their networks share nothing, so it need not differ, and
        # drawing it takes a fraction of the time.
        noise = torch.rand(hidden.shape[1:], generator=random, device=hidden.device)
        return hidden * ((noise >= self._dropout) / (1 - self._dropout))

    @staticmethod
    def _mixture(output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log standard deviations of the components, (B, components) each."""
        weight, mean, log_sd = output.chunk(3, -1)
        return weight, mean, log_sd.clamp(_NARROWEST, _WIDEST)

    def _log_normal_mixture(self, output: Tensor, scores: Tensor) -> Tensor:
        weight, mean, log_sd = self._mixture(output)
        squares = ((scores[..., None] - mean) * torch.exp(-log_sd)).square()
        parts = F.log_softmax(weight, -1) - log_sd - 0.5 * squares
        return torch.logsumexp(parts, -1) - _HALF_LOG_TWO_PI

    # ---- drawing

    @torch.no_grad()
    def draw(
        self,
        values: Tensor,
        active: Tensor,
        known: Tensor,
        order: Sequence[int],
        random: torch.Generator,
        bounds: Mapping[int, Bounds] | None = None,
        temperature: float = 1.0,
        with_log: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Fill in rows.

        Args:
            values: (B, T) float32; what is not known is ignored.
            active: (B, T) bool: which are there.
            known: (B, T) bool: the tokens that are given, a number's absence among them.
            order: the tokens to fill in, first to last; a given one among them is left alone.
            random: the only source of randomness.
            bounds: what a token may be, by token.
            temperature: of the choices and, as a variance, of the numbers.
            with_log: whether the log probabilities are wanted.

        Returns:
            The full values (B, T), which of them are there, (B, T) bool, and (B,) the log
            probability (density, for numbers) of what was drawn, within the bounds.
        """
        bounds = bounds or {}
        active = active & known
        values = torch.where(active, values, 0.0)
        log_drawn = values.new_zeros(len(values))
        summary = values.new_zeros(len(values), self.first.shape[1])
        if known.any():
            features = self.features(values, active)
            given = active.T[:, :, None].to(features.dtype)
            parts = torch.bmm(torch.cat([features, given], -1), self.project)
            summary = summary + parts.sum(0)
        some_known = bool(known.any())
        # Rows that agree so far share a summary: `alike` says which of them is a row's.
        alike: Tensor | None = None
        if not some_known:
            summary, alike = (
                summary[:1],
                torch.zeros(len(values), dtype=torch.int64, device=values.device),
            )
        for step, place in enumerate(order):
            own = known[:, place]
            if some_known and bool(own.all()):
                continue
            if alike is not None and self.tokens[place].is_second:
                summary, alike = summary[alike], None
            hidden = torch.addmm(self.first_bias[place], summary, self.first[place])
            hidden = F.silu(hidden, inplace=True)
            inner = torch.addmm(self.second_bias[place], hidden, self.second[place])
            hidden = F.silu(inner, inplace=True).add_(hidden)
            output = torch.addmm(self._bias(place, values), hidden, self.heads[place])
            if alike is not None:
                output = output[alike]
            bound = bounds.get(place, Bounds())
            if self.tokens[place].is_number:
                drawn, log_own = self._draw_number(output, bound, temperature, random)
            else:
                left = bound.left
                if left is not None and self.tokens[place].is_second:
                    left = left[values[:, place - 1].long()]
                drawn, log_own = _draw_choice(output, left, temperature, random)
            there = self._is_there(place, values)
            if there is not None:
                drawn = drawn * there
            if with_log:
                counted = ~own if there is None else ~own & there
                log_drawn = log_drawn + torch.where(counted, log_own(), 0.0)
            if some_known:
                drawn = torch.where(own, values[:, place], drawn)
            values[:, place] = drawn
            present: Tensor | bool = True if there is None else there
            active[:, place] = torch.where(own, active[:, place], present)
            if alike is not None:
                summary, alike = self._split(place, drawn, summary, alike)
                if alike is not None:
                    continue
            if step + 1 < len(order):
                part = self._summand(place, drawn, there)
                summary.add_(part * ~own[:, None] if some_known else part)
        return values, active, log_drawn

    def _split(
        self, place: int, drawn: Tensor, summary: Tensor, alike: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Summaries (S, R) that rows (B,) share, with a choice added; or the rows' own, without."""
        size = self.tokens[place].size
        if size:
            states, after = torch.unique(alike * size + drawn.long(), return_inverse=True)
            if len(states) <= len(drawn) // 4:
                choice = (states % size).to(drawn.dtype)
                part = self._summand(place, choice, None)
                return summary[states // size] + part, after
        return summary[alike], None

    def _summand(self, place: int, drawn: Tensor, there: Tensor | None) -> Tensor:
        """What a token's (B,) values add to the summaries, (B, R)."""
        project = self.project[place]
        size = self.tokens[place].size
        if there is None and 0 < size <= len(drawn):
            # Fewer choices than rows: what each adds is worked out once.
            levels = self.features.levels_of(place, size)
            return torch.addmm(project[-1], levels, project[:-1])[drawn.long()]
        if there is None:
            there = torch.ones(len(drawn), dtype=torch.bool, device=drawn.device)
        features = self.features.of_token(place, drawn, there)
        return torch.addmm(there[:, None] * project[-1], features, project[:-1])

    def _is_there(self, place: int, values: Tensor) -> Tensor | None:
        """(B,) bool: whether a number's column took the choice that calls for it; None for all."""
        before = place - 1
        if (
            not self.tokens[place].is_number
            or before < 0
            or self.tokens[before].column != self.tokens[place].column
        ):
            return None
        return values[:, before] == self.tokens[before].size - 1

    def _draw_number(
        self, output: Tensor, bound: Bounds, temperature: float, random: torch.Generator
    ) -> tuple[Tensor, Callable[[], Tensor]]:
        """Numbers (B,) and how to get their log densities."""
        weight, mean, log_sd = self._mixture(output)
        weight = weight / temperature if temperature != 1 else weight
        spread = 0.5 * math.log(temperature)
        shares = torch.softmax(weight, -1)
        rows = torch.arange(len(output), device=output.device)
        noise = torch.rand(len(output), generator=random, device=output.device)
        if math.isinf(bound.low) and math.isinf(bound.high):
            component = _pick(shares, noise)
            normal = torch.randn(len(output), generator=random, device=output.device)
            sd = (log_sd[rows, component] + spread).exp()
            drawn = torch.addcmul(mean[rows, component], normal, sd)
            log_kept = torch.zeros_like(drawn)
        else:
            sds = (log_sd + spread).exp()
            below = torch.special.ndtr((bound.low - mean) / sds)
            upto = torch.special.ndtr((bound.high - mean) / sds)
            kept = (shares * (upto - below)).clamp_min(1e-30)
            component = _pick(kept, noise)
            start, end = below[rows, component], upto[rows, component]
            place = torch.rand(len(output), generator=random, device=output.device)
            rank = (start + (end - start) * place).clamp(1e-6, 1 - 1e-6)
            drawn = mean[rows, component] + torch.special.ndtri(rank) * sds[rows, component]
            drawn, log_kept = drawn.clamp(bound.low, bound.high), kept.sum(-1).log()

        def log_density() -> Tensor:
            squares = ((drawn[:, None] - mean) * (-log_sd - spread).exp()).square()
            parts = torch.log_softmax(weight, -1) - log_sd - spread - 0.5 * squares
            return torch.logsumexp(parts, -1) - _HALF_LOG_TWO_PI - log_kept

        return drawn, log_density


def _draw_choice(
    logits: Tensor, left: Tensor | None, temperature: float, random: torch.Generator
) -> tuple[Tensor, Callable[[], Tensor]]:
    """Choices (B,) and how to get their log probabilities; -inf where the bounds leave none."""
    shares = torch.softmax(logits / temperature if temperature != 1 else logits, -1)
    if left is not None:
        shares = shares * left
    noise = torch.rand(len(logits), generator=random, device=logits.device)
    drawn = _pick(shares, noise)

    def log_share() -> Tensor:
        own = shares.gather(1, drawn[:, None])[:, 0]
        return (own / shares.sum(-1)).log().nan_to_num(nan=-torch.inf)

    return drawn.to(logits.dtype), log_share


def _pick(shares: Tensor, noise: Tensor) -> Tensor:
    """(B, choices) shares and (B,) uniforms to the choices (B,), by inverting the sum."""
    sums = shares.cumsum(-1)
    # Below one by more than rounding: a draw at the very end must not fall past the last choice.
    target = (noise * (1 - 1e-6))[:, None] * sums[:, -1:]
    return torch.searchsorted(sums, target, right=True)[:, 0].clamp_(max=shares.shape[1] - 1)
