"""The weights of crosses: what a combination of choices adds to the summary of a row.

Shapes: B rows, T tokens, C crosses, R the summary's width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.crosses import Cross

__all__ = ["CrossWeights"]


class CrossWeights(nn.Module):
    """A vector for each cell of each cross, zero at first.

    Args:
        crosses: at least one.
        size: of a vector, R.
        tokens: of a row.

    Attributes:
        of_others: (T, C) float32, which crosses a token can be given if all other columns are
            known: 1 where none of the cross's tokens is of the token's column.
    """

    of_others: Tensor
    _cells: Tensor
    _members: Tensor

    def __init__(self, crosses: Sequence[Cross], size: int, tokens: Sequence[Token]) -> None:
        super().__init__()
        self._crosses = tuple(crosses)
        counts = [cross.count for cross in crosses]
        starts = np.cumsum([0, *counts[:-1]])
        cells = [
            np.where(cross.cells > 0, cross.cells + start, 0).ravel()
            for cross, start in zip(crosses, starts, strict=True)
        ]
        self._starts = np.cumsum([0, *(len(part) for part in cells)]).tolist()
        # Explicitly on the CPU: model files are checked with networks built on the meta device.
        table = torch.tensor(np.concatenate(cells), device="cpu", dtype=torch.int64)
        self.register_buffer("_cells", table, persistent=False)
        columns = [{tokens[member].column for member in cross.tokens} for cross in crosses]
        others = [[float(token.column not in own) for own in columns] for token in tokens]
        self.register_buffer("of_others", torch.tensor(others, device="cpu"), persistent=False)
        # Crosses have different numbers of tokens; to repeat one of them changes no maximum.
        most = max(len(cross.tokens) for cross in crosses)
        padded = [
            [*cross.tokens, *cross.tokens[:1] * (most - len(cross.tokens))] for cross in crosses
        ]
        self.register_buffer("_members", torch.tensor(padded, device="cpu"), persistent=False)
        # The first vector is that of combinations without a cell, and stays zero.
        self.vectors = nn.Parameter(torch.zeros(sum(counts) + 1, size))

    def forward(self, values: Tensor, active: Tensor) -> Tensor:
        """What all crosses add.

        Args:
            values: (B, T) float32.
            active: (B, T) bool, the known tokens.

        Returns:
            (C, B, R), zero where a token of the cross is not known.
        """
        each = [self._of(number, values, active) for number in range(len(self._crosses))]
        return torch.stack(each)

    def completed_by(self, token: int, values: Tensor, active: Tensor) -> Tensor | None:
        """What the crosses of a token add.

        Args:
            token: its index.
            values: (B, T) float32.
            active: (B, T) bool, the known tokens, this one among them.

        Returns:
            (B, R), zero where another token is not known; None if no cross has the token.
        """
        numbers = [n for n, cross in enumerate(self._crosses) if token in cross.tokens]
        if not numbers:
            return None
        return torch.stack([self._of(number, values, active) for number in numbers]).sum(0)

    def last_tokens(self, place: Tensor) -> Tensor:
        """Which token completes which cross, in an order.

        Args:
            place: (T,) int64, of each token in the order.

        Returns:
            (T, C) float32, 1 where the token is the last of the cross.
        """
        last = self._members.gather(1, place[self._members].argmax(1, keepdim=True))
        return (torch.arange(len(place), device=place.device)[:, None] == last.T).float()

    def _of(self, number: int, values: Tensor, active: Tensor) -> Tensor:
        """(B, R) what one cross adds."""
        cross = self._crosses[number]
        index, known = torch.zeros_like(values[:, 0], dtype=torch.int64), active[:, 0] | True
        for token, size in zip(cross.tokens, cross.cells.shape, strict=True):
            index = index * size + values[:, token].long()
            known = known & active[:, token]
        cells = self._cells[index + self._starts[number]]
        return F.embedding(torch.where(known, cells, 0), self.vectors, padding_idx=0)
