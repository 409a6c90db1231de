"""Labels of images: the classes that a label column names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.schema import Column, kind_of
from h2o_gan.engine.exceptions import Damaged

__all__ = ["Labels"]

Array = npt.NDArray[Any]

_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """The column that says what images show, and the classes that occur in it.

    ``classes`` are levels, or whole numbers in ascending order; ``shares`` their probabilities.
    """

    column: Column
    place: int
    classes: tuple[str | int, ...]
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, name: str, values: pa.ChunkedArray, place: int) -> Labels:
        """The classes of a label column.

        Raises:
            ValueError: labels are missing, too many, or of a kind that is no label.
        """
        kind = kind_of(values.type)
        if kind not in ("enum", "int"):
            raise ValueError(
                f"y={name!r} is a label of images, but its column is {kind}: convert it with "
                "asfactor()."
            )
        if values.null_count:
            raise ValueError(
                f"y={name!r} has no label in {values.null_count} rows: leave those rows out."
            )
        if kind == "enum":
            unified = values.unify_dictionaries().combine_chunks()
            chunk = unified.chunk(0) if isinstance(unified, pa.ChunkedArray) else unified
            levels = tuple(chunk.dictionary.to_pylist())
            counts = np.bincount(chunk.indices.to_numpy(), minlength=len(levels))
            classes: tuple[str | int, ...] = tuple(
                level for level, count in zip(levels, counts, strict=True) if count
            )
            counts = counts[counts > 0]
        else:
            levels = ()
            found, counts = np.unique(values.to_numpy(), return_counts=True)
            classes = tuple(int(value) for value in found)
        if len(classes) > _MOST_CLASSES:
            raise ValueError(
                f"y={name!r} has {len(classes):,} classes; images can be learned by at most "
                f"{_MOST_CLASSES:,}. Is it the label?"
            )
        shares = tuple((counts / counts.sum()).tolist())
        return cls(Column(name, kind, levels), place, classes, shares)

    def encode(self, values: pa.ChunkedArray) -> Array:
        """(rows,) int64 places among the classes; -1 for labels that training never saw."""
        wanted = values.cast(pa.string() if self.column.kind == "enum" else pa.int64())
        known = pa.array(self.classes, wanted.type)
        found = pc.fill_null(pc.index_in(wanted, value_set=known), -1)
        codes: Array = found.to_numpy().astype(np.int64)
        return codes

    def decode(self, codes: Array) -> pa.Array:
        """The inverse of :meth:`encode`."""
        if self.column.kind == "int":
            return pa.array(np.asarray(self.classes, np.int64)[codes])
        place = {level: number for number, level in enumerate(self.column.levels)}
        indices = np.array([place[str(level)] for level in self.classes], np.int32)[codes]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices), pa.array(self.column.levels, pa.string())
        )

    def code_of(self, label: Any) -> int:
        """The place of one label among the classes. Raises ValueError for others."""
        if self.column.kind == "enum":
            wanted: Any = str(label)
        elif isinstance(label, bool) or not isinstance(label, int | float | np.number):
            wanted = None
        else:
            wanted = label
        if wanted not in self.classes:
            some = ", ".join(map(repr, self.classes[:10]))
            raise ValueError(
                f"conditions: column {self.column.name!r} has no label {label!r}; it has {some}"
                f"{', ...' if len(self.classes) > 10 else ''}."
            )
        return self.classes.index(wanted)

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types; :meth:`from_json` is its inverse."""
        return {
            "column": self.column.to_json(),
            "place": self.place,
            "classes": list(self.classes),
            "shares": list(self.shares),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], columns: int) -> Labels:
        """Rebuild labels among so many columns. Raises Damaged for other data."""
        column, place = Column.from_json(data["column"]), data["place"]
        classes, shares = data["classes"], [float(share) for share in data["shares"]]
        wanted = str if column.kind == "enum" else int
        if (
            column.kind not in ("enum", "int")
            or not place < columns
            or len(classes) > _MOST_CLASSES
            or len(set(classes)) != len(classes)
            or not all(isinstance(c, wanted) for c in classes)
            or (column.kind == "enum" and not set(classes) <= set(column.levels))
            or len(shares) != len(classes)
            or not all(share > 0 for share in shares)
        ):
            raise Damaged("the labels do not fit together")
        return cls(column, place, tuple(classes), tuple(shares))
