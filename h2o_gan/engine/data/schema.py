"""What a table looks like: plain data that survives as JSON.

A kind is one of H2O's column types, told from the Arrow type alone, so that engine and cluster
agree on words without knowing each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from h2o_gan.engine.json_checks import list_of, one_of, record, text

__all__ = [
    "COLUMN_CHECK",
    "LEARNED_KINDS",
    "NUMBER_KINDS",
    "TEXT_KINDS",
    "TIME",
    "Array",
    "Column",
    "description",
    "is_distribution",
    "kind_of",
    "schema_of",
]

Array = npt.NDArray[Any]

TIME = pa.timestamp("ms", tz="UTC")
NUMBER_KINDS = ("int", "real", "time")
LEARNED_KINDS = (*NUMBER_KINDS, "enum")
TEXT_KINDS = ("string", "uuid")


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind and, for an enum, its levels in the frame's own order."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type that samples of this column have."""
        if self.kind == "int":
            return pa.int64()
        if self.kind == "real":
            return pa.float64()
        if self.kind == "time":
            return TIME
        if self.kind == "string":
            return pa.string()
        if self.kind == "uuid":
            return pa.uuid()
        return pa.dictionary(pa.int32(), pa.string())

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types; :meth:`from_json` is its inverse."""
        return {"name": self.name, "kind": self.kind, "levels": list(self.levels)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Column:
        """Rebuild a column from data whose types are checked."""
        return cls(data["name"], data["kind"], tuple(data["levels"]))


COLUMN_CHECK = record(
    {
        "name": text,
        "kind": one_of("int", "real", "time", "enum", "string", "uuid"),
        "levels": list_of(text),
    }
)
"""Check of :meth:`Column.to_json`'s output."""


def is_distribution(shares: Array) -> bool:
    """Whether these are float64 probabilities that sum to one."""
    return bool(shares.dtype == np.float64 and (shares >= 0).all() and abs(shares.sum() - 1) < 1e-6)


def description(column: Column, treated_as: str, values: str, missing: float) -> dict[str, Any]:
    """How a model treats a column.

    Args:
        column: the column.
        treated_as: the kind, a word of ``column_types``.
        values: what values it has, as text.
        missing: share of missing values.
    """
    return {
        "column": column.name,
        "type": column.kind,
        "treated_as": treated_as,
        "values": values,
        "missing": missing,
    }


def schema_of(columns: list[Column]) -> pa.Schema:
    """The Arrow schema of samples with these columns."""
    return pa.schema([pa.field(column.name, column.arrow_type) for column in columns])


def kind_of(type_: pa.DataType) -> str:
    """The kind of a column of this Arrow type.

    Raises:
        TypeError: the type is nested or otherwise nothing H2O has.
    """
    if isinstance(type_, pa.UuidType):
        return "uuid"
    if pa.types.is_dictionary(type_) or pa.types.is_boolean(type_):
        return "enum"
    if pa.types.is_integer(type_):
        return "int"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_) or pa.types.is_null(type_):
        return "real"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "time"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "string"
    raise TypeError(f"columns of Arrow type {type_} can't be learned; drop or convert them.")
