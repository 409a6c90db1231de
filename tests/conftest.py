"""One embedded cluster for the whole run, on a port and under a name of its own."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")

import h2o
import pytest
from h2o.backend import H2OConnection

import h2o_gan
from h2o_gan import extension

# Tests are imported by path, so their helper modules have to be made findable.
sys.path.insert(0, str(Path(__file__).parent))

import stored_keys
from stored_keys import cluster_keys

# A shell's background jobs ignore interrupts, which would fail the tests of Ctrl-C there.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave modules and tests out of garbage collections: many tests begin and end with one."""
    gc.collect()
    gc.freeze()


def free_port() -> int:
    """A port whose successor is free too: H2O's nodes talk to each other on that one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@pytest.fixture(scope="session", name="free_port")
def free_port_function() -> Callable[[], int]:
    """:func:`free_port`, for tests in other folders."""
    return free_port


@pytest.fixture(scope="session", name="cluster_keys")
def cluster_keys_function() -> Callable[[], set[str]]:
    """:func:`cluster_keys`, for tests in other folders."""
    return cluster_keys


@pytest.fixture(scope="session")
def key_counter(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a cluster needs in its classpath to tell all its keys; nothing where there is no JDK."""
    jar = stored_keys.jar(tmp_path_factory.mktemp("stored_keys")) if extension.jar() else None
    return [str(jar)] if jar else []


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[H2OConnection]:
    """The connection to the run's cluster; it is shut down at the end.

    H2O_GAN_TEST_URL names one that runs already, and goes on running.
    """
    if url := os.environ.get("H2O_GAN_TEST_URL"):
        h2o.connect(url=url, strict_version_check=False, verbose=False)
        yield h2o.connection()
        return
    h2o_gan.init(
        port=free_port(),
        name=f"test_{uuid.uuid4().hex[:8]}",
        max_mem_size="3G",
        extra_classpath=request.getfixturevalue("key_counter"),
        strict_version_check=False,
    )
    connection = h2o.connection()
    yield connection
    h2o.h2o.h2oconn = connection
    h2o.cluster().shutdown()


@pytest.fixture
def no_leaks(cluster: H2OConnection) -> Iterator[set[str]]:
    """Fails a test that leaves anything in the cluster: frames, models, vectors, chunks, pieces.

    What lives under the keys that a test adds to the set is removed first.
    """
    before = stored_keys.stored()
    kept: set[str] = set()
    yield kept
    for key in kept:
        h2o.remove(key)
    left = stored_keys.left_since(before)
    assert not left, f"{len(left)} keys stay in the cluster: {sorted(left)[:20]}"
