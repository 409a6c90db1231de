"""What a node takes at most: a small one under floods, bombs and clients that stand still."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OLocalServer

from h2o_gan import extension

pytestmark = pytest.mark.skipif(
    extension.jar() is None, reason="the extension is not built: needs a JDK"
)

IDLE_S = 3.0
HEAP = 400 << 20


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """The address of a node with little memory and little patience."""
    folder = tmp_path_factory.mktemp("small")
    port = free_port()
    command = [H2OLocalServer._find_java(), "-ea", f"-Xmx{HEAP >> 20}m", *extension.ADD_OPENS]
    command += [f"-Dh2o_gan.idle_ms={int(1000 * IDLE_S)}", "-XX:+ExitOnOutOfMemoryError", "-cp"]
    command += [f"{H2OLocalServer()._find_jar()}{os.pathsep}{extension.jar()}", "water.H2OApp"]
    command += ["-ip", "127.0.0.1", "-port", str(port), "-name", f"small_{port}"]
    command += ["-ice_root", str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
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
