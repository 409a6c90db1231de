"""What rows have to meet: conditions by column, rows with gaps, levels in equal numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from h2o_gan.engine.data.codecs.categorical import Levels
from h2o_gan.engine.data.codecs.constant import Constant
from h2o_gan.engine.data.codecs.identifier import Fresh
from h2o_gan.engine.data.codecs.numeric import Binned
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.generator import Bounds
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.sampling import Evidence
from h2o_gan.engine.tabular.tokens import Number

__all__ = ["Conditions"]

Array = npt.NDArray[Any]

_FREE = -1  # code of a cell that is to be drawn
_SOME = 10  # levels that a message lists


@dataclass(frozen=True)
class Conditions:
    """Bounds that hold for all rows, and cells that are given row by row.

    Attributes:
        layout: of the model.
        bounds: by token.
        allowed: by column, which codes may be, or a number's two bounds; for decoding.
        first: columns in the order in which they are drawn before all others.
        codes: (rows, learned columns) given codes, _FREE where there are none; rows beyond the
            last begin again with the first; None for no given cells.
        cells: by name, the given values and which rows have them, beginning again likewise.
    """

    layout: RowLayout
    bounds: Mapping[int, Bounds] = field(default_factory=dict)
    allowed: Mapping[int, Any] = field(default_factory=dict)
    first: tuple[int, ...] = ()
    codes: Array | None = None
    cells: Mapping[str, tuple[pa.Array, Array]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked of any row."""
        return not self.bounds and self.codes is None

    @classmethod
    def by_column(
        cls, layout: RowLayout, encoder: TableEncoder, wanted: Mapping[str, Any]
    ) -> Conditions:
        """The same conditions for every row.

        Args:
            layout: of the model.
            encoder: of the model.
            wanted: by column name, a level or a number or a time; or a list of them; or a pair
                (low, high) that numbers and times lie between, both included; None for missing.

        Raises:
            ValueError: a column or level that is not there, or a range without values.
            TypeError: a value of another type than the column's.
        """
        builder = _Builder(layout)
        names = [codec.column.name for codec in encoder.codecs]
        for name, value in wanted.items():
            if name not in names:
                raise ValueError(
                    f"conditions: the model has no column {name!r}; it has {_listed(names)}."
                )
            codec = encoder.codecs[names.index(name)]
            if isinstance(codec, Constant):
                _check_constant(codec, value)
            elif isinstance(codec, Fresh):
                raise ValueError(
                    f"conditions: column {name!r} is an identifier, which is made anew for every "
                    "row: leave it out."
                )
            elif isinstance(codec, Levels):
                builder.levels(_place(layout, name), codec, _wanted_levels(codec, value))
            else:
                builder.numbers(_place(layout, name), codec, value)
        return builder.build()

    @classmethod
    def by_row(
        cls, layout: RowLayout, encoder: TableEncoder, table: pa.Table, fill_missing: bool
    ) -> Conditions:
        """Cells as `table` has them; columns that it lacks are drawn.

        Args:
            layout: of the model.
            encoder: of the model.
            table: some of the model's columns.
            fill_missing: whether missing cells are drawn too, as anything but missing.
        """
        codes = np.full((table.num_rows, len(layout.codecs)), _FREE, np.int64)
        bounds: dict[int, Bounds] = {}
        allowed: dict[int, Any] = {}
        cells = {}
        places = {codec.column.name: place for place, codec in enumerate(layout.codecs)}
        for codec in encoder.codecs:
            name = codec.column.name
            if name not in table.column_names:
                continue
            values = table.column(name)
            given = np.ones(len(values), bool)
            if fill_missing:
                given = values.is_valid().to_numpy()
                if codec.column.kind == "real":
                    given &= ~np.isnan(values.cast(pa.float64()).fill_null(0.0).to_numpy())
            cells[name] = (_whole(values), given)
            if isinstance(codec, Levels | Binned):
                place = places[name]
                codes[:, place] = np.where(given, codec.encode(values), _FREE)
                if fill_missing:
                    _forbid_missing(layout, place, bounds, allowed)
        return cls(layout, bounds, allowed, (), codes, cells)

    def balanced(self, encoder: TableEncoder, column: str, rows: int) -> Conditions:
        """These conditions, and as many rows of each level of `column` that training saw.

        Raises:
            ValueError: the column is not there, has no levels, or has a condition of its own.
        """
        codecs = self.layout.codecs
        names = [codec.column.name for codec in codecs]
        codec = codecs[names.index(column)] if column in names else None
        if not isinstance(codec, Levels):
            levels = [c.column.name for c in codecs if isinstance(c, Levels)]
            raise ValueError(
                f"balance={column!r} is not a categorical column of the model; "
                f"these are: {_listed(levels)}."
            )
        place = names.index(column)
        if place in self.allowed or column in self.cells:
            raise ValueError(
                f"balance={column!r}: that column has a condition too. Give one of the two."
            )
        # Rows repeat where nothing else is given row by row: one of each level stands for all.
        by_row = self.codes is not None and len(self.codes) > 1
        kept = rows if by_row else min(rows, len(codec.observed))
        codes = np.full((kept, len(names)), _FREE, np.int64)
        if self.codes is not None:
            codes[:] = self.codes[np.arange(kept) % len(self.codes)]
        codes[:, place] = np.arange(kept) % len(codec.observed)
        cells = {**self.cells, column: (codec.decode(codes[:, place]), np.ones(kept, bool))}
        return replace(self, codes=codes, cells=cells)

    def block(
        self, start: int, rows: int, random: torch.Generator, device: torch.device
    ) -> tuple[Evidence, dict[int, Bounds]]:
        """What is given of `rows` rows from `start` on, and their bounds."""
        tokens = self.layout.tokens
        bounds = {token: bound.to(device) for token, bound in self.bounds.items()}
        if self.codes is None:
            return Evidence.none(rows, len(tokens), device), bounds
        # Rows beyond the last begin again: a block is always drawn whole.
        picked = np.arange(start, start + rows) % len(self.codes)
        own = self.codes[picked]
        codes = torch.from_numpy(own).to(device)
        values, active = self.layout.tables(device).expand(codes, random)
        places = torch.tensor([token.column for token in tokens], device=device)
        # A code that the network does not see, or a number that is absent, is known all the same
        # unless its whole column is open.
        known = (codes >= 0)[:, places]
        for place in range(own.shape[1]):
            dependency = self.layout.source_of(place)
            if dependency is None or (own[:, place] < 0).all():
                continue
            # What follows from another column bounds that column instead.
            choice = self.layout.columns[place].choice_of[np.maximum(own[:, place], 0)]  # type: ignore[union-attr]
            left = dependency.table[None, :] == choice[:, None]
            # No source leads there: the cell is kept as it is, and the source drawn freely.
            left[(own[:, place] < 0) | (choice < 0) | ~left.any(1)] = True
            token = self.layout.places[dependency.source].start
            mask = torch.from_numpy(left.astype(np.float32)).to(device)
            before = bounds[token].left if token in bounds else None
            if before is not None:
                mask = mask * before
            bounds[token] = Bounds(mask, by_row=True)
        return Evidence(values, active & known, known, alike=len(self.codes) == 1), bounds

    def restored(self, batch: pa.RecordBatch, start: int) -> pa.RecordBatch:
        """Rows from `start` on with the given cells as they were given."""
        if not self.cells:
            return batch
        arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name, (cells, given) in self.cells.items():
            picked = np.arange(start, start + batch.num_rows) % len(cells)
            arrays[name] = _merged(arrays[name], cells.take(pa.array(picked)), given[picked])
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=batch.schema)


class _Builder:
    """Collects conditions that hold for every row."""

    def __init__(self, layout: RowLayout) -> None:
        self._layout = layout
        self._left: dict[int, Array] = {}  # codes that may be, by column
        self._ranges: dict[int, tuple[Any, Any]] = {}
        self._codes = np.full((1, len(layout.codecs)), _FREE, np.int64)
        self._cells: dict[str, tuple[pa.Array, Array]] = {}

    def levels(self, place: int, codec: Levels, codes: Array) -> None:
        allowed = np.zeros(codec.width, bool)
        allowed[codes] = True
        self._left[place] = allowed

    def numbers(self, place: int, codec: Binned, value: Any) -> None:
        column = self._layout.columns[place]
        name = codec.column.name
        if not isinstance(column, Number):
            low, high, missing = _wanted_bins(codec, value)
            within = (low <= codec.low) & (codec.low <= high)
            allowed = np.append(within, [missing] * codec.has_missing).astype(bool)
            if isinstance(value, list | set):
                members = [_number(codec, v) for v in value if v is not None]
                allowed[: len(codec.low)] &= np.isin(codec.low, members)
            if not allowed.any():
                raise ValueError(
                    f"conditions: column {name!r} has no value {value!r}; it has values from "
                    f"{_shown(codec, codec.low[0])} to {_shown(codec, codec.high[-1])}."
                )
            self._left[place] = allowed
            return
        if isinstance(value, list | set):
            raise ValueError(
                f"conditions: column {name!r} takes a number or a range (low, high), "
                "not a list: it has too many values."
            )
        low, high, missing = _wanted_bins(codec, value)
        if missing or low == high:
            code = codec.missing_code
            if not missing:
                low = _on_grid(codec, low, up=True)
                if low > high or not codec.low[0] <= low <= codec.high[-1]:
                    raise ValueError(_outside(codec, value))
                code = int(np.clip(np.searchsorted(codec.low, low, "right") - 1, 0, None))
            self._codes[0, place] = code
            cell = pa.array([None if missing else low], from_pandas=False)
            self._cells[name] = (cell.cast(codec.column.arrow_type), np.ones(1, bool))
            return
        low = max(_on_grid(codec, low, up=True), codec.low[0])
        high = min(_on_grid(codec, high, up=False), codec.high[-1])
        if low > high:
            raise ValueError(_outside(codec, value))
        self._ranges[place] = (low, high)

    def build(self) -> Conditions:
        layout = self._layout
        allowed: dict[int, Any] = dict(self._left)
        left = {}
        for place, codes in self._left.items():
            dependency = layout.source_of(place)
            if dependency is None:
                left[place] = codes
                continue
            # What follows from another column bounds that column instead.
            own = layout.columns[place]
            assert not isinstance(own, Number)
            choices = own.allowed(codes)[0] > 0
            source = layout.columns[dependency.source]
            possible = choices[dependency.table]
            chosen = source.choice_of  # type: ignore[union-attr]
            reachable = possible[np.maximum(chosen, 0)] | (chosen < 0)
            if dependency.source in self._left:
                reachable = reachable & self._left[dependency.source]
            elif dependency.source in left:
                reachable = reachable & left[dependency.source]
            if not reachable.any():
                raise ValueError(
                    f"conditions: no row meets the one on {layout.codecs[place].column.name!r} "
                    "together with the others: leave one out."
                )
            left[dependency.source] = allowed[dependency.source] = reachable
        # A choice of one first: what it decides is then the same for all rows.
        first = sorted(left, key=lambda place: int(left[place].sum()))
        bounds: dict[int, Bounds] = {}
        for place in first:
            column = layout.columns[place]
            assert not isinstance(column, Number)
            parts = column.allowed(left[place])
            for token, part in zip(layout.places[place], parts, strict=True):
                bounds[token] = Bounds(torch.from_numpy(part).float())
        for place, (low, high) in self._ranges.items():
            number = layout.columns[place]
            assert isinstance(number, Number)
            *kinds, ends = number.allowed(low, high)
            *before, token = layout.places[place]
            if before:
                bounds[before[0]] = Bounds(torch.from_numpy(kinds[0]).float())
            if ends[0] <= ends[1]:
                bounds[token] = Bounds(low=float(ends[0]), high=float(ends[1]))
            allowed[place] = (low, high)
            first.append(place)
        given = self._codes if self._cells else None
        return Conditions(layout, bounds, allowed, tuple(first), given, self._cells)


def _place(layout: RowLayout, name: str) -> int:
    return [codec.column.name for codec in layout.codecs].index(name)


def _forbid_missing(
    layout: RowLayout, place: int, bounds: dict[int, Bounds], allowed: dict[int, Any]
) -> None:
    codec, column = layout.codecs[place], layout.columns[place]
    if not codec.has_missing or place not in layout.places:
        return
    if isinstance(column, Number):
        parts = column.present()
    else:
        codes = np.ones(codec.width if isinstance(codec, Levels) else len(codec.low) + 1, bool)
        codes[-1] = False
        allowed[place] = codes
        parts = list(column.allowed(codes))
    for token, part in zip(layout.places[place], parts, strict=True):
        if part is not None:
            bounds[token] = Bounds(torch.from_numpy(part).float())


def _wanted_levels(codec: Levels, value: Any) -> Array:
    """Codes of the levels that a condition asks for."""
    many = isinstance(value, list | set | tuple)
    codes = []
    levels = codec.column.levels
    seen = {levels[place]: code for code, place in enumerate(codec.observed.tolist())}
    for level in value if many else [value]:
        if level is None and codec.has_missing:
            codes.append(len(codec.observed))
        elif str(level) in seen and level is not None:
            codes.append(seen[str(level)])
        else:
            raise ValueError(
                f"conditions: column {codec.column.name!r} has no level {level!r} in the training "
                f"data; it has {_listed(list(seen))}."
            )
    if not codes:
        raise ValueError(f"conditions: no level is asked for in column {codec.column.name!r}.")
    return np.array(codes)


def _wanted_bins(codec: Binned, value: Any) -> tuple[Any, Any, bool]:
    """The lowest and the highest value that a condition asks for, and whether it is missing."""
    name = codec.column.name
    if value is None or (isinstance(value, list | set) and None in value):
        if not codec.has_missing:
            raise ValueError(f"conditions: column {name!r} has no missing values.")
        if value is None:
            return np.inf, -np.inf, True
    if isinstance(value, tuple):
        if len(value) != 2:
            raise ValueError(
                f"conditions: {name!r} takes one value or a pair (low, high), not {value!r}."
            )
        low = -np.inf if value[0] is None else _number(codec, value[0])
        high = np.inf if value[1] is None else _number(codec, value[1])
        if not low <= high:
            raise ValueError(f"conditions: the range of {name!r}, {value!r}, is upside down.")
        return low, high, False
    if isinstance(value, list | set):
        numbers = [_number(codec, v) for v in value if v is not None]
        if not numbers:
            raise ValueError(f"conditions: no value is asked for in column {name!r}.")
        return min(numbers), max(numbers), None in value
    number = _number(codec, value)
    return number, number, False


def _number(codec: Binned, value: Any) -> Any:
    """A condition's value as the column counts: times in milliseconds since 1970."""
    name = codec.column.name
    if codec.column.kind == "time" and not _is_number(value):
        try:
            if isinstance(value, dt.datetime) and value.tzinfo is not None:
                value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
            return int(np.datetime64(value, "ms").astype(np.int64))
        except (ValueError, TypeError) as error:
            raise TypeError(
                f"conditions: {value!r} is no time for column {name!r}: use a datetime, an ISO "
                "date, or milliseconds since 1970."
            ) from error
    if not _is_number(value):
        raise TypeError(f"conditions: column {name!r} is numeric, but {value!r} is not a number.")
    if np.isnan(value):
        raise ValueError(f"conditions: NaN is no value for column {name!r}; None is missing.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _on_grid(codec: Binned, value: Any, up: bool) -> Any:
    """The nearest value of the column's resolution that is not below (above) this one."""
    if not np.isfinite(value):
        return value
    if codec.column.kind != "real":
        return int(np.ceil(value) if up else np.floor(value))
    if codec.decimals is None:
        return float(value)
    # A hair's breadth of tolerance: 0.3 is not below 0.3 for being 0.299999...
    scale = 10.0**codec.decimals
    hair = 1e-9 * max(abs(value * scale), 1.0)
    steps = np.ceil(value * scale - hair) if up else np.floor(value * scale + hair)
    return float(np.round(steps / scale, codec.decimals))


def _check_constant(codec: Constant, value: Any) -> None:
    wanted = value if isinstance(value, list | set) else [value]
    if isinstance(value, tuple) and len(value) == 2 and codec.column.kind != "enum":
        low, high = value
        inside = codec.value is not None and (
            (low is None or low <= codec.value) and (high is None or codec.value <= high)
        )
    else:
        inside = codec.value in wanted or str(codec.value) in map(str, wanted)
    if not inside:
        raise ValueError(
            f"conditions: column {codec.column.name!r} is {codec.value!r} in all rows, "
            f"never {value!r}."
        )


def _outside(codec: Binned, value: Any) -> str:
    return (
        f"conditions: column {codec.column.name!r} has no value {value!r}; it has values from "
        f"{_shown(codec, codec.low[0])} to {_shown(codec, codec.high[-1])}."
    )


def _shown(codec: Binned, value: Any) -> str:
    if codec.column.kind == "time":
        return str(np.datetime64(int(value), "ms"))
    return f"{value:.10g}" if codec.column.kind == "real" else str(int(value))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SOME])) + (", ..." if len(names) > _SOME else "")


def _whole(values: pa.ChunkedArray) -> pa.Array:
    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # what pyarrow gives for no chunks, or too many
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array


def _merged(drawn: pa.Array, cells: pa.Array, given: Array) -> pa.Array:
    """Given cells in place of drawn ones; a dictionary gains the levels it lacks."""
    if given.all() and cells.type == drawn.type:
        return cells
    if pa.types.is_dictionary(drawn.type):
        mask = pa.array(given)
        text = pa.compute.if_else(mask, cells.cast(pa.string()), drawn.cast(pa.string()))
        levels = drawn.dictionary.to_pylist()
        extra = [
            v for v in pa.compute.unique(text).to_pylist() if v not in levels and v is not None
        ]
        known = pa.array([*levels, *extra], pa.string())
        return pa.DictionaryArray.from_arrays(pa.compute.index_in(text, value_set=known), known)
    return pa.compute.if_else(pa.array(given), cells.cast(drawn.type), drawn)
