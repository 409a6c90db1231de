"""Combinations of values of which no others occur than in the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from h2o_gan.engine.data.codecs.categorical import level_indices
from h2o_gan.engine.data.relations.keys import first_codes, same_numbers, same_zero
from h2o_gan.engine.data.relations.rules import Arrays, Columns, Rule, named_columns
from h2o_gan.engine.data.relations.values import Table, chunked
from h2o_gan.engine.data.schema import LEARNED_KINDS, Array, Column
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged

__all__ = ["MAX_COMBINATIONS", "FixedCombinations"]

MAX_COMBINATIONS = 2**16
"""Largest number of combinations that a rule holds."""


@dataclass(frozen=True)
class FixedCombinations(Rule):
    """``city, country``: only combinations of the training data occur, and never others.

    Combinations in fewer than five training rows (`min_rows` of the token rules) are left out of
    the rule, so that neither a model's file nor its samples disclose them. The file holds the
    other combinations, in the order of their values, without their numbers of rows. A missing
    value is a value like any other.

    Attributes:
        parts: the columns.
        numbers: for each column, (combinations,) float64 for reals, else int64: its numbers, times
            in milliseconds, or indices of its levels; 0 where it is missing.
        missing: (columns, combinations) bool.
    """

    kind: ClassVar[str] = "combinations"
    parts: tuple[Column, ...]
    numbers: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    missing: Array = field(
        default_factory=lambda: np.zeros((0, 0), bool), repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.missing[0]) if len(self.missing) else 0

    @property
    @override
    def columns(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def fitted(self, table: Table, min_rows: int = RULES.min_rows) -> FixedCombinations:
        """The rule with the combinations of a training table.

        Args:
            table: the training rows.
            min_rows: combinations in fewer rows are left out.

        Raises:
            ValueError: no combination is in so many rows, or there are too many.
        """
        read = [_numbers(table, part) for part in self.parts]
        rows = table.num_rows
        ids = np.zeros(rows, np.int64)
        for values, absent in read:
            encoded = pa.array(values, mask=absent).dictionary_encode(null_encoding="encode")
            ids = first_codes(ids * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy())
        counts = np.bincount(ids)
        example_rows = np.zeros(len(counts), np.int64)
        example_rows[ids] = np.arange(rows)
        example_rows = example_rows[counts >= min_rows]
        if not len(example_rows):
            raise ValueError(
                f"constraints: {self.text!r} cannot be kept: each of its {len(counts):,} "
                f"combinations is in fewer than {min_rows} training rows. Remove the rule, or "
                "combine columns with fewer values."
            )
        if len(example_rows) > MAX_COMBINATIONS:
            raise ValueError(
                f"constraints: {self.text!r} has {len(example_rows):,} combinations in {min_rows} "
                f"or more training rows, more than the {MAX_COMBINATIONS:,} that a rule may have."
            )
        numbers = [values[example_rows] for values, _ in read]
        missing = [absent[example_rows] for _, absent in read]
        order = np.lexsort(
            [key for pair in zip(numbers, missing, strict=True) for key in pair][::-1]
        )
        return replace(
            self,
            numbers=tuple(values[order] for values in numbers),
            missing=np.stack(missing)[:, order],
        )

    @override
    def broken(self, table: Table) -> Array:
        """Where rows have a combination that the rule does not hold, (rows,) bool.

        Raises:
            ValueError: the rule is not fitted.
        """
        if not self.numbers:
            raise ValueError(f"{self.text!r} is not fitted: it holds no combinations")
        known = np.zeros(len(self), np.int64)
        codes = np.zeros(table.num_rows, np.int64)  # -1 for what the rule does not hold
        for part, numbers, absent in zip(self.parts, self.numbers, self.missing, strict=True):
            values, missing = _numbers(table, part)
            distinct = np.unique(numbers[~absent])
            size = len(distinct) + 1
            at = np.where(missing, size - 1, _index_in(values, distinct))
            known_at = np.where(absent, size - 1, _index_in(numbers, distinct))
            prefixes, known = np.unique(known * size + known_at, return_inverse=True)
            codes = np.where((codes < 0) | (at < 0), -1, codes * size + at)
            codes = _index_in(codes, prefixes)
        return codes < 0

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "columns": list(self.columns)}

    @override
    def arrays(self) -> dict[str, Array]:
        arrays = {f"numbers_{index}": values for index, values in enumerate(self.numbers)}
        return {**arrays, "missing": self.missing}

    @classmethod
    @override
    def restore(
        cls, data: Mapping[str, Any], arrays: Arrays, columns: Columns
    ) -> FixedCombinations:
        parts = named_columns(data, columns, least=2)
        names = [f"numbers_{index}" for index in range(len(parts))]
        if set(arrays) != {*names, "missing"} or arrays["missing"].ndim != 2:
            raise Damaged("arrays of fixed combinations are missing")
        missing = arrays["missing"]
        count = missing.shape[1]
        if (
            missing.dtype != np.bool_
            or len(missing) != len(parts)
            or not 0 < count <= MAX_COMBINATIONS
        ):
            raise Damaged("the arrays of fixed combinations do not match")
        for part, name in zip(parts, names, strict=True):
            values, dtype = arrays[name], np.float64 if part.kind == "real" else np.int64
            if (
                part.kind not in LEARNED_KINDS
                or values.dtype != dtype
                or values.shape != (count,)
                or np.isnan(values).any()
                or (
                    part.kind == "enum"
                    and not (values.min() >= 0 and values.max() < max(len(part.levels), 1))
                )
            ):
                raise Damaged(f"the combinations of column {part.name!r:.50} are invalid")
        numbers = [arrays[name] for name in names]
        numbers = [same_zero(values) for values in numbers]
        return cls(data["text"], parts, tuple(numbers), missing)


def _index_in(values: Array, known: Array) -> Array:
    """Indices of values among distinct known ones, int64; -1 for others."""
    index = pc.index_in(pa.array(values), value_set=pa.array(known))
    found: Array = pc.fill_null(index, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _numbers(table: Table, column: Column) -> tuple[Array, Array]:
    """Values of a column as numbers that a file holds, and a mask of missing ones."""
    values = chunked(table, column.name)
    if column.kind != "enum":
        return same_numbers(values, column.kind)
    indices, missing = level_indices(values, column.levels)
    return np.where(missing, 0, indices), missing
