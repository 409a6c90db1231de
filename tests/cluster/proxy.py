"""A proxy between a cluster and its clients, which does to their requests what a test says."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Callable
from typing import Any

import requests

Answer = tuple[int, dict[str, str], bytes]
Deed = Callable[["Handler", Callable[[], Answer]], bool]
"""Answers a request, or does not; False where it was none of those that the rule waits for."""


class Proxy:
    """Listens on a port of its own until it is closed.

    Args:
        upstream: the cluster's address.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self._rules: list[list[Any]] = []
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.proxy = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def on(self, pattern: str, deed: Deed, times: int = 1) -> None:
        """Do something with the next so many requests whose "METHOD path" matches."""
        with self._lock:
            self._rules.append([re.compile(pattern), deed, times])

    def left(self) -> int:
        """How many requests the rules still wait for."""
        with self._lock:
            return sum(times for *_, times in self._rules)

    def deed(self, request: str) -> list[Any] | None:
        with self._lock:
            for rule in self._rules:
                if rule[2] > 0 and rule[0].search(request):
                    rule[2] -= 1
                    return rule
        return None

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    """Forwards requests."""

    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        body = self._body()
        skipped = ("transfer-encoding", "content-length", "host", "connection")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}

        def forward() -> Answer:
            url = proxy.upstream + self.path
            answer = requests.request(self.command, url, data=body, headers=headers, timeout=120)
            kept = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            return answer.status_code, kept, answer.content

        rule = proxy.deed(f"{self.command} {self.path}")
        try:
            if rule is not None:
                rule[2] += not rule[1](self, forward)
            else:
                self.answer(*forward())
        except (requests.RequestException, OSError):
            self.close_connection = True

    def answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_POST = do_DELETE = _handle

    def log_message(self, *_: Any) -> None:
        pass


def lose(handler: Handler, forward: Callable[[], Answer]) -> bool:
    """The cluster does what it is asked, but its answer is lost."""
    answer = forward()
    if answer[0] == 200:
        handler.close_connection = True
    else:
        handler.answer(*answer)
    return answer[0] == 200


def say(status: int, text: str, **headers: str) -> Deed:
    """Something else answers, and the cluster hears nothing."""

    def deed(handler: Handler, forward: Callable[[], Answer]) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.answer(status, {"Content-Type": "text/html", **named}, text.encode())
        return True

    return deed


def cut(handler: Handler, forward: Callable[[], Answer]) -> bool:
    """The connection breaks off in the middle of the answer."""
    status, headers, data = forward()
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(data))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True
    return True


def endless(handler: Handler, forward: Callable[[], Answer]) -> bool:
    """An answer that goes on for as long as somebody reads."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(bytes(1 << 16))


class Hold:
    """Keeps a request from the cluster until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, handler: Handler, forward: Callable[[], Answer]) -> bool:
        self.reached.set()
        self.go.wait(120)
        handler.answer(*forward())
        return True
