"""The cluster extension's addresses, called by other people's Arrow and with hostile bytes."""

from __future__ import annotations

import io
import os
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from weakref import WeakKeyDictionary

import h2o
import nanoarrow as na
import nanoarrow.ipc
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection, H2OLocalServer
from hard_tables import TIME, assert_same, enum, uuid_array
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import h2o_gan
from h2o_gan import extension
from h2o_gan.cluster import frames, nodes
from h2o_gan.cluster.frames import ARROW, PLAIN
from h2o_gan.version import PROTOCOL

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]

TABLE = pa.table(
    {
        "int": [1, None, -(2**60)],
        "real": [0.1, float("inf"), None],
        "enum": enum([1, None, 0], ["z", "a"]),
        "time": pa.array([0, None, -1], TIME),
        "text": ["", None, "žluťoučký"],
        "uuid": uuid_array([b"\1" * 16, None, b"\0" * 16]),
    }
)


def stream(table: pa.Table) -> bytes:
    """A table as the bytes of an Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def url(key: str) -> str:
    return f"{h2o.connection().base_url}/3/GAN/frames/{key}.arrow"


def get(key: str, **params: str | list[str]) -> pa.Table:
    answer = requests.get(url(key), params=params, timeout=60)
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def post(key: str, body: bytes) -> requests.Response:
    return requests.post(url(key), data=body, timeout=60)


@pytest.fixture
def frame(no_leaks: set[str]) -> str:
    """The key of TABLE in the cluster."""
    assert post("extension_table", stream(TABLE)).json()["rows"] == 3
    no_leaks.add("extension_table")
    return "extension_table"


@pytest.mark.usefixtures("no_leaks")
def test_versions() -> None:
    about = requests.get(f"{h2o.connection().base_url}/3/GAN", timeout=60).json()
    assert about["version"] == h2o_gan.__version__
    entries = {entry["name"]: entry["value"] for entry in h2o.api("GET /3/About")["entries"]}
    assert entries["h2o_gan version"] == h2o_gan.__version__
    assert frames.transport() is ARROW


def test_another_version_will_do(cluster: H2OConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_extensions", WeakKeyDictionary())
    monkeypatch.setattr(nodes, "__version__", "9.9.9")
    assert frames.transport() is ARROW


def test_another_protocol_is_told_once(
    cluster: H2OConnection, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(nodes, "_extensions", WeakKeyDictionary())
    monkeypatch.setattr(nodes, "PROTOCOL", PROTOCOL + 1)
    assert frames.transport() is PLAIN
    assert frames.transport() is PLAIN
    said = [str(warning.message) for warning in recwarn]
    assert len(said) == 1
    assert f"extension {h2o_gan.__version__} with protocol {PROTOCOL}, but this" in said[0]
    assert f"h2o_gan {h2o_gan.__version__} with protocol {PROTOCOL + 1}" in said[0]
    assert "h2o-gan extension --path" in said[0]


def test_pyarrow_reads_it(frame: str) -> None:
    assert_same(get(frame), TABLE)


def test_polars_reads_it(frame: str) -> None:
    got = pl.read_ipc_stream(requests.get(url(frame), timeout=60).content)
    assert got["int"].to_list() == TABLE["int"].to_pylist()
    assert got["real"].to_list() == TABLE["real"].to_pylist()
    assert got["enum"].cast(pl.String).to_list() == ["a", None, "z"]
    assert got["time"].cast(pl.Int64).to_list() == [0, None, -1]
    assert got["text"].to_list() == TABLE["text"].to_pylist()


def test_nanoarrow_reads_it(frame: str) -> None:
    with na.ipc.InputStream.from_url(url(frame)) as source:
        got = na.Array(source)
    assert got.child(0).to_pylist() == TABLE["int"].to_pylist()
    assert got.child(1).to_pylist() == TABLE["real"].to_pylist()
    assert got.child(4).to_pylist() == TABLE["text"].to_pylist()


def test_polars_feeds_it(no_leaks: set[str]) -> None:
    table = pl.DataFrame(
        {
            "int": [1, None, 3],
            "text": ["short", None, "longer than the twelve bytes of a view"],
            "enum": pl.Series(["b", None, "a"], dtype=pl.Categorical),
            "day": pl.Series([0, 1, None]).cast(pl.Date),
            "flag": [True, None, False],
        }
    )
    sink = io.BytesIO()
    table.write_ipc_stream(sink)
    assert post("from_polars", sink.getvalue()).status_code == 200
    no_leaks.add("from_polars")
    expected = pa.table(
        {
            "int": [1, None, 3],
            "text": table["text"].to_list(),
            "enum": enum([0, None, 1], ["b", "a"]),
            "day": pa.array([0, 86_400_000, None], TIME),
            "flag": enum([1, None, 0], ["False", "True"]),
        }
    )
    assert_same(get("from_polars"), expected)


def test_nanoarrow_feeds_it(no_leaks: set[str]) -> None:
    sink = io.BytesIO()
    with na.ipc.StreamWriter.from_writable(sink) as writer:
        writer.write_stream(pa.table({"x": [1.5, None], "s": ["a", "b"]}))
    assert post("from_nanoarrow", sink.getvalue()).status_code == 200
    no_leaks.add("from_nanoarrow")
    assert_same(get("from_nanoarrow"), pa.table({"x": [1.5, None], "s": ["a", "b"]}))


def test_a_wide_frame_has_the_types_of_its_columns(no_leaks: set[str]) -> None:
    """Wide frames are looked through at once, by another way than a few columns are."""
    ends = [0, 127, 128, -128, -129, 2**15, -(2**15) - 1, 2**31 - 1, 2**31, 2**53 + 1]
    columns = [pa.array([1, None, end]) for end in ends]
    columns += [pa.array([1.0, None, end]) for end in (0.5, 1e300, float("inf"), -0.0, 2.0**40)]
    columns += [pa.array([None, None, None], pa.float64()), enum([1, None, 0], ["z", "a"])]
    columns += [pa.array([0, None, -1], TIME), pa.array(["", None, "x"])]
    # Long enough for two chunks, with the values in the second.
    columns = [pa.concat_arrays([pa.nulls(11_000, own.type), own]) for own in columns]
    table = pa.table({f"c{i}": columns[i % len(columns)] for i in range(400)})
    no_leaks.add("wide")
    assert post("wide", stream(table)).status_code == 200
    wide = get("wide", ints="narrow")
    few = get("wide", ints="narrow", columns=f"0-{len(columns) - 1}")
    few_types = few.schema.types
    assert {"int8", "int16", "int32", "int64", "double"} <= set(map(str, few_types))
    assert wide.schema.types == [few_types[i % len(columns)] for i in range(400)]
    assert wide.select(few.column_names).equals(few)


def test_columns_and_rows(frame: str) -> None:
    assert_same(get(frame, columns="4,0-1"), TABLE.select(["text", "int", "real"]))
    assert_same(get(frame, column=["uuid", "enum"]), TABLE.select(["uuid", "enum"]))
    assert_same(get(frame, row_offset="1", row_count="1"), TABLE.slice(1, 1))
    assert_same(get(frame, row_offset="2", row_count=str(2**63 - 1)), TABLE.slice(2))
    assert get(frame, row_offset="9").num_rows == 0
    assert get(frame, row_count="0").schema == TABLE.schema


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ({"columns": "0-9"}, 404, "no column number 9"),
        ({"columns": "x"}, 400, "columns=0-3,7"),
        ({"columns": "1,1"}, 400, "asked for twice"),
        ({"column": "colour"}, 404, "no column 'colour'"),
        ({"row_offset": "-1"}, 400, "row_offset must be"),
        ({"row_count": "many"}, 400, "row_count must be"),
        ({"node": "7"}, 404, "no node 7"),
    ],
)
def test_what_cannot_be_asked_for(
    frame: str, params: dict[str, str], status: int, message: str
) -> None:
    answer = requests.get(url(frame), params=params, timeout=60)
    assert answer.status_code == status
    assert message in answer.json()["msg"]


@pytest.mark.usefixtures("no_leaks")
def test_a_frame_without_columns_is_an_empty_stream(no_leaks: set[str]) -> None:
    whole = h2o.H2OFrame({"x": [1, 2]}, destination_frame="without_columns")
    h2o.rapids("(assign without_columns (cols without_columns []))")
    no_leaks.add(whole.frame_id)
    got = get("without_columns")
    assert got.num_columns == 0 and got.num_rows == 0


def test_no_such_frame() -> None:
    answer = requests.get(url("nowhere"), timeout=60)
    assert (answer.status_code, answer.json()["msg"]) == (
        404,
        "there is no frame 'nowhere' in the cluster",
    )


def test_a_taken_key_stays_as_it_is(frame: str) -> None:
    answer = post(frame, stream(pa.table({"x": [1]})))
    assert answer.status_code == 409
    assert "already has something under the key" in answer.json()["msg"]
    assert_same(get(frame), TABLE)


def test_chunks_are_even_and_rows_in_order(no_leaks: set[str]) -> None:
    """Batches of any size become chunks of one size; many chunks keep the order of rows."""
    table = pa.table({"x": np.arange(500_000), "s": pa.array(np.arange(500_000)).cast(pa.string())})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in [
            *table.slice(0, 9_000).to_batches(max_chunksize=7),
            *table.slice(9_000).to_batches(),
        ]:
            writer.write_batch(batch)
    assert post("many_batches", sink.getvalue()).status_code == 200
    no_leaks.add("many_batches")
    chunks = h2o.api("GET /3/FrameChunks/many_batches")["chunks"]
    assert [chunk["row_count"] for chunk in chunks] == [65_000] * 7 + [45_000]
    assert_same(get("many_batches"), table)


BYTES = stream(pa.concat_tables([TABLE] * 3))


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_broken_streams_leave_nothing(no_leaks: set[str], data: st.DataObject) -> None:
    """Cut off, with some bytes changed, nothing but noise: a reason, and nothing in the cluster."""
    body = bytearray(BYTES)
    how = data.draw(st.sampled_from(["cut", "change", "noise", "repeat"]))
    if how == "cut":
        body = body[: data.draw(st.integers(0, len(body) - 9))]
    elif how == "noise":
        body = bytearray(data.draw(st.binary(max_size=200)))
    elif how == "repeat":
        start = 8 * data.draw(st.integers(0, len(body) // 8))
        body[start:start] = body[: 8 * data.draw(st.integers(1, len(body) // 8))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(body) - 1))
            body[place] = data.draw(st.integers(0, 255))
    answer = post("broken", bytes(body))
    if answer.status_code == 200:
        # Some changes make another good table of it.
        assert how != "cut"
        h2o.remove("broken")
        return
    assert answer.status_code == 400, answer.text
    assert answer.json()["msg"]
    assert requests.get(url("broken"), timeout=60).status_code == 404


def test_lengths_are_not_believed(no_leaks: set[str]) -> None:
    """A message that promises more than any node has room for, or much more than it then brings."""
    table = pa.table({"x": np.arange(1000)})
    body = stream(table)
    length = 8000  # the body of the record batch, which its message says
    place = body.index(length.to_bytes(8, "little"))
    for lie, reason in [(2**62, "more than this node has room for"), (-8, "says that its body"),
                        (600 << 20, "ended in the middle")]:  # fmt: skip
        wrong = bytearray(body)
        wrong[place : place + 8] = lie.to_bytes(8, "little", signed=True)
        answer = post("lies", bytes(wrong))
        assert answer.status_code == 400
        assert reason in answer.json()["msg"]


def test_nothing_stays_in_memory_of_what_failed(no_leaks: set[str]) -> None:
    """Chunks that were made before the stream broke go as well."""
    table = pa.table({f"x{i}": np.random.default_rng(i).normal(size=200_000) for i in range(5)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=20_000)
    body = sink.getvalue()[:-9]
    for _ in range(3):
        assert post("half", body).status_code == 400


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"x": ["a\0b"]}), "column 'x' holds text with the character U+0000"),
        (pa.table({"x": enum([0], ["a\0b"])}), "column 'x' holds text with the character U+0000"),
        (pa.table({}), "no columns"),
        (pa.table([[1], [2]], names=["x", "x"]), "two columns named 'x'"),
        (pa.table({"x": [[1]]}), "column 'x' is of Arrow type list"),
        (pa.table({"x": [b"1"]}), "column 'x' is of Arrow type binary"),
    ],
)
def test_what_the_cluster_refuses(no_leaks: set[str], table: pa.Table, message: str) -> None:
    answer = post("refused", stream(table))
    assert answer.status_code == 400
    assert message in answer.json()["msg"]


@pytest.mark.usefixtures("no_leaks")
def test_compressed_streams_and_files_are_refused_with_a_cure() -> None:
    table = pa.table({"x": np.zeros(10_000)})
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    assert "send them uncompressed" in post("packed", sink.getvalue()).json()["msg"]
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert "send an Arrow IPC stream instead" in post("file", sink.getvalue()).json()["msg"]


@pytest.mark.usefixtures("no_leaks")
def test_text_that_is_not_utf8_is_refused() -> None:
    body = stream(pa.table({"x": ["marker"]})).replace(b"marker", b"mark\xff\xfe")
    assert "column 'x' holds text that is not UTF-8" in post("latin", body).json()["msg"]


@pytest.fixture
def node(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[[Path], str]]:
    """Starts a node with a jar on its classpath; gives its address when it is up."""
    started: list[subprocess.Popen[bytes]] = []

    def start(jar: Path) -> str:
        port = free_port()
        command = [H2OLocalServer._find_java(), "-Xmx400m", *extension.ADD_OPENS, "-cp"]
        command += [f"{H2OLocalServer()._find_jar()}{os.pathsep}{jar}", "water.H2OApp"]
        command += ["-port", str(port), "-ip", "127.0.0.1", "-name", f"node_{port}"]
        command += ["-ice_root", str(tmp_path)]
        with (tmp_path / "log").open("w") as log:
            started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert started[-1].poll() is None, (tmp_path / "log").read_text()[-2000:]
            try:
                with closing(requests.get(f"{address}/3/Cloud", timeout=5)) as answer:
                    if answer.json()["cloud_healthy"]:
                        return address
            except (requests.RequestException, ValueError):
                time.sleep(0.3)
        pytest.fail("the node does not come up: " + (tmp_path / "log").read_text()[-2000:])

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_broken_extension_does_not_stop_the_node(
    node: Callable[[Path], str], tmp_path: Path
) -> None:
    """As an H2O might find it that lacks what the extension was compiled against."""
    jar = extension.jar()
    assert jar is not None
    broken = tmp_path / "broken.jar"
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            if not name.endswith(("Servlet.class", "Version.class")):
                target.writestr(name, source.read(name))
    address = node(broken)
    assert requests.get(f"{address}/3/GAN", timeout=10).status_code == 404
    assert requests.get(f"{address}/3/About", timeout=10).status_code == 200
