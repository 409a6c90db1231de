"""Tokens of numeric columns with many values: missing, a spike or the rest, then a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from typing_extensions import override

from h2o_gan.engine.data.conditions import no_list_error
from h2o_gan.engine.data.protocol import (
    ColumnTokens,
    Constraint,
    OrderedCodec,
    Token,
    TokenRules,
    TokenTable,
)
from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import Array, is_distribution
from h2o_gan.engine.data.tokens.categorical import choice_table
from h2o_gan.engine.data.tokens.rules import merged_starts
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, number, record, text

__all__ = ["NumberTokens"]

_EMPTY = np.zeros(0, bool)


class NumberTokens(ColumnTokens):
    """A choice between spikes, missing and the rest; for the rest, the normal score of its rank.

    Args:
        index: of the codec among the learned ones.
        codec: the codec.
        spikes: (spikes,) int64 codes that are choices: of frequent values, then of relations.
        start, length: (codes,) float64, missing last: the first rank of a code's values, and how
            far their ranks reach.
        knots: the rest's values by rank.
        rank_floor: the smallest rank that a bound can have.
        kind_shares: probabilities of the choices: spikes, missing where there is any, the rest;
            empty where the rest is all there is.
    """

    kind: ClassVar[str] = "number"
    json_check: ClassVar[Check] = record({"kind": text, "rank_floor": number(0, 0.5)})
    codec: OrderedCodec

    def __init__(
        self,
        index: int,
        codec: OrderedCodec,
        *,
        spikes: Array,
        start: Array,
        length: Array,
        knots: Quantiles,
        rank_floor: float,
        kind_shares: Array,
    ) -> None:
        self.index, self.codec = index, codec
        self._knots = knots
        self._kind_shares = kind_shares
        self._spikes, self._start, self._length = spikes, start, length
        self._rank_floor = rank_floor
        number = Token(index, 0, np.zeros(0))
        self.tokens = (number,)
        if len(kind_shares):
            self.tokens = (Token(index, len(kind_shares), kind_shares), number)

    @classmethod
    def fit(cls, index: int, codec: OrderedCodec, rows: int, rules: TokenRules) -> NumberTokens:
        """Choose spikes and ranks; see :meth:`LearnedCodec.tokens`.

        Raises:
            ValueError: the column has no finite number.
        """
        shares, quantiles = codec.shares, codec.quantiles
        bins = shares[: len(quantiles)]
        alone = quantiles.low == quantiles.high
        spike = alone & (bins > max(rules.spike_share, rules.spike_rows / rows))
        infinite = ~np.isfinite(quantiles.low.astype(np.float64))
        # If every value is a spike, the user asked for numbers: only infinities stay spikes.
        spike = infinite if spike.all() else spike | infinite
        spikes, others = np.flatnonzero(spike), np.flatnonzero(~spike)
        if not len(others):
            name = quantiles.column.name
            raise ValueError(f"column {name!r} has no finite number: leave it out.")
        present = bins[others].sum()
        # Weights so small that their sum rounds to 0 still have an order.
        rest = bins[others] / present if present > 0 else np.full(len(others), 1 / len(others))
        ends = np.append(0.0, np.cumsum(rest))
        start, length = np.full(len(shares), 0.5), np.zeros(len(shares))
        start[others], length[others] = ends[:-1] / ends[-1], rest
        kinds = np.append(shares[spikes], shares[len(bins) :])
        spikes = np.append(spikes, codec.related_codes).astype(np.int64)
        if len(kinds):
            kinds = np.append(kinds, max(1 - kinds.sum(), 1e-9))
            kinds = kinds / kinds.sum()
        return cls(
            index,
            codec,
            spikes=spikes,
            start=start,
            length=length,
            knots=_merged(quantiles, others, rest, present * rows, rules),
            rank_floor=0.5 / rows,
            kind_shares=kinds,
        )

    @override
    def choice_of_relation(self, relation: int) -> int:
        return len(self._spikes) - self.codec.related + relation

    @property
    @override
    def knots(self) -> Quantiles:
        return self._knots

    @override
    def related(self, values: Array) -> Array | None:
        count = self.codec.related
        if not count:
            return None
        relation = values[:, 0].astype(np.int64) - (len(self._spikes) - count)
        return np.where((relation >= 0) & (relation < count), relation, -1)

    @override
    def tables(self) -> list[TokenTable]:
        bins = len(self.codec.quantiles)
        active = np.ones(len(self._start), bool)
        active[self._spikes] = False
        active[bins:] = False
        number = TokenTable(self._start, self._length, active)
        if len(self.tokens) == 1:
            return [number]
        kinds = np.full(len(self._start), self.tokens[0].size - 1)
        kinds[self._spikes] = np.arange(len(self._spikes))
        kinds[self.codec.related_codes.stop :] = len(self._spikes)
        return [choice_table(kinds), number]

    @override
    def decode(
        self, values: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        numbers = self._knots.values(_normal_cdf(values[:, -1]))
        missing = np.zeros(len(values), bool)
        if len(self.tokens) == 2:
            kinds = values[:, 0].astype(np.int64)
            is_spike = kinds < len(self._spikes)
            # Values that a relation gives are computed later; any value stands for them.
            codes = np.minimum(self._spikes, len(self.codec.quantiles) - 1)
            numbers[is_spike] = self.codec.quantiles.low[codes[kinds[is_spike]]]
            missing = ~is_spike & (kinds < self.tokens[0].size - 1)
        name = self._knots.column.name
        if constraint is not None and name in constraint.ranges:
            bounds = np.array(constraint.ranges[name]).astype(numbers.dtype)
            numbers = np.clip(numbers, *bounds)
        return [self._knots.array(numbers, missing)]

    @override
    def masks(self, constraint: Constraint) -> list[Array | None]:
        assert constraint.codes is None, "numbers are constrained by ranges"
        limits = constraint.ranges.get(self._knots.column.name)
        if limits is None and (constraint.missing or len(self.tokens) == 1):
            return [None for _ in self.tokens]
        bounds, inside, spikes = None, True, np.ones(len(self._spikes), bool)
        if limits is not None:
            low, high = limits
            frequent = self._spikes[: len(spikes) - self.codec.related]
            values = self.codec.quantiles.low[frequent]
            # Whether a relation's value lies in the range shows when it is computed.
            spikes[: len(frequent)] = (low <= values) & (values <= high)
            bounds, inside = self._bounds(low, high)
        if len(self.tokens) == 1:
            return [bounds]
        kinds = [*spikes, *[False] * self.codec.has_missing, inside]
        return [np.array(kinds, float), bounds]

    @override
    def constraint(self, column: str, value: Any) -> Constraint:
        if isinstance(value, list | set):
            raise no_list_error(column)
        interval = self.codec.interval(value)
        type_ = self._knots.column.arrow_type
        if interval is None:
            cells = {column: pa.array([None], type_)}
            return Constraint(code=self.codec.width - 1, cells=cells)
        low, high = interval
        quantiles = self.codec.quantiles
        if low != high:
            limits = max(low, quantiles.low[0]), min(high, quantiles.high[-1])
            return Constraint(ranges={column: limits}, missing=False)
        code = int(np.clip(np.searchsorted(quantiles.low, low, "right") - 1, 0, None))
        return Constraint(code=code, cells={column: pa.array([low]).cast(type_)})

    @override
    def present(self) -> Constraint:
        return Constraint(missing=False)

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "rank_floor": self._rank_floor}

    @override
    def arrays(self) -> dict[str, Array]:
        return {
            "spikes": self._spikes.astype(np.int32),
            "start": self._start.astype(np.float32),
            "length": self._length.astype(np.float32),
            "kind_shares": self._kind_shares,
            **{f"knots_{name}": array for name, array in self._knots.arrays().items()},
        }

    @classmethod
    @override
    def restore(
        cls, index: int, codec: OrderedCodec, data: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> NumberTokens:
        name = codec.columns[0].name
        codes, bins = codec.width, len(codec.quantiles)
        spikes = arrays.get("spikes", np.zeros(0, np.int32))
        start, length = arrays.get("start", _EMPTY), arrays.get("length", _EMPTY)
        shares, floor = arrays.get("kind_shares", np.zeros(0)), data.get("rank_floor")
        kinds = len(spikes) + codec.has_missing
        frequent = spikes[: max(len(spikes) - codec.related, 0)]
        if (
            spikes.dtype != np.int32
            or (len(frequent) and not (frequent[0] >= 0 and frequent[-1] < bins))
            or not (spikes[1:] > spikes[:-1]).all()
            or len(frequent) == bins
            or not np.array_equal(spikes[len(frequent) :], codec.related_codes)
            or not all(_are_ranks(part, codes) for part in (start, length))
            or shares.shape != ((kinds + 1,) if kinds else (0,))
            or not (not kinds or is_distribution(shares))
            or type(floor) is not float
            or not 0 < floor <= 0.5
        ):
            raise Damaged(f"column {name!r:.50}: its ranks do not match its values")
        knot_arrays = {
            key.removeprefix("knots_"): array
            for key, array in arrays.items()
            if key.startswith("knots_")
        }
        quantiles = codec.quantiles
        knots = Quantiles.restore(quantiles.column, knot_arrays, quantiles.step, quantiles.decimals)
        if not np.isfinite(knots.low.astype(np.float64)).all():
            raise Damaged(f"column {name!r:.50}: its ranks do not match its values")
        return cls(
            index,
            codec,
            spikes=spikes.astype(np.int64),
            start=start.astype(np.float64),
            length=length.astype(np.float64),
            knots=knots,
            rank_floor=floor,
            kind_shares=shares,
        )

    def _bounds(self, low: Any, high: Any) -> tuple[Array, bool]:
        """Normal scores of a range, (2,), and whether any value of the rest lies in it."""
        knots, floor = self._knots, self._rank_floor
        below = np.clip(knots.rank_below(low), floor, 1 - floor)
        up_to = np.clip(knots.rank_up_to(high), floor, 1 - floor)
        inside = bool(knots.low[0] <= high and low <= knots.high[-1] and below < up_to)
        if not inside:
            return np.array([np.inf, -np.inf]), False
        return _normal_score(np.array([below, up_to])), True


def _merged(
    quantiles: Quantiles, bins: Array, shares: Array, rows: float, rules: TokenRules
) -> Quantiles:
    """Some bins in ranges of at least a few rows; frequent values stay single."""
    starts = merged_starts(shares * rows, rules)
    lasts = np.append(starts[1:], len(bins)) - 1
    low, high = quantiles.low[bins[starts]], quantiles.high[bins[lasts]]
    # A range reaches to the start of the next one: there are values between them as well.
    high = np.where(low == high, high, np.append(low[1:], high[-1:]))
    cumulative = np.append(0.0, np.cumsum(np.add.reduceat(shares, starts)))
    cumulative /= cumulative[-1]
    return Quantiles(quantiles.column, low, high, cumulative, quantiles.step, quantiles.decimals)


def _are_ranks(values: Array, codes: int) -> bool:
    return (
        values.dtype == np.float32
        and values.shape == (codes,)
        and bool(((values >= 0) & (values <= 1)).all())
    )


def _normal_cdf(scores: Array) -> Array:
    ranks: Array = torch.special.ndtr(torch.from_numpy(scores.astype(np.float64))).numpy()
    return ranks


def _normal_score(ranks: Array) -> Array:
    scores: Array = torch.special.ndtri(torch.from_numpy(ranks)).numpy()
    return scores
