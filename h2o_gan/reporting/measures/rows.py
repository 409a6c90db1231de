"""Rows in memory, as all measures take them: numbers as floats, categories as codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Field", "Rows", "Samples", "concatenated"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        name: of the column.
        kind: "number", "time" (milliseconds since 1970) or "category".
        levels: texts of a category's codes: those of all tables that are compared.
    """

    name: str
    kind: Literal["number", "time", "category"]
    levels: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether values are codes of levels."""
        return self.kind == "category"


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table.

    Attributes:
        fields: its columns.
        values: by column, (rows,) float64 with NaN for missing; codes of levels as float64 too, so
            that one array can hold all columns.
    """

    fields: tuple[Field, ...]
    values: Mapping[str, Array]

    def __post_init__(self) -> None:
        assert len({len(values) for values in self.values.values()}) <= 1

    def __len__(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else 0

    def __iter__(self) -> Iterator[tuple[Field, Array]]:
        for field in self.fields:
            yield field, self.values[field.name]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [field.name for field in self.fields]

    def field(self, name: str) -> Field:
        """The column of a name."""
        return next(field for field in self.fields if field.name == name)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Rows:
        """The rows of some indices, or those that a mask selects."""
        return Rows(self.fields, {name: values[index] for name, values in self.values.items()})

    def select(self, names: Sequence[str]) -> Rows:
        """Some of the columns."""
        wanted = set(names)
        fields = tuple(field for field in self.fields if field.name in wanted)
        return Rows(fields, {field.name: self.values[field.name] for field in fields})

    def matrix(self) -> Array:
        """(rows, columns) float64, NaN for missing; codes as numbers."""
        if not self.fields:
            return np.zeros((0, 0))
        return np.column_stack([self.values[field.name] for field in self.fields])

    def shuffled(self, rng: np.random.Generator) -> Rows:
        """The same columns, each in an order of its own: what independent columns look like."""
        return Rows(
            self.fields, {name: rng.permutation(values) for name, values in self.values.items()}
        )

    def text(self, row: int, name: str) -> str | float | None:
        """A cell for people: the level, the number, or the time as ISO 8601; None where missing."""
        field, value = self.field(name), float(self.values[name][row])
        if np.isnan(value):
            return None
        if field.is_category:
            return field.levels[int(value)]
        if field.kind == "time":
            moment = np.datetime64(int(value), "ms")
            return str(moment.astype("datetime64[D]" if value % 86_400_000 == 0 else None))
        return int(value) if value.is_integer() and abs(value) < 2**53 else value


def concatenated(parts: Sequence[Rows]) -> Rows:
    """Rows below each other; all have the same columns."""
    first = parts[0]
    return Rows(
        first.fields,
        {name: np.concatenate([part.values[name] for part in parts]) for name in first.values},
    )


@dataclass(frozen=True, eq=False)
class Samples:
    """Random rows of the tables that are compared, in random order.

    Attributes:
        training: rows that the model was trained on.
        synthetic: rows of the model, as many.
        independent: the training rows, each column shuffled by itself.
        unseen: real rows that are not among the training rows; usually fewer.
        seed: of everything random.
    """

    training: Rows
    synthetic: Rows
    independent: Rows
    unseen: Rows
    seed: int

    def rng(self) -> np.random.Generator:
        """A new generator with the seed."""
        return np.random.default_rng(self.seed)

    def equal(self, most: int | None = None) -> Samples:
        """Equally many rows of each table, for measures that depend on the number of rows.

        Args:
            most: limit of the number; None for no limit.
        """
        rows = min(len(self.training), len(self.synthetic), len(self.unseen), most or 2**62)
        first = slice(rows)
        return Samples(
            self.training.take(first),
            self.synthetic.take(first),
            self.independent.take(first),
            self.unseen.take(first),
            self.seed,
        )
