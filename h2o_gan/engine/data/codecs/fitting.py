"""Which codec a column gets, and what that learns from the column's values."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.codecs.base import Array
from h2o_gan.engine.data.codecs.categorical import Levels, level_places, levels_of
from h2o_gan.engine.data.codecs.constant import Constant
from h2o_gan.engine.data.codecs.identifier import Fresh
from h2o_gan.engine.data.codecs.numeric import Binned, numbers_of
from h2o_gan.engine.data.identifiers import fit_identifiers
from h2o_gan.engine.data.schema import TEXT_KINDS, Column, kind_of

__all__ = ["Codec", "fit_codec"]


MAX_BINS = 1024
"""A numeric column with more distinct values than this is described by so many quantile bins."""

_MAX_DECIMALS = 8
_NAMES_ROWS = 0.9  # share of distinct levels above which a level names a row
_FEWEST_NAMES = 50


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
    column = Column(name, "enum", levels_of(values))
    places, missing = level_places(values, column.levels)
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
    numbers, missing = numbers_of(values, kind)
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


def _pick(weights: Array | None, rows: Array) -> Array | None:
    return None if weights is None else weights[rows]


def _total(weights: Array | None, rows: Array) -> float:
    return float(rows.sum() if weights is None else weights[rows].sum())
