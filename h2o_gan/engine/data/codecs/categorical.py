"""The codec of categorical columns: a level's code is its index among the levels that occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.codecs.base import UNKNOWN, Array, is_distribution
from h2o_gan.engine.data.schema import Column, description
from h2o_gan.engine.exceptions import Damaged

__all__ = ["Levels", "dictionary_array", "level_places", "levels_of"]


@dataclass(frozen=True)
class Levels:
    """An enum: the code is the place among the levels that occur, the last code is missing."""

    column: Column
    observed: Array = field(repr=False)  # (levels seen,) int32 places in column.levels
    shares: Array = field(repr=False)  # (width,) float64 probabilities, missing last
    has_missing: bool

    @property
    def width(self) -> int:
        """Number of codes: observed levels, and one for missing where there are any."""
        return len(self.observed) + self.has_missing

    def encode(self, values: pa.ChunkedArray) -> Array:
        """Codes of shape (rows,); a level never seen in training is UNKNOWN."""
        places, missing = level_places(values, self.column.levels)
        code_of = np.full(len(self.column.levels) + 1, UNKNOWN, np.int32)
        code_of[self.observed] = np.arange(len(self.observed), dtype=np.int32)
        codes = code_of[places]
        if self.has_missing:
            codes[missing] = len(self.observed)
        return codes

    def decode(self, hard: Array) -> pa.Array:
        """Codes of shape (rows,) to a dictionary array with all of the column's levels."""
        codes = hard.astype(np.int64)
        missing = codes >= len(self.observed)
        return dictionary_array(self.observed[np.where(missing, 0, codes)], missing, self.column)

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        missing = float(self.shares[-1]) if self.has_missing else 0.0
        return description(self.column, "categorical", f"{len(self.observed)} levels", missing)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        return {
            "codec": "levels",
            "column": self.column.to_json(),
            "has_missing": self.has_missing,
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec."""
        return {"observed": self.observed, "shares": self.shares}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Levels:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column = Column.from_json(data["column"])
        if set(arrays) != {"observed", "shares"} or column.kind != "enum":
            raise Damaged(f"column {column.name!r}: its levels are not whole")
        observed = arrays["observed"]
        codec = cls(column, observed, arrays["shares"], data["has_missing"])
        if (
            observed.ndim != 1
            or observed.dtype != np.int32
            or len(observed) == 0
            or observed.min() < 0
            or observed.max() >= len(column.levels)
            or codec.shares.shape != (codec.width,)
            or not is_distribution(codec.shares)
        ):
            raise Damaged(f"column {column.name!r}: its levels do not fit together")
        return codec


def levels_of(values: pa.ChunkedArray) -> tuple[str, ...]:
    if pa.types.is_boolean(values.type):
        return ("false", "true")
    levels: dict[str, None] = {}
    for chunk in values.chunks:
        levels.update(dict.fromkeys(chunk.dictionary.cast(pa.string()).to_pylist()))
    return tuple(levels)


def level_places(values: pa.ChunkedArray, levels: tuple[str, ...]) -> tuple[Array, Array]:
    """(rows,) places in `levels`, len(levels) for unknown ones, and (rows,) which are missing."""
    known = pa.array(levels, pa.string())
    if not pa.types.is_dictionary(values.type):
        values = values.cast(pa.string()).dictionary_encode()
    places, missing = [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for chunk in values.chunks:
        place_of = pc.fill_null(
            pc.index_in(chunk.dictionary.cast(pa.string()), value_set=known), len(levels)
        ).to_numpy(zero_copy_only=False)
        absent = chunk.indices.is_null().to_numpy(zero_copy_only=False)
        indices = pc.fill_null(chunk.indices, 0).to_numpy(zero_copy_only=False)
        found = place_of[indices] if len(place_of) else np.zeros(len(chunk), np.int64)
        places.append(np.where(absent, len(levels), found))
        missing.append(absent)
    return np.concatenate(places), np.concatenate(missing)


def dictionary_array(places: Array, missing: Array | None, column: Column) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(column.levels, pa.string()))
