"""The critic of tables, which scores whole rows.

Shapes: B rows, T tokens, E features of a token. Values are float32, masks bool.
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
    """A network from the features of all tokens to one score of the row.

    Args:
        tokens: of a row.
        features: number of features of a token, E.
        hidden: units of each of the two hidden layers.
        dropout: probability of dropout in both.
        knots: number of pieces of a number's encoding.
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

    def initialize(self, rng: torch.Generator) -> None:
        """Draw all initial weights from `rng`, on the CPU."""
        self.features.initialize(rng)
        for layer, gain in ((self.first, 1.0), (self.second, 1.0), (self.last, 0.1)):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=rng)
            nn.init.zeros_(layer.bias)
            with torch.no_grad():
                layer.weight.mul_(gain)

    def flat(self, values: Tensor, active: Tensor) -> Tensor:
        """Compute the features of rows, the input of :meth:`forward`.

        Args:
            values: (B, T).
            active: (B, T) the mask of tokens that have a value.

        Returns:
            (B, T * E) float32.
        """
        features: Tensor = self.features(values, active)
        return features.transpose(0, 1).flatten(1)

    def forward(self, flat: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Score rows.

        Args:
            flat: (B, T * E) features.
            rng: draws the dropout; None for no dropout.

        Returns:
            (B, 1) float32.
        """
        hidden = self._dropped(F.silu(self.first(flat)), rng)
        hidden = self._dropped(F.silu(self.second(hidden)), rng)
        score: Tensor = self.last(hidden)
        return score

    def _dropped(self, hidden: Tensor, rng: torch.Generator | None) -> Tensor:
        if rng is None or not self._dropout:
            return hidden
        noise = torch.rand(hidden.shape, generator=rng, device=hidden.device)
        return hidden * ((noise >= self._dropout) / (1 - self._dropout))
