"""Codes of columns <-> tokens, the steps in which the column-by-column generator writes a row.

A token is one choice among a few, or one number. A column with few codes is one choice. One with
many levels is two: a block of levels alike in frequency, and the place in the block. A numeric
column with many values is a choice between missing, its spikes (zero, a cap, infinity) and the
rest, followed by a number: the normal score of the value's rank among the rest, drawn evenly
within the rank that ties and bins share, as randomised quantile residuals are (Dunn & Smyth 1996).

Here tokens are as a model file holds them; :mod:`~h2o_gan.engine.tabular.token_fitting` chooses
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from h2o_gan.engine.data.codecs.base import is_distribution
from h2o_gan.engine.data.codecs.categorical import Levels
from h2o_gan.engine.data.codecs.numeric import Binned
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.members import SPARE, Members, masses

__all__ = ["KINDS", "Choice", "ColumnTokens", "Number", "Pair", "Token", "TokenTables"]

Array = npt.NDArray[Any]
Codec = Levels | Binned
Json = Mapping[str, Any]
Arrays = Mapping[str, Array]

_NONE = np.zeros(0, bool)


@dataclass(frozen=True)
class Token:
    """One step of a row: a choice among ``size``, or a number where ``size`` is 0.

    ``shares`` are the choices' probabilities. The number of a column is present only where the
    token before it, if that is the same column's, took its last choice. The second token of a pair
    has ``shares`` of shape (size of the first, size), conditional on the first.
    """

    column: int
    size: int
    shares: Array = field(repr=False, compare=False)

    @property
    def is_number(self) -> bool:
        """Whether it is a number rather than a choice."""
        return self.size == 0

    @property
    def is_second(self) -> bool:
        """Whether its shares depend on the token before it."""
        return self.shares.ndim == 2


@dataclass(frozen=True)
class Tables:
    """Per code of a column, missing last, what a token is: ``start + length * uniform``.

    ``active`` is False where the row has no such number.
    """

    start: Array
    length: Array
    active: Array


class Choice:
    """One token: common codes as themselves, rare ones together.

    Args:
        place: of the column among the learned ones.
        shares: (codes,) float64 probabilities.
        choice_of: (codes,) int64, the choice of each code, or SPARE.
    """

    kind = "choice"

    def __init__(self, place: int, shares: Array, choice_of: Array) -> None:
        self._members = Members(choice_of, shares)
        self.shares, self.choice_of = shares, choice_of
        sizes = masses(choice_of, shares)
        self.tokens = (Token(place, len(sizes), sizes / sizes.sum()),)

    def tables(self) -> list[Tables]:
        """How codes become the token."""
        return [_choices(self.choice_of)]

    def decode(self, values: Array, uniforms: Array, allowed: Array | None = None) -> Array:
        """Tokens (rows, 1) and uniforms (rows,) to codes (rows,), among the `allowed` ones."""
        return self._members.draw(values[:, 0].astype(np.int64), uniforms, allowed)

    def allowed(self, codes: Array) -> list[Array]:
        """Which codes may be, (codes,) bool, as the share of each choice that is left, (size,)."""
        return [self._members.share_left(codes)]

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {"kind": self.kind}

    def arrays(self) -> dict[str, Array]:
        """Array part of the state."""
        return {"shares": self.shares, "choice_of": self.choice_of.astype(np.int32)}

    @classmethod
    def restore(cls, place: int, codec: Codec, data: Json, arrays: Arrays) -> Choice:
        """Inverse of :meth:`to_json` and :meth:`arrays`. Raises Damaged for other data."""
        return cls(place, *_checked_choices(codec, arrays))


class Pair:
    """Two tokens: a block of levels of like frequency, and the index in the block.

    Args:
        place: of the column among the learned ones.
        shares: (codes,) float64 probabilities.
        choice_of: (codes,) int64, the choice of each code, or SPARE.
        choice_at: (choices,) int64, the choices from the most frequent on.
        size: choices of a block.
    """

    kind = "pair"

    def __init__(
        self, place: int, shares: Array, choice_of: Array, choice_at: Array, size: int
    ) -> None:
        self._members = Members(choice_of, shares)
        self._shares, self._choice_of = shares, choice_of
        self._choice_at = choice_at
        self._size = size
        mass = masses(choice_of, shares)
        rank = np.empty(len(choice_at), np.int64)
        rank[choice_at] = np.arange(len(choice_at))
        blocks = -(-len(choice_at) // size)
        flat = np.zeros(blocks * size)
        flat[: len(choice_at)] = mass[choice_at] / mass.sum()
        grid = flat.reshape(blocks, size)
        block_shares = grid.sum(1)
        self.tokens = (
            Token(place, blocks, block_shares),
            Token(place, size, grid / block_shares[:, None]),
        )
        self._rank_of = np.where(choice_of == SPARE, SPARE, rank[choice_of])

    def tables(self) -> list[Tables]:
        """How codes become the tokens."""
        seen, rank = self._rank_of >= 0, self._rank_of
        parts = (rank // self._size, rank % self._size)
        return [_choices(np.where(seen, part, SPARE)) for part in parts]

    def decode(self, values: Array, uniforms: Array, allowed: Array | None = None) -> Array:
        """Tokens (rows, 2) and uniforms (rows,) to codes (rows,), among the `allowed` ones."""
        rank = (values[:, 0] * self._size + values[:, 1]).astype(np.int64)
        choice = self._choice_at[np.minimum(rank, len(self._choice_at) - 1)]
        return self._members.draw(choice, uniforms, allowed)

    def allowed(self, codes: Array) -> list[Array]:
        """Which codes may be, as the share left of each block, and of each place by block."""
        left = np.zeros(self.tokens[0].size * self._size)
        left[: len(self._choice_at)] = self._members.share_left(codes)[self._choice_at]
        grid = left.reshape(-1, self._size)
        return [(grid.max(1) > 0).astype(float), grid]

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {"kind": self.kind, "size": self._size}

    def arrays(self) -> dict[str, Array]:
        """Array part of the state."""
        return {
            "shares": self._shares,
            "choice_of": self._choice_of.astype(np.int32),
            "choice_at": self._choice_at.astype(np.int32),
        }

    @classmethod
    def restore(cls, place: int, codec: Codec, data: Json, arrays: Arrays) -> Pair:
        """Inverse of :meth:`to_json` and :meth:`arrays`. Raises Damaged for other data."""
        shares, choice_of = _checked_choices(codec, arrays)
        choice_at, size = arrays.get("choice_at", _NONE), data.get("size")
        choices = np.arange(choice_of.max() + 1)
        if (
            choice_at.dtype != np.int32
            or not np.array_equal(np.sort(choice_at), choices)
            or type(size) is not int
            or not 0 < size <= len(choices)
        ):
            raise Damaged(f"column {codec.column.name!r:.50}: its blocks do not fit its choices")
        return cls(place, shares, choice_of, choice_at.astype(np.int64), size)


class Number:
    """Missing, a spike or the rest; and for the rest, the normal score of its rank.

    Args:
        place: of the column among the learned ones.
        codec: of the column.
        spikes: codes of the values that are kinds of their own.
        start, length: (codes,) float64, missing last: where the ranks of a code's values begin
            and how far they reach.
        knots: the rest's values by rank.
        rank_floor: the least rank that a bound can have.
        kind_shares: probabilities of the kinds: spikes, missing where there is any, the rest; empty
            where the rest is all there is.
    """

    kind = "number"

    def __init__(
        self,
        place: int,
        codec: Binned,
        *,
        spikes: Array,
        start: Array,
        length: Array,
        knots: Binned,
        rank_floor: float,
        kind_shares: Array,
    ) -> None:
        self._codec, self._knots = codec, knots
        self._kind_shares = kind_shares
        self._spikes, self._start, self._length = spikes, start, length
        self._rank_floor = rank_floor
        number = Token(place, 0, np.ones(0))
        self.tokens: tuple[Token, ...] = (number,)
        if len(kind_shares):
            self.tokens = (Token(place, len(kind_shares), kind_shares), number)

    def tables(self) -> list[Tables]:
        """How codes become the tokens."""
        bins = len(self._codec.low)
        active = np.ones(len(self._start), bool)
        active[self._spikes] = False
        active[bins:] = False
        number = Tables(self._start, self._length, active)
        if len(self.tokens) == 1:
            return [number]
        kind = np.full(len(self._start), self.tokens[0].size - 1)
        kind[self._spikes] = np.arange(len(self._spikes))
        kind[bins:] = len(self._spikes)
        return [_choices(kind), number]

    def values(self, values: Array) -> tuple[Array, Array]:
        """Tokens (rows, 1 or 2) to numbers (rows,) in the column's dtype, and which are missing."""
        numbers = self._knots.numbers(_normal_cdf(values[:, -1]))
        missing = np.zeros(len(values), bool)
        if len(self.tokens) == 2:
            kind = values[:, 0].astype(np.int64)
            spiked = kind < len(self._spikes)
            numbers[spiked] = self._codec.low[self._spikes[kind[spiked]]]
            missing = ~spiked & (kind < self.tokens[0].size - 1)
        return numbers, missing

    def allowed(self, low: float, high: float) -> list[Array]:
        """A range as the share left of each kind, (kinds,), and the number's two bounds, (2,).

        Where no number of the rest lies in the range, the second bound is below the first.
        """
        knots = self._knots
        below = np.clip(_rank_below(knots, low), self._rank_floor, 1 - self._rank_floor)
        upto = np.clip(_rank_upto(knots, high), self._rank_floor, 1 - self._rank_floor)
        inside = knots.low[0] <= high and low <= knots.high[-1] and below < upto
        bounds = _normal_score(np.array([below, upto])) if inside else np.array([np.inf, -np.inf])
        if len(self.tokens) == 1:
            return [bounds]
        spikes = self._codec.low[self._spikes]
        kinds = [*((low <= spikes) & (spikes <= high)), *[False] * self._codec.has_missing, inside]
        return [np.array(kinds, float), bounds]

    def present(self) -> list[Array | None]:
        """All but missing, in the terms of :meth:`allowed`; None for no bound."""
        if len(self.tokens) == 1:
            return [None]
        kinds = np.ones(self.tokens[0].size)
        if self._codec.has_missing:
            kinds[len(self._spikes)] = 0
        return [kinds, None]

    @property
    def codec(self) -> Binned:
        """The column's codec."""
        return self._codec

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {"kind": self.kind, "rank_floor": self._rank_floor}

    def arrays(self) -> dict[str, Array]:
        """Array part of the state."""
        return {
            "spikes": self._spikes.astype(np.int32),
            "start": self._start.astype(np.float32),
            "length": self._length.astype(np.float32),
            "kind_shares": self._kind_shares,
            **{f"knots_{name}": array for name, array in self._knots.arrays().items()},
        }

    @classmethod
    def restore(cls, place: int, codec: Codec, data: Json, arrays: Arrays) -> Number:
        """Inverse of :meth:`to_json` and :meth:`arrays`. Raises Damaged for other data."""
        if not isinstance(codec, Binned):
            raise Damaged(f"column {codec.column.name!r:.50} has no numbers")
        codes, bins = len(codec.low) + codec.has_missing, len(codec.low)
        spikes = arrays.get("spikes", np.zeros(0, np.int32))
        start, length = arrays.get("start", _NONE), arrays.get("length", _NONE)
        shares, floor = arrays.get("kind_shares", np.zeros(0)), data.get("rank_floor")
        kinds = len(spikes) + codec.has_missing
        if (
            spikes.dtype != np.int32
            or (len(spikes) and not (spikes[0] >= 0 and spikes[-1] < bins))
            or not (spikes[1:] > spikes[:-1]).all()
            or len(spikes) == bins
            or not all(_are_ranks(part, codes) for part in (start, length))
            or shares.shape != ((kinds + 1,) if kinds else (0,))
            or not (not kinds or is_distribution(shares))
            or type(floor) is not float
            or not 0 < floor <= 0.5
        ):
            raise Damaged(f"column {codec.column.name!r:.50}: its ranks do not fit its values")
        own = {
            name.removeprefix("knots_"): array
            for name, array in arrays.items()
            if name.startswith("knots_")
        }
        knots = Binned.restore({**codec.to_json(), "missing_share": 0.0, "treat": "auto"}, own)
        if not np.isfinite(knots.low.astype(np.float64)).all():
            raise Damaged(f"column {codec.column.name!r:.50}: its ranks do not fit its values")
        return cls(
            place,
            codec,
            spikes=spikes.astype(np.int64),
            start=start.astype(np.float64),
            length=length.astype(np.float64),
            knots=knots,
            rank_floor=floor,
            kind_shares=shares,
        )


ColumnTokens = Choice | Pair | Number

KINDS: dict[str, type[Choice] | type[Pair] | type[Number]] = {
    kind.kind: kind for kind in (Choice, Pair, Number)
}
"""The kinds of a column's tokens, as a model file names them."""


def _checked_choices(codec: Codec, arrays: Arrays) -> tuple[Array, Array]:
    """Shares and choices of a column's codes. Raises Damaged unless they fit."""
    codes = codec.width if isinstance(codec, Levels) else len(codec.low) + codec.has_missing
    shares, choice_of = arrays.get("shares", _NONE), arrays.get("choice_of", _NONE)
    if (
        choice_of.dtype != np.int32
        or choice_of.shape != (codes,)
        or shares.shape != (codes,)
        or not is_distribution(shares)
        or choice_of.min() < SPARE
        or choice_of.max() < 0
        or choice_of.max() >= codes
        or not (np.bincount(choice_of[choice_of >= 0]) > 0).all()
    ):
        raise Damaged(f"column {codec.column.name!r:.50}: its choices do not fit its values")
    return shares, choice_of.astype(np.int64)


def _are_ranks(values: Array, codes: int) -> bool:
    return (
        values.dtype == np.float32
        and values.shape == (codes,)
        and bool(((values >= 0) & (values <= 1)).all())
    )


class TokenTables:
    """Codes (rows, columns) to tokens (rows, tokens), for all columns at once, on the device."""

    def __init__(self, columns: Sequence[ColumnTokens], device: torch.device) -> None:
        starts, lengths, actives, offsets, places, numbers = [], [], [], [], [], []
        filled = 0
        for column in columns:
            for token, table in zip(column.tokens, column.tables(), strict=True):
                offsets.append(filled + 1)
                places.append(token.column)
                numbers.append(token.is_number)
                # The first entry is UNKNOWN's, which is code -1.
                starts.append(np.append(0.5 if token.is_number else 0.0, table.start))
                lengths.append(np.append(0.0, table.length))
                actives.append(np.append(False, table.active))
                filled += len(table.start) + 1
        self._offsets = torch.tensor(offsets, device=device)
        self._places = torch.tensor(places, device=device)
        self._numbers = torch.tensor(np.flatnonzero(numbers), device=device)
        self._start = torch.tensor(np.concatenate(starts), dtype=torch.float32, device=device)
        self._length = torch.tensor(np.concatenate(lengths), dtype=torch.float32, device=device)
        self._active = torch.tensor(np.concatenate(actives), dtype=torch.bool, device=device)

    def expand(self, codes: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Codes to token values, float32 (rows, tokens), and which are there, bool.

        A number's place among ties is drawn with `generator`, or is their middle.
        """
        entries = codes.long()[:, self._places] + self._offsets
        values = self._start[entries]
        if len(self._numbers):
            own = entries[:, self._numbers]
            if generator is None:
                noise = torch.full(own.shape, 0.5, device=codes.device)
            else:
                noise = torch.rand(own.shape, generator=generator, device=codes.device)
            ranks = values[:, self._numbers] + self._length[own] * noise
            values[:, self._numbers] = torch.special.ndtri(ranks.clamp(1e-6, 1 - 1e-6))
        return values, self._active[entries]


def _choices(choice_of: Array) -> Tables:
    seen = choice_of >= 0
    start = np.where(seen, choice_of, 0).astype(np.float64)
    return Tables(start, np.zeros(len(choice_of)), seen)


def _rank_below(knots: Binned, value: float) -> float:
    """The part of the values that lies below `value`."""
    place = int(np.searchsorted(knots.high, value, "left"))
    if place == len(knots.low):
        return 1.0
    return _rank_inside(knots, place, value)


def _rank_upto(knots: Binned, value: float) -> float:
    """The part of the values that lies at or below `value`."""
    place = int(np.searchsorted(knots.low, value, "right")) - 1
    if place < 0:
        return 0.0
    if knots.low[place] == knots.high[place]:
        return float(knots.cumulative[place + 1])
    return _rank_inside(knots, place, value)


def _rank_inside(knots: Binned, place: int, value: float) -> float:
    low, high = float(knots.low[place]), float(knots.high[place])
    part = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    start, end = knots.cumulative[place : place + 2]
    return float(start + part * (end - start))


def _normal_cdf(score: Array) -> Array:
    rank: Array = torch.special.ndtr(torch.from_numpy(score.astype(np.float64))).numpy()
    return rank


def _normal_score(rank: Array) -> Array:
    score: Array = torch.special.ndtri(torch.from_numpy(rank)).numpy()
    return score
