"""Which columns of the frames compare, and their rows as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.reporting.measures.rows import Field, Rows

__all__ = ["as_rows", "as_table", "compared_fields", "values_of"]

_KINDS = {"int": "number", "real": "number", "time": "time", "enum": "category"}
_IDENTIFIER_SHARE = 0.95  # of distinct levels, from which a categorical column names rows


def compared_fields(
    frames: Mapping[str, H2OFrame], columns: Sequence[str] | None
) -> tuple[tuple[Field, ...], dict[str, str]]:
    """The columns of the first frame that can be compared, with the levels of all frames.

    Args:
        frames: by the name of the parameter that they were given as; the training rows first.
        columns: names of those to compare; None for all.

    Returns:
        The columns, and the reason for each column that is left out.

    Raises:
        H2OValueError: a frame lacks a column, or has it in another type, or none is left.
    """
    (first, training), *others = frames.items()
    types: dict[str, str] = training.types
    fields: list[Field] = []
    left_out: dict[str, str] = {}
    levels = {name: _levels(frame) for name, frame in frames.items()}
    for column in training.names if columns is None else columns:
        kind = _KINDS.get(types[column])
        if kind is None:
            left_out[column] = f"it is {types[column]}, whose values name rows"
            continue
        for name, frame in others:
            if column not in frame.names:
                raise H2OValueError(
                    f"{name} lacks the column {column!r} of {first}: both need the same columns."
                )
            found = frame.types[column]
            if _KINDS.get(found) != kind:
                way = "asfactor()" if kind == "category" else "asnumeric()"
                raise H2OValueError(
                    f"column {column!r} is {types[column]} in {first}, but {found} in {name}: "
                    f'change it, as {name}["{column}"].{way}.'
                )
        known: tuple[str, ...] = ()
        if kind == "category":
            texts = [text for name in frames for text in levels[name].get(column, ())]
            known = tuple(dict.fromkeys(texts))
            if len(levels[first].get(column, ())) > max(_IDENTIFIER_SHARE * training.nrow, 50):
                left_out[column] = "almost every row has a level of its own, as identifiers have"
                continue
        fields.append(Field(column, kind, known))  # type: ignore[arg-type]
    if not fields:
        raise H2OValueError(
            f"{first} has no column of numbers, times or categories that could be compared."
        )
    return tuple(fields), left_out


def _levels(frame: H2OFrame) -> dict[str, Sequence[str]]:
    """The levels of each categorical column."""
    names = [name for name, kind in frame.types.items() if kind == "enum"]
    return dict(zip(names, frame[names].levels(), strict=True)) if names else {}


def values_of(column: pa.Array | pa.ChunkedArray, field: Field) -> npt.NDArray[np.float64]:
    """The values of a column as all measures take them.

    Args:
        column: as the transport reads it.
        field: the column.

    Returns:
        (rows,) float64, NaN for missing; codes of the field's levels.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if field.is_category:
        if pa.types.is_dictionary(column.type):
            places = pc.index_in(column.dictionary.cast(pa.string()), pa.array(field.levels))
            column = pc.take(places, column.indices)
        else:
            column = pc.index_in(column.cast(pa.string()), pa.array(field.levels))
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", column.type.tz)).cast(pa.int64())
    floats = column.cast(pa.float64(), safe=False)
    values: npt.NDArray[np.float64] = floats.to_numpy(zero_copy_only=False)
    return np.array(values, dtype=np.float64)


def as_rows(table: pa.Table | pa.RecordBatch, fields: Sequence[Field]) -> Rows:
    """Rows of a table in memory, whose columns are the fields and perhaps others."""
    return Rows(
        tuple(fields), {field.name: values_of(table.column(field.name), field) for field in fields}
    )


def as_table(rows: Rows) -> pa.Table:
    """Rows as they are sent to the cluster, with all levels of their columns."""
    arrays = []
    for field, values in rows:
        gaps = np.isnan(values)
        if field.is_category:
            codes = pa.array(np.where(gaps, 0, values).astype(np.int32), mask=gaps)
            array = pa.DictionaryArray.from_arrays(codes, pa.array(field.levels, pa.string()))
        elif field.kind == "time":
            moments = pa.array(np.where(gaps, 0, values).astype(np.int64), mask=gaps)
            array = moments.cast(pa.timestamp("ms", "UTC"))
        else:
            array = pa.array(values, mask=gaps)
        arrays.append(array)
    return pa.table(arrays, names=rows.names)
