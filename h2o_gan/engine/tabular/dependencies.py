"""Choices that follow exactly from another one: education and its number, missing together.

A network gets such pairs right most of the time; a table of them gets them right always, and the
network has one column less to learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Dependency", "find_dependencies"]

Array = npt.NDArray[Any]

_SCREENED_ROWS = (500, 20_000)  # most pairs are refuted by the first few rows
_SURPRISE = 25.0  # nats by which chance is ruled out, beyond two for each pair that was tried


@dataclass(frozen=True)
class Dependency:
    """The choice at ``token`` is ``table[choice at source]``."""

    token: int
    source: int
    table: Array = field(repr=False)  # (choices of the source,) int64


def find_dependencies(choices: Mapping[int, Array], sizes: Sequence[int]) -> list[Dependency]:
    """The choices that are functions of another, which is a function of none.

    Args:
        choices: by token, the choice of each row, (rows,) int64; below the token's size, and
            negative where the row says nothing.
        sizes: number of choices of each token.

    A pair counts only if chance can't explain it: were the two independent, the probability that
    every row agrees with *some* function is the product, over the source's choices, of
    sum_b p(b) ** count, and its logarithm has to be far below what the number of pairs allows.
    """
    names = list(choices)
    rows = len(choices[names[0]]) if names else 0
    bound = -_SURPRISE - 2 * np.log(max(len(names), 1))
    # A smaller token follows from a larger one; of two of a size, the later from the earlier.
    order = sorted(names, key=lambda token: (-sizes[token], token))
    roots: list[int] = []
    found: list[Dependency] = []
    for token in order:
        for source in reversed(roots):
            table = _function(choices[source], choices[token], sizes[source], sizes[token], rows)
            if table is not None and _surprise(choices[source], choices[token]) < bound:
                found.append(Dependency(token, source, table))
                break
        else:
            roots.append(token)
    return found


def _function(source: Array, target: Array, sources: int, targets: int, rows: int) -> Array | None:
    """(sources,) the target's choice for each of the source's, or None where it is no function."""
    for part in (*(least for least in _SCREENED_ROWS if least < rows), rows):
        own, other = source[:part], target[:part]
        said = (own >= 0) & (other >= 0)
        pairs = np.bincount(own[said] * targets + other[said], minlength=sources * targets).reshape(
            sources, targets
        )
        if ((pairs > 0).sum(1) > 1).any():
            return None
    table: Array = pairs.argmax(1)
    return table


def _surprise(source: Array, target: Array) -> float:
    """Log probability that independent columns look like a function."""
    said = (source >= 0) & (target >= 0)
    shares = np.bincount(target[said]) / max(said.sum(), 1)
    logs = np.log(shares[shares > 0])
    counts = np.bincount(source[said])
    if not len(logs):
        return 0.0
    return float(np.logaddexp.reduce(np.outer(counts, logs), axis=1).sum())
