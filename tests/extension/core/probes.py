"""How tests talk to the model in Java: JSON, with arrays as little-endian bytes in base64."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import safetensors.numpy

from h2o_gan.engine.data.schema import kind_of
from h2o_gan.engine.storage.packing import pack


def packed(array: Any, dtype: str | None = None) -> str:
    """An array as a probe reads it."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


def file_arrays(arrays: Mapping[str, Any]) -> str:
    """Arrays of one column as FileArrays reads them: as a model file holds them."""
    return _saved({f"codec.{name}": array for name, array in pack([arrays]).items()})


def rule_arrays(arrays: Mapping[str, Any]) -> str:
    """Arrays of one rule as FileArrays reads them: as a model file holds them."""
    return _saved({f"rules.0.{name}": array for name, array in arrays.items()})


def _saved(arrays: Mapping[str, Any]) -> str:
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return base64.b64encode(safetensors.numpy.save(whole)).decode()


def unpacked(text: str, dtype: str) -> Any:
    """An array that a probe has written."""
    return np.frombuffer(base64.b64decode(text), dtype)


def values_of(column: pa.ChunkedArray) -> dict[str, Any]:
    """A column as a probe reads it."""
    kind = kind_of(column.type)
    missing = packed(column.is_null(nan_is_null=True).to_numpy().astype(bool))
    if kind == "enum":
        column = column.unify_dictionaries()
        levels = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
        codes = [array.indices.fill_null(0).to_numpy() for array in column.chunks]
        numbers = np.concatenate([np.zeros(0, np.int64), *codes])
        return {"kind": kind, "missing": missing, "values": packed(numbers, "i8"), "levels": levels}
    if kind in ("string", "uuid"):
        texts = [None if v is None else str(v) for v in column.to_pylist()]
        return {"kind": kind, "missing": missing, "texts": texts}
    numbers = column.cast(pa.int64() if kind != "real" else pa.float64()).fill_null(0).to_numpy()
    return {
        "kind": kind,
        "missing": missing,
        "values": packed(numbers, "f8" if kind == "real" else "i8"),
    }


def listed(values: dict[str, Any]) -> list[Any]:
    """Values that a probe has written, as a list with None for missing ones; times are integers."""
    missing = unpacked(values["missing"], "?")
    if values["kind"] in ("string", "uuid"):
        found = values["texts"]
        if values["kind"] == "uuid":
            found = [text and uuid.UUID(text) for text in found]
    else:
        numbers = unpacked(values["values"], "f8" if values["kind"] == "real" else "i8").tolist()
        found = numbers
        if values["kind"] == "enum":
            found = [
                None if gone else values["levels"][n]
                for n, gone in zip(numbers, missing, strict=True)
            ]
    return [None if gone else value for value, gone in zip(found, missing, strict=True)]


def listed_column(column: pa.ChunkedArray) -> list[Any]:
    """A column as :func:`listed` gives it."""
    if kind_of(column.type) == "time":
        column = column.cast(pa.int64())
    return list(column.to_pylist())
