"""Frames as H2O itself sees them, and what happens when something goes wrong."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OValueError
from hard_tables import ENUM, TIME, assert_same, enum, uuid_array

from h2o_gan.cluster import rest
from h2o_gan.cluster.frames import ARROW, PLAIN, Transport, read_frame, write_frame

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.filterwarnings("ignore:Converting H2O frame"),
]

CSV = """\
id,real,enum,time,text,uuid
1,0.25,red,2020-02-29 12:34:56,"a ""quoted"" word",b0a5bd2e-6a6b-4b3e-9d0e-0a2f5d0f6c11
9007199254740993,-1.5,,1969-12-31 23:59:59,plain,
,1e-300,"blue, dark",,,00000000-0000-0000-0000-000000000001
-3,,red,2000-01-01 00:00:00,"two
lines",ffffffff-ffff-ffff-ffff-ffffffffffff
"""
KINDS = ["int", "real", "enum", "time", "string", "uuid"]


@pytest.fixture
def csv_frame(tmp_path: Path, no_leaks: set[str]) -> h2o.H2OFrame:
    """A frame that H2O's own CSV parser made."""
    path = tmp_path / "all.csv"
    path.write_text(CSV)
    frame = h2o.upload_file(str(path), col_types=KINDS)
    no_leaks.add(frame.frame_id)
    return frame


def test_reading_agrees_with_h2o(csv_frame: h2o.H2OFrame, transport: Transport) -> None:
    assert list(csv_frame.types.values()) == KINDS
    expected = pa.table(
        {
            "id": [1, 2**53 + 1, None, -3],
            "real": [0.25, -1.5, 1e-300, None],
            "enum": enum([1, None, 0, 1], ["blue, dark", "red"]),
            "time": pa.array([1582979696000, -1000, None, 946684800000], TIME),
            "text": ['a "quoted" word', "plain", None, "two\nlines"],
            "uuid": uuid_array(
                [
                    bytes.fromhex("b0a5bd2e6a6b4b3e9d0e0a2f5d0f6c11"),
                    None,
                    b"\0" * 15 + b"\1",
                    b"\xff" * 16,
                ]
            ),
        }
    )
    got = transport.read(csv_frame, None).read_all()
    # H2O's CSV parser takes an empty text for "", not for NA.
    if got["text"][2].as_py() == "":
        expected = expected.set_column(
            4, "text", pa.array(['a "quoted" word', "plain", "", "two\nlines"])
        )
    assert_same(got, expected)
    pandas = csv_frame.as_data_frame()
    assert pandas["real"].to_numpy() == pytest.approx(
        got["real"].to_numpy(), nan_ok=True, rel=0, abs=0
    )
    assert pandas["enum"].to_list()[0] == "red"
    assert csv_frame.levels()[2] == ["blue, dark", "red"]


def test_written_frame_is_an_ordinary_one(transport: Transport, no_leaks: set[str]) -> None:
    table = pa.table(
        {
            "a": [0.5, None, 2.5],
            "b": enum([1, 0, None], ["y", "x"]),
            "c": pa.array([0, 1, None], TIME),
            "d": ["p", "", None],
            "e": [1, 2, 3],
        }
    )
    frame = transport.write(table.to_reader(), "ordinary.hex")
    no_leaks.add("ordinary.hex")
    assert frame.frame_id == "ordinary.hex"
    assert frame.dim == [3, 5]
    assert frame.types == {"a": "real", "b": "enum", "c": "time", "d": "string", "e": "int"}
    assert frame.levels()[1] == ["y", "x"]
    assert h2o.get_frame("ordinary.hex").nacnt() == [1, 1, 1, 1, 0]
    assert frame["b"].table()["Count"].sum() == 2
    both = frame.rbind(h2o.get_frame("ordinary.hex"))
    assert both.nrow == 6
    del frame
    gc.collect()
    assert h2o.get_frame("ordinary.hex") is not None


def test_selected_columns_in_the_order_asked_for(
    csv_frame: h2o.H2OFrame, transport: Transport
) -> None:
    names = ["text", "id", "enum"]
    whole = transport.read(csv_frame, None).read_all()
    assert_same(transport.read(csv_frame, names).read_all(), whole.select(names))


def test_lazy_frames(csv_frame: h2o.H2OFrame, transport: Transport) -> None:
    whole = transport.read(csv_frame, None).read_all()
    filtered = transport.read(csv_frame[csv_frame["real"] > 0, :], None).read_all()
    assert_same(filtered, whole.take([0, 2]))
    twice = transport.read(csv_frame[["real", "enum"]].rbind(csv_frame[["real", "enum"]]), None)
    assert_same(twice.read_all(), pa.concat_tables([whole.select(["real", "enum"])] * 2))
    computed = transport.read(csv_frame["real"] * 2, None).read_all()
    assert computed.column(0).to_pylist() == [0.5, -3.0, 2e-300, None]


def test_a_lazy_frame_lives_while_it_is_read(csv_frame: h2o.H2OFrame, transport: Transport) -> None:
    reader = transport.read(csv_frame[csv_frame["real"] > 0, :], ["real"])
    gc.collect()
    assert reader.read_all().num_rows == 2


def test_wide_frame(transport: Transport, no_leaks: set[str]) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2000, 785))
    table = pa.table({f"p{i}": pixels[:, i] for i in range(785)})
    frame = transport.write(table.to_reader(), None)
    no_leaks.add(frame.frame_id)
    assert_same(transport.read(frame, None).read_all(), table)


def test_batches_are_bounded(transport: Transport, no_leaks: set[str]) -> None:
    values = np.random.default_rng(0).normal(size=(20, 100_000))
    table = pa.table({f"x{i}": column for i, column in enumerate(values)})
    frame = transport.write(table.to_reader(max_chunksize=999), None)
    no_leaks.add(frame.frame_id)
    batches = list(transport.read(frame, None))
    assert len(batches) > 2
    assert max(batch.nbytes for batch in batches) < 16 << 20
    assert sum(batch.num_rows for batch in batches) == 100_000
    assert_same(pa.Table.from_batches(batches), table)


@pytest.mark.parametrize("read_some", [False, True])
def test_abandoned_reader(transport: Transport, no_leaks: set[str], read_some: bool) -> None:
    table = pa.table({"x": np.arange(3_000_000), "y": np.arange(3_000_000)})
    frame = transport.write(table.to_reader(), None)
    no_leaks.add(frame.frame_id)
    reader = transport.read(frame, ["y"])
    if read_some:
        assert reader.read_next_batch().num_rows < 3_000_000
    del reader


def views() -> set[str]:
    """What readers have put into the cluster."""
    return {key for key in h2o.ls()["key"] if key.startswith("_gan_")}


@pytest.fixture
def long_frame(transport: Transport, no_leaks: set[str]) -> Iterator[h2o.H2OFrame]:
    """A frame of many batches, by the plain transport in two views; without garbage collection."""
    values = np.random.default_rng(0).normal(size=(4, 600_000))
    table = pa.table({f"x{i}": column for i, column in enumerate(values)})
    frame = transport.write(table.to_reader(), None)
    no_leaks.add(frame.frame_id)
    assert not views()
    gc.disable()
    try:
        yield frame
    finally:
        gc.enable()


@pytest.mark.parametrize("batches", [0, 1, None])
def test_closed_reader(transport: Transport, long_frame: h2o.H2OFrame, batches: int | None) -> None:
    """Never started, begun, read to the end: the reader is still there, the views are not."""
    source = transport.open(long_frame, None)
    read = sum(batch.num_rows for batch in itertools.islice(source.reader, batches))
    assert len(views()) == (2 if batches == 1 and transport is PLAIN else 0)
    source.close()
    assert not views()
    assert (read == 600_000) == (batches is None)
    if batches is not None:
        with pytest.raises(H2OValueError, match="reader was closed"):
            source.reader.read_all()
    source.close()


@pytest.mark.parametrize("batches", [0, 1])
def test_dropped_reader(transport: Transport, long_frame: h2o.H2OFrame, batches: int) -> None:
    source = transport.open(long_frame, None)
    reader = source.reader
    for _ in range(batches):
        reader.read_next_batch()
    assert len(views()) == (2 * batches if transport is PLAIN else 0)
    del source, reader
    assert not views()


def test_exception_in_the_consumer(transport: Transport, long_frame: h2o.H2OFrame) -> None:
    """Whoever holds the exception, as a notebook does, holds the reader, but not the views."""

    def consume() -> None:
        with closing(transport.open(long_frame, None)) as source:
            for _ in source.reader:
                assert len(views()) == (2 if transport is PLAIN else 0)
                raise RuntimeError("first batch")

    with pytest.raises(RuntimeError, match="first batch") as kept:
        consume()
    assert not views()
    assert kept.tb is not None


def test_frame_removed(transport: Transport) -> None:
    frame = transport.write(pa.table({"x": [1]}).to_reader(), None)
    same = h2o.get_frame(frame.frame_id)
    h2o.remove(frame)
    with pytest.raises(H2OValueError, match="was removed"):
        transport.read(frame, None)
    with pytest.raises(H2OValueError, match=f"frame '{same.frame_id}' is not in the cluster"):
        transport.read(same, None)


def test_frame_removed_while_it_is_read(transport: Transport, no_leaks: set[str]) -> None:
    # Much more than waits in the buffers between the cluster, of two nodes perhaps, and its reader.
    values = np.random.default_rng(0).normal(size=(40 if transport is ARROW else 10, 400_000))
    table = pa.table({f"x{i}": column for i, column in enumerate(values)})
    frame = transport.write(table.to_reader(), None)
    reader = transport.read(frame, None)
    reader.read_next_batch()
    key = frame.frame_id
    h2o.remove(frame)
    with pytest.raises(H2OValueError, match=f"frame '{key}' was changed or removed"):
        reader.read_all()


def test_unknown_and_repeated_columns(csv_frame: h2o.H2OFrame, transport: Transport) -> None:
    with pytest.raises(H2OValueError, match="has no column 'colour'; its columns are 'id', 'real'"):
        transport.read(csv_frame, ["id", "colour"])
    with pytest.raises(H2OValueError, match="column 'id' is asked for twice"):
        transport.read(csv_frame, ["id", "id"])
    with pytest.raises(H2OValueError, match=r"columns=\['id'\]"):
        transport.read(csv_frame, "id")


def test_destination_exists(csv_frame: h2o.H2OFrame, transport: Transport) -> None:
    key = csv_frame.frame_id
    with pytest.raises(H2OValueError, match=f"already has something under the key '{key}'"):
        transport.write(pa.table({"x": [1]}).to_reader(), key)
    assert csv_frame.nrow == 4


@pytest.mark.parametrize("key", ["two words", "1st", "", "a(b"])
def test_destination_is_no_key(transport: Transport, no_leaks: set[str], key: str) -> None:
    with pytest.raises(H2OValueError, match="id"):
        transport.write(pa.table({"x": [1]}).to_reader(), key)


def test_error_in_the_middle_of_writing(transport: Transport, no_leaks: set[str]) -> None:
    schema = pa.schema([("x", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(2):
            yield pa.record_batch([np.arange(100_000)], schema=schema)
        raise RuntimeError("third batch")

    with pytest.raises(RuntimeError, match="third batch"):
        transport.write(pa.RecordBatchReader.from_batches(schema, batches()), "half_made")
    assert h2o.get_frame("half_made") is None


def test_destination_taken_meanwhile(transport: Transport, no_leaks: set[str]) -> None:
    schema = pa.schema([("x", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        h2o.create_frame("taken_meanwhile", rows=7, cols=1)
        yield pa.record_batch([[1]], schema=schema)

    no_leaks.add("taken_meanwhile")
    reader = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(H2OValueError, match="already has something under the key 'taken_mean"):
        transport.write(reader, "taken_meanwhile")
    assert h2o.get_frame("taken_meanwhile").nrow == 7


def _interrupted_parse(monkeypatch: pytest.MonkeyPatch, rows: int) -> str:
    """Interrupt a write as soon as the parse is seen running; the parse's job."""
    values = np.random.default_rng(0).normal(size=(10, rows))
    table = pa.table({f"x{i}": column for i, column in enumerate(values)})
    api = rest.api
    seen: list[tuple[str, str]] = []

    def interrupted(endpoint: str, **data: Any) -> dict[str, Any]:
        """What a user does who sees the parse running: a signal from a thread may come late."""
        answer = api(endpoint, **data)
        if endpoint.startswith("GET /3/Jobs/"):
            seen.append((answer["jobs"][0]["status"], endpoint))
            if len(seen) == 1:
                os.kill(os.getpid(), signal.SIGINT)
        return answer

    monkeypatch.setattr(rest, "api", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PLAIN.write(table.to_reader(), "half_made")
    monkeypatch.undo()
    assert seen[0][0] == "RUNNING"
    assert h2o.get_frame("half_made") is None
    return seen[0][1]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_interrupt_while_the_cluster_parses(
    no_leaks: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parse that ends soon is awaited, and what it made goes."""
    _interrupted_parse(monkeypatch, 400_000)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_interrupt_of_a_long_parse_cancels_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """H2O may leave single chunks of a parse that is cancelled, so only the frame is looked for."""
    monkeypatch.setattr(rest, "_ENDING_S", 0.0)
    job = _interrupted_parse(monkeypatch, 1_000_000)
    assert rest.api(job)["jobs"][0]["status"] == "CANCELLED"


def test_nearly_only_nil_uuids(no_leaks: set[str]) -> None:
    table = pa.table({"u": uuid_array([b"\1" * 16] + [b"\0" * 16] * 99)})
    with pytest.raises(H2OValueError, match="column 'u' holds almost only the nil uuid"):
        PLAIN.write(table.to_reader(), None)


def test_no_columns_and_two_of_one_name(transport: Transport, no_leaks: set[str]) -> None:
    with pytest.raises(H2OValueError, match="no columns"):
        transport.write(pa.table({}).to_reader(), None)
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(H2OValueError, match="two columns named 'x'"):
        transport.write(twice.to_reader(), None)


def test_no_vectors_are_left_behind(transport: Transport, no_leaks: set[str]) -> None:
    table = pa.table(
        {
            "x": [0.5, float("inf"), None],
            "e": enum([0, 0, None], ["a", "b"]),
            "n": pa.nulls(3, ENUM),
            "s": ["x", "y", "z"],
        }
    )
    for _ in range(3):
        frame = transport.write(table.to_reader(), None)
        transport.read(frame, ["e", "x"]).read_all()
        h2o.remove(frame)


def test_a_frame_is_removed_with_its_vectors(no_leaks: set[str]) -> None:
    h2o.create_frame("removed_whole", rows=10, cols=20)
    rest.remove("removed_whole")
    assert h2o.get_frame("removed_whole") is None


def test_progress_bars_stay_as_the_user_set_them(
    transport: Transport, no_leaks: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    h2o.show_progress()
    frame = transport.write(pa.table({"x": np.arange(1000)}).to_reader(), None)
    no_leaks.add(frame.frame_id)
    transport.read(frame, None).read_all()
    assert capsys.readouterr().out == ""
    assert h2o.job.H2OJob.__PROGRESS_BAR__


def test_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = h2o.H2OFrame()
    monkeypatch.setattr(h2o.h2o, "h2oconn", None)
    for attempt in (lambda: read_frame(frame), lambda: write_frame(pa.table({"x": [1]}))):
        with pytest.raises(H2OConnectionError, match=r"h2o_gan\.init\(\).*h2o\.connect\(url="):
            attempt()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured as Linux counts it")
def test_memory_is_bounded_by_batches(
    cluster: H2OConnection, transport: Transport, no_leaks: set[str]
) -> None:
    values = np.random.default_rng(0).normal(size=(15, 1_000_000))
    table = pa.table({f"x{i}": column for i, column in enumerate(values)})
    frame = transport.write(table.to_reader(), None)
    no_leaks.add(frame.frame_id)
    program = f"""
        import pathlib, h2o
        import h2o_gan.cluster.frames as frames
        h2o.connect(url={cluster.base_url!r}, verbose=False, strict_version_check=False)
        frame = h2o.get_frame({frame.frame_id!r})
        status = pathlib.Path("/proc/self/status")
        peak = lambda: int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
        before = peak()
        read = frames.{transport.name.upper()}.read
        rows = sum(batch.num_rows for batch in read(frame, None))
        print("found", rows, peak() - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, megabytes = run.stdout.split("found ")[1].split()[:2]
    assert int(rows) == 1_000_000
    assert int(megabytes) < 300
