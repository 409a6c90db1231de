"""The codec of categorical columns: a level's code is its index among the levels that occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from h2o_gan.engine.data.densities import log_share
from h2o_gan.engine.data.protocol import (
    UNKNOWN,
    ColumnTokens,
    Constraint,
    FitOptions,
    LearnedCodec,
    TokenRules,
)
from h2o_gan.engine.data.schema import (
    COLUMN_CHECK,
    Array,
    Column,
    description,
    is_distribution,
    kind_of,
)
from h2o_gan.engine.data.tokens.categorical import (
    CategoricalTokens,
    FactoredTokens,
    tokens_of_choices,
)
from h2o_gan.engine.data.tokens.rules import pooled_choices
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, flag, record
from h2o_gan.notices import listed

__all__ = ["CategoricalCodec", "dictionary_array", "level_indices", "levels_of"]


class CategoricalCodec(LearnedCodec):
    """An enum: codes are indices among the levels that occur, then missing.

    Args:
        column: the column.
        observed: (levels seen,) int32 indices in ``column.levels``.
        shares: (width,) float64 probabilities, missing last.
        has_missing: whether there were missing values in training.
    """

    name: ClassVar[str] = "levels"
    treatment: ClassVar[str] = "categorical"
    # Numbers too: the numeric codec treats them so, for their values are not levels of the frame.
    kinds: ClassVar[frozenset[str]] = frozenset({"enum", "int", "real", "time"})
    token_kinds: ClassVar[tuple[type[ColumnTokens], ...]] = (CategoricalTokens, FactoredTokens)
    has_levels: ClassVar[bool] = True
    json_check: ClassVar[Check] = record({"column": COLUMN_CHECK, "has_missing": flag})

    def __init__(self, column: Column, observed: Array, shares: Array, has_missing: bool) -> None:
        self.column, self.columns = column, (column,)
        self.observed, self.shares, self.has_missing = observed, shares, has_missing

    @classmethod
    @override
    def fit(
        cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions
    ) -> CategoricalCodec | None:
        ((name, values),) = columns.items()
        if kind_of(values.type) != "enum":
            return None
        column = Column(name, "enum", levels_of(values))
        indices, missing = level_indices(values, column.levels)
        weights = np.ones(len(values)) if options.weights is None else options.weights
        mass = np.bincount(indices[~missing], weights[~missing], minlength=len(column.levels))
        observed = np.flatnonzero(mass).astype(np.int32)
        missing_mass = float(weights[missing].sum()) if options.learn_missing else 0.0
        masses = np.append(mass[observed], [missing_mass] if missing_mass else [])
        return cls(column, observed, masses / masses.sum(), missing_mass > 0)

    @override
    def encode(self, columns: Sequence[pa.ChunkedArray], related: Array | None = None) -> Array:
        indices, missing = level_indices(columns[0], self.column.levels)
        code_of = np.full(len(self.column.levels) + 1, UNKNOWN, np.int32)
        code_of[self.observed] = np.arange(len(self.observed), dtype=np.int32)
        codes = code_of[indices]
        if self.has_missing:
            codes[missing] = len(self.observed)
        return codes

    @override
    def decode(
        self, codes: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        missing = codes >= len(self.observed)
        return [dictionary_array(self.observed[np.where(missing, 0, codes)], missing, self.column)]

    @override
    def log_marginal(
        self, columns: Sequence[pa.ChunkedArray], rows: float, related: Array | None = None
    ) -> Array:
        # UNKNOWN, which is -1, takes the last of the shares.
        return log_share(np.append(self.shares, 0.0)[self.encode(columns)], rows)

    @override
    def tokens(self, index: int, rows: int, rules: TokenRules) -> ColumnTokens:
        return tokens_of_choices(index, self, pooled_choices(self.shares, rows, rules), rules)

    @override
    def constraint(self, column: str, value: Any) -> Constraint:
        levels = self.column.levels
        seen = {levels[index]: code for code, index in enumerate(self.observed.tolist())}
        allowed = np.zeros(self.width, bool)
        for level in value if isinstance(value, list | set | tuple) else [value]:
            if level is None and self.has_missing:
                allowed[len(self.observed)] = True
            elif level is not None and str(level) in seen:
                allowed[seen[str(level)]] = True
            else:
                raise ValueError(
                    f"conditions: column {column!r} has no level {level!r} in the training data; "
                    f"it has {listed(list(seen))}."
                )
        if not allowed.any():
            raise ValueError(f"conditions: column {column!r} has an empty list of levels.")
        return Constraint(allowed)

    @override
    def describe(self) -> list[dict[str, Any]]:
        missing = float(self.shares[-1]) if self.has_missing else 0.0
        values = f"{len(self.observed)} levels"
        return [description(self.column, self.treatment, values, missing)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "column": self.column.to_json(),
            "has_missing": self.has_missing,
        }

    @override
    def arrays(self) -> dict[str, Array]:
        return {"observed": self.observed, "shares": self.shares}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> CategoricalCodec:
        column = Column.from_json(data["column"])
        if set(arrays) != {"observed", "shares"} or column.kind != "enum":
            raise Damaged(f"column {column.name!r}: arrays of its levels are missing")
        observed, shares = arrays["observed"], arrays["shares"]
        if (
            observed.ndim != 1
            or observed.dtype != np.int32
            or len(observed) == 0
            or observed.min() < 0
            or observed.max() >= len(column.levels)
            or shares.shape != (len(observed) + data["has_missing"],)
            or not is_distribution(shares)
        ):
            raise Damaged(f"column {column.name!r}: the arrays of its levels do not match")
        return cls(column, observed, shares, data["has_missing"])


def levels_of(values: pa.ChunkedArray) -> tuple[str, ...]:
    """The levels of an enum, in the frame's order, whether they occur or not."""
    if pa.types.is_boolean(values.type):
        return ("false", "true")
    levels: dict[str, None] = {}
    for chunk in values.chunks:
        levels.update(dict.fromkeys(chunk.dictionary.cast(pa.string()).to_pylist()))
    return tuple(levels)


def level_indices(values: pa.ChunkedArray, levels: tuple[str, ...]) -> tuple[Array, Array]:
    """Indices of values in `levels`.

    Returns:
        (rows,) int64 indices, ``len(levels)`` for other levels and for missing values; and (rows,)
        bool, where values are missing.
    """
    known = pa.array(levels, pa.string())
    if not pa.types.is_dictionary(values.type):
        values = values.cast(pa.string()).dictionary_encode()
    indices, missing = [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for chunk in values.chunks:
        index_of = pc.fill_null(
            pc.index_in(chunk.dictionary.cast(pa.string()), value_set=known), len(levels)
        ).to_numpy(zero_copy_only=False)
        absent = chunk.indices.is_null().to_numpy(zero_copy_only=False)
        keys = pc.fill_null(chunk.indices, 0).to_numpy(zero_copy_only=False)
        found = index_of[keys] if len(index_of) else np.zeros(len(chunk), np.int64)
        indices.append(np.where(absent, len(levels), found))
        missing.append(absent)
    return np.concatenate(indices), np.concatenate(missing)


def dictionary_array(indices: Array, missing: Array | None, column: Column) -> pa.Array:
    """An Arrow array of an enum, from (rows,) indices in its levels."""
    keys = pa.array(indices.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(keys, pa.array(column.levels, pa.string()))
