"""Features of tokens, the inputs of a table's networks.

Numbers are encoded piecewise linearly (Gorishniy et al. 2022, arXiv 2203.05556).

Shapes: B rows, T tokens, E features of a token. Values are float32, masks bool.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.data.protocol import Token

__all__ = ["TokenFeatures"]


class TokenFeatures(nn.Module):
    """Embeds choices and encodes numbers.

    Args:
        tokens: of a row.
        size: number of features of a token, E.
        knots: number of pieces of a number's encoding, between normal quantiles.
    """

    _starts: Tensor
    _knots: Tensor
    _order: Tensor
    _choice_index: Tensor
    _number_index: Tensor

    def __init__(self, tokens: Sequence[Token], size: int, knots: int) -> None:
        super().__init__()
        choices = [index for index, token in enumerate(tokens) if not token.is_number]
        self._numbers = [index for index, token in enumerate(tokens) if token.is_number]
        sizes = [tokens[index].size for index in choices]
        # Explicitly on the CPU: model files are checked with networks built on the meta device.
        starts = torch.tensor([0, *sizes], device="cpu").cumsum(0)
        self._first = {index: int(start) for index, start in zip(choices, starts, strict=False)}
        inner = torch.special.ndtri(torch.linspace(0, 1, knots + 1, device="cpu")[1:-1])
        ends = torch.tensor([-3.5, 3.5], device="cpu")
        at = torch.cat([ends[:1], inner, ends[1:]])
        self.levels = nn.Parameter(torch.empty(sum(sizes), size))
        self.lines = nn.Parameter(torch.empty(len(self._numbers), len(at), size))
        self.register_buffer("_starts", starts[:-1], persistent=False)
        self.register_buffer("_knots", at, persistent=False)
        order = torch.tensor([*choices, *self._numbers], device="cpu", dtype=torch.int64)
        self.register_buffer("_order", order.argsort(), persistent=False)
        # Indices on the device: a list would be copied there at every step.
        self.register_buffer("_choice_index", order[: len(choices)], persistent=False)
        self.register_buffer("_number_index", order[len(choices) :], persistent=False)

    def initialize(self, rng: torch.Generator) -> None:
        """Draw all initial weights from `rng`, on the CPU."""
        nn.init.normal_(self.levels, std=0.5, generator=rng)
        nn.init.normal_(self.lines, std=0.3, generator=rng)

    def forward(self, values: Tensor, active: Tensor) -> Tensor:
        """Compute the features of all tokens.

        Args:
            values: (B, T).
            active: (B, T) the mask of tokens that have a value.

        Returns:
            (T, B, E) float32, zero where there is no value.
        """
        parts = []
        if len(self._choice_index):
            index = values[:, self._choice_index].long() + self._starts
            parts.append(F.embedding(index.T, self.levels))
        if self._numbers:
            lines = self._encoded(values[:, self._number_index].T)
            parts.append(torch.bmm(lines, self.lines))
        features = torch.cat(parts)
        if len(parts) == 2:
            features = features[self._order]
        return features * active.T[:, :, None]

    def levels_of(self, token: int, size: int) -> Tensor:
        """The features (size, E) of the choices of one token, given by its index."""
        return self.levels[self._first[token] : self._first[token] + size]

    def of_token(self, token: int, values: Tensor, active: Tensor) -> Tensor:
        """Compute the features of one token.

        Args:
            token: its index.
            values: (B,).
            active: (B,) the mask of rows that have a value.

        Returns:
            (B, E) float32.
        """
        if token in self._first:
            features = F.embedding(values.long() + self._first[token], self.levels)
        else:
            features = self._encoded(values) @ self.lines[self._numbers.index(token)]
        return features * active[:, None]

    def _encoded(self, scores: Tensor) -> Tensor:
        knots = self._knots
        steps = (scores[..., None] - knots[:-1]) / (knots[1:] - knots[:-1])
        return torch.cat([scores[..., None] / 2, steps.clamp(0, 1)], -1)
