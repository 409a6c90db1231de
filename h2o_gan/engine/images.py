"""Pixel columns <-> tensors.

A frame of pixels is one image a row, not a table of unrelated numbers: all columns share one
scale, stay uint8 in memory, and constant ones (a black border) belong to the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from h2o_gan.engine.encoding import Span
from h2o_gan.engine.schema import Column, description, kind_of, schema_of

__all__ = ["PixelEncoder"]

Array = npt.NDArray[Any]

_FEWEST_PIXELS = 64


class PixelEncoder:
    """Whole numbers from 0 to at most 255 in columns that together are an image."""

    def __init__(self, columns: Sequence[Column], largest: int) -> None:
        self.columns = tuple(columns)
        self.largest = largest
        self.width = len(self.columns)
        self.spans: tuple[Span, ...] = (Span(self.columns[0].name, 0, self.width, "tanh"),)

    @classmethod
    def fit(cls, table: pa.Table) -> PixelEncoder | None:
        """The encoder of a table that is plainly pixels, or None.

        Plainly pixels are at least 64 columns, a square number of them (or three times one, for
        colours), whole numbers from 0 to at most 255 without missing values, where at least a
        quarter of the columns reach half of the largest value: columns on one scale.
        """
        side = math.isqrt(table.num_columns)
        colours = math.isqrt(table.num_columns // 3)
        square = side * side == table.num_columns or 3 * colours * colours == table.num_columns
        if table.num_columns < _FEWEST_PIXELS or not square or table.num_rows == 0:
            return None
        if any(kind_of(field.type) != "int" for field in table.schema):
            return None
        if any(column.null_count for column in table.columns):
            return None
        peaks = []
        for column in table.columns:
            extremes = pc.min_max(column).as_py()
            if extremes["min"] < 0 or extremes["max"] > 255:
                return None
            peaks.append(extremes["max"])
        largest = max(peaks)
        if largest < 2 or np.mean(np.asarray(peaks) >= largest / 2) < 0.25:
            return None
        return cls([Column(name, "int") for name in table.column_names], largest)

    def encode(self, table: pa.Table) -> Tensor:
        """A table with these columns to uint8 (rows, pixels). Values are clipped to the range."""
        pixels = np.empty((table.num_rows, self.width), np.uint8)
        for place, column in enumerate(self.columns):
            values = pc.fill_null(table.column(column.name), 0).to_numpy()
            pixels[:, place] = np.clip(np.nan_to_num(values), 0, self.largest)
        return torch.from_numpy(pixels)

    def expansion(self, device: torch.device) -> PixelExpansion:
        """The device's part."""
        return PixelExpansion(self.largest)

    def decode(self, hard: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Intensities, float64 (rows, pixels) in [0, 1], to rows of pixel columns."""
        pixels = np.rint(np.clip(hard, 0, 1) * self.largest).astype(np.int64)
        arrays = [pa.array(values) for values in np.ascontiguousarray(pixels.T)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema_of(list(self.columns)))

    def describe(self) -> list[dict[str, Any]]:
        """What each column was taken for."""
        extent = f"0 to {self.largest}"
        return [description(column, "pixel", extent, 0.0) for column in self.columns]

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {
            "encoder": "pixels",
            "columns": [column.to_json() for column in self.columns],
            "largest": self.largest,
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the state: none."""
        return {}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> PixelEncoder:
        """Inverse of :meth:`to_json`. Raises ValueError for other data."""
        columns, largest = [Column.from_json(item) for item in data["columns"]], data["largest"]
        if not columns or not isinstance(largest, int) or not 0 < largest <= 255:
            raise ValueError("the pixel columns do not fit together")
        return cls(columns, largest)


class PixelExpansion:
    """Scales uint8 pixels to [-1, 1] and back."""

    def __init__(self, largest: int) -> None:
        self._scale = 2.0 / largest

    def expand(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        """uint8 (rows, pixels) to float32 in [-1, 1]."""
        return codes.float().mul_(self._scale).sub_(1.0)

    def activate(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """Raw outputs to [-1, 1]."""
        return torch.tanh(raw)

    def harden(self, raw: Tensor, generator: torch.Generator | None) -> Tensor:
        """Raw outputs to intensities, float64 in [0, 1]."""
        return (torch.tanh(raw).double() + 1) / 2
