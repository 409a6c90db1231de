"""Values of tokens as features of networks.

Numbers enter as piecewise linear encodings (Gorishniy et al. 2022, arXiv 2203.05556).

Shapes: B rows, T tokens, E features of a token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.data.protocol import Token

__all__ = ["TokenFeatures"]


class TokenFeatures(nn.Module):
    """Values of tokens to features: rows of a table for choices, piecewise linear for numbers.

    Args:
        tokens: of a row.
        size: features of a token, E.
        knots: pieces of a number's encoding, between quantiles of a standard normal.
    """

    _starts: Tensor
    _knots: Tensor
    _places: Tensor

    def __init__(self, tokens: Sequence[Token], size: int, knots: int) -> None:
        super().__init__()
        self._choices = [place for place, token in enumerate(tokens) if not token.is_number]
        self._numbers = [place for place, token in enumerate(tokens) if token.is_number]
        sizes = [tokens[place].size for place in self._choices]
        # On the CPU by name: a model file is checked against networks built on the meta device.
        starts = torch.tensor([0, *sizes], device="cpu").cumsum(0)
        self._first = {
            place: int(start) for place, start in zip(self._choices, starts, strict=False)
        }
        inner = torch.special.ndtri(torch.linspace(0, 1, knots + 1, device="cpu")[1:-1])
        ends = torch.tensor([-3.5, 3.5], device="cpu")
        at = torch.cat([ends[:1], inner, ends[1:]])
        self.levels = nn.Parameter(torch.empty(sum(sizes), size))
        self.lines = nn.Parameter(torch.empty(len(self._numbers), len(at), size))
        self.register_buffer("_starts", starts[:-1], persistent=False)
        self.register_buffer("_knots", at, persistent=False)
        places = torch.tensor([*self._choices, *self._numbers], device="cpu", dtype=torch.int64)
        self.register_buffer("_places", places.argsort(), persistent=False)

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start."""
        nn.init.normal_(self.levels, std=0.5, generator=random)
        nn.init.normal_(self.lines, std=0.3, generator=random)

    def forward(self, values: Tensor, active: Tensor) -> Tensor:
        """(B, T) values, and which are there, to (T, B, E); zero where they are not."""
        parts = []
        if self._choices:
            index = values[:, self._choices].long() + self._starts
            parts.append(F.embedding(index.T, self.levels))
        if self._numbers:
            lines = self._encoded(values[:, self._numbers].T)
            parts.append(torch.bmm(lines, self.lines))
        features = torch.cat(parts)
        if len(parts) == 2:
            features = features[self._places]
        return features * active.T[:, :, None]

    def levels_of(self, place: int, size: int) -> Tensor:
        """(size, E) the features of each choice of a token."""
        return self.levels[self._first[place] : self._first[place] + size]

    def of_token(self, place: int, values: Tensor, active: Tensor) -> Tensor:
        """(B,) values of one token to (B, E)."""
        if place in self._first:
            features = F.embedding(values.long() + self._first[place], self.levels)
        else:
            features = self._encoded(values) @ self.lines[self._numbers.index(place)]
        return features * active[:, None]

    def _encoded(self, scores: Tensor) -> Tensor:
        knots = self._knots
        steps = (scores[..., None] - knots[:-1]) / (knots[1:] - knots[:-1])
        return torch.cat([scores[..., None] / 2, steps.clamp(0, 1)], -1)
