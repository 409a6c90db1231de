"""The codec of columns with one value, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.codecs.base import Array
from h2o_gan.engine.data.codecs.categorical import dictionary_array
from h2o_gan.engine.data.schema import Column, description
from h2o_gan.engine.exceptions import Damaged

__all__ = ["Constant"]

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Constant:
    """A column with one value, or none: no network needs to see it."""

    column: Column
    value: int | float | str | None

    def encode(self, values: pa.ChunkedArray) -> Array:
        """Codes of shape (rows,): all 0."""
        return np.zeros(len(values), np.int32)

    def decode(self, hard: Array) -> pa.Array:
        """The same value for each entry of `hard`."""
        if self.value is None:
            return pa.nulls(len(hard), self.column.arrow_type)
        if self.column.kind == "enum":
            code = self.column.levels.index(str(self.value))
            return dictionary_array(np.full(len(hard), code), None, self.column)
        if self.column.kind == "uuid":
            stored = pa.array([UUID(str(self.value)).bytes] * len(hard), pa.binary(16))
            return pa.ExtensionArray.from_storage(pa.uuid(), stored)
        return pa.array([self.value], self.column.arrow_type).take(
            pa.array(np.zeros(len(hard), np.int32))
        )

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        if self.value is None:
            return description(self.column, "nothing", "none", 1.0)
        return description(self.column, "constant", str(self.value), 0.0)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        value = self.value
        if isinstance(value, float) and not np.isfinite(value):
            value = repr(value)
        return {"codec": "constant", "column": self.column.to_json(), "value": value}

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec: none."""
        return {}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Constant:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column, value = Column.from_json(data["column"]), data["value"]
        fits = {
            "real": isinstance(value, int | float) or value in ("inf", "-inf"),
            "enum": value in column.levels,
            "string": isinstance(value, str),
            "uuid": isinstance(value, str) and _UUID.fullmatch(value) is not None,
        }.get(column.kind, isinstance(value, int))
        if value is not None and not fits:
            raise Damaged(f"column {column.name!r}: {value!r:.50} is not one of its values")
        return cls(column, float(value) if value is not None and column.kind == "real" else value)
