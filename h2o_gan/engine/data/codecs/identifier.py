"""The codec of identifiers: every sample gets new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from h2o_gan.engine.data.codecs.base import Array
from h2o_gan.engine.data.identifiers import Identifiers
from h2o_gan.engine.data.schema import Column, description
from h2o_gan.engine.exceptions import Damaged

__all__ = ["Fresh"]


@dataclass(frozen=True)
class Fresh:
    """A column of names of rows: nothing to learn, and every sample gets new ones."""

    column: Column
    identifiers: Identifiers = field(repr=False)

    def values(self, start: int, rows: int, seed: int) -> pa.Array:
        """The values of rows `start` to `start + rows` of a sample."""
        values = self.identifiers.values(start, rows, seed)
        return values.dictionary_encode() if self.column.kind == "enum" else values

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        identifiers = self.identifiers
        example = identifiers.values(0, 20, 0).drop_null()
        looks = f"like {example[0].as_py()}" if len(example) else ""
        return description(self.column, "identifier", looks, identifiers.missing_share)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        return {
            "codec": "fresh",
            "column": self.column.to_json(),
            "identifiers": self.identifiers.to_json(),
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec."""
        return self.identifiers.arrays()

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Fresh:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column, own = Column.from_json(data["column"]), data["identifiers"]
        if column.kind not in (("uuid",) if own.get("kind") == "uuid" else ("string", "enum")):
            raise Damaged(f"column {column.name!r} is not the identifiers' column")
        return cls(column, Identifiers.restore(own, arrays))
