"""Which tokens a column gets, from what its codec saw.

No value of a few rows reaches the network as itself. Levels seen in fewer than a handful of rows
are one choice, "rare", and which of them a row gets is drawn by their shares alone; where all of
them together are few rows, the network does not see them at all, and any row may get one. Numbers
come out of ranges that hold at least a handful of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from h2o_gan.engine.data.codecs.categorical import Levels
from h2o_gan.engine.data.codecs.numeric import Binned
from h2o_gan.engine.tabular.members import SPARE, masses
from h2o_gan.engine.tabular.tokens import Choice, ColumnTokens, Number, Pair

__all__ = ["FORMAT_2_RULES", "RULES", "TokenRules", "fit_tokens"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TokenRules:
    """Constants of the choice of tokens.

    Attributes:
        handful: rows below which a value counts as somebody's own.
        max_choices: a column with more choices than this takes two tokens.
        max_distinct: numbers with more distinct values than this are ranked, not chosen.
        rows_a_choice: and so are those with fewer rows than this for each distinct value.
        fewest_pooled: rows of rare levels that hide each of them.
        spike_share, spike_rows: of the rows, that make a single value a spike.
    """

    handful: int
    max_choices: int
    max_distinct: int
    rows_a_choice: int
    fewest_pooled: int
    spike_share: float
    spike_rows: int


RULES = TokenRules(
    handful=5,
    max_choices=256,
    max_distinct=128,
    rows_a_choice=10,
    fewest_pooled=100,
    spike_share=0.005,
    spike_rows=20,
)
"""Those of today."""

FORMAT_2_RULES = TokenRules(
    handful=5,
    max_choices=256,
    max_distinct=128,
    rows_a_choice=10,
    fewest_pooled=100,
    spike_share=0.005,
    spike_rows=20,
)
"""Those that files up to format 2 were written with, which hold no tokens. Never change them."""


def fit_tokens(place: int, codec: Levels | Binned, rows: int, rules: TokenRules) -> ColumnTokens:
    """The tokens of the column at `place`, whose codec saw `rows` rows."""
    shares = _code_shares(codec)
    if isinstance(codec, Levels) or codec.treat == "categorical":
        return _levels(place, shares, _pooled(shares, rows, rules), rules)
    if codec.treat == "numeric":
        return _number(place, codec, rows, rules)
    ranges = not np.array_equal(codec.low, codec.high)
    ranked = len(codec.low) > rules.max_distinct and shares.min() < rules.spike_share
    if ranges or ranked or rows < rules.rows_a_choice * len(codec.low):
        return _number(place, codec, rows, rules)
    firsts = _first_places(shares[: len(codec.low)] * rows, rules)
    choice_of = np.zeros(len(shares), np.int64)
    choice_of[firsts[1:]] = 1
    choice_of[len(codec.low) :] = 1  # missing
    return Choice(place, shares, np.cumsum(choice_of))


def _levels(place: int, shares: Array, choice_of: Array, rules: TokenRules) -> Choice | Pair:
    if choice_of.max() < rules.max_choices:
        return Choice(place, shares, choice_of)
    order = np.argsort(-masses(choice_of, shares), kind="stable")
    return Pair(place, shares, choice_of, order, int(np.ceil(np.sqrt(len(order)))))


def _number(place: int, codec: Binned, rows: int, rules: TokenRules) -> Number:
    shares = _code_shares(codec)
    bins = shares[: len(codec.low)]
    alone = codec.low == codec.high
    spike = alone & (bins > max(rules.spike_share, rules.spike_rows / rows))
    beyond = ~np.isfinite(codec.low.astype(np.float64))
    # Where spikes are all there is, the user wants them as numbers.
    spike = beyond if spike.all() else spike | beyond
    spikes, others = np.flatnonzero(spike), np.flatnonzero(~spike)
    if not len(others):
        raise ValueError(f"column {codec.column.name!r} has no finite number: leave it out.")
    present = bins[others].sum()
    # Weights so small that rounding leaves nothing of them still have an order.
    rest = bins[others] / present if present > 0 else np.full(len(others), 1 / len(others))
    ends = np.append(0.0, np.cumsum(rest))
    start, length = np.full(len(shares), 0.5), np.zeros(len(shares))
    start[others], length[others] = ends[:-1] / ends[-1], rest
    kinds = np.append(shares[spikes], shares[len(bins) :])
    if len(kinds):
        kinds = np.append(kinds, max(1 - kinds.sum(), 1e-9))
        kinds = kinds / kinds.sum()
    return Number(
        place,
        codec,
        spikes=spikes,
        start=start,
        length=length,
        knots=_merged(codec, others, rest, present * rows, rules),
        rank_floor=0.5 / rows,
        kind_shares=kinds,
    )


def _pooled(shares: Array, rows: int, rules: TokenRules) -> Array:
    """The choice of each level: its own, the one of all rare levels, or SPARE."""
    rare = shares * rows < rules.handful - 0.5
    choice_of: Array = np.cumsum(~rare) - 1
    if rare.any():
        pooled = rare.all() or shares[rare].sum() * rows >= rules.fewest_pooled
        choice_of[rare] = (~rare).sum() if pooled else SPARE
    return choice_of


def _first_places(counts: Array, rules: TokenRules) -> Array:
    """Where ranges of neighbours begin that hold at least a handful of rows each."""
    firsts, filled = [0], 0.0
    for place, count in enumerate(counts):
        if filled >= rules.handful - 0.5:
            firsts.append(place)
            filled = 0.0
        filled += count
    if filled < rules.handful - 0.5 and len(firsts) > 1:
        firsts.pop()
    return np.array(firsts)


def _code_shares(codec: Levels | Binned) -> Array:
    """Probability of each code, missing last."""
    if isinstance(codec, Levels):
        return codec.shares
    shares = np.diff(codec.cumulative) * (1 - codec.missing_share)
    return np.append(shares, [codec.missing_share] if codec.has_missing else [])


def _merged(codec: Binned, bins: Array, shares: Array, rows: float, rules: TokenRules) -> Binned:
    """The rest of a column in ranges of at least a handful of rows; frequent values stay single."""
    starts = _first_places(shares * rows, rules)
    lasts = np.append(starts[1:], len(bins)) - 1
    low, high = codec.low[bins[starts]], codec.high[bins[lasts]]
    # A range reaches to the next one's start: between them lie values as well.
    high = np.where(low == high, high, np.append(low[1:], high[-1:]))
    cumulative = np.append(0.0, np.cumsum(np.add.reduceat(shares, starts)))
    cumulative /= cumulative[-1]
    return Binned(codec.column, low, high, cumulative, 0.0, codec.step, codec.decimals)
