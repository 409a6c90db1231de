"""The labels of images and their classes."""

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
from h2o_gan.notices import listed

__all__ = ["Labels"]

Array = npt.NDArray[Any]

_MAX_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """The label column of images, and the classes that occur in it.

    Attributes:
        column: the label column.
        position: index of the column among all columns.
        classes: levels, or whole numbers in ascending order.
        shares: probabilities of the classes.
    """

    column: Column
    position: int
    classes: tuple[str | int, ...]
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, name: str, values: pa.ChunkedArray, position: int) -> Labels:
        """Find the classes of a label column.

        Args:
            name: of the column.
            values: (rows,) whole numbers or a dictionary.
            position: index of the column among all columns.

        Raises:
            ValueError: a label is missing, there are too many classes, or the column has another
                type.
        """
        kind = kind_of(values.type)
        if kind not in ("enum", "int"):
            raise ValueError(
                f"y={name!r} is the label of images, but its column is {kind}: convert it with "
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
        if len(classes) > _MAX_CLASSES:
            raise ValueError(
                f"y={name!r} has {len(classes):,} classes; images can be learned by at most "
                f"{_MAX_CLASSES:,}. Is it the label?"
            )
        shares = tuple((counts / counts.sum()).tolist())
        return cls(Column(name, kind, levels), position, classes, shares)

    def encode(self, values: pa.ChunkedArray) -> Array:
        """Encode labels.

        Args:
            values: (rows,) labels of the column's type.

        Returns:
            int64 (rows,) indices of the classes; -1 for labels that are no class.
        """
        wanted = values.cast(pa.string() if self.column.kind == "enum" else pa.int64())
        known = pa.array(self.classes, wanted.type)
        found = pc.fill_null(pc.index_in(wanted, value_set=known), -1)
        codes: Array = found.to_numpy().astype(np.int64)
        return codes

    def decode(self, codes: Array) -> pa.Array:
        """Decode int64 (rows,) indices of classes to labels of the column's type."""
        if self.column.kind == "int":
            return pa.array(np.asarray(self.classes, np.int64)[codes])
        index_of = {level: index for index, level in enumerate(self.column.levels)}
        indices = np.array([index_of[str(level)] for level in self.classes], np.int32)[codes]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices), pa.array(self.column.levels, pa.string())
        )

    def index_of(self, label: Any) -> int:
        """The index of the class of one label.

        Args:
            label: a level, or a whole number.

        Raises:
            ValueError: no class has this label.
        """
        if self.column.kind == "enum":
            wanted: Any = str(label)
        elif isinstance(label, bool) or not isinstance(label, int | float | np.number):
            wanted = None
        else:
            wanted = label
        if wanted not in self.classes:
            raise ValueError(
                f"conditions: column {self.column.name!r} has no label {label!r}; it has "
                f"{listed(self.classes)}."
            )
        return self.classes.index(wanted)

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict of JSON types; :meth:`from_json` is the inverse."""
        return {
            "column": self.column.to_json(),
            "place": self.position,
            "classes": list(self.classes),
            "shares": list(self.shares),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], columns: int) -> Labels:
        """Rebuild labels.

        Args:
            data: from :meth:`to_json`.
            columns: number of all columns.

        Raises:
            Damaged: the data contradict each other.
        """
        column, position = Column.from_json(data["column"]), data["place"]
        classes, shares = data["classes"], [float(share) for share in data["shares"]]
        wanted = str if column.kind == "enum" else int
        if (
            column.kind not in ("enum", "int")
            or not position < columns
            or len(classes) > _MAX_CLASSES
            or len(set(classes)) != len(classes)
            or not all(isinstance(c, wanted) for c in classes)
            or (column.kind == "enum" and not set(classes) <= set(column.levels))
            or len(shares) != len(classes)
            or not all(share > 0 for share in shares)
        ):
            raise Damaged("the labels do not fit together")
        return cls(column, position, tuple(classes), tuple(shares))
