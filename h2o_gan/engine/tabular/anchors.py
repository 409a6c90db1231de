"""Numbers that stay close to another number of their row, as the months of a bill do.

The change from one month to the next is small beside what bills differ by. A network that predicts
a bill from an encoding of the one before blurs it. So some of its mixture's components are centred
at the other number itself, mapped to the scale of this one, and the network predicts the change: a
residual connection (He et al. 2015, arXiv 1512.03385), or, for series, a random walk with drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from h2o_gan.engine.data.protocol import ColumnTokens, Token
from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.exceptions import Damaged

__all__ = ["GRID", "Anchor", "find_anchors"]

GRID = 257
"""Points of an anchor's table, at normal scores from -4 to 4."""

ENDS = 4.0
_EARLIER = 16  # columns that are tried
_ROWS = 2000
_MIN_ROWS = 100
_MOST_SPREAD = 0.35  # interquartile range of the change, as a share of the number's own
_MAX_NUMBERS = 64  # wide tables have another path for many numbers


@dataclass(frozen=True)
class Anchor:
    """A number whose value is close to that of an earlier one.

    Attributes:
        token: index of the number's token.
        source: index of the earlier number's token.
        scores: (GRID,) float64, the normal score that the earlier number's value has in the
            distribution of this one, at the normal scores from -4 to 4 of the earlier one.
    """

    token: int
    source: int
    scores: Array = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The state in a model file."""
        return {"token": self.token, "source": self.source, "scores": self.scores.tolist()}

    @classmethod
    def restore(cls, data: Mapping[str, Any], tokens: Sequence[Token]) -> Anchor:
        """Inverse of :meth:`to_json`.

        Args:
            data: as :meth:`to_json` returns it.
            tokens: of a row.

        Raises:
            Damaged: the anchor is not between two numbers of these tokens.
        """
        token, source = data["token"], data["source"]
        scores = np.array(data["scores"], np.float64)
        if (
            not {token, source} <= {*range(len(tokens))}
            or token == source
            or not (tokens[token].is_number and tokens[source].is_number)
            or tokens[token].ranks is not None
            or scores.shape != (GRID,)
            or not (np.abs(scores) <= ENDS).all()
        ):
            raise Damaged(f"the number {token!r:.20} does not follow from {source!r:.20}")
        return cls(token, source, scores)


def find_anchors(
    columns: Sequence[ColumnTokens],
    spans: Mapping[int, range],
    values: Array,
    active: Array,
) -> list[Anchor]:
    """Find numbers that are close to an earlier number.

    Args:
        columns: tokens of all columns.
        spans: indices of the tokens of each column that has any.
        values: (rows, tokens) of training rows.
        active: (rows, tokens) bool, which tokens rows have.
    """
    numbers = [
        (span.stop - 1, columns[index].knots)
        for index, span in spans.items()
        if columns[index].knots is not None
    ]
    if len(numbers) > _MAX_NUMBERS:
        return []
    values, active = values[:_ROWS].astype(np.float64), active[:_ROWS]
    found = []
    for at, (token, knots) in enumerate(numbers):
        best: tuple[float, Anchor] | None = None
        for source, earlier in numbers[max(at - _EARLIER, 0) : at]:
            assert knots is not None and earlier is not None
            if (knots.column.kind == "time") != (earlier.column.kind == "time"):
                continue
            both = active[:, token] & active[:, source]
            if both.sum() < _MIN_ROWS:
                continue
            anchor = Anchor(token, source, _scores(earlier, knots))
            change = values[both, token] - _at(anchor.scores, values[both, source])
            spread = _spread(change) / max(_spread(values[both, token]), 1e-9)
            if spread < _MOST_SPREAD and (best is None or spread < best[0]):
                best = spread, anchor
        if best is not None:
            found.append(best[1])
    return found


def _scores(earlier: Quantiles, later: Quantiles) -> Array:
    """The normal scores that values of one distribution have in another, on the grid."""
    ranks = torch.special.ndtr(torch.linspace(-ENDS, ENDS, GRID, dtype=torch.float64)).numpy()
    values = earlier.values(ranks)
    below = np.array([later.rank_below(value) for value in values])
    up_to = np.array([later.rank_up_to(value) for value in values])
    middle = torch.from_numpy(np.clip((below + up_to) / 2, 1e-6, 1 - 1e-6))
    scores: Array = torch.special.ndtri(middle).clamp(-ENDS, ENDS).numpy()
    return scores


def _at(scores: Array, earlier: Array) -> Array:
    """The grid's values at normal scores, by linear interpolation."""
    return np.interp(earlier, np.linspace(-ENDS, ENDS, GRID), scores)


def _spread(values: Array) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)
