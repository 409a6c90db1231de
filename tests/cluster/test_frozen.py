"""A node that is stopped, and then killed, while rows come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection, H2OLocalServer
from h2o.exceptions import H2OConnectionError

from h2o_gan import extension
from h2o_gan.cluster import patience
from h2o_gan.cluster.frames import ARROW, PLAIN, Transport

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")

# More than what waits between the two in the buffers of sockets.
TABLE = pa.table({f"x{i}": np.random.default_rng(i).normal(size=600_000) for i in range(5)})


@pytest.fixture(scope="module")
def node(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A small cluster to be stopped and killed; its address and its process."""
    folder, port = tmp_path_factory.mktemp("node"), free_port()
    jars = [H2OLocalServer()._find_jar(), *filter(None, [extension.jar()])]
    command = [H2OLocalServer._find_java(), "-Xmx900m", *extension.ADD_OPENS]
    command += ["-cp", os.pathsep.join(map(str, jars)), "water.H2OApp", "-ip", "127.0.0.1"]
    command += ["-port", str(port), "-name", f"frozen_{port}", "-ice_root", str(folder)]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 90
        while not _answers(address):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.3)
        yield address, process
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/3/Cloud", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture
def process(
    cluster: H2OConnection,
    node: tuple[str, subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[subprocess.Popen[bytes]]:
    """The small cluster's process; the cluster is connected, and runs again afterwards."""
    address, process = node
    h2o.connect(url=address, strict_version_check=False, verbose=False)
    monkeypatch.setattr(patience, "REPORT_AFTER_S", 0.5)
    monkeypatch.setattr(patience, "LIMIT_S", 3.0)
    yield process
    process.send_signal(signal.SIGCONT)
    h2o.h2o.h2oconn = cluster


def read(transport: Transport, then: Callable[[], None]) -> None:
    """Read a frame, and do something after its first rows."""
    frame = h2o.get_frame("to_be_read") or transport.write(TABLE.to_reader(), "to_be_read")
    with transport.read(frame, None) as reader:
        reader.read_next_batch()
        then()
        reader.read_all()


def write(transport: Transport, then: Callable[[], None]) -> None:
    """Write a frame, and do something after its first rows; the plain way, after all of them."""

    def rows() -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(TABLE.to_batches(20_000)):
            yield batch
            if number == (10 if transport is ARROW else 29):
                then()

    transport.write(pa.RecordBatchReader.from_batches(TABLE.schema, rows()), None)


@pytest.mark.parametrize("move", [read, write])
def test_silence_is_told_and_ends(
    process: subprocess.Popen[bytes],
    transport: Transport,
    move: Callable[[Transport, Callable[[], None]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    doing = "uploading rows|waiting for" if transport is PLAIN else "sending rows"
    doing = "reading a frame" if move is read else doing
    with pytest.raises(H2OConnectionError, match=f"did not answer for too long while ({doing})"):
        move(transport, lambda: process.send_signal(signal.SIGSTOP))
    told = capsys.readouterr().err
    assert "h2o_gan: the cluster has not answered for" in told
    assert "Interrupt (Ctrl-C) to stop waiting" in told


@pytest.mark.parametrize("move", [read, write])
def test_an_interrupt_leaves_at_once(
    process: subprocess.Popen[bytes],
    transport: Transport,
    move: Callable[[Transport, Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "LIMIT_S", 60.0)
    interrupted: list[float] = []

    def interrupt() -> None:
        interrupted.append(time.monotonic())
        # Any thread may get it, this one too.
        os.kill(os.getpid(), signal.SIGINT)

    def freeze() -> None:
        process.send_signal(signal.SIGSTOP)
        threading.Timer(1.0, interrupt).start()

    with pytest.raises(KeyboardInterrupt):
        move(transport, freeze)
    # Two seconds on an idle machine.
    assert time.monotonic() - interrupted[0] < 10


def test_a_killed_cluster(process: subprocess.Popen[bytes]) -> None:
    """The last one here."""
    transport = ARROW if extension.jar() else PLAIN

    def kill() -> None:
        process.kill()
        process.wait()

    frame = h2o.get_frame("to_be_read") or transport.write(TABLE.to_reader(), "to_be_read")
    reader = transport.read(frame, None)
    reader.read_next_batch()
    with pytest.raises(H2OConnectionError, match="lost the cluster while .*: .*h2o.connect"):
        write(transport, kill)
    with pytest.raises(H2OConnectionError, match="lost the cluster while .*: .*h2o.connect"):
        reader.read_all()
