"""Columns that are functions of another column: education and its number, missing together.

A network gets such pairs right most of the time. A lookup table gets them right always, and the
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

_SCREENED_ROWS = (500, 20_000)  # the first few rows refute most pairs
_SURPRISE = 25.0  # nats of evidence against chance, beyond those for the number of pairs


@dataclass(frozen=True)
class Dependency:
    """The choice of column ``token`` is ``table[choice of column source]``.

    Attributes:
        token, source: indices of columns.
        table: (choices of the source,) int64.
    """

    token: int
    source: int
    table: Array = field(repr=False)


def find_dependencies(choices: Mapping[int, Array], sizes: Sequence[int]) -> list[Dependency]:
    """Find columns that are functions of another column, which is a function of none.

    A pair counts only if chance cannot explain it. If the two were independent, the probability
    that every row agrees with *some* function would be the product, over the source's choices, of
    sum_b p(b) ** count. Its logarithm has to be far below what the number of pairs allows.

    Args:
        choices: by column, the choice of each row, (rows,) int64; negative for none.
        sizes: number of choices of each column.
    """
    names = list(choices)
    rows = len(choices[names[0]]) if names else 0
    bound = -_SURPRISE - 2 * np.log(max(len(names), 1))
    # A column with fewer choices is a function of one with more; of equals, the later one.
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
    """The target's choice for each of the source's, (sources,) int64; None if not a function."""
    for part in (*(least for least in _SCREENED_ROWS if least < rows), rows):
        first, second = source[:part], target[:part]
        both = (first >= 0) & (second >= 0)
        pairs = np.bincount(
            first[both] * targets + second[both], minlength=sources * targets
        ).reshape(sources, targets)
        if ((pairs > 0).sum(1) > 1).any():
            return None
    table: Array = pairs.argmax(1)
    return table


def _surprise(source: Array, target: Array) -> float:
    """Log probability that independent columns agree with some function."""
    both = (source >= 0) & (target >= 0)
    shares = np.bincount(target[both]) / max(both.sum(), 1)
    logs = np.log(shares[shares > 0])
    counts = np.bincount(source[both])
    if not len(logs):
        return 0.0
    return float(np.logaddexp.reduce(np.outer(counts, logs), axis=1).sum())
