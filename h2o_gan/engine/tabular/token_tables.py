"""Codes to tokens, for all columns at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from h2o_gan.engine.data.protocol import ColumnTokens

__all__ = ["TokenTables"]


class TokenTables:
    """Codes (rows, codecs) to tokens (rows, tokens), on a device.

    Args:
        columns: the tokens of the codecs that have any.
        device: where codes are expanded.
    """

    def __init__(self, columns: Sequence[ColumnTokens], device: torch.device) -> None:
        starts, lengths, actives, offsets, indices, numbers = [], [], [], [], [], []
        filled = 0
        for column in columns:
            for token, table in zip(column.tokens, column.tables(), strict=True):
                offsets.append(filled + 1)
                indices.append(token.column)
                numbers.append(token.is_number)
                # The first entry is for UNKNOWN, which is code -1.
                starts.append(np.append(0.5 if token.is_number else 0.0, table.start))
                lengths.append(np.append(0.0, table.length))
                actives.append(np.append(False, table.active))
                filled += len(table.start) + 1
        self._offsets = torch.tensor(offsets, device=device)
        self._indices = torch.tensor(indices, device=device)
        self._numbers = torch.tensor(np.flatnonzero(numbers), device=device)
        self._start = torch.tensor(np.concatenate(starts), dtype=torch.float32, device=device)
        self._length = torch.tensor(np.concatenate(lengths), dtype=torch.float32, device=device)
        self._active = torch.tensor(np.concatenate(actives), dtype=torch.bool, device=device)

    def expand(self, codes: Tensor, rng: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Expand codes to tokens.

        Args:
            codes: (rows, codecs) integers.
            rng: draws the rank of a number among its ties; None for the middle.

        Returns:
            Values, float32 (rows, tokens); and which tokens the row has, bool (rows, tokens).
        """
        entries = codes.long()[:, self._indices] + self._offsets
        values = self._start[entries]
        if len(self._numbers):
            number_entries = entries[:, self._numbers]
            if rng is None:
                noise = torch.full(number_entries.shape, 0.5, device=codes.device)
            else:
                noise = torch.rand(number_entries.shape, generator=rng, device=codes.device)
            ranks = values[:, self._numbers] + self._length[number_entries] * noise
            values[:, self._numbers] = torch.special.ndtri(ranks.clamp(1e-6, 1 - 1e-6))
        return values, self._active[entries]
