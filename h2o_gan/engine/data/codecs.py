"""One column <-> numbers: the part of the encoding that knows what values are.

A column becomes integer codes on the way in. On the way out the networks say, per row, a level's
code or a place on the column's cumulative distribution, and the codec turns that back into values
of the column's own range and resolution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from h2o_gan.engine.data.identifiers import Identifiers, fit_identifiers
from h2o_gan.engine.data.schema import TEXT_KINDS, TIME, Column, description, kind_of
from h2o_gan.engine.exceptions import Damaged

__all__ = [
    "UNKNOWN",
    "Binned",
    "Codec",
    "Constant",
    "Fresh",
    "Levels",
    "fit_codec",
    "is_distribution",
]

Array = npt.NDArray[Any]

UNKNOWN = -1
"""Code of a value that training never saw and that no bin or level can stand for."""

MAX_BINS = 1024
"""A numeric column with more distinct values than this is described by so many quantile bins."""

_MAX_DECIMALS = 8
_NUMERIC = ("int", "real", "time")
_NAMES_ROWS = 0.9  # share of distinct levels above which a level names a row
_FEWEST_NAMES = 50
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = 86_400_000  # milliseconds


@dataclass(frozen=True)
class Constant:
    """A column with one value, or none: no network needs to see it."""

    column: Column
    value: int | float | str | None

    spans = 0

    def encode(self, values: pa.ChunkedArray) -> Array:
        """Codes of shape (rows,): all 0."""
        return np.zeros(len(values), np.int32)

    def decode(self, hard: Array) -> pa.Array:
        """The same value for each entry of `hard`."""
        if self.value is None:
            return pa.nulls(len(hard), self.column.arrow_type)
        if self.column.kind == "enum":
            code = self.column.levels.index(str(self.value))
            return _dictionary(np.full(len(hard), code), None, self.column)
        if self.column.kind == "uuid":
            stored = pa.array([UUID(str(self.value)).bytes] * len(hard), pa.binary(16))
            return pa.ExtensionArray.from_storage(pa.uuid(), stored)
        return pa.array([self.value], self.column.arrow_type).take(
            pa.array(np.zeros(len(hard), np.int32))
        )

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        if self.value is None:
            return description(self.column, "nothing", "none", 1.0)
        return description(self.column, "constant", str(self.value), 0.0)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        value = self.value
        if isinstance(value, float) and not np.isfinite(value):
            value = repr(value)
        return {"codec": "constant", "column": self.column.to_json(), "value": value}

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec: none."""
        return {}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Constant:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column, value = Column.from_json(data["column"]), data["value"]
        fits = {
            "real": isinstance(value, int | float) or value in ("inf", "-inf"),
            "enum": value in column.levels,
            "string": isinstance(value, str),
            "uuid": isinstance(value, str) and _UUID.fullmatch(value) is not None,
        }.get(column.kind, isinstance(value, int))
        if value is not None and not fits:
            raise Damaged(f"column {column.name!r}: {value!r:.50} is not one of its values")
        return cls(column, float(value) if value is not None and column.kind == "real" else value)


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
        places, missing = _level_places(values, self.column.levels)
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
        return _dictionary(self.observed[np.where(missing, 0, codes)], missing, self.column)

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


@dataclass(frozen=True)
class Binned:
    """A numeric or time column: ordered bins, each with its probability and its range of values.

    Values that are frequent, and all values of a column with few distinct ones, have a bin of
    their own with ``low == high``; the rest share quantile bins, inside which values are spread
    evenly. A row's place in the cumulative distribution is uniform by construction, spikes
    included: within its bin it is drawn at random, the uniform dequantisation of Uria et al.
    (2013, arXiv 1306.0186), so no critic can tell real from generated by values alone.
    """

    column: Column
    low: Array = field(repr=False)  # (bins,) int64, or float64 for reals
    high: Array = field(repr=False)  # (bins,) same dtype
    cumulative: Array = field(repr=False)  # (bins + 1,) float64 from 0 to 1
    missing_share: float
    step: int  # values of ints and times are low + a multiple of it
    decimals: int | None  # of reals; None for as many as there are
    treat: str = "auto"  # or "numeric", "categorical": what the user says it is

    @property
    def has_missing(self) -> bool:
        """Whether the column had missing values in training."""
        return self.missing_share > 0

    @property
    def missing_code(self) -> int:
        """Code of a missing value: one past the bins."""
        return len(self.low)

    def encode(self, values: pa.ChunkedArray) -> Array:
        """Codes of shape (rows,): the bin, or missing_code, or UNKNOWN for an unforeseen NA."""
        numbers, missing = _numbers(values, self.column.kind)
        codes = np.searchsorted(self.low, numbers, side="right").astype(np.int32) - 1
        np.clip(codes, 0, len(self.low) - 1, out=codes)
        codes[missing] = self.missing_code if self.has_missing else UNKNOWN
        return codes

    def decode(self, hard: Array) -> pa.Array:
        """Places of shape (rows,) in [0, 1], NaN for missing, to values of the column."""
        missing = np.isnan(hard)
        return self.array(self.numbers(np.where(missing, 0.5, hard)), missing)

    def numbers(self, place: Array) -> Array:
        """Places of shape (rows,) in [0, 1] to values, int64 or, for reals, float64."""
        place = np.clip(place, 0, 1)
        bins = np.searchsorted(self.cumulative, place, side="right") - 1
        np.clip(bins, 0, len(self.low) - 1, out=bins)
        start, end = self.cumulative[bins], self.cumulative[bins + 1]
        part = np.clip((place - start) / np.maximum(end - start, 1e-300), 0, 1)
        return self._inside(self.low[bins], self.high[bins], part)

    def array(self, numbers: Array, missing: Array) -> pa.Array:
        """Values as :meth:`numbers` gives them, and which are missing, to Arrow."""
        return pa.array(numbers, mask=missing).cast(self.column.arrow_type)

    def _inside(self, low: Array, high: Array, part: Array) -> Array:
        if low.dtype == np.float64:
            single = low == high  # also infinities, which must not meet arithmetic
            low_, high_ = np.where(single, 0.0, low), np.where(single, 0.0, high)
            values = low_ * (1 - part) + high_ * part
            if self.decimals is not None:
                values = np.round(values, self.decimals)
            return np.where(single, low, np.clip(values, low, high))
        width = high.astype(np.float64) - low.astype(np.float64)
        offset = np.rint(part * width / self.step) * self.step
        far = width >= 2.0**62  # where int64 could overflow, doubles do
        limit = np.nextafter(2.0**63, 0)
        rough = np.clip(low.astype(np.float64) + offset, -limit, limit).astype(np.int64)
        exact = low + np.where(far, 0.0, offset).astype(np.int64)
        whole: Array = np.clip(np.where(far, rough, exact), low, high)
        return whole

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        low, high = self.low[0].item(), self.high[-1].item()
        if self.column.kind == "time":
            # ISO text, cut to the day where the column has whole days only.
            unit = "D" if self.step % _DAY == 0 and low % _DAY == 0 else "s"
            low, high = (np.datetime64(stamp, "ms").astype(f"M8[{unit}]") for stamp in (low, high))
        if self.treat == "categorical":
            return description(
                self.column, "categorical", f"{len(self.low)} values", self.missing_share
            )
        what = "time" if self.column.kind == "time" else "numeric"
        extent = f"{low} to {high}"
        if self.column.kind == "real" and self.decimals is not None:
            extent += f", {self.decimals} decimals"
        return description(self.column, what, extent, self.missing_share)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        return {
            "codec": "binned",
            "column": self.column.to_json(),
            "missing_share": self.missing_share,
            "step": self.step,
            "decimals": self.decimals,
            "treat": self.treat,
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec; without ``high`` where all bins are single values."""
        arrays = {"low": self.low, "high": self.high, "cumulative": self.cumulative}
        if np.array_equal(self.low, self.high):
            del arrays["high"]
        return arrays

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Binned:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column, step, decimals = Column.from_json(data["column"]), data["step"], data["decimals"]
        treat = data.get("treat", "auto")
        if set(arrays) | {"high"} != {"low", "high", "cumulative"} or column.kind not in _NUMERIC:
            raise Damaged(f"column {column.name!r}: its bins are not whole")
        low, cumulative = arrays["low"], arrays["cumulative"]
        high = arrays.get("high", low)
        dtype = np.float64 if column.kind == "real" else np.int64
        if (
            low.dtype != dtype
            or high.dtype != dtype
            or low.ndim != 1
            or low.shape != high.shape
            or len(low) == 0
            or cumulative.shape != (len(low) + 1,)
            or not is_distribution(np.diff(cumulative))
            or cumulative[0] != 0
            or not np.all(low <= high)
            or not np.all(high[:-1] <= low[1:])
            or not np.all((low == high) | np.isfinite(low.astype(float) - high.astype(float)))
            or data["missing_share"] >= 1
        ):
            raise Damaged(f"column {column.name!r}: its bins do not fit together")
        share = float(data["missing_share"])
        return cls(column, low, high, cumulative, share, step, decimals, treat)


@dataclass(frozen=True)
class Fresh:
    """A column of names of rows: nothing to learn, and every sample gets new ones."""

    column: Column
    identifiers: Identifiers = field(repr=False)

    def values(self, start: int, rows: int, seed: int) -> pa.Array:
        """The values of rows `start` to `start + rows` of a sample."""
        values = self.identifiers.values(start, rows, seed)
        return values.dictionary_encode() if self.column.kind == "enum" else values

    def describe(self) -> dict[str, Any]:
        """What the column was taken for."""
        identifiers = self.identifiers
        example = identifiers.values(0, 20, 0).drop_null()
        looks = f"like {example[0].as_py()}" if len(example) else ""
        return description(self.column, "identifier", looks, identifiers.missing_share)

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        return {
            "codec": "fresh",
            "column": self.column.to_json(),
            "identifiers": self.identifiers.to_json(),
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec."""
        return self.identifiers.arrays()

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Fresh:
        """Inverse of :meth:`to_json` and :meth:`arrays`."""
        column, own = Column.from_json(data["column"]), data["identifiers"]
        if column.kind not in (("uuid",) if own.get("kind") == "uuid" else ("string", "enum")):
            raise Damaged(f"column {column.name!r} is not the identifiers' column")
        return cls(column, Identifiers.restore(own, arrays))


Codec = Constant | Levels | Binned | Fresh


def fit_codec(
    name: str,
    values: pa.ChunkedArray,
    weights: Array | None,
    keep_constant: bool,
    treat: str = "auto",
) -> Codec | None:
    """Look at one column of the training rows and describe it.

    Args:
        name: the column's name.
        values: its values.
        weights: (rows,) non-negative row weights, or None.
        keep_constant: whether a column with a single value still goes to the networks.
        treat: "numeric", "categorical" or "identifier" where the user knows better.

    Returns:
        The codec; None for free text, from which nothing can be learned.

    Raises:
        ValueError: the column can't be what `treat` says.
        TypeError: the column is of a type that no frame has.
    """
    kind = kind_of(values.type)
    number = kind not in TEXT_KINDS and kind != "enum"
    fits = {"categorical": kind not in TEXT_KINDS, "numeric": number, "identifier": not number}
    if not fits.get(treat, True):
        raise ValueError(
            f"column_types: column {name!r} is {kind}, which can't be taken for {treat}: convert "
            "it first, for instance with asfactor(), asnumeric() or ascharacter()."
        )
    if treat == "identifier" or kind in TEXT_KINDS or (treat == "auto" and _names_rows(values)):
        identifiers = fit_identifiers(name, values, force=treat == "identifier")
        if identifiers is not None:
            return Fresh(Column(name, kind), identifiers)
        if treat == "identifier":
            raise ValueError(
                f"column_types: column {name!r} has no look that an identifier could be made in."
            )
        return _constant_text(name, kind, values)
    if kind == "enum":
        return _fit_levels(name, values, weights, keep_constant)
    return _fit_bins(name, kind, values, weights, keep_constant, treat)


def is_distribution(shares: Array) -> bool:
    """Whether these are probabilities that sum to one."""
    return bool(shares.dtype == np.float64 and (shares >= 0).all() and abs(shares.sum() - 1) < 1e-6)


def _constant_text(name: str, kind: str, values: pa.ChunkedArray) -> Constant | None:
    """A column of one text, or none at all; None for others."""
    if values.null_count == len(values):
        return Constant(Column(name, kind), None)
    if values.null_count:
        return None
    chunks = [c.storage if kind == "uuid" else c.cast(pa.large_string()) for c in values.chunks]
    distinct = pa.chunked_array(chunks).unique()
    if len(distinct) > 1:
        return None
    value = distinct[0].as_py()
    return Constant(Column(name, kind), str(UUID(bytes=value)) if kind == "uuid" else value)


def _names_rows(values: pa.ChunkedArray) -> bool:
    """Whether a column is an enum nearly all of whose levels come once."""
    if not pa.types.is_dictionary(values.type):
        return False
    least = max(_FEWEST_NAMES, _NAMES_ROWS * (len(values) - values.null_count))
    if sum(len(chunk.dictionary) for chunk in values.chunks) <= least:
        return False
    return bool(len(values.cast(pa.string()).unique().drop_null()) > least)


def _fit_levels(
    name: str, values: pa.ChunkedArray, weights: Array | None, keep_constant: bool
) -> Codec:
    column = Column(name, "enum", _levels_of(values))
    places, missing = _level_places(values, column.levels)
    mass = np.bincount(places[~missing], _pick(weights, ~missing), minlength=len(column.levels))
    observed = np.flatnonzero(mass).astype(np.int32)
    missing_mass = float(_total(weights, missing))
    if len(observed) == 0:
        return Constant(column, None)
    if len(observed) == 1 and missing_mass == 0 and not keep_constant:
        return Constant(column, column.levels[observed[0]])
    masses = np.append(mass[observed], [missing_mass] if missing_mass else [])
    return Levels(column, observed, masses / masses.sum(), missing_mass > 0)


def _fit_bins(
    name: str,
    kind: str,
    values: pa.ChunkedArray,
    weights: Array | None,
    keep_constant: bool,
    treat: str,
) -> Codec:
    column = Column(name, kind)
    numbers, missing = _numbers(values, kind)
    if weights is not None:  # rows of weight 0 are never drawn: they must not shape the bins
        used = weights > 0
        numbers, missing, weights = numbers[used], missing[used], weights[used]
    missing_share = float(_total(weights, missing)) / max(
        _total(weights, np.ones(len(missing), bool)), 1e-300
    )
    present = numbers[~missing]
    distinct, inverse, counts = np.unique(present, return_inverse=True, return_counts=True)
    if len(distinct) == 0:
        return Constant(column, None)
    if len(distinct) == 1 and missing_share == 0 and not keep_constant:
        return Constant(column, distinct[0].item())
    mass = counts if weights is None else np.bincount(inverse, _pick(weights, ~missing))
    mass = mass / mass.sum()
    starts = _bin_starts(distinct, mass)
    if treat == "categorical":
        starts = np.arange(len(distinct))
    ends = np.append(starts[1:], len(distinct)) - 1
    cumulative = np.append(0.0, np.cumsum(np.add.reduceat(mass, starts)))
    cumulative /= cumulative[-1]
    decimals = _decimals(distinct) if kind == "real" else None
    step = 1 if kind == "real" else _step(distinct)
    return Binned(
        column, distinct[starts], distinct[ends], cumulative, missing_share, step, decimals, treat
    )


def _bin_starts(distinct: Array, mass: Array) -> Array:
    """First places of the bins among the sorted distinct values."""
    if len(distinct) <= MAX_BINS:
        return np.arange(len(distinct))
    alone = (mass > 1 / MAX_BINS) | ~np.isfinite(distinct.astype(np.float64))
    middle = np.cumsum(mass) - mass / 2
    # Bins get narrower towards both ends, or a heavy tail would be spread over one of them.
    tails = [
        np.log2(np.maximum(part * MAX_BINS, 1e-9)).clip(max=0) for part in (middle, 1 - middle)
    ]
    quantile = np.floor(middle * MAX_BINS) + np.floor(2 * tails[0]) - np.floor(2 * tails[1])
    changes = (np.diff(quantile) != 0) | alone[1:] | alone[:-1]
    return np.append(0, np.flatnonzero(changes) + 1)


def _decimals(distinct: Array) -> int | None:
    """The fewest decimals that write all values exactly, or None for more than a few."""
    finite = distinct[np.isfinite(distinct)]
    with np.errstate(over="ignore"):  # rounding scales up, which the largest doubles can't bear
        for decimals in range(_MAX_DECIMALS + 1):
            if np.array_equal(np.round(finite, decimals), finite):
                return decimals
    return None


def _step(distinct: Array) -> int:
    """Greatest common divisor of the gaps: 1 for most ints, a day's milliseconds for dates."""
    if len(distinct) < 2:
        return 1
    gaps = np.diff(distinct).view(np.uint64)  # as unsigned, the widest gap can't overflow
    return int(min(np.gcd.reduce(gaps), np.uint64(2**62)))


def _numbers(values: pa.ChunkedArray, kind: str) -> tuple[Array, Array]:
    """Values as int64 or float64 with something harmless for missing ones, and where those are."""
    if kind == "real":
        numbers = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy()
        missing = np.isnan(numbers)
        return np.where(missing, 0.0, numbers), missing
    if kind == "time":
        values = values.cast(TIME, safe=False)
    missing = values.is_null().to_numpy()
    return pc.fill_null(values.cast(pa.int64()), 0).to_numpy(), missing


def _levels_of(values: pa.ChunkedArray) -> tuple[str, ...]:
    if pa.types.is_boolean(values.type):
        return ("false", "true")
    levels: dict[str, None] = {}
    for chunk in values.chunks:
        levels.update(dict.fromkeys(chunk.dictionary.cast(pa.string()).to_pylist()))
    return tuple(levels)


def _level_places(values: pa.ChunkedArray, levels: tuple[str, ...]) -> tuple[Array, Array]:
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


def _dictionary(places: Array, missing: Array | None, column: Column) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(column.levels, pa.string()))


def _pick(weights: Array | None, rows: Array) -> Array | None:
    return None if weights is None else weights[rows]


def _total(weights: Array | None, rows: Array) -> float:
    return float(rows.sum() if weights is None else weights[rows].sum())
