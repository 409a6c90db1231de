"""Whatever goes into the cluster comes out of it again, to the last bit."""

from __future__ import annotations

import h2o
import numpy as np
import pyarrow as pa
import pytest
from h2o.exceptions import H2OValueError
from hard_tables import (
    ENUM,
    NASTY_FLOATS,
    NASTY_INTS,
    NASTY_TEXTS,
    NASTY_TIMES,
    NASTY_UUIDS,
    TIME,
    as_h2o_holds,
    assert_same,
    enum,
    tables,
    uuid_array,
)
from hypothesis import HealthCheck, example, given, settings

from h2o_gan.cluster.frames import Transport

pytestmark = pytest.mark.usefixtures("cluster")

EVERYTHING = pa.table(
    {
        "real": pa.array([*NASTY_FLOATS, None, *[0.5] * 14][:30]),
        "int": pa.array([*NASTY_INTS, None, *[7] * 17][:30]),
        "enum": enum([*range(len(NASTY_TEXTS)), None, 0][:30], NASTY_TEXTS),
        "time": pa.array([*NASTY_TIMES, None, *[5] * 21][:30], TIME),
        "string": pa.array([*NASTY_TEXTS, None, "x"][:30]),
        "uuid": uuid_array([b"\1" * 16, *NASTY_UUIDS, None, *[b"\2" * 16] * 25][:30]),
    }
)


def round_trip(transport: Transport, table: pa.Table) -> pa.Table:
    frame = transport.write(table.to_reader(), None)
    try:
        return transport.read(frame, None).read_all()
    finally:
        h2o.remove(frame)


def check(transport: Transport, table: pa.Table) -> None:
    assert_same(round_trip(transport, table), as_h2o_holds(table))


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables())
@example(table=EVERYTHING)
def test_any_table(transport: Transport, no_leaks: set[str], table: pa.Table) -> None:
    check(transport, table)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(transport: Transport, rows: int) -> None:
    check(transport, EVERYTHING.slice(0, rows))


@pytest.mark.parametrize("name", EVERYTHING.schema.names)
def test_one_column_with_na_at_both_ends(transport: Transport, name: str) -> None:
    column = EVERYTHING[name].combine_chunks()
    na = pa.nulls(2, column.type)
    if isinstance(column, pa.DictionaryArray):
        na = enum([None, None], column.dictionary.to_pylist())
    check(transport, pa.table({name: pa.chunked_array([na, column, na])}))


@pytest.mark.parametrize("name", EVERYTHING.schema.names)
def test_all_na(transport: Transport, name: str) -> None:
    field = EVERYTHING.schema.field(name)
    column = pa.nulls(5, field.type)
    if field.type == ENUM:
        column = enum([None] * 5, ["b", "a"])
    check(transport, pa.table({name: column}))
    check(transport, pa.table({name: column, "other": [1, None, 2, None, 3]}))


def test_all_na_enum_without_levels(transport: Transport) -> None:
    check(transport, pa.table({"x": enum([None, None], [])}))


def test_levels_keep_their_order_and_unused_ones(transport: Transport) -> None:
    table = pa.table(
        {"x": enum([2, None, 4, 2], ["z", "", "a", "NA", "M"]), "y": [0.1, 0.2, 0.3, 1]}
    )
    frame = transport.write(table.to_reader(), None)
    try:
        assert_same(transport.read(frame, None).read_all(), table)
        assert h2o.get_frame(frame.frame_id).nlevels() == [4, 0]  # H2O's client overlooks ""
        assert frame["x"].as_data_frame()["x"].tolist()[0] == "a"
    finally:
        h2o.remove(frame)


def test_ten_thousand_levels_half_of_them_unused(transport: Transport) -> None:
    levels = [f"level {i * 7919 % 10_000}" for i in range(10_000)]
    codes = pa.array(np.arange(0, 10_000, 2, dtype=np.int32))
    check(transport, pa.table({"x": pa.DictionaryArray.from_arrays(codes, pa.array(levels))}))


def test_dictionaries_that_change_between_batches(transport: Transport) -> None:
    first = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["b", "a"]))
    second = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, 3], pa.int8()), pa.array(["a", "c", "c", None])
    )
    table = pa.table({"x": pa.chunked_array([first, second])})
    expected = enum([0, 1, 1, 2, 2, None], ["b", "a", "c"])
    assert_same(round_trip(transport, table), pa.table({"x": expected}))


def test_fractions_keep_their_last_bit(transport: Transport) -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=200_000) * 10.0 ** random.integers(-12, 12, 200_000)
    cents = np.round(random.uniform(0, 100, 200_000), 2)
    table = pa.table({"x": values, "cents": cents, "whole": np.rint(values)})
    check(transport, table)


def test_infinities_among_na(transport: Transport) -> None:
    inf = float("inf")
    check(transport, pa.table({"x": pa.array([inf, None, -inf, 1.5]), "y": [1, 2, 3, 4]}))
    check(transport, pa.table({"x": pa.array([inf, inf])}))
    check(transport, pa.table({"x": pa.array([-inf, None])}))
    check(transport, pa.table({"x": pa.array([1.0, inf, -inf, None])}))


def test_minus_zero_loses_its_sign(transport: Transport) -> None:
    got = round_trip(transport, pa.table({"x": [-0.0, 0.5]}))["x"].to_pylist()
    assert np.signbit(got).tolist() == [False, False]


def test_nan_is_na(transport: Transport) -> None:
    got = round_trip(transport, pa.table({"x": pa.array([float("nan"), 0.5])}))
    assert got["x"].to_pylist() == [None, 0.5]


def test_uuids_among_many_na(transport: Transport) -> None:
    values = [None] * 50 + [b"\1" * 16] + [None] * 49 + [b"\0" * 16]
    check(transport, pa.table({"u": uuid_array(values), "x": [0.5] * 101}))


def test_a_thousand_columns(transport: Transport) -> None:
    kinds = list(EVERYTHING.slice(0, 12).columns)
    table = pa.table({f"column {i}": kinds[i % len(kinds)] for i in range(1000)})
    check(transport, table)


def test_column_names(transport: Transport) -> None:
    names = [*NASTY_TEXTS[1:], "a", "A", "C1", "C2", "keep", "x" * 1000]
    check(transport, pa.table([pa.array([i]) for i in range(len(names))], names=names))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (pa.array([1, None, 255], pa.uint8()), pa.array([1, None, 255])),
        (pa.array([-1, None], pa.int16()), pa.array([-1, None])),
        (pa.array([2**63 - 1], pa.uint64()), pa.array([2**63 - 1])),
        (pa.array(np.array([0.5, 1.5], np.float16)), pa.array([0.5, 1.5])),
        (pa.array([0.1, None], pa.float32()), pa.array([float(np.float32(0.1)), None])),
        (pa.array([True, None, False]), enum([1, None, 0], ["False", "True"])),
        (pa.array([True, True]), enum([1, 1], ["False", "True"])),
        (pa.array(["a", None], pa.large_string()), pa.array(["a", None])),
        (pa.array(["a", None], pa.string_view()), pa.array(["a", None])),
        (pa.array(["b", "a", "b"]).dictionary_encode().cast(
            pa.dictionary(pa.int8(), pa.large_string())), enum([0, 1, 0], ["b", "a"])),
        (pa.array([1, None, -1], pa.timestamp("s")), pa.array([1000, None, -1000], TIME)),
        (pa.array([1999, -1], pa.timestamp("us", "Europe/Prague")), pa.array([1, -1], TIME)),
        (pa.array([1, -1], pa.timestamp("ns")), pa.array([0, -1], TIME)),
        (pa.array([1, None, -1], pa.date32()), pa.array([86_400_000, None, -86_400_000], TIME)),
        (pa.array([86_400_000], pa.date64()), pa.array([86_400_000], TIME)),
        (pa.array([None, 150], pa.int64()).cast(pa.decimal128(19)).cast(pa.decimal128(21, 2)),
         pa.array([None, 150])),
        (pa.array(["1.25"]).cast(pa.decimal128(5, 2)), pa.array([1.25])),
        (pa.nulls(2), pa.nulls(2, pa.int64())),
    ],
    ids=lambda array: str(array.type),
)  # fmt: skip
def test_other_arrow_types(transport: Transport, given_: pa.Array, expected: pa.Array) -> None:
    assert_same(round_trip(transport, pa.table({"x": given_})), pa.table({"x": expected}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1]]), "column 'x y' is of Arrow type list.*flatten"),
        (pa.array([{"a": 1}]), "column 'x y' is of Arrow type struct"),
        (pa.array([b"x"]), "column 'x y' is of Arrow type binary"),
        (pa.array([1], pa.duration("s")), "column 'x y' is of Arrow type duration.*cast"),
        (pa.array([1]).dictionary_encode(), "column 'x y' is of Arrow type dictionary"),
        (pa.array([2**63], pa.uint64()), r"column 'x y' holds integers above 2\*\*63.*float64"),
        (pa.array([-(2**63)]), r"column 'x y' holds -2\*\*63.*null"),
        (pa.array([2**62], pa.timestamp("s")), "column 'x y' holds times too far"),
        (uuid_array([b"\x80" + b"\0" * 15]), "column 'x y' holds the uuid 80000000"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value.type),
)
def test_what_h2o_cannot_hold(
    transport: Transport, no_leaks: set[str], column: pa.Array, message: str
) -> None:
    with pytest.raises(H2OValueError, match=message):
        transport.write(pa.table({"x y": column}).to_reader(), None)
