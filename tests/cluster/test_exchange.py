"""Requests and answers' bodies, against a server of this process: no cluster."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from h2o.exceptions import H2OConnectionError

from h2o_gan.cluster import exchange, patience
from h2o_gan.cluster.transport.body import ResponseBody

BODY = bytes(range(256)) * 1_000


class _Handler(http.server.BaseHTTPRequestHandler):
    """Keeps what is sent, and sends BODY; half of it from /half."""

    sent: list[tuple[str | None, bytes]]

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length")
        self.sent.append((length, self.rfile.read(int(length or 0))))
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[: len(BODY) // 2] if self.path == "/half" else BODY)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str | None, bytes]]]]:
    handler = type("Handler", (_Handler,), {"sent": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}", handler.sent
        serving.shutdown()


def test_a_file_is_sent_from_where_it_stands(server: Any, tmp_path: Path) -> None:
    url, sent = server
    (tmp_path / "file").write_bytes(BODY)
    with (tmp_path / "file").open("rb") as file:
        file.seek(1_000)
        wait = patience.Wait("sending", 0.0, 1.0)
        answer = requests.post(url, data=exchange._Upload(file, wait), timeout=30)
        assert not file.closed
    assert answer.status_code == 200
    assert sent == [(str(len(BODY) - 1_000), BODY[1_000:])]
    assert wait.since > 0  # Parts that leave are signs of life.


def test_a_body_is_read_in_any_way(server: Any) -> None:
    url, _ = server
    with ResponseBody(requests.get(url, stream=True, timeout=30), "reading") as body:
        buffer = bytearray(1_000)
        assert body.readable()
        assert body.readinto(buffer) == 1_000
        assert bytes(buffer) + body.read(24) == BODY[:1_024]
        assert body.read() == BODY[1_024:]
        assert body.readinto(buffer) == 0


def test_a_body_that_breaks_off_is_a_lost_cluster(server: Any) -> None:
    url, _ = server
    with (
        ResponseBody(requests.get(f"{url}/half", stream=True, timeout=30), "reading rows") as body,
        pytest.raises(H2OConnectionError, match="while reading rows"),
    ):
        body.read()
