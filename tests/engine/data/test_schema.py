"""Kinds of columns, by their Arrow types."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.schema import (
    COLUMN_CHECK,
    TIME,
    Column,
    description,
    is_distribution,
    kind_of,
    schema_of,
)
from h2o_gan.engine.exceptions import Damaged

KINDS = {
    "int": [pa.int8(), pa.uint32(), pa.int64()],
    "real": [pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.null()],
    "time": [TIME, pa.timestamp("ns"), pa.date32(), pa.date64()],
    "enum": [pa.bool_(), pa.dictionary(pa.int8(), pa.string())],
    "string": [pa.string(), pa.large_string()],
    "uuid": [pa.uuid()],
}


@pytest.mark.parametrize(("kind", "type_"), [(k, t) for k, types in KINDS.items() for t in types])
def test_kinds_of_arrow_types(kind, type_):
    assert kind_of(type_) == kind


@pytest.mark.parametrize("type_", [pa.list_(pa.int64()), pa.struct([]), pa.time32("s")])
def test_other_types_are_named(type_):
    with pytest.raises(TypeError, match="columns of Arrow type .* drop or convert them"):
        kind_of(type_)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_a_type_of_the_kind(kind):
    column = Column("x", kind, ("a", "b") if kind == "enum" else ())
    assert kind_of(column.arrow_type) == kind
    assert schema_of([column]) == pa.schema([("x", column.arrow_type)])
    data = column.to_json()
    COLUMN_CHECK(data, "column")
    assert Column.from_json(data) == column


@pytest.mark.parametrize(
    "change", [{"name": 5}, {"kind": "list"}, {"kind": None}, {"levels": [1]}, {"levels": "ab"}]
)
def test_damaged_columns_are_found(change):
    with pytest.raises(Damaged, match="column: "):
        COLUMN_CHECK({**Column("x", "int").to_json(), **change}, "column")


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (np.array([0.25, 0.75]), True),
        (np.array([1.0]), True),
        (np.array([0.5, 0.6]), False),
        (np.array([1.5, -0.5]), False),
        (np.array([0.5, np.nan]), False),
        (np.array([0.5, 0.5], np.float32), False),
        (np.array([1]), False),
        (np.zeros(0), False),
    ],
)
def test_distributions(shares, expected):
    assert is_distribution(shares) is expected


def test_descriptions_name_the_column():
    assert description(Column("x", "int"), "numeric", "1 to 2", 0.5) == {
        "column": "x",
        "type": "int",
        "treated_as": "numeric",
        "values": "1 to 2",
        "missing": 0.5,
    }
