"""Small arrays of many columns, concatenated so that the header of a file stays small.

The array ``low`` of column i of n is ``low.float64[ends[i - 1]:ends[i]]``, where ``ends`` is
``low.float64.ends``, int64 (n,), and ``ends[-1]`` is 0. A column without an array has an empty one.
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
    """Concatenate the arrays of all columns by name and dtype.

    Args:
        columns: arrays (length,) of each column, by name.
    """
    parts: dict[str, dict[int, Array]] = {}
    for index, column in enumerate(columns):
        for name, array in column.items():
            if len(array):
                parts.setdefault(f"{name}.{array.dtype}", {})[index] = array
    packed = {}
    for name, arrays in parts.items():
        lengths = [len(arrays.get(index, ())) for index in range(len(columns))]
        packed[name] = np.concatenate(list(arrays.values()))
        packed[name + _ENDS] = np.cumsum(lengths, dtype=np.int64)
    return packed


def unpack(packed: Mapping[str, Array], count: int) -> list[dict[str, Array]]:
    """Undo :func:`pack`.

    Args:
        packed: the concatenated arrays.
        count: number of columns.

    Returns:
        The arrays of each column, by name.

    Raises:
        Damaged: a name is unknown, the ends do not fit, or a column has an array twice.
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
        for index in np.flatnonzero(starts < ends).tolist():
            if name in columns[index]:
                raise Damaged(f"its column {index} has two arrays {name!r:.50}")
            columns[index][name] = array[starts[index] : ends[index]]
    return columns
