"""What a table is to the rest of the engine: the protocol of encoders, and of their outputs."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from h2o_gan.engine.data.schema import Column

__all__ = ["Encoder"]

Array = npt.NDArray[Any]


class Encoder(Protocol):
    """What a table is to the rest of the engine."""

    columns: tuple[Column, ...]

    def encode(self, table: pa.Table) -> Tensor:
        """A table with these columns to compact integer codes (rows, columns) on the CPU."""

    def decode(self, hard: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Hardened outputs, float64 (rows, columns), to rows of the table.

        They are the rows from `start` on of the sample of this seed, which decides what the
        networks do not: names of rows.
        """

    def describe(self) -> list[dict[str, Any]]:
        """What each column was taken for; see :func:`h2o_gan.engine.data.schema.description`."""

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""

    def arrays(self) -> dict[str, Array]:
        """Array part of the state."""
