"""Tables with everything that is hard to move, and what H2O can hold of them."""

from __future__ import annotations

import uuid as uuids

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

TIME = pa.timestamp("ms", "UTC")
ENUM = pa.dictionary(pa.int32(), pa.string())
NASTY_TEXTS = [
    "", " ", "NA", "nan", "null", "0", "-1.5", "1e5", "2020-01-01", "True", "a,b", 'say "x"', '"',
    "'", "\\", "\\n", "line\nend", "return\rend", "\r\n", "\t", " padded ", "é",
    "日本", "\U0001f600", "\x01", "\x1b", "\x1f", "\x7f", "\u2028", "\ufeff",
    "b0a5bd2e-6a6b-4b3e-9d0e-0a2f5d0f6c11",
]  # fmt: skip
NASTY_FLOATS = [
    0.1, 1 / 3, 0.1257302210933933, 1e300, -1e-300, 5e-324, 2.2250738585072014e-308,
    1.7976931348623157e308, float("inf"), float("-inf"), 2.0**53 + 2, 1e22, 123456789.123, 1.0, 0.0,
]  # fmt: skip
NASTY_INTS = [0, 1, -1, 127, 128, 255, 256, 2**31, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 1 - 2**63]
NASTY_TIMES = [0, -1, 1, 999, -999, -62135596800000, 253402300799999, 1700000000123]
NASTY_UUIDS = [b"\0" * 16, b"\xff" * 16, b"\0" * 15 + b"\1", uuids.UUID(int=2**64 - 1).bytes]


def enum(codes: list[int | None], levels: list[str]) -> pa.Array:
    """An enum column."""
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(levels, pa.string())
    )


def uuid_array(values: list[bytes | None]) -> pa.Array:
    """A uuid column."""
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))


def as_h2o_holds(table: pa.Table) -> pa.Table:
    """The table as it is after H2O has worked out which numeric columns are integers.

    It looks at the values alone; a column without any is int.
    """
    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_floating(field.type):
            values = column.drop_null().to_numpy()
            if np.isfinite(values).all() and (values == np.rint(values)).all():
                if (np.abs(values) < 2.0**63).all():
                    table = table.set_column(i, field.name, column.cast(pa.int64()))
            else:
                plus_zero = pc.add(column, 0.0)  # -0.0 + 0.0 is 0.0
                table = table.set_column(i, field.name, plus_zero)
    return table


def assert_same(got: pa.Table, expected: pa.Table) -> None:
    """Same names, types, levels in the same order, and values to the last bit."""
    assert got.schema.names == expected.schema.names
    assert got.schema.types == expected.schema.types
    for name, a, b in zip(got.schema.names, got.columns, expected.columns, strict=True):
        a, b = a.combine_chunks(), b.combine_chunks()
        if isinstance(a, pa.DictionaryArray):
            if len(a):
                assert a.dictionary.to_pylist() == b.dictionary.to_pylist(), name
            a, b = a.cast(pa.string()), b.cast(pa.string())
        if a.type == TIME:  # Python's own times end too soon.
            a, b = a.cast(pa.int64()), b.cast(pa.int64())
        assert a.to_pylist() == b.to_pylist(), name


texts = st.one_of(
    st.sampled_from(NASTY_TEXTS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x10"), max_size=12),
)  # H2O's JSON has the same escape for U+0010 as for U+0001
_VALUES = {
    "int": st.sampled_from(NASTY_INTS) | st.integers(1 - 2**63, 2**63 - 1) | st.integers(0, 255),
    "real": st.sampled_from(NASTY_FLOATS) | st.floats(allow_nan=False),
    "time": st.sampled_from(NASTY_TIMES) | st.integers(-(2**50), 2**50),
    "string": texts,
    "uuid": st.sampled_from(NASTY_UUIDS) | st.binary(min_size=16, max_size=16),
}


@st.composite
def _columns(draw: st.DrawFn, kind: str, rows: int) -> pa.Array:
    if kind == "enum":
        levels = draw(st.lists(texts, unique=True, min_size=1, max_size=6))
        codes = st.none() | st.integers(0, len(levels) - 1)
        return enum(draw(st.lists(codes, min_size=rows, max_size=rows)), levels)
    values = draw(st.lists(st.none() | _VALUES[kind], min_size=rows, max_size=rows))
    if kind == "uuid":
        # H2O takes the one for NA and the other for a sparse column's filling.
        special = [b"\x80" + b"\0" * 15, b"\0" * 16]
        return uuid_array([None if value in special else value for value in values])
    if kind == "real":
        # Taken for an integer by H2O, and for one that it has no room for.
        values = [
            None if value is not None and abs(value) == 2.0**63 else value for value in values
        ]
    types = {"int": pa.int64(), "real": pa.float64(), "time": TIME, "string": pa.string()}
    return pa.array(values, types[kind])


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of all column types."""
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(texts.filter(bool), unique=True, min_size=1, max_size=6))
    kinds = st.sampled_from(["int", "real", "enum", "time", "string", "uuid"])
    return pa.table({name: draw(_columns(draw(kinds), rows)) for name in names})
