"""Constants for choosing tokens, and the grouping of rare values."""

from __future__ import annotations

import numpy as np

from h2o_gan.engine.data.protocol import TokenRules
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.tokens.members import UNSEEN

__all__ = ["FORMAT_2_RULES", "RULES", "merged_starts", "pooled_choices"]

RULES = TokenRules(
    min_rows=5,
    max_choices=256,
    max_distinct=128,
    min_rows_per_choice=10,
    min_pooled_rows=100,
    spike_share=0.005,
    spike_rows=20,
)
"""Rules for new models."""

FORMAT_2_RULES = TokenRules(
    min_rows=5,
    max_choices=256,
    max_distinct=128,
    min_rows_per_choice=10,
    min_pooled_rows=100,
    spike_share=0.005,
    spike_rows=20,
)
"""Rules of model files up to format 2, which hold no tokens. Never change them."""


def pooled_choices(shares: Array, rows: int, rules: TokenRules) -> Array:
    """Give every frequent level a choice, and all rare levels one together.

    Args:
        shares: (codes,) float64 probabilities.
        rows: number of training rows.
        rules: `min_rows` and `min_pooled_rows` are used.

    Returns:
        (codes,) int64 choices; UNSEEN for rare levels that are too few for a choice.
    """
    rare = shares * rows < rules.min_rows - 0.5
    choices: Array = np.cumsum(~rare) - 1
    if rare.any():
        pooled = rare.all() or shares[rare].sum() * rows >= rules.min_pooled_rows
        choices[rare] = (~rare).sum() if pooled else UNSEEN
    return choices


def merged_starts(counts: Array, rules: TokenRules) -> Array:
    """Merge neighbouring bins until each range holds at least `rules.min_rows` rows.

    Args:
        counts: (bins,) rows of each bin, in order.
        rules: `min_rows` is used.

    Returns:
        (ranges,) int64, the first bin of each range.
    """
    starts, filled = [0], 0.0
    for index, count in enumerate(counts):
        if filled >= rules.min_rows - 0.5:
            starts.append(index)
            filled = 0.0
        filled += count
    if filled < rules.min_rows - 0.5 and len(starts) > 1:
        starts.pop()
    return np.array(starts)
