"""The codec of coordinates: latitude and longitude, two columns that belong together.

The plane is cut by a k-d tree (Bentley 1975) into cells of at least five training rows; a code is a
cell. A generator draws the cell, then a point in the rectangle around the cell's training rows, so
that no point lies where fewer than five rows lie. The position in each column's distribution is a
placed number besides, from which the networks learn how other columns depend on the place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from typing_extensions import override

from h2o_gan.engine.data.cells import Cells, fit_cells, is_tree
from h2o_gan.engine.data.conditions import (
    no_list_error,
    no_missing_error,
    no_value_error,
    on_grid,
    range_of,
    value_text,
)
from h2o_gan.engine.data.densities import LARGEST, log_share
from h2o_gan.engine.data.numbers import decimals_of, numbers_of
from h2o_gan.engine.data.protocol import (
    ColumnTokens,
    Constraint,
    FitOptions,
    LearnedCodec,
    Token,
    TokenRules,
    TokenTable,
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
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, flag, list_of, optional, record, text, whole

__all__ = ["CellTokens", "CoordinatesCodec"]

_LATITUDE = ("latitude", "lat")
_LONGITUDE = ("longitude", "lon", "lng", "long")
_LIMITS = ((-90.0, 90.0), (-180.0, 360.0))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MIN_POINTS = 50  # distinct ones, of columns that are recognised by name
_MAX_CELLS = 2**14
_SIDES = ("first", "second")


class CellTokens(ColumnTokens):
    """The choice of a cell, in one or two tokens, then a placed number for each column.

    Args:
        index: of the codec among the learned ones.
        codec: the codec.
        cells: the tokens of the choice.
    """

    kind: ClassVar[str] = "cells"
    json_check: ClassVar[Check] = record({"kind": text}, {"size": whole(1)})
    codec: CoordinatesCodec

    def __init__(
        self, index: int, codec: CoordinatesCodec, cells: CategoricalTokens | FactoredTokens
    ) -> None:
        self.index, self.codec, self._cells = index, codec, cells
        choices = cells.tokens
        tables = [table.start.astype(np.int64) for table in cells.tables()]
        placed = []
        for axis in range(len(codec.columns)):
            ranks = np.full((*(token.size for token in choices), 2), np.nan)
            at = tuple(table[: len(codec.cells)] for table in tables)
            ranks[at] = np.stack([codec.cells.start[axis], codec.cells.length[axis]], 1)
            placed.append(Token(index, 0, np.zeros(0), ranks, before=len(choices) + axis))
        self.tokens = (*choices, *placed)

    @override
    def tables(self) -> list[TokenTable]:
        cells, width = self.codec.cells, self.codec.width
        active = np.arange(width) < len(cells)
        placed = []
        for axis in range(len(self.codec.columns)):
            start, length = np.full(width, 0.5), np.zeros(width)
            start[active], length[active] = cells.start[axis], cells.length[axis]
            placed.append(TokenTable(start, length, active))
        return [*self._cells.tables(), *placed]

    @override
    def decode(
        self, values: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        cells = self.codec.cells
        codes = self._cells.codes(values, uniforms, constraint)
        at = np.minimum(codes, len(cells) - 1)
        scores = torch.from_numpy(np.ascontiguousarray(values[:, -2:], np.float64))
        ranks = torch.special.ndtr(scores).numpy()
        fractions = (ranks - cells.start[:, at].T) / cells.length[:, at].T
        return self.codec.points(codes, fractions.clip(0, 1), constraint)

    @override
    def masks(self, constraint: Constraint) -> list[Array | None]:
        return [*self._cells.masks(constraint), *[None] * len(self.codec.columns)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {**self._cells.to_json(), "kind": self.kind}

    @override
    def arrays(self) -> dict[str, Array]:
        return self._cells.arrays()

    @classmethod
    @override
    def restore(
        cls,
        index: int,
        codec: CoordinatesCodec,
        data: Mapping[str, Any],
        arrays: Mapping[str, Array],
    ) -> CellTokens:
        kind = FactoredTokens if "size" in data else CategoricalTokens
        cells = kind.restore(index, codec, data, arrays)
        choices = arrays["choice_of"]
        if not np.array_equal(choices, np.arange(codec.width)):
            raise Damaged(f"column {codec.columns[0].name!r:.50}: its choices are not cells")
        return cls(index, codec, cells)


class CoordinatesCodec(LearnedCodec):
    """Two numeric columns that are a point together: codes are cells, then missing.

    Args:
        columns: latitude and longitude, or the like.
        cells: of the training points.
        shares: (width,) float64 probabilities of the cells, missing last.
        has_missing: whether points were missing in training.
        decimals: of each column; None where values are not rounded.
    """

    name: ClassVar[str] = "coordinates"
    treatment: ClassVar[str] = "coordinates"
    kinds: ClassVar[frozenset[str]] = frozenset({"int", "real"})
    token_kinds: ClassVar[tuple[type[ColumnTokens], ...]] = (CellTokens,)
    json_check: ClassVar[Check] = record(
        {
            "columns": list_of(COLUMN_CHECK, 2, 2),
            "has_missing": flag,
            "decimals": list_of(optional(whole(0, 8)), 2, 2),
        }
    )

    def __init__(
        self,
        columns: tuple[Column, ...],
        cells: Cells,
        shares: Array,
        has_missing: bool,
        decimals: Sequence[int | None],
    ) -> None:
        self.columns, self.cells = columns, cells
        self.shares, self.has_missing = shares, has_missing
        self.decimals = tuple(decimals)

    @classmethod
    @override
    def groups(
        cls, table: pa.Table, treat_as: Mapping[str, str], weights: Array | None = None
    ) -> Iterable[tuple[str, ...]]:
        asked = [name for name, wanted in treat_as.items() if wanted == cls.treatment]
        asked = [name for name in table.column_names if name in asked]
        open_names = [n for n in table.column_names if treat_as.get(n, "auto") == "auto"]
        found = []
        for pair in _named_pairs([*asked, *open_names]):
            if set(pair) & set(asked) or _are_coordinates(table, pair, weights):
                found.append(pair)
                asked = [name for name in asked if name not in pair]
        if len(asked) == 2:
            found.append((asked[0], asked[1]))
        elif asked:
            for pair in _named_pairs(table.column_names):
                other = pair[1 - pair.index(asked[0])] if asked[0] in pair else None
                if other is not None:
                    raise ValueError(
                        f"column_types: column {asked[0]!r} is treated as coordinates, but its "
                        f"other half {other!r} as {treat_as[other]}: treat both alike."
                    )
            raise ValueError(
                f"column_types: column {asked[0]!r} is treated as coordinates, which are two "
                "columns: name them like 'start_lat' and 'start_lon', or treat exactly two so."
            )
        return found

    @classmethod
    @override
    def fit(
        cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions
    ) -> CoordinatesCodec | None:
        names = list(columns)
        if len(names) != 2:
            if options.treat_as == cls.treatment:
                raise ValueError(
                    f"column_types: column {names[0]!r} can be treated as coordinates only by "
                    "architecture='columns'."
                )
            return None
        kinds = [kind_of(values.type) for values in columns.values()]
        for name, kind in zip(names, kinds, strict=True):
            if kind not in cls.kinds:
                raise ValueError(
                    f"column_types: column {name!r} is {kind}, which cannot be treated as "
                    "coordinates: convert it first, for instance with asnumeric()."
                )
        parts = [numbers_of(v, k) for v, k in zip(columns.values(), kinds, strict=True)]
        points = np.stack([numbers.astype(np.float64) for numbers, _ in parts], 1)
        missing, other = (mask for _, mask in parts)
        if not np.array_equal(missing, other):
            row = int(np.flatnonzero(missing != other)[0])
            raise ValueError(
                f"column_types: {names[0]!r} and {names[1]!r} cannot be coordinates: in row {row} "
                "only one of them is missing."
            )
        weights = np.ones(len(points)) if options.weights is None else options.weights
        present = ~missing & (weights > 0)
        trouble = None
        if present.sum() < RULES.min_rows:
            trouble = f"only {present.sum()} rows have both, and a cell needs {RULES.min_rows}"
        elif not np.isfinite(points[present]).all():
            trouble = "they have infinite values"
        elif np.abs(points[present]).max() > 2.0**53:
            trouble = "they have values beyond 2**53"
        if trouble is not None:
            raise ValueError(
                f"column_types: {names[0]!r} and {names[1]!r} cannot be coordinates: {trouble}."
            )
        least = max(RULES.min_rows, -(-int(present.sum()) // _MAX_CELLS))
        cells, cell_of = fit_cells(points[present], least, weights[present])
        mass = np.bincount(cell_of, weights[present], minlength=len(cells))
        missing_mass = float(weights[missing].sum()) if options.learn_missing else 0.0
        masses = np.append(mass, [missing_mass] if missing_mass else [])
        decimals = [
            decimals_of(np.unique(values)) if kind == "real" else 0
            for values, kind in zip(points[present].T, kinds, strict=True)
        ]
        return cls(
            tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True)),
            cells,
            masses / masses.sum(),
            missing_mass > 0,
            decimals,
        )

    @override
    def encode(self, columns: Sequence[pa.ChunkedArray], related: Array | None = None) -> Array:
        parts = [numbers_of(v, c.kind) for v, c in zip(columns, self.columns, strict=True)]
        points = np.stack([numbers.astype(np.float64) for numbers, _ in parts], 1)
        missing = parts[0][1] | parts[1][1]
        codes = self.cells.find(points).astype(np.int32)
        codes[missing] = len(self.cells) if self.has_missing else -1
        return codes

    @override
    def log_marginal(
        self, columns: Sequence[pa.ChunkedArray], rows: float, related: Array | None = None
    ) -> Array:
        parts = [numbers_of(v, c.kind) for v, c in zip(columns, self.columns, strict=True)]
        missing = parts[0][1] | parts[1][1]
        codes = self.encode(columns)
        cells = np.where(missing, 0, codes)
        logs = np.log(np.maximum(self.shares[cells], 1e-300))
        distance = np.zeros(len(codes))
        for axis, (numbers, _) in enumerate(parts):
            values = numbers.astype(np.float64).clip(-LARGEST, LARGEST)
            low, high = self.cells.low[axis], self.cells.high[axis]
            unit = max(float(high.max() - low.min()), self._step(axis)) / math.sqrt(len(low))
            side = np.maximum(high - low, self._step(axis)) / unit
            logs -= np.log(side)[cells]
            beyond = np.maximum(low[cells] - values, values - high[cells]).clip(min=0)
            distance = np.hypot(distance, beyond / unit)
        # Tails as of a column of numbers: those of Student's t with 3 degrees of freedom.
        logs -= 4 * np.log(np.hypot(1.0, distance))
        logs[missing] = log_share(self.shares[-1] if self.has_missing else 0.0, rows)
        return logs

    @override
    def decode(
        self, codes: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        scaled = uniforms * 2.0**26  # the high and the low bits are two uniforms
        fractions = np.stack([np.floor(scaled) / 2.0**26, scaled % 1], 1)
        return self.points(codes, fractions, constraint)

    @override
    def nearest(self, column: str, numbers: Array) -> pa.Array:
        axis = [own.name for own in self.columns].index(column)
        decimals = self.decimals[axis]
        values = numbers if decimals is None else np.round(numbers, decimals)
        values = values.clip(self.cells.low[axis].min(), self.cells.high[axis].max())
        if self.columns[axis].kind == "int":
            values = np.rint(values).astype(np.int64)
        return pa.array(values).cast(self.columns[axis].arrow_type)

    @override
    def decode_output(self, output: Array) -> list[pa.Array]:
        return self.points(output.astype(np.int64), np.full((len(output), 2), 0.5))

    def points(
        self, codes: Array, fractions: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        """Points in cells.

        Args:
            codes: (rows,) integers.
            fractions: (rows, 2) float64 in [0, 1], the position in the cell's rectangle.
            constraint: ranges of the columns.

        Returns:
            One array for each column, of length rows.
        """
        missing = codes >= len(self.cells)
        cells = np.where(missing, 0, codes)
        arrays = []
        for axis, (column, decimals) in enumerate(zip(self.columns, self.decimals, strict=True)):
            low, high = self.cells.low[axis, cells], self.cells.high[axis, cells]
            if constraint is not None and column.name in constraint.ranges:
                least, most = constraint.ranges[column.name]
                low, high = np.maximum(low, least), np.minimum(high, most)
            values = low + fractions[:, axis] * (high - low)
            if decimals is not None:
                values = np.round(values, decimals)
            values = np.clip(values, low, high)
            if column.kind == "int":
                values = np.rint(values).astype(np.int64)
            arrays.append(pa.array(values, mask=missing).cast(column.arrow_type))
        return arrays

    @override
    def tokens(self, index: int, rows: int, rules: TokenRules) -> ColumnTokens:
        order = np.arange(self.width)  # neighbours in the tree share blocks
        return CellTokens(index, self, tokens_of_choices(index, self, order, rules, order))

    @override
    def constraint(self, column: str, value: Any) -> Constraint:
        allowed = np.zeros(self.width, bool)
        if value is None:
            if not self.has_missing:
                raise no_missing_error(column)
            allowed[-1] = True
            return Constraint(allowed)
        if isinstance(value, list | set):
            raise no_list_error(column)
        axis = [c.name for c in self.columns].index(column)
        target, decimals = self.columns[axis], self.decimals[axis]
        low, high = range_of(target, value)
        exact = low == high
        low = on_grid(target, decimals, low, up=True)
        high = low if exact else on_grid(target, decimals, high, up=False)
        lows, highs = self.cells.low[axis], self.cells.high[axis]
        if low > high or high < lows.min() or highs.max() < low:
            extent = [value_text(target, end) for end in (lows.min(), highs.max())]
            raise no_value_error(column, value, *extent)
        shares = np.zeros(self.width)
        shares[: len(self.cells)] = self.cells.overlaps(axis, low, high, self._step(axis))
        if exact:
            shares[: len(self.cells)] = self.cells.agreement(
                axis, np.array([low]), self._step(axis)
            )[0]
        if not shares.any():
            raise ValueError(
                f"conditions: column {column!r} has no value {value!r}: no cell of at least "
                f"{RULES.min_rows} training rows reaches there. Give a wider range."
            )
        cells = {column: pa.array([low]).cast(target.arrow_type)} if exact else {}
        return Constraint(shares > 0, shares, {column: (low, high)}, cells=cells)

    @override
    def joined(self, constraint: Constraint) -> Constraint:
        if len(constraint.cells) < len(self.columns):
            return constraint
        # A point that is given as a whole needs no cell around it.
        cells = [pa.chunked_array([constraint.cells[c.name]]) for c in self.columns]
        return Constraint(code=int(self.encode(cells)[0]), cells=constraint.cells)

    @override
    def possible(self, columns: Sequence[pa.ChunkedArray], given: Sequence[Array]) -> Array:
        shares = np.ones((len(columns[0]), self.width))
        for axis, (values, mask) in enumerate(zip(columns, given, strict=True)):
            numbers, missing = numbers_of(values, self.columns[axis].kind)
            agreement = np.zeros((len(numbers), self.width))
            agreement[:, : len(self.cells)] = self.cells.agreement(
                axis, numbers.astype(np.float64), self._step(axis)
            )
            if self.has_missing:
                agreement[missing] = 0
                agreement[missing, -1] = 1
            shares[mask] *= np.where(
                missing[mask, None] & (not self.has_missing), 1, agreement[mask]
            )
        # Cells that agree with one column each and none with all: any will do.
        shares[~shares.any(1)] = 1
        return shares

    def _step(self, axis: int) -> float:
        """The distance of neighbouring values of a column; a small one where there is no grid."""
        decimals = self.decimals[axis]
        extent = float(self.cells.high[axis].max() - self.cells.low[axis].min())
        return 1e-6 * max(extent, 1e-9) if decimals is None else 10.0**-decimals

    @override
    def describe(self) -> list[dict[str, Any]]:
        missing = float(self.shares[-1]) if self.has_missing else 0.0
        rows = []
        for axis, (column, decimals) in enumerate(zip(self.columns, self.decimals, strict=True)):
            low, high = self.cells.low[axis].min(), self.cells.high[axis].max()
            values = f"{value_text(column, low)} to {value_text(column, high)}"
            if column.kind == "real" and decimals is not None:
                values += f", {decimals} decimals"
            rows.append(description(column, self.treatment, values, missing))
        return rows

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "columns": [column.to_json() for column in self.columns],
            "has_missing": self.has_missing,
            "decimals": list(self.decimals),
        }

    @override
    def arrays(self) -> dict[str, Array]:
        cells = self.cells
        by_axis = {
            f"{side}_{name}": getattr(cells, name)[axis]
            for axis, side in enumerate(_SIDES)
            for name in ("low", "high", "start", "length")
        }
        return {"axis": cells.axis, "cut": cells.cut, "shares": self.shares, **by_axis}

    @classmethod
    @override
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> CoordinatesCodec:
        columns = tuple(Column.from_json(item) for item in data["columns"])
        names = [f"{side}_{n}" for side in _SIDES for n in ("low", "high", "start", "length")]
        if set(arrays) != {"axis", "cut", "shares", *names}:
            raise Damaged(f"column {columns[0].name!r:.50}: arrays of its cells are missing")
        axis, cut, shares = arrays["axis"], arrays["cut"], arrays["shares"]
        count = (len(axis) + 1) // 2
        if (
            any(column.kind not in cls.kinds for column in columns)
            or columns[0].name == columns[1].name
            or axis.dtype != np.int32
            or axis.ndim != 1
            or not is_tree(axis)
            or cut.dtype != np.float64
            or cut.shape != axis.shape
            or not np.isfinite(cut).all()
            or shares.shape != (count + data["has_missing"],)
            or not is_distribution(shares)
            or any(arrays[name].shape != (count,) for name in names)
            or any(arrays[name].dtype != np.float64 for name in names)
            or any(not np.isfinite(arrays[name]).all() for name in names)
        ):
            raise Damaged(f"column {columns[0].name!r:.50}: the arrays of its cells do not match")
        low, high, start, length = (
            np.stack([arrays[f"{side}_{name}"] for side in _SIDES])
            for name in ("low", "high", "start", "length")
        )
        if (low > high).any() or (start < 0).any() or (length <= 0).any():
            raise Damaged(f"column {columns[0].name!r:.50}: its cells are not rectangles")
        if (start + length > 1 + 1e-9).any():
            raise Damaged(f"column {columns[0].name!r:.50}: its cells have no ranks")
        cells = Cells(axis, cut, low, high, start, length)
        return cls(columns, cells, shares, data["has_missing"], data["decimals"])


def _named_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ only in a word for latitude and one for longitude."""
    keys: dict[tuple[str, ...], dict[int, str]] = {}
    for name in names:
        words = [word.lower() for word in _WORDS.findall(name)]
        for axis, known in enumerate((_LATITUDE, _LONGITUDE)):
            at = [index for index, word in enumerate(words) if word in known]
            if len(at) == 1:
                key = (*words[: at[0]], "*", *words[at[0] + 1 :])
                keys.setdefault(key, {}).setdefault(axis, name)
    return [(pair[0], pair[1]) for pair in keys.values() if len(pair) == 2]


def _are_coordinates(table: pa.Table, pair: tuple[str, str], weights: Array | None) -> bool:
    """Whether two columns with such names have values of coordinates, enough for cells."""
    used = np.ones(table.num_rows, bool) if weights is None else weights > 0
    parts = []
    for name, (low, high) in zip(pair, _LIMITS, strict=True):
        values = table.column(name)
        kind = kind_of(values.type)
        if kind not in CoordinatesCodec.kinds:
            return False
        numbers, missing = numbers_of(values, kind)
        present = numbers[used & ~missing]
        if not len(present) or not ((low <= present) & (present <= high)).all():
            return False
        parts.append((numbers, missing))
    if not np.array_equal(parts[0][1], parts[1][1]):
        return False
    present = used & ~parts[0][1]
    points = np.stack([numbers[present].astype(np.float64) for numbers, _ in parts], 1)
    return len(np.unique(points, axis=0)) >= _MIN_POINTS
