"""The generator of tables: the probability of each token of a row given others, in any order.

Each token has a small network whose input is a linear summary of the tokens known so far. As the
summary is a plain sum over known tokens, any set of them can be given, and a row costs one small
step per token: the order-agnostic estimator of Uria et al. (2014, "A Deep and Tractable
Density Estimator", arXiv 1310.1757), with heads as in mixture density networks (Bishop 1994).
Numbers enter as piecewise linear encodings (Gorishniy et al. 2022, arXiv 2203.05556). A cross of
choices adds to the summary as soon as all of its tokens are known.

Shapes: B rows, T tokens, E features of a token, R the summary's width, H a token's hidden units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.anchors import ENDS, GRID, Anchor
from h2o_gan.engine.tabular.cross_weights import CrossWeights
from h2o_gan.engine.tabular.crosses import Cross
from h2o_gan.engine.tabular.features import TokenFeatures

__all__ = ["AutoregressiveGenerator", "Sizes", "log_normal_mixture"]

_MIN_LOG_SD, _MAX_LOG_SD = -5.5, 2.0  # log standard deviations of a component
_FEW_TOKENS = 64  # up to so many, summaries for all tokens are one product with the order's mask
_ANCHORED = 6  # components that are centred at another number
_MIN_CHANGE = -8.0  # log standard deviation of such a component
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Sizes:
    """Widths of a generator.

    Attributes:
        features: of a token.
        summary: of the tokens that are known.
        hidden: units of a token's layers.
        knots: pieces of a number's encoding.
        components: of a number's mixture of normals; a number with an anchor has six more.
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


class AutoregressiveGenerator(nn.Module):
    """p(row) as a product over tokens, each given those before it in an order.

    Args:
        tokens: of a row.
        sizes: widths of the networks.
        dropout: of the hidden layers; an attribute that may change during training.
        crosses: of the tokens.
        anchors: of numbers.
    """

    _anchor_scores: Tensor
    _learned: Tensor
    _number_at: Tensor
    _row_of: Tensor

    def __init__(
        self,
        tokens: Sequence[Token],
        sizes: Sizes,
        dropout: float = 0.0,
        crosses: Sequence[Cross] = (),
        anchors: Sequence[Anchor] = (),
    ) -> None:
        super().__init__()
        self.tokens, self.sizes = tuple(tokens), sizes
        self.dropout = dropout
        count, summary, hidden = len(tokens), sizes.summary, sizes.hidden
        self._choices = [index for index, token in enumerate(tokens) if not token.is_number]
        self._numbers = [index for index, token in enumerate(tokens) if token.is_number]
        self.features = TokenFeatures(tokens, sizes.features, sizes.knots)
        # One row more than features: that a token is known, whatever it is.
        self.project = nn.Parameter(torch.empty(count, sizes.features + 1, summary))
        self.first = nn.Parameter(torch.empty(count, summary, hidden))
        self.first_bias = nn.Parameter(torch.empty(count, 1, hidden))
        self.second = nn.Parameter(torch.empty(count, hidden, hidden))
        self.second_bias = nn.Parameter(torch.empty(count, 1, hidden))
        self._anchors = {anchor.token: row for row, anchor in enumerate(anchors)}
        self._sources = [anchor.source for anchor in anchors]
        # Explicitly on the CPU: model files are checked with networks built on the meta device.
        table = torch.tensor(
            np.array([anchor.scores for anchor in anchors]).reshape(-1, GRID),
            dtype=torch.float32,
            device="cpu",
        )
        self.register_buffer("_anchor_scores", table, persistent=False)
        # Lists as indices would be copied to the device at every step.
        learned = [[token.ranks is None] for token in tokens]
        own_order = [*self._numbers, *self._choices]
        for name, part in (
            ("_learned", torch.tensor(learned, device="cpu")),
            ("_number_at", torch.tensor(self._numbers, device="cpu", dtype=torch.int64)),
            ("_row_of", torch.tensor(own_order, device="cpu").argsort()),
        ):
            self.register_buffer(name, part, persistent=False)
        widths = [
            token.size or 3 * (sizes.components + _ANCHORED * (index in self._anchors))
            for index, token in enumerate(tokens)
        ]
        self.heads = nn.ParameterList([torch.empty(hidden, width) for width in widths])
        self.biases = nn.ParameterList(
            [
                torch.empty(token.shares.shape if token.is_second else width)
                for token, width in zip(tokens, widths, strict=True)
            ]
        )
        self.crosses = CrossWeights(crosses, summary, tokens) if crosses else None

    def initialize(self, rng: torch.Generator) -> None:
        """Draw the start: a generator of independent tokens with the right shares."""
        self.features.initialize(rng)
        count, features, summary = self.project.shape
        hidden = self.first.shape[2]
        nn.init.normal_(self.project, std=math.sqrt(2 / (count * features)), generator=rng)
        nn.init.normal_(self.first, std=summary**-0.5, generator=rng)
        nn.init.normal_(self.second, std=hidden**-0.5, generator=rng)
        for bias in (self.first_bias, self.second_bias):
            nn.init.zeros_(bias)
        parts = self.sizes.components
        with torch.no_grad():
            for index, token in enumerate(self.tokens):
                head, bias = self.heads[index], self.biases[index]
                nn.init.normal_(head, std=0.01, generator=rng)
                if token.is_number:
                    bias.zero_()
                    _, mean, log_sd = bias.chunk(3)
                    mean[:parts] = torch.linspace(-1.8, 1.8, parts)
                    log_sd[:parts] = math.log(0.5)
                    if index in self._anchors:
                        log_sd[parts:] = torch.linspace(-1.5, -6.0, _ANCHORED)
                else:
                    bias.copy_(torch.from_numpy(token.shares).clamp_min(1e-9).log())

    def log_likelihood(
        self,
        values: Tensor,
        active: Tensor,
        order: Tensor,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Log probability (density, for numbers) of each token given those before it.

        Args:
            values: (B, T) float32.
            active: (B, T) bool, which tokens rows have; others are unknown to the network.
            order: (T,) int64, the tokens from the first to the last.
            rng: source of dropout; None for none.

        Returns:
            (T, B), in nats; 0 for tokens that rows do not have, and for placed numbers.
        """
        parts = self._parts(values, active)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        if self.crosses is not None:
            crossed = self.crosses(values, active)
            last = self.crosses.last_tokens(place)
            parts = parts + (last @ crossed.flatten(1)).reshape(parts.shape)
        return self._logs(self._before(parts, order, place), values, active, rng, place)

    def log_conditionals(self, values: Tensor, active: Tensor) -> Tensor:
        """Log probability (density, for numbers) of each token given all other columns.

        The sum over tokens is the log pseudo-likelihood (Besag 1975). Of its own column a token is
        given those before it.

        Args:
            values: (B, T) float32.
            active: (B, T) bool, which tokens rows have; others are unknown to the network.

        Returns:
            (T, B), in nats; 0 for tokens that rows do not have, and for placed numbers.
        """
        parts = self._parts(values, active)
        summaries = parts.sum(0) - parts
        for index, token in enumerate(self.tokens):
            for later in range(index + 1, len(self.tokens)):
                if self.tokens[later].column != token.column:
                    break
                summaries[index] -= parts[later]
        if self.crosses is not None:
            crossed = self.crosses(values, active)
            others = self.crosses.of_others @ crossed.flatten(1)
            summaries = summaries + others.reshape(summaries.shape)
        return self._logs(summaries, values, active, None)

    def _parts(self, values: Tensor, active: Tensor) -> Tensor:
        """(T, B, R) what each token adds to a row's summary."""
        features = self.features(values, active)
        known = active.T[:, :, None].to(features.dtype)
        return torch.bmm(torch.cat([features, known], -1), self.project)

    def _logs(
        self,
        summaries: Tensor,
        values: Tensor,
        active: Tensor,
        rng: torch.Generator | None,
        place: Tensor | None = None,
    ) -> Tensor:
        """(T, B) log probabilities of tokens given their summaries, (T, B, R).

        With places in an order, (T,), a token knows those before it; without, all others.
        """
        hidden = self._hidden(summaries, rng)
        columns, present = values.unbind(1), active.T & self._learned
        if len(self._numbers) > _FEW_TOKENS and not self._anchors:
            return self._logs_of_many(hidden, values) * present
        outputs = [self._output(index, part, values) for index, part in enumerate(hidden.unbind(0))]
        logs = []
        for index, (output, column) in enumerate(zip(outputs, columns, strict=True)):
            if not self.tokens[index].is_number:
                logs.append(-F.cross_entropy(output, column.long(), reduction="none"))
                continue
            seen = active
            if place is not None and index in self._anchors:
                seen = active & (place < place[index])
            logs.append(log_normal_mixture(*self.mixture_of(index, output, values, seen), column))
        return torch.stack(logs) * present

    def summarize(self, values: Tensor, active: Tensor) -> Tensor:
        """Summaries of the tokens that rows have.

        Args:
            values: (B, T) float32.
            active: (B, T) bool.

        Returns:
            (B, R).
        """
        summaries = self._parts(values, active).sum(0)
        if self.crosses is None:
            return summaries
        crossed: Tensor = self.crosses(values, active)
        return summaries + crossed.sum(0)

    def contribution(self, index: int, values: Tensor, present: Tensor | None = None) -> Tensor:
        """What a token adds to the summaries of rows, without crosses.

        Args:
            index: of the token.
            values: (B,) float32.
            present: (B,) bool, which rows have the token; None for all.

        Returns:
            (B, R).
        """
        project = self.project[index]
        size = self.tokens[index].size
        if present is None and 0 < size <= len(values):
            # Fewer choices than rows: compute the sum once for each choice.
            levels = self.features.levels_of(index, size)
            return torch.addmm(project[-1], levels, project[:-1])[values.long()]
        if present is None:
            present = torch.ones(len(values), dtype=torch.bool, device=values.device)
        features = self.features.of_token(index, values, present)
        return torch.addmm(present[:, None] * project[-1], features, project[:-1])

    def output(self, index: int, summaries: Tensor, values: Tensor) -> Tensor:
        """The output of a token's network, for drawing.

        Args:
            index: of the token.
            summaries: (S, R), of rows, or of groups of rows that are equal so far.
            values: (B, T) float32; for the second token of a pair, with S = B, that before counts.

        Returns:
            (S, size) logits of a choice, or (S, 3 * components) of a number's mixture, those
            centred at its anchor among them; see :meth:`mixture_of`.
        """
        hidden = torch.addmm(self.first_bias[index], summaries, self.first[index])
        hidden = F.silu(hidden, inplace=True)
        inner = torch.addmm(self.second_bias[index], hidden, self.second[index])
        hidden = F.silu(inner, inplace=True).add_(hidden)
        return self._output(index, hidden, values)

    def _before(self, parts: Tensor, order: Tensor, place: Tensor) -> Tensor:
        """(T, B, R) parts to the sums of those before each token in `order`."""
        count = len(order)
        if count <= _FEW_TOKENS:
            earlier = (place[:, None] > place[None, :]).to(parts.dtype)
            return (earlier @ parts.reshape(count, -1)).reshape(parts.shape)
        ordered = parts[order]
        return (ordered.cumsum(0) - ordered)[place]

    def _logs_of_many(self, hidden: Tensor, values: Tensor) -> Tensor:
        """(T, B) log probabilities where numbers are so many that one by one they take minutes.

        None of them has an anchor: their heads have one width.
        """
        heads = torch.stack([self.heads[index] for index in self._numbers])
        biases = torch.stack([self.biases[index] for index in self._numbers])
        outputs = torch.baddbmm(biases[:, None, :], hidden[self._number_at], heads)
        of_numbers = log_normal_mixture(*self.mixture(outputs), values[:, self._number_at].T)
        logs: list[Tensor] = [*of_numbers.unbind(0)]
        for index in self._choices:
            output = self._output(index, hidden[index], values)
            logs.append(-F.cross_entropy(output, values[:, index].long(), reduction="none"))
        return torch.stack(logs)[self._row_of]

    def _hidden(self, summaries: Tensor, rng: torch.Generator | None) -> Tensor:
        hidden = F.silu(torch.baddbmm(self.first_bias, summaries, self.first))
        inner = self._dropped(hidden, rng)
        hidden = hidden + F.silu(torch.baddbmm(self.second_bias, inner, self.second))
        return self._dropped(hidden, rng)

    def _output(self, index: int, hidden: Tensor, values: Tensor) -> Tensor:
        return torch.addmm(self._bias(index, values), hidden, self.heads[index])

    def _bias(self, index: int, values: Tensor) -> Tensor:
        bias: Tensor = self.biases[index]
        if self.tokens[index].is_second:
            return bias[values[:, index - 1].long()]
        return bias

    def _dropped(self, hidden: Tensor, rng: torch.Generator | None) -> Tensor:
        if rng is None or not self.dropout:
            return hidden
        # The same noise for all tokens: their networks share nothing, so it need not differ, and
        # drawing it takes a fraction of the time.
        noise = torch.rand(hidden.shape[1:], generator=rng, device=hidden.device)
        return hidden * ((noise >= self.dropout) / (1 - self.dropout))

    def mixture_of(
        self, index: int, output: Tensor, values: Tensor, active: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The mixture of normals of a number.

        Args:
            index: of the token.
            output: (B, 3 * components), of its network; of an anchored number, six components
                more than `sizes` says, the last of each third.
            values: (B, T) float32.
            active: (B, T) bool, the tokens that are known.

        Returns:
            Logits, means and log standard deviations of the components, (B, components) each.
        """
        row = self._anchors.get(index)
        if row is None:
            return self.mixture(output)
        weight, mean, log_sd = output.chunk(3, -1)
        plain = self.sizes.components
        source = self._sources[row]
        known = active[:, source, None]
        weight = torch.cat([weight[:, :plain], torch.where(known, weight[:, plain:], -1e9)], 1)
        at = (values[:, source].clamp(-ENDS, ENDS) + ENDS) * ((GRID - 1) / (2 * ENDS))
        left = at.long().clamp_(max=GRID - 2)
        scores = self._anchor_scores[row]
        centre = torch.lerp(scores[left], scores[left + 1], at - left)
        mean = torch.cat([mean[:, :plain], mean[:, plain:] + centre[:, None]], 1)
        wide = log_sd[:, :plain].clamp(_MIN_LOG_SD, _MAX_LOG_SD)
        narrow = log_sd[:, plain:].clamp(_MIN_CHANGE, _MAX_LOG_SD)
        return weight, mean, torch.cat([wide, narrow], 1)

    @staticmethod
    def mixture(output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The mixture of normals of a number without an anchor.

        Args:
            output: (..., 3 * components), the output of a number's network.

        Returns:
            Logits, means and log standard deviations of the components, (..., components) each.
        """
        weight, mean, log_sd = output.chunk(3, -1)
        return weight, mean, log_sd.clamp(_MIN_LOG_SD, _MAX_LOG_SD)


def log_normal_mixture(weight: Tensor, mean: Tensor, log_sd: Tensor, scores: Tensor) -> Tensor:
    """Log density of numbers under mixtures of normals.

    Args:
        weight: (..., components) logits.
        mean: (..., components).
        log_sd: (..., components) log standard deviations.
        scores: (...,) the numbers.

    Returns:
        (...,), in nats.
    """
    squares = ((scores[..., None] - mean) * torch.exp(-log_sd)).square()
    parts = F.log_softmax(weight, -1) - log_sd - 0.5 * squares
    return torch.logsumexp(parts, -1) - _HALF_LOG_TWO_PI
