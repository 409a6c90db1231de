"""Tables that follow from a seed, what H2O makes of them, and digests to compare them by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["any_table", "describe", "digest", "held", "training_table", "unmet"]

_TIME = pa.timestamp("ms", "UTC")
_COLOURS = ["red", "blue", "", "grün", "a,b"]
_TEXTS = ["", " ", "NA", "nan", 'say "x"', "line\nend", "日本", "\U0001f600", "\\", "0", "é" * 40]
_KINDS = ("real", "int", "enum", "time", "string", "uuid")


def _with_gaps(random: np.random.Generator, values: pa.Array, share: float) -> pa.Array:
    missing = pa.array(random.random(len(values)) < share)
    return pc.if_else(missing, pa.scalar(None, values.type), values)


def _enum(random: np.random.Generator, rows: int, levels: Sequence[str], share: float) -> pa.Array:
    codes = pa.array(random.integers(0, len(levels), rows, dtype=np.int32))
    codes = _with_gaps(random, codes, share)
    return pa.DictionaryArray.from_arrays(codes, pa.array(levels, pa.string()))


def _column(random: np.random.Generator, kind: str, rows: int) -> pa.Array:
    share = float(random.choice([0, 0, 0.1, 0.9]))
    if kind == "enum":
        count = int(random.choice([1, 3, 300]))
        return _enum(random, rows, [f"{text} {i}" for i, text in _numbered(count)], share)
    if kind == "real":
        values = pa.array(random.normal(size=rows) * 10.0 ** random.integers(-300, 300) + 1 / 3)
    elif kind == "int":
        width = int(random.choice([7, 15, 31, 53, 62]))
        values = pa.array(random.integers(-(2**width), 2**width, rows))
    elif kind == "time":
        values = pa.array(random.integers(-(2**41), 2**42, rows)).cast(_TIME)
    elif kind == "string":
        values = pa.array([_TEXTS[i] * (1 + i % 3) for i in random.integers(0, len(_TEXTS), rows)])
        values = values.cast(pa.string())
    else:
        drawn = random.integers(1, 255, (rows, 16), dtype=np.uint8)
        drawn[:, 0] &= 0x7F  # The uuid 80000000-0... is how H2O writes NA.
        storage = pa.array([row.tobytes() for row in drawn], pa.binary(16))
        return pa.ExtensionArray.from_storage(pa.uuid(), _with_gaps(random, storage, share))
    return _with_gaps(random, values, share)


def _numbered(count: int) -> list[tuple[int, str]]:
    return [(i, _TEXTS[i % len(_TEXTS)]) for i in reversed(range(count))]


def any_table(seed: int) -> pa.Table:
    """A table of any kinds of columns, from one row to some ten thousand cells."""
    random = np.random.default_rng(seed)
    rows = int(random.choice([1, 40, 3000, 20_000]))
    kinds = random.choice(_KINDS, int(random.integers(1, 12)))
    return pa.table({f"{kind} {i}": _column(random, kind, rows) for i, kind in enumerate(kinds)})


def training_table(seed: int) -> pa.Table:
    """A table to train on, of all kinds of columns that a GAN learns."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(300, 1200))
    x = random.normal(size=rows)
    columns = {
        "x": _with_gaps(random, pa.array(x.round(3)), 0.05),
        "y": pa.array((x + random.normal(size=rows) / 10).round(2)),
        "count": pa.array(random.poisson(4, rows)),
        "colour": _enum(random, rows, _COLOURS, 0.05),
        "when": pa.array(1_700_000_000_000 + random.integers(0, 2**35, rows)).cast(_TIME),
    }
    return pa.table(columns)


def held(table: pa.Table) -> pa.Table:
    """The table as H2O holds it: the values say whether a numeric column is int or real."""
    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_integer(field.type):
            table = table.set_column(i, field.name, column.cast(pa.int64()))
        elif pa.types.is_floating(field.type):
            values = column.drop_null().to_numpy()
            column = pc.add(column, 0.0)  # H2O knows no -0.0.
            small = np.isfinite(values).all() and (np.abs(values) < 2.0**63).all()
            if small and (values == np.rint(values)).all():
                column = column.cast(pa.int64())
            table = table.set_column(i, field.name, column)
    return table


def describe(table: pa.Table) -> list[list[Any]]:
    """Name, type and levels of each column, in order: what samples share with training frames."""
    described: list[list[Any]] = []
    for field, column in zip(table.schema, table.columns, strict=True):
        kind, levels = str(field.type), None
        if pa.types.is_dictionary(field.type):
            kind, levels = "enum", column.combine_chunks().dictionary.to_pylist()
        elif pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            kind = "number"  # Few drawn reals may all be whole, which H2O holds as int.
        elif isinstance(field.type, pa.UuidType):
            kind = "uuid"
        described.append([field.name, kind, levels])
    return described


def digest(table: pa.Table) -> str:
    """A digest of all that a table says: names, types, levels, and the rows in their order."""
    table = held(table)
    hashed = hashlib.sha256(repr((table.num_rows, describe(table))).encode())
    for column in table.columns:
        array = column.combine_chunks()
        hashed.update(str(array.type).encode())
        hashed.update(np.asarray(array.is_null()).tobytes())
        if isinstance(array, pa.DictionaryArray):
            array = array.cast(pa.string())
        elif isinstance(array, pa.ExtensionArray):
            array = array.storage
        if pa.types.is_string(array.type) or pa.types.is_fixed_size_binary(array.type):
            # Lengths distinguish "a", "bc" from "ab", "c".
            values = [v.encode() if isinstance(v, str) else v or b"" for v in array.to_pylist()]
            hashed.update(np.array([len(v) for v in values], np.int64).tobytes())
            hashed.update(b"".join(values))
        else:
            if pa.types.is_timestamp(array.type):
                array = array.cast(pa.int64())
            hashed.update(pc.fill_null(array, 0).to_numpy(zero_copy_only=False).tobytes())
    return hashed.hexdigest()


def unmet(table: pa.Table, conditions: dict[str, Any]) -> int:
    """How many cells do not meet the conditions, which are as in the REST API."""
    count = 0
    for name, wanted in conditions.items():
        cells = table.column(name).to_pylist()
        if isinstance(wanted, dict):
            low, high = wanted["low"], wanted["high"]
            count += sum(cell is None or not low <= cell <= high for cell in cells)
        else:
            count += sum(cell != wanted for cell in cells)
    return count
