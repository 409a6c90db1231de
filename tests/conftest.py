"""One embedded cluster for the whole run, on a port and under a name of its own."""

from __future__ import annotations

import gc
import os
import signal
import socket
import uuid
import warnings
from collections.abc import Callable, Iterator

os.environ.setdefault("DO_NOT_TRACK", "1")

import h2o
import pytest
from h2o.backend import H2OConnection

import h2o_gan

# A shell's background jobs ignore interrupts, which would fail the tests of Ctrl-C there.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
def cluster() -> Iterator[H2OConnection]:
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
        strict_version_check=False,
    )
    connection = h2o.connection()
    yield connection
    h2o.h2o.h2oconn = connection
    h2o.cluster().shutdown()


def cluster_keys() -> set[str]:
    """The keys of all that lives in the connected cluster."""
    gc.collect()  # Lazy frames that nobody holds any more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return set(h2o.ls()["key"])


@pytest.fixture
def no_leaks(cluster: H2OConnection) -> Iterator[set[str]]:
    """Fails a test that leaves keys in the cluster; keys added to the set may stay.

    Those that stay are removed after the test.
    """
    before = cluster_keys()
    kept: set[str] = set()
    yield kept
    after = cluster_keys()
    assert after - before <= kept
    for key in kept:
        h2o.remove(key)
