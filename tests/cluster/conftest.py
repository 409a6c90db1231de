"""The transports that the same tests run over, and workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h2o
import pytest
from h2o.backend import H2OConnection

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW, PLAIN, Transport

# Tests are imported by path, so their helper module has to be made findable.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", params=[PLAIN, ARROW], ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each transport in turn."""
    chosen: Transport = request.param
    if chosen is ARROW and extension.jar() is None:
        pytest.skip("the cluster extension is not built: that needs a JDK")
    return chosen


@pytest.fixture
def worker(cluster: H2OConnection, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts workers; none outlives the test."""
    from workers import Process

    started: list[Process] = []

    def start(*arguments: str, url: str | None = None, **options: Any) -> Process:
        started.append(Process(tmp_path, url or cluster.base_url, *arguments, **options))
        return started[-1]

    yield start
    for process in started:
        process.process.kill()
        process.process.wait()


@pytest.fixture(scope="session")
def thousand(cluster: H2OConnection) -> Iterator[h2o.H2OFrame]:
    """A frame that a GAN learns in no time."""
    from workers import rows

    yield ARROW.write(rows(1000).to_reader(), "worker_frame")
    h2o.remove("worker_frame")
