"""The codec of columns that a relation gives the values of, in every row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.conditions import (
    no_missing_error,
    no_value_error,
    on_grid,
    range_of,
    value_text,
)
from h2o_gan.engine.data.protocol import Codec, FitOptions
from h2o_gan.engine.data.schema import (
    COLUMN_CHECK,
    NUMBER_KINDS,
    Array,
    Column,
    description,
    kind_of,
)
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, number, record

__all__ = ["ComputedCodec"]


class ComputedCodec(Codec):
    """A column that no network learns: its values follow from other columns.

    Args:
        column: the column.
        missing_share: share of missing values.
    """

    name: ClassVar[str] = "computed"
    treatment: ClassVar[str] = "computed"
    json_check: ClassVar[Check] = record({"column": COLUMN_CHECK, "missing_share": number(0, 1)})

    def __init__(self, column: Column, missing_share: float) -> None:
        self.column, self.columns = column, (column,)
        self.missing_share = missing_share

    @classmethod
    @override
    def fit(cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions) -> None:
        """Refuse every column: only :meth:`of` makes this codec, where a relation is known."""
        return

    @classmethod
    def of(cls, name: str, values: pa.ChunkedArray) -> ComputedCodec:
        """The codec of a column with these values in the training rows."""
        column = Column(name, kind_of(values.type))
        return cls(column, values.null_count / max(len(values), 1))

    def given(
        self, value: Any, limits: tuple[float, float], decimals: int | None
    ) -> pa.Array | None:
        """The cell that a condition gives to every row, as an array of length 1.

        Args:
            value: of the condition.
            limits: smallest and largest value of the column in training.
            decimals: of a real column; None if its values are not rounded.

        Returns:
            None if the condition leaves a choice.

        Raises:
            ValueError: no value of the column meets the condition.
            TypeError: `value` is of another type than the column.
        """
        column = self.column
        if value is None or (isinstance(value, list | set) and {*value} == {None}):
            if not self.missing_share:
                raise no_missing_error(column.name)
            return None
        low, high = range_of(column, value)
        if high < limits[0] or low > limits[1]:
            raise no_value_error(column.name, value, *(value_text(column, end) for end in limits))
        if isinstance(value, list | set) or low != high:
            return None
        return pa.array([on_grid(column, decimals, low, up=True)]).cast(column.arrow_type)

    @override
    def describe(self) -> list[dict[str, Any]]:
        return [description(self.column, self.treatment, "from a relation", self.missing_share)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "column": self.column.to_json(),
            "missing_share": self.missing_share,
        }

    @override
    def arrays(self) -> dict[str, Array]:
        return {}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> ComputedCodec:
        column = Column.from_json(data["column"])
        if column.kind not in NUMBER_KINDS:
            raise Damaged(f"column {column.name!r:.50} is not a column of numbers")
        return cls(column, float(data["missing_share"]))
