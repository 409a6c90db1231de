"""Small arrays of many columns as a few long ones, so that a file's header stays small.

Column i of n has its array ``low`` at ``low.float64[ends[i - 1]:ends[i]]``, where ``ends`` is
``low.float64.ends``, (n,) int64, with 0 before the first. An empty array is no array.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from h2o_gan.engine.exceptions import Damaged

__all__ = ["pack", "unpack"]

Array = npt.NDArray[Any]

_ENDS = ".ends"
_NAME = re.compile("[a-z][a-z_]{0,40}")
_MAX_NAMES = 256  # of arrays of all columns


def pack(columns: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The arrays of all columns, (length,) each, one after the other, by name and dtype."""
    parts: dict[str, dict[int, Array]] = {}
    for place, column in enumerate(columns):
        for name, array in column.items():
            if len(array):
                parts.setdefault(f"{name}.{array.dtype}", {})[place] = array
    packed = {}
    for name, own in parts.items():
        lengths = [len(own.get(place, ())) for place in range(len(columns))]
        packed[name] = np.concatenate(list(own.values()))
        packed[name + _ENDS] = np.cumsum(lengths, dtype=np.int64)
    return packed


def unpack(packed: Mapping[str, Array], count: int) -> list[dict[str, Array]]:
    """Inverse of :func:`pack` for `count` columns.

    Raises:
        Damaged: the ends do not fit, or a column has an array twice.
    """
    columns: list[dict[str, Array]] = [{} for _ in range(count)]
    if len(packed) > 2 * _MAX_NAMES:
        raise Damaged(f"it has {len(packed):,} arrays of columns")
    for full, array in packed.items():
        if full.endswith(_ENDS):
            continue
        name, _, dtype = full.rpartition(".")
        ends = packed.get(full + _ENDS)
        if _NAME.fullmatch(name) is None:
            raise Damaged(f"it has unknown arrays {full!r:.50}")
        if ends is None or ends.shape != (count,) or ends.dtype != np.int64 or array.ndim != 1:
            raise Damaged(f"its arrays {full!r:.50} are not those of its columns")
        starts = np.append(0, ends[:-1])
        if str(array.dtype) != dtype or not (starts <= ends).all() or starts[:1].any():
            raise Damaged(f"its arrays {full!r:.50} are not those of its columns")
        if not count or ends[-1] != len(array):
            raise Damaged(f"its arrays {full!r:.50} are not as long as their ends")
        for place in np.flatnonzero(starts < ends).tolist():
            if name in columns[place]:
                raise Damaged(f"its column {place} has two arrays {name!r:.50}")
            columns[place][name] = array[starts[place] : ends[place]]
    return columns
