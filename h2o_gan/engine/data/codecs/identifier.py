"""The codec of identifiers: every sample gets new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.identifiers import Identifiers, fit_identifiers
from h2o_gan.engine.data.protocol import FitOptions, GeneratedCodec
from h2o_gan.engine.data.schema import (
    COLUMN_CHECK,
    TEXT_KINDS,
    Array,
    Column,
    description,
    kind_of,
)
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, anything, dict_of, record

__all__ = ["IdentifierCodec", "levels_identify_rows"]

_DISTINCT_SHARE = 0.9  # share of distinct levels above which levels identify rows
_MIN_DISTINCT = 50


class IdentifierCodec(GeneratedCodec):
    """A column whose values identify rows: nothing can be learned, and samples get new values.

    Args:
        column: the column.
        identifiers: makes new values.
    """

    name: ClassVar[str] = "fresh"
    treatment: ClassVar[str] = "identifier"
    kinds: ClassVar[frozenset[str]] = frozenset({"enum", *TEXT_KINDS})
    json_check: ClassVar[Check] = record({"column": COLUMN_CHECK, "identifiers": dict_of(anything)})

    def __init__(self, column: Column, identifiers: Identifiers) -> None:
        self.column, self.columns = column, (column,)
        self.identifiers = identifiers

    @classmethod
    @override
    def fit(
        cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions
    ) -> IdentifierCodec | None:
        ((name, values),) = columns.items()
        kind = kind_of(values.type)
        forced = options.treat_as == cls.treatment
        found = options.treat_as == "auto" and levels_identify_rows(values)
        if kind not in cls.kinds or not (forced or kind in TEXT_KINDS or found):
            return None
        identifiers = fit_identifiers(name, values, force=forced)
        if identifiers is not None:
            return cls(Column(name, kind), identifiers)
        if forced:
            raise ValueError(
                f"{options.wanted_by}: column {name!r} has no value that new identifiers could be "
                "modelled on: leave it out, or treat it as something else."
            )
        return None

    @override
    def generate(self, start: int, rows: int, seed: int) -> list[pa.Array]:
        values = self.identifiers.values(start, rows, seed)
        return [values.dictionary_encode() if self.column.kind == "enum" else values]

    @override
    def check_condition(self, column: str, value: Any) -> None:
        raise ValueError(
            f"conditions: column {column!r} is an identifier, which is new in every row: leave it "
            "out."
        )

    @override
    def describe(self) -> list[dict[str, Any]]:
        example = self.identifiers.values(0, 20, 0).drop_null()
        values = f"like {example[0].as_py()}" if len(example) else ""
        missing = self.identifiers.missing_share
        return [description(self.column, self.treatment, values, missing)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "column": self.column.to_json(),
            "identifiers": self.identifiers.to_json(),
        }

    @override
    def arrays(self) -> dict[str, Array]:
        return self.identifiers.arrays()

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> IdentifierCodec:
        column, state = Column.from_json(data["column"]), data["identifiers"]
        if column.kind not in (("uuid",) if state.get("kind") == "uuid" else ("string", "enum")):
            raise Damaged(f"column {column.name!r} is not the identifiers' column")
        return cls(column, Identifiers.restore(state, arrays))


def levels_identify_rows(values: pa.ChunkedArray) -> bool:
    """Whether a column is an enum nearly all of whose levels occur once."""
    if not pa.types.is_dictionary(values.type):
        return False
    least = max(_MIN_DISTINCT, _DISTINCT_SHARE * (len(values) - values.null_count))
    if sum(len(chunk.dictionary) for chunk in values.chunks) <= least:
        return False
    return bool(len(values.cast(pa.string()).unique().drop_null()) > least)
