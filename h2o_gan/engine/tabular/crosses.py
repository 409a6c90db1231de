"""Feature crosses: columns whose combination says more of the others than each of them alone.

The weather of a day does not follow from the sum of what its year, its month and its day say. A
network with a weight for each combination learns it from the rows of that day; one that sees single
choices takes far more steps (cross-product transformations, Cheng et al. 2016, arXiv 1606.07792).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.exceptions import Damaged

__all__ = ["MAX_CELLS", "Cross", "find_crosses"]

Array = npt.NDArray[Any]

MAX_CELLS = 2**14
"""The largest number of combinations that a cross can have, seen or not."""

_MIN_ROWS = 5  # of a cell, so that no row has a weight of its own
_MAX_CROSSES = 2
_MAX_MEMBERS, _MAX_TARGETS = 16, 32  # bound the time for wide tables
_FEWEST_CHOICES = 4  # of a member
_FEWEST_CELLS = 200  # the network learns fewer by itself
_PRIOR_ROWS = 2.0  # of a cell's mean, at the main effects
_MIN_GAIN, _DEVIATIONS = 0.05, 6.0
_BEAM = 3
_SWEEPS = 4  # for the main effects


@dataclass(frozen=True)
class Cross:
    """Tokens that the generator also sees as one.

    Attributes:
        tokens: indices of the tokens, all of them choices.
        cells: (choices of the first, choices of the second, ...) int64, the cell of each
            combination, from 1; 0 for combinations of few rows, which have no cell.
    """

    tokens: tuple[int, ...]
    cells: Array = field(repr=False)

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.cells.max(initial=0))

    @classmethod
    def fit(cls, tokens: tuple[int, ...], choices: Sequence[Array], sizes: Sequence[int]) -> Cross:
        """A cross with a cell for each combination of at least five rows.

        Args:
            tokens: indices of the tokens.
            choices: of each token, (rows,) int64; negative for none.
            sizes: number of choices of each token.
        """
        known = np.logical_and.reduce([part >= 0 for part in choices])
        cell = np.ravel_multi_index(tuple(part[known] for part in choices), tuple(sizes))
        often = np.bincount(cell, minlength=math.prod(sizes)) >= _MIN_ROWS
        return cls(tokens, np.where(often, np.cumsum(often), 0).reshape(tuple(sizes)))

    def to_json(self) -> dict[str, Any]:
        """The state in a model file."""
        return {"tokens": list(self.tokens), "cells": self.cells.ravel().tolist()}

    @classmethod
    def restore(cls, data: Mapping[str, Any], tokens: Sequence[Token]) -> Cross:
        """Inverse of :meth:`to_json`.

        Args:
            data: as :meth:`to_json` returns it.
            tokens: of a row.

        Raises:
            Damaged: the cross is not one of these tokens.
        """
        indices, cells = tuple(data["tokens"]), np.array(data["cells"], np.int64)
        known = {*indices} <= {*range(len(tokens))}
        if not known or not indices or len({*indices}) < len(indices):
            raise Damaged(f"{indices!r:.50} are not tokens of a row")
        members = [tokens[index] for index in indices]
        sizes = tuple(token.size for token in members)
        if (
            any(token.is_number or token.is_second for token in members)
            or len(cells) != math.prod(sizes)
            or cells.max() > len(cells)
        ):
            raise Damaged(f"the cells of the cross {indices!r:.50} do not match its tokens")
        return cls(indices, cells.reshape(sizes))


def find_crosses(values: Array, active: Array, tokens: Sequence[Token]) -> list[tuple[int, ...]]:
    """Find sets of choices whose combination predicts other tokens better than their main effects.

    A set's gain for a token is the share of the token's variance that leave-one-out means of the
    cells explain beyond main effects. Chance gives none: leaving out the row itself makes the means
    of noise worse than 0. A set counts if the gain for some token is at least 0.05 plus six
    standard deviations of a gain by chance.

    Args:
        values: (rows, tokens) float, choices and normal scores.
        active: (rows, tokens) bool, which tokens rows have.
        tokens: of a row.

    Returns:
        The tokens of each set, by index; the most useful set first.
    """
    tokens_of = Counter(token.column for token in tokens)
    members = [
        index
        for index, token in enumerate(tokens)
        if not token.is_number
        and tokens_of[token.column] == 1
        and token.size >= _FEWEST_CHOICES
        and active[:, index].all()
    ]
    members = sorted(members, key=lambda index: (-tokens[index].size, index))[:_MAX_MEMBERS]
    targets = _spread([n for n, token in enumerate(tokens) if not token.is_second], _MAX_TARGETS)
    scores = np.where(active, values, 0.0)[:, targets].astype(np.float64)
    scores = (scores - scores.mean(0)) / np.maximum(scores.std(0), 1e-9)
    found: list[tuple[int, ...]] = []
    while len(found) < _MAX_CROSSES:
        best = _best(values, scores, members, targets, tokens)
        if best is None:
            break
        found.append(best.members)
        rest = scores - best.predicted(values)
        scores = np.where(np.isin(targets, best.members), scores, rest)
    return found


class _Candidate:
    """A set of tokens, and what its cells explain.

    Args:
        members: the tokens, in order.
        values: (rows, tokens).
        scores: (rows, targets) to predict.
        others: (targets,) bool, the targets that are not members.
        sizes: choices of the members.
    """

    def __init__(
        self,
        members: tuple[int, ...],
        values: Array,
        scores: Array,
        others: Array,
        sizes: tuple[int, ...],
    ) -> None:
        self.members, self._sizes = members, sizes
        cells = math.prod(sizes)
        cell = _cell_of(values, members, sizes)
        self._rows: Array = np.bincount(cell, minlength=cells).astype(np.float64)
        sums = np.stack([np.bincount(cell, z, cells) for z in scores.T], 1)
        squares = np.stack([np.bincount(cell, z * z, cells) for z in scores.T], 1)
        self._effects = self._main_effects(sums)
        rows = self._rows[:, None]
        # Sums of the residuals, and of their squares.
        squares = squares - 2 * self._effects * sums + rows * self._effects**2
        sums = sums - rows * self._effects
        self._means = np.where(rows >= _MIN_ROWS, sums / (rows + _PRIOR_ROWS), 0.0)
        others_rows = np.maximum(rows - 1, 0) + _PRIOR_ROWS
        left_out = (
            (1 + 1 / others_rows) ** 2 * squares
            - 2 * (1 + 1 / others_rows) * sums**2 / others_rows
            + rows * (sums / others_rows) ** 2
        )
        explained = np.where(rows >= _MIN_ROWS, squares - left_out, 0.0).sum(0) / len(values)
        gains = np.where(others, explained, 0.0)
        used = (self._rows >= _MIN_ROWS).sum()
        bound = _MIN_GAIN + _DEVIATIONS * np.sqrt(2 * used) / len(values)
        self.gain = float(np.maximum(gains, 0).sum())
        self.counts = cells >= _FEWEST_CELLS and bool(gains.max(initial=0.0) > bound)

    def predicted(self, values: Array) -> Array:
        """(rows, targets) what the cells predict."""
        cell = _cell_of(values, self.members, self._sizes)
        predicted: Array = (self._effects + self._means)[cell]
        return predicted

    def _main_effects(self, sums: Array) -> Array:
        """(cells, targets) the additive fit, by backfitting."""
        shape = (*self._sizes, sums.shape[1])
        rows = self._rows.reshape(self._sizes)[..., None]
        wanted, fit = sums.reshape(shape), np.zeros(shape)
        for _ in range(_SWEEPS):
            for axis in range(len(self._sizes)):
                rest = tuple(n for n in range(len(self._sizes)) if n != axis)
                left = (wanted - rows * fit).sum(rest, keepdims=True)
                fit = fit + left / np.maximum(rows.sum(rest, keepdims=True), 1)
        return fit.reshape(sums.shape)


def _best(
    values: Array, scores: Array, members: list[int], targets: Array, tokens: Sequence[Token]
) -> _Candidate | None:
    """The set of the largest gain, grown token by token from the best pairs."""

    def candidates(sets: set[tuple[int, ...]]) -> list[_Candidate]:
        usable = []
        for some in sorted(sets):
            sizes = tuple(tokens[index].size for index in some)
            if math.prod(sizes) <= min(MAX_CELLS, len(values) // 2):
                others = ~np.isin(targets, some)
                usable.append(_Candidate(some, values, scores, others, sizes))
        return sorted(usable, key=lambda candidate: -candidate.gain)[:_BEAM]

    best: _Candidate | None = None
    grown = candidates({*itertools.combinations(sorted(members), 2)})
    while grown:
        leading = next((candidate for candidate in grown if candidate.counts), None)
        if leading is not None and (best is None or leading.gain > best.gain + _MIN_GAIN):
            best = leading
        grown = candidates(
            {
                tuple(sorted((*candidate.members, index)))
                for candidate in grown
                for index in members
                if index not in candidate.members
            }
        )
    return best


def _cell_of(values: Array, members: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    """(rows,) int64, the index of each row's combination."""
    choices = tuple(values[:, index].astype(np.int64) for index in members)
    cells: Array = np.ravel_multi_index(choices, sizes)
    return cells


def _spread(indices: list[int], count: int) -> Array:
    """At most `count` of the indices, evenly spread."""
    step = -(-len(indices) // count)
    return np.array(indices[::step], np.int64)
