"""Servers between us and the cluster that answer something else, too much, too late or nothing."""

from __future__ import annotations

import http.server
import json
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h2o
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OServerError
from hard_tables import assert_same, enum
from test_connections import _Proxy

from h2o_gan import extension
from h2o_gan.cluster import rest
from h2o_gan.cluster.frames import ARROW
from h2o_gan.cluster.transport import arrow_sender
from h2o_gan.version import PROTOCOL

TABLE = pa.table({"x": [0.1, None, 3.5], "e": enum([1, 0, None], ["b", "a"]), "s": ["p", "", None]})
needs_extension = pytest.mark.skipif(
    extension.jar() is None, reason="the extension is not built: needs a JDK"
)

Intervene = Callable[[_Proxy, str], bool]


@pytest.fixture
def between(cluster: H2OConnection) -> Iterator[Callable[[Intervene], None]]:
    """Connects through a proxy that does what a function says, and otherwise forwards."""
    servers = []

    def connect(intervene: Intervene) -> None:
        handler = type("Handler", (_Proxy,), {"intervene": intervene, "seen": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        h2o.connect(
            url=cluster.base_url,
            proxy=f"http://127.0.0.1:{server.server_port}",
            strict_version_check=False,
            verbose=False,
        )

    yield connect
    h2o.h2o.h2oconn = cluster
    for server in servers:
        server.shutdown()
        server.server_close()


@contextmanager
def peak_below(megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Please log in</html>", "is not JSON.*<html>Please log in</html>"),
        (b'{"jobs": [', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"other": 1}', "has no 'jobs'"),
    ],
)
def test_what_is_no_answer_of_a_cluster(
    between: Callable[[Intervene], None], body: bytes, message: str
) -> None:
    between(
        lambda proxy, path: (
            path == "/3/Jobs/x" and proxy.answer(body, kind="application/json;charset=UTF-8")
        )
    )
    with pytest.raises(H2OServerError, match=message):
        rest.api("GET /3/Jobs/x")["jobs"]


def test_an_answer_without_end(between: Callable[[Intervene], None]) -> None:
    def endless(proxy: _Proxy, path: str) -> bool:
        if path != "/3/Jobs/x":
            return False
        proxy.close_connection = True
        proxy.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(400):
                proxy.wfile.write(b" " * (1 << 20))
        except OSError:
            return True
        pytest.fail("all of it was read")

    between(endless)
    with peak_below(300), pytest.raises(H2OServerError, match="more than"):
        rest.api("GET /3/Jobs/x")


def test_the_end_of_a_job_is_seen_through_failing_answers(
    between: Callable[[Intervene], None],
) -> None:
    asked: list[str] = []

    def failing(proxy: _Proxy, path: str) -> bool:
        if path != "/3/Jobs/some_job":
            return False
        asked.append(path)
        if len(asked) == 1:
            proxy.close_connection = True
            return True
        if len(asked) == 2:
            return proxy.answer(b"<html>busy</html>")
        status = "RUNNING" if len(asked) == 3 else "DONE"
        return proxy.answer(json.dumps({"jobs": [{"status": status}]}).encode())

    between(failing)
    assert rest.ended(h2o.connection(), "some_job")
    assert len(asked) == 4
    asked[:] = [""] * 2
    del asked[2:]
    assert not rest.ended(h2o.connection(), "other\0job", within_s=0.0)


@needs_extension
@pytest.mark.parametrize(
    ("protocol", "others", "message"),
    [
        (PROTOCOL, [PROTOCOL], None),
        (PROTOCOL + 1, [PROTOCOL + 1], "extension 9.9 with protocol 2"),
        (None, [], "extension 9.9 with protocol None"),
        (PROTOCOL, [None], "node other:1 of the cluster has another h2o_gan extension .none."),
        (PROTOCOL, [PROTOCOL + 1], "node other:1 .* .protocol 2."),
    ],
)
def test_the_protocol_decides_and_not_the_version(
    between: Callable[[Intervene], None],
    protocol: int | None,
    others: list[int | None],
    message: str | None,
) -> None:
    about: dict[str, Any] = {"version": "9.9", "cloud_name": "x", "cloud_size": 1, "node": 0}
    if protocol is not None:
        about["protocol"] = protocol
        about["nodes"] = [{"name": "other:1", "protocol": other} for other in others]
    between(lambda proxy, path: path == "/3/GAN" and proxy.answer(json.dumps(about).encode()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert rest.extension() is rest.extension() is (message is None)
    told = [str(warning.message) for warning in caught if "h2o_gan" in str(warning.message)]
    assert len(told) == (message is not None)
    if message is not None:
        with pytest.raises(UserWarning, match=message):
            raise UserWarning(told[0])


@needs_extension
def test_a_proxys_trouble_does_not_switch_the_extension_off(
    between: Callable[[Intervene], None],
) -> None:
    """What answers for the cluster now says nothing of what the cluster has."""
    troubles = [(200, b"<html>Please log in</html>"), (503, b"busy")]

    def trouble(proxy: _Proxy, path: str) -> bool:
        if path != "/3/GAN" or not troubles:
            return False
        status, body = troubles.pop()
        return proxy.answer(body, status)

    between(trouble)
    for _ in range(2):
        with pytest.raises(H2OServerError):
            rest.extension()
    assert rest.extension()


@needs_extension
def test_a_cluster_without_room_is_asked_again(
    between: Callable[[Intervene], None], no_leaks: set[str]
) -> None:
    refused: list[str] = []

    def full(proxy: _Proxy, path: str) -> bool:
        if not path.startswith("/3/GAN/frames/") or refused.count(proxy.command) == 2:
            return False
        refused.append(proxy.command)
        proxy.close_connection = True  # Without a look at the rows that are on their way.
        return proxy.answer(b"{}", 503, Retry_After="0")

    between(full)
    random = pa.table({"x": [0.1] * 500_000, "e": enum([0] * 500_000, ["a"])})
    frame = ARROW.write(random.to_reader(10_000), "at_last")
    no_leaks.add("at_last")
    assert_same(ARROW.read(frame, None).read_all(), random)
    assert refused == ["POST", "POST", "GET", "GET"]


def _compressed() -> bytes:
    """Little that may stand for very much; pyarrow takes it unasked."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, TABLE.schema, options=options) as writer:
        writer.write_table(TABLE)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


@needs_extension
@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "announces 2147483647 bytes of metadata"),
        (b"<html>Please log in</html>", "not an Arrow stream.*Please log in"),
        (b"", "not an Arrow stream"),
        (_compressed(), "a message is compressed"),
    ],
)
def test_a_stream_that_is_none(
    between: Callable[[Intervene], None], no_leaks: set[str], start: bytes, message: str
) -> None:
    frame = ARROW.write(TABLE.to_reader(), "not_so")
    no_leaks.add("not_so")

    def bomb(proxy: _Proxy, path: str) -> bool:
        if not path.startswith("/3/GAN/frames/"):
            return False
        proxy.close_connection = True
        proxy.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + start)
        try:
            for _ in range(200 if message.startswith("announces") else 0):
                proxy.wfile.write(bytes(1 << 20))
        except OSError:
            pass
        return True

    between(bomb)
    with peak_below(64), pytest.raises(H2OServerError, match=message):
        ARROW.read(frame, None).read_all()


@needs_extension
def test_signs_of_life_while_no_rows_are_made(
    between: Callable[[Intervene], None], no_leaks: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def record(proxy: _Proxy, path: str) -> bool:
        if proxy.command == "POST" and path.startswith("/3/GAN/frames/"):
            body = proxy._body()
            sent.append(body)
            proxy._body = lambda: body  # type: ignore[method-assign]
        return False

    between(record)
    monkeypatch.setattr(arrow_sender, "SIGN_S", 0.2)

    def slow() -> Iterator[pa.RecordBatch]:
        for batch in TABLE.to_batches(1) * 2:
            time.sleep(1)
            yield batch

    reader = pa.RecordBatchReader.from_batches(TABLE.schema, slow())
    frame = ARROW.write(reader, "slowly_made")
    no_leaks.add("slowly_made")
    rows = [batch.num_rows for batch in pa.ipc.open_stream(sent[0])]
    assert sum(rows) == 6 and rows[0] == 0 and rows[-1] != 0
    assert rows.count(0) >= 4
    assert_same(ARROW.read(frame, None).read_all(), pa.concat_tables([TABLE] * 2))


@needs_extension
def test_a_connection_that_breaks_while_rows_are_sent(
    between: Callable[[Intervene], None], no_leaks: set[str]
) -> None:
    def cut(proxy: _Proxy, path: str) -> bool:
        if not path.startswith("/3/GAN/frames/"):
            return False
        proxy.rfile.read(1000)
        proxy.close_connection = True
        return True

    between(cut)
    big = pa.table({"x": [0.1] * 4_000_000})
    with pytest.raises(H2OConnectionError, match="lost the cluster while sending rows: ."):
        ARROW.write(big.to_reader(10_000), "cut_short")
