"""The critic of tables: a score of whole rows.

Shapes: B rows, T tokens, E features of a token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.features import TokenFeatures

__all__ = ["RowCritic"]


class RowCritic(nn.Module):
    """A score of whole rows: features of all tokens, then two layers.

    Args:
        tokens: of a row.
        features: of a token, E.
        hidden: units of both layers.
        dropout: of both layers.
        knots: pieces of a number's encoding.
    """

    def __init__(
        self, tokens: Sequence[Token], features: int, hidden: int, dropout: float, knots: int
    ) -> None:
        super().__init__()
        self._dropout = dropout
        self.features = TokenFeatures(tokens, features, knots)
        self.first = nn.Linear(len(tokens) * features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)

    def initialize(self, random: torch.Generator) -> None:
        """Draw the start."""
        self.features.initialize(random)
        for layer, gain in ((self.first, 1.0), (self.second, 1.0), (self.last, 0.1)):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=random)
            nn.init.zeros_(layer.bias)
            with torch.no_grad():
                layer.weight.mul_(gain)

    def flat(self, values: Tensor, active: Tensor) -> Tensor:
        """(B, T) values, and which are there, to features (B, T * E)."""
        features: Tensor = self.features(values, active)
        return features.transpose(0, 1).flatten(1)

    def forward(self, flat: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Features (B, T * E) to scores (B, 1)."""
        hidden = self._dropped(F.silu(self.first(flat)), random)
        hidden = self._dropped(F.silu(self.second(hidden)), random)
        score: Tensor = self.last(hidden)
        return score

    def _dropped(self, hidden: Tensor, random: torch.Generator | None) -> Tensor:
        if random is None or not self._dropout:
            return hidden
        noise = torch.rand(hidden.shape, generator=random, device=hidden.device)
        return hidden * ((noise >= self._dropout) / (1 - self._dropout))
