"""What a node takes at most: a small one under floods, bombs and clients that stand still."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OLocalServer
from stored_keys import left_since, stored_at

from h2o_gan import extension

pytestmark = pytest.mark.skipif(
    extension.jar() is None, reason="the extension is not built: needs a JDK"
)

IDLE_S = 3.0
HEAP = 400 << 20


@pytest.fixture(scope="module")
def node(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], key_counter: list[str]
) -> Iterator[str]:
    """The address of a node with little memory and little patience."""
    folder = tmp_path_factory.mktemp("small")
    port = free_port()
    command = [H2OLocalServer._find_java(), "-ea", f"-Xmx{HEAP >> 20}m", *extension.ADD_OPENS]
    command += [f"-Dh2o_gan.idle_ms={int(1000 * IDLE_S)}", "-XX:+ExitOnOutOfMemoryError", "-cp"]
    jars = [H2OLocalServer()._find_jar(), extension.jar(), *key_counter]
    command += [os.pathsep.join(map(str, jars)), "water.H2OApp"]
    command += ["-ip", "127.0.0.1", "-port", str(port), "-name", f"small_{port}"]
    command += ["-ice_root", str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 180
    try:
        while True:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            try:
                if requests.get(f"{address}/3/Cloud", timeout=5).json()["cloud_healthy"]:
                    break
            except (requests.RequestException, ValueError):
                time.sleep(0.3)
        yield address
    finally:
        process.kill()
        process.wait()


def post(node: str, key: str, body: bytes) -> requests.Response:
    return requests.post(f"{node}/3/GAN/frames/{key}.arrow", data=body, timeout=60)


def remove(node: str, key: str) -> None:
    path = f"{node}/3/DKV/{key}"
    assert requests.delete(path, params={"cascade": "true"}, timeout=60).status_code == 200


def connect(node: str) -> socket.socket:
    place = urlsplit(node)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 80), timeout=30)


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


HALF_A_POST = (
    b"POST /3/GAN/frames/slow.arrow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"8\r\n\xff\xff\xff\xff\x00\x01\x00\x00\r\n"
)


def test_too_many_senders_are_told_to_come_again(node: str) -> None:
    """Slow senders fill the places; all others get their answer, and so does H2O itself."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(node)) for _ in range(120)]
        for one in slow:
            one.sendall(HALF_A_POST)
        start = time.monotonic()
        assert requests.get(f"{node}/3/Cloud", timeout=20).status_code == 200
        assert time.monotonic() - start < 10
        answers = []
        for one in slow:
            answer = b""
            while part := one.recv(1 << 16):
                answer += part
                if answer.endswith(b"}"):
                    break
            answers.append(answer)
    # Those who had a place sent nothing more, and were cut off after a while.
    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503")]
    assert len(refused) >= 120 - 64
    assert all(b"Retry-After: 1" in answer and b"transfers already" in answer for answer in refused)
    table = pa.table({"x": [1]})
    assert post(node, "after", stream(table)).status_code == 200
    remove(node, "after")


def test_a_reader_that_does_not_read_is_cut_off(node: str) -> None:
    table = pa.table({"x": np.random.default_rng(0).normal(size=2_500_000)})
    assert post(node, "big", stream(table)).status_code == 200
    with ExitStack() as stack:
        readers = [stack.enter_context(connect(node)) for _ in range(16)]
        for one in readers:
            one.sendall(b"GET /3/GAN/frames/big.arrow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * IDLE_S)
        got = requests.get(f"{node}/3/GAN/frames/big.arrow", timeout=60)
        assert pa.ipc.open_stream(got.content).read_all().equals(table)
    remove(node, "big")


@contextmanager
def leaving_nothing(node: str) -> Iterator[None]:
    """Every key in the node is one that was there before."""
    before = stored_at(node, timeout=60)
    yield
    assert not left_since(before, lambda: stored_at(node, timeout=60))


def messages(body: bytes) -> list[bytes]:
    """The messages of a stream, its end mark aside."""
    reader = pa.ipc.MessageReader.open_stream(body)
    return [message.serialize().to_pybytes() for message in reader]


def with_one_dictionary(schema: bytes) -> bytes:
    """A schema message in which all columns refer to the dictionary of the first."""
    flat = bytearray(schema[8:])

    def slot(table: int, field: int) -> int:
        table_of_slots = table - struct.unpack_from("<i", flat, table)[0]
        if struct.unpack_from("<H", flat, table_of_slots)[0] <= 4 + 2 * field:
            return 0
        offset: int = struct.unpack_from("<H", flat, table_of_slots + 4 + 2 * field)[0]
        return table + offset if offset else 0

    def target(place: int) -> int:
        return place + int(struct.unpack_from("<I", flat, place)[0])

    fields = target(slot(target(slot(target(0), 2)), 1))
    for i in range(struct.unpack_from("<I", flat, fields)[0]):
        number = slot(target(slot(target(fields + 4 + 4 * i), 4)), 0)
        if number:
            struct.pack_into("<q", flat, number, 0)
    return schema[:8] + bytes(flat)


def one_dictionary_of_many_columns() -> bytes:
    array = pa.array([f"level {i}" for i in range(20_000)]).dictionary_encode()[:1]
    small = pa.DictionaryArray.from_arrays(array.indices, array.dictionary[:1])
    names = [f"c{i}" for i in range(3_000)]
    first = messages(stream(pa.table({"c0": array})))
    many = messages(stream(pa.table([small] * len(names), names=names)))
    return with_one_dictionary(many[0]) + first[1] + many[-1] + END


def rows_without_values() -> bytes:
    batches = messages(stream(pa.table({"x": pa.nulls(2**31 - 100)})))
    return b"".join([batches[0], *batches[1:] * 20, END])


def views_of_one_text() -> bytes:
    rows, text = 60_000, b"x" * (1 << 20)
    views = struct.pack("<i4sii", len(text), text[:4], 0, 0) * rows
    buffers = [None, pa.py_buffer(views), pa.py_buffer(text)]
    return stream(pa.table({"x": pa.Array.from_buffers(pa.string_view(), rows, buffers)}))


def texts_that_go_back() -> bytes:
    """Every other row is null and leads back to the beginning of the text."""
    rows, text = 60_000, b"x" * (1 << 20)
    places = np.array([0, len(text)] * (rows // 2) + [0], dtype=np.int32)
    valid = np.packbits(np.tile([1, 0], rows // 2), bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(places), pa.py_buffer(text)]
    return stream(pa.table({"x": pa.Array.from_buffers(pa.string(), rows, buffers)}))


def many_deltas() -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    levels = pa.array([str(i) for i in range(200)])
    schema = pa.schema({"x": pa.dictionary(pa.int32(), pa.string())})
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for count in (100, 200):
            array = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), levels[:count])
            writer.write_batch(pa.record_batch([array], schema=schema))
    parts = messages(sink.getvalue().to_pybytes())
    return b"".join([*parts[:3], parts[3] * 20_000, *parts[4:], END])


def endless_metadata() -> bytes:
    return stream(pa.table({"x": [1]}))[:-8] + b"\xff\xff\xff\xff" + struct.pack("<i", 2**31 - 8)


END = b"\xff\xff\xff\xff\0\0\0\0"


@pytest.mark.parametrize(
    ("make", "accepted"),
    [
        (one_dictionary_of_many_columns, False),
        (rows_without_values, False),
        (views_of_one_text, False),
        (texts_that_go_back, False),
        (many_deltas, True),
        (endless_metadata, False),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_bombs(node: str, make: Callable[[], bytes], accepted: bool) -> None:
    """A little that stands for very much: an answer soon, and a node that goes on."""
    body = make()
    with leaving_nothing(node):
        start = time.monotonic()
        answer = post(node, "bomb", body)
        took = time.monotonic() - start
        if answer.status_code == 200:
            remove(node, "bomb")
        assert answer.status_code == (200 if accepted else 400), answer.text
        assert accepted or answer.json()["msg"]
        assert took < 15


def test_a_frame_larger_than_memory_is_refused_in_time(node: str) -> None:
    """In words, and before there is no memory left: the node would end at once otherwise."""
    batch = pa.record_batch({"x": np.random.default_rng(0).normal(size=1 << 18)})

    def parts() -> Iterator[bytes]:
        schema, rows = messages(stream(pa.Table.from_batches([batch])))
        yield schema
        for _ in range(3 * HEAP // batch.nbytes):
            yield rows
        yield END

    with leaving_nothing(node):
        answer = requests.post(f"{node}/3/GAN/frames/large.arrow", data=parts(), timeout=120)
        assert answer.status_code == 413, answer.text
        assert "not enough memory for this frame" in answer.json()["msg"]
    assert post(node, "small", stream(pa.table({"x": [1]}))).status_code == 200
    remove(node, "small")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_long_texts(node: str, kind: pa.DataType) -> None:
    """Texts of 20 kB each, in one batch as large as it may be, come in and go out again."""
    texts = [str(i) * (20_000 // len(str(i))) for i in range(2_500)] + [None, "", "ž" * 3_000_000]
    table = pa.table({"i": np.arange(len(texts)), "s": pa.array(texts).cast(kind)})
    assert post(node, "texts", stream(table)).status_code == 200
    chunks = requests.get(f"{node}/3/FrameChunks/texts", timeout=60).json()["chunks"]
    assert len(chunks) == 4
    got = requests.get(f"{node}/3/GAN/frames/texts.arrow", timeout=60)
    batches = list(pa.ipc.open_stream(got.content))
    assert max(batch.nbytes for batch in batches) < 17 << 20
    assert pa.Table.from_batches(batches)["s"].to_pylist() == texts
    remove(node, "texts")


def test_signs_of_life(node: str) -> None:
    """A sender that has no rows yet sends empty batches; they take no part in the frame."""
    schema, rows = messages(stream(pa.table({"x": [1.5, 2.5]})))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema({"x": pa.float64()})) as writer:
        writer.write_batch(pa.record_batch({"x": pa.array([], pa.float64())}))
    empty = messages(sink.getvalue().to_pybytes())[1:]

    def slowly() -> Iterator[bytes]:
        yield schema
        for _ in range(3):
            time.sleep(0.5 * IDLE_S)
            yield b"".join(empty * 100)
        yield rows + END

    answer = requests.post(f"{node}/3/GAN/frames/slow.arrow", data=slowly(), timeout=60)
    assert answer.json()["rows"] == 2
    remove(node, "slow")
