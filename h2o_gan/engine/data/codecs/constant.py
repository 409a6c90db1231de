"""The codec of columns with one value, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from h2o_gan.engine.data.codecs.categorical import dictionary_array, level_indices, levels_of
from h2o_gan.engine.data.conditions import as_number, range_of, value_text
from h2o_gan.engine.data.densities import LARGEST, log_share
from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.protocol import FitOptions, GeneratedCodec
from h2o_gan.engine.data.schema import (
    COLUMN_CHECK,
    NUMBER_KINDS,
    TEXT_KINDS,
    Array,
    Column,
    description,
    kind_of,
)
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, record, scalar

__all__ = ["ConstantCodec"]

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Value = int | float | str | None


class ConstantCodec(GeneratedCodec):
    """A column with one value, or with missing values only, which no network needs to learn.

    Args:
        column: the column.
        value: its value; None where all values are missing.
    """

    name: ClassVar[str] = "constant"
    treatment: ClassVar[str] = "constant"
    json_check: ClassVar[Check] = record({"column": COLUMN_CHECK, "value": scalar})

    def __init__(self, column: Column, value: Value) -> None:
        self.column, self.columns = column, (column,)
        self.value = value

    @classmethod
    @override
    def fit(
        cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions
    ) -> ConstantCodec | None:
        ((name, values),) = columns.items()
        kind = kind_of(values.type)
        if options.treat_as == "identifier":  # even one value can be a pattern for new ones
            return None
        if kind in TEXT_KINDS:
            found = _constant_text(kind, values)
            column = Column(name, kind)
        elif kind == "enum":
            column = Column(name, kind, levels_of(values))
            found = _constant_level(column, values, options)
        else:
            column = Column(name, kind)
            found = _constant_number(kind, values, options)
        return None if found is None else cls(column, found[0])

    @override
    def generate(self, start: int, rows: int, seed: int) -> list[pa.Array]:
        if self.value is None:
            return [pa.nulls(rows, self.column.arrow_type)]
        if self.column.kind == "enum":
            index = self.column.levels.index(str(self.value))
            return [dictionary_array(np.full(rows, index), None, self.column)]
        if self.column.kind == "uuid":
            stored = pa.array([UUID(str(self.value)).bytes] * rows, pa.binary(16))
            return [pa.ExtensionArray.from_storage(pa.uuid(), stored)]
        one = pa.array([self.value], self.column.arrow_type)
        return [one.take(pa.array(np.zeros(rows, np.int32)))]

    @override
    def log_marginal(
        self, columns: Sequence[pa.ChunkedArray], rows: float, related: Array | None = None
    ) -> Array:
        (values,) = columns
        logs = np.full(len(values), log_share(0.0, rows))
        if self.column.kind in NUMBER_KINDS:
            numbers, missing = numbers_of(values, "time" if self.column.kind == "time" else "real")
            if self.value is None:
                same = missing
            else:
                known = float(self.value)
                same = ~missing & (numbers == known)
                # Without a spread, the unit of distances is the value itself.
                with np.errstate(invalid="ignore"):
                    distance = np.abs(numbers.astype(np.float64) - known) / max(abs(known), 1.0)
                distance = np.nan_to_num(distance, nan=LARGEST, posinf=LARGEST)
                logs -= np.where(missing, 0.0, np.log1p(distance))
        elif self.value is None:
            same = values.is_null().to_numpy()
        else:
            same = pc.fill_null(self._equal(values), False).to_numpy()
        logs[same] = 0.0
        return logs

    @override
    def check_condition(self, column: str, value: Any) -> None:
        if not self._meets(value):
            shown = self.value
            if shown is not None and self.column.kind == "time":
                shown = value_text(self.column, shown)
            raise ValueError(
                f"conditions: column {column!r} is {shown!r} in all training rows, never {value!r}."
            )

    @override
    def describe(self) -> list[dict[str, Any]]:
        if self.value is None:
            return [description(self.column, "nothing", "none", 1.0)]
        return [description(self.column, self.treatment, str(self.value), 0.0)]

    @override
    def to_json(self) -> dict[str, Any]:
        value = self.value
        if isinstance(value, float) and not np.isfinite(value):
            value = repr(value)
        return {"codec": self.name, "column": self.column.to_json(), "value": value}

    @override
    def arrays(self) -> dict[str, Array]:
        return {}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> ConstantCodec:
        column, value = Column.from_json(data["column"]), data["value"]
        fits = {
            "real": isinstance(value, int | float) or value in ("inf", "-inf"),
            "enum": value in column.levels,
            "string": isinstance(value, str),
            "uuid": isinstance(value, str) and _UUID.fullmatch(value) is not None,
        }.get(column.kind, isinstance(value, int))
        if value is not None and not fits:
            raise Damaged(f"column {column.name!r}: {value!r:.50} is not a value of its type")
        return cls(column, float(value) if value is not None and column.kind == "real" else value)

    def _equal(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which levels or texts are the column's value."""
        if isinstance(values.type, pa.UuidType):
            storage = pa.chunked_array([c.storage for c in values.chunks], pa.binary(16))
            return pc.equal(storage, pa.scalar(UUID(str(self.value)).bytes, pa.binary(16)))
        return pc.equal(values.cast(pa.string()), str(self.value))

    def _meets(self, value: Any) -> bool:
        """Whether the column's value meets the condition `value`."""
        if isinstance(value, tuple) and self.column.kind in NUMBER_KINDS:
            low, high = range_of(self.column, value)
            return self.value is not None and bool(low <= self.value <= high)
        wanted = list(value) if isinstance(value, list | set | tuple) else [value]
        if self.value is None:
            return None in wanted
        wanted = [v for v in wanted if v is not None]
        if self.column.kind == "time":
            wanted = [as_number(self.column, v) for v in wanted]
        return self.value in wanted or str(self.value) in map(str, wanted)


def _constant_text(kind: str, values: pa.ChunkedArray) -> tuple[Value] | None:
    """The one text of a column, or None for all missing, in a tuple; None for other columns."""
    if values.null_count == len(values):
        return (None,)
    if values.null_count:
        return None
    chunks = [c.storage if kind == "uuid" else c.cast(pa.large_string()) for c in values.chunks]
    distinct = pa.chunked_array(chunks).unique()
    if len(distinct) > 1:
        return None
    value = distinct[0].as_py()
    return (str(UUID(bytes=value)) if kind == "uuid" else value,)


def _constant_level(
    column: Column, values: pa.ChunkedArray, options: FitOptions
) -> tuple[Value] | None:
    indices, missing = level_indices(values, column.levels)
    used = np.ones(len(values), bool) if options.weights is None else options.weights > 0
    observed = np.unique(indices[used & ~missing])
    if len(observed) == 0:
        return (None,)
    varies = len(observed) > 1 or (options.learn_missing and bool((used & missing).any()))
    if varies or options.keep_constant:
        return None
    return (column.levels[observed[0]],)


def _constant_number(
    kind: str, values: pa.ChunkedArray, options: FitOptions
) -> tuple[Value] | None:
    numbers, missing = numbers_of(values, kind)
    if options.weights is not None:
        used = options.weights > 0
        numbers, missing = numbers[used], missing[used]
    present = numbers[~missing]
    if len(present) == 0:
        return (None,)
    varies = bool((present != present[0]).any()) or (options.learn_missing and missing.any())
    if varies or options.keep_constant:
        return None
    return (present[0].item(),)
