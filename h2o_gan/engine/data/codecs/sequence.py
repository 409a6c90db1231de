"""The codec of whole numbers that identify rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.protocol import FitOptions, GeneratedCodec
from h2o_gan.engine.data.schema import COLUMN_CHECK, Array, Column, description, kind_of
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, record, whole

__all__ = ["SequenceCodec"]

_LARGEST = 2**53


class SequenceCodec(GeneratedCodec):
    """A column of whole numbers that identify rows: samples continue after the largest.

    Only columns that the user calls identifiers, or unique, are of this kind.

    Args:
        column: the column.
        first: the number of a sample's first row.
        step: from one row to the next.
    """

    name: ClassVar[str] = "sequence"
    treatment: ClassVar[str] = "identifier"
    kinds: ClassVar[frozenset[str]] = frozenset({"int"})
    json_check: ClassVar[Check] = record(
        {"column": COLUMN_CHECK, "first": whole(-_LARGEST), "step": whole(1)}
    )

    def __init__(self, column: Column, first: int, step: int) -> None:
        self.column, self.columns = column, (column,)
        self.first, self.step = first, step

    @classmethod
    @override
    def fit(
        cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions
    ) -> SequenceCodec | None:
        ((name, values),) = columns.items()
        if kind_of(values.type) != "int" or options.treat_as != cls.treatment:
            return None
        numbers, missing = numbers_of(values, "int")
        distinct = np.unique(numbers[~missing])
        if not len(distinct) or abs(int(distinct[-1])) > _LARGEST // 2:
            raise ValueError(
                f"{options.wanted_by}: column {name!r} has no whole numbers that new identifiers "
                "could continue: leave it out, or treat it as something else."
            )
        gaps = np.diff(distinct)
        step = int(np.gcd.reduce(gaps)) if len(gaps) else 1
        return cls(Column(name, "int"), int(distinct[-1]) + step, step)

    @override
    def generate(self, start: int, rows: int, seed: int) -> list[pa.Array]:
        first = self.first + start * self.step
        return [pa.array(first + self.step * np.arange(rows, dtype=np.int64))]

    @override
    def check_condition(self, column: str, value: Any) -> None:
        raise ValueError(
            f"conditions: column {column!r} identifies rows, and samples get new values: leave the "
            "condition out."
        )

    @override
    def describe(self) -> list[dict[str, Any]]:
        values = f"from {self.first}, in steps of {self.step}"
        return [description(self.column, self.treatment, values, 0.0)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "column": self.column.to_json(),
            "first": self.first,
            "step": self.step,
        }

    @override
    def arrays(self) -> dict[str, Array]:
        return {}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> SequenceCodec:
        column = Column.from_json(data["column"])
        if column.kind != "int":
            raise Damaged(f"column {column.name!r:.50} is not a column of whole numbers")
        return cls(column, data["first"], data["step"])
