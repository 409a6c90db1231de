"""Columns with one value, or none."""

import math
import uuid

import numpy as np
import pyarrow as pa
import pytest
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.data.schema import TIME, Column
from h2o_gan.engine.exceptions import Damaged

NEW_YEAR = 1_577_836_800_000  # 2020-01-01, UTC
UUID = uuid.UUID(int=5)


def uuids(*values):
    storage = pa.array([None if v is None else v.bytes for v in values], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


CONSTANT = {
    "int": pa.array([7, 7, 7]),
    "real": pa.array([2.5, 2.5]),
    "infinite": pa.array([math.inf, math.inf]),
    "no number": pa.array([None, None], pa.float64()),
    "nan": pa.array([math.nan, None]),
    "null": pa.nulls(2),
    "level": enum(["x", "x"], ["y", "x"]),
    "flag": pa.array([True, True]),
    "no level": pa.array([None, None], pa.dictionary(pa.int32(), pa.string())),
    "time": pa.array([NEW_YEAR] * 2, TIME),
    "text": pa.array(["x y", "x y"]),
    "no text": pa.array([None, None], pa.string()),
    "uuid": uuids(UUID, UUID),
    "no uuid": uuids(None, None),
}
VARIED = {
    "int": pa.array([7, 8]),
    "real": pa.array([2.5, None]),
    "level": enum(["x", "y"]),
    "missing level": enum(["x", None]),
    "text": pa.array(["x", "y"]),
    "missing text": pa.array(["x", None]),
    "uuid": uuids(UUID, uuid.UUID(int=6)),
    "time": pa.array([0, NEW_YEAR], TIME),
}


def fit(values, weights=None, **options):
    return ConstantCodec.fit({"k": chunked(values)}, FitOptions(weights, **options))


@pytest.mark.parametrize("name", CONSTANT)
def test_constants_come_back(name):
    values = CONSTANT[name]
    codec = fit(values)
    (made,) = codec.generate(0, 3, 0)
    assert made.type == codec.column.arrow_type and len(made) == 3
    expected = values.drop_null()[:1].to_pylist() if name != "nan" else []
    expected = ["true"] if name == "flag" else expected
    assert made.to_pylist() == (expected or [None]) * 3
    assert codec.generate(5, 0, 1)[0].to_pylist() == []


@pytest.mark.parametrize("name", VARIED)
def test_other_columns_are_not_constant(name):
    assert fit(VARIED[name]) is None


@pytest.mark.parametrize("name", ["int", "real", "level", "time"])
def test_constants_are_learned_when_asked(name):
    assert fit(CONSTANT[name], keep_constant=True) is None


def test_a_column_treated_as_identifier_is_not_constant():
    assert fit(CONSTANT["text"], treat_as="identifier") is None


@pytest.mark.parametrize("values", [pa.array([1, 2, None]), enum(["a", "b", None])])
def test_rows_of_zero_weight_do_not_count(values):
    codec = fit(values, np.array([1.0, 0.0, 0.0]))
    assert codec.value in (1, "a")
    assert fit(values, np.array([0.0, 0.0, 1.0])).value is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("int", 7),
        ("int", 7.0),
        ("int", "7"),
        ("int", [6, 7]),
        ("int", (None, 7)),
        ("real", (2, 3)),
        ("level", "x"),
        ("level", ("y", "x")),
        ("time", NEW_YEAR),
        ("time", "2020-01-01"),
        ("time", np.datetime64("2020-01-01")),
        ("time", ("2019-01-01", None)),
        ("time", ["2019-01-01", "2020-01-01"]),
        ("text", "x y"),
        ("no number", None),
        ("no level", None),
        ("no text", [None]),
    ],
)
def test_conditions_that_are_met(name, value):
    fit(CONSTANT[name]).check_condition("k", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("int", 8),
        ("int", None),
        ("int", []),
        ("int", [6, 8]),
        ("int", (8, None)),
        ("level", "y"),
        ("level", ("y", "z")),
        ("time", "2020-01-02"),
        ("time", ("2020-01-02", None)),
        ("text", ("a", "b")),
        ("text", (1, 2)),
        ("no number", 5),
        ("no number", (1, 2)),
        ("no level", "x"),
    ],
)
def test_conditions_that_are_not_met(name, value):
    with pytest.raises(ValueError, match="conditions: .*'k'"):
        fit(CONSTANT[name]).check_condition("k", value)


def test_the_message_names_both_values():
    with pytest.raises(ValueError, match="'k' is 7 in all training rows, never 8"):
        fit(CONSTANT["int"]).check_condition("k", 8)
    with pytest.raises(ValueError, match="'k' is '2020-01-01 00:00:00' in all training rows"):
        fit(CONSTANT["time"]).check_condition("k", "2020-01-02")


@pytest.mark.parametrize("name", CONSTANT)
def test_state_round_trip(name):
    codec = fit(CONSTANT[name])
    data = codec.to_json()
    ConstantCodec.json_check(data, "it")
    again = ConstantCodec.restore(data, codec.arrays())
    assert again.generate(0, 3, 0) == codec.generate(0, 3, 0)
    assert again.describe() == codec.describe()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2.5),
        ("int", "7"),
        ("real", "x"),
        ("real", "nan"),
        ("enum", "b"),
        ("enum", 0),
        ("string", 7),
        ("uuid", "not one"),
        ("uuid", str(UUID).upper() + "0"),
        ("time", "2020-01-01"),
    ],
)
def test_damaged_values_are_found(kind, value):
    column = Column("k", kind, ("a",) if kind == "enum" else ()).to_json()
    with pytest.raises(Damaged, match="'k': .* is not a value of its type"):
        ConstantCodec.restore({"column": column, "value": value}, {})


def test_description():
    assert fit(CONSTANT["int"]).describe()[0]["values"] == "7"
    assert fit(CONSTANT["int"]).describe()[0]["treated_as"] == "constant"
    nothing = fit(CONSTANT["null"]).describe()[0]
    assert (nothing["treated_as"], nothing["values"], nothing["missing"]) == ("nothing", "none", 1)


@pytest.mark.parametrize("values", [pa.array([7, None, 7]), enum(["x", None])])
def test_a_value_and_unknown_cells_are_a_constant(values):
    columns = {"c": chunked(values)}
    assert ConstantCodec.fit(columns, FitOptions()) is None
    codec = ConstantCodec.fit(columns, FitOptions(learn_missing=False))
    assert codec is not None and codec.value == values[0].as_py()


@pytest.mark.parametrize("kind", CONSTANT)
def test_other_values_are_odd(kind):
    values = CONSTANT[kind]
    codec = ConstantCodec.fit({"c": chunked(values)}, FitOptions())
    assert (codec.log_marginal([chunked(values)], 99) == 0).all()
    others = {
        "int": pa.array([8, 21, None]),
        "real": pa.array([2.6, 40.0, None]),
        "time": pa.array([0, 10**14, None], TIME),
        "level": enum(["y", "new", None]),
        "text": pa.array(["z", "", None]),
        "uuid": uuids(uuid.UUID(int=6), None),
        "no number": pa.array([1.0, -math.inf]),
    }
    if kind in others:
        logs = codec.log_marginal([chunked(others[kind])], 99)
        assert (logs <= math.log(0.5 / 100)).all() and np.isfinite(logs).all()
        if kind in ("int", "real", "time"):  # the further away, the odder
            assert logs[1] < logs[0] < logs[2]
