"""The protocol of encoders: tables to codes, and outputs of networks to tables."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from h2o_gan.engine.data.labels import Labels
from h2o_gan.engine.data.schema import Column

__all__ = ["Encoder"]

Array = npt.NDArray[Any]


class Encoder(Protocol):
    """Turns tables into compact codes and outputs of networks into tables."""

    columns: tuple[Column, ...]

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and colours of the images that rows are; None for tables."""

    @property
    def labels(self) -> Labels | None:
        """The label's column and its classes; None for tables and where images have no label."""

    @property
    def summary(self) -> str | None:
        """Size and classes of the images, in words; None for tables."""

    def encode(self, table: pa.Table) -> Tensor:
        """Encode a table with these columns.

        Returns:
            Integer codes (rows, columns), on the CPU.
        """

    def decode(self, output: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Decode discretized outputs of a network to rows of the table.

        Args:
            output: (rows, columns) float64.
            start: index of the first row in the sample, from which identifiers follow.
            seed: of the sample, from which identifiers follow.
        """

    def describe(self) -> list[dict[str, Any]]:
        """Describe each column; see :func:`h2o_gan.engine.data.schema.description`."""

    def describe_relations(self) -> list[dict[str, Any]]:
        """Describe what holds between columns: dicts of relation, kind and share.

        See :meth:`h2o_gan.engine.model.Model.relations`.
        """

    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state."""

    def arrays(self) -> dict[str, Array]:
        """The array part of the state."""
