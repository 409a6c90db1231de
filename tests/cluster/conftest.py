"""The transports that the same tests run over, and workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h2o
import pyarrow as pa
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


@pytest.fixture(scope="session")
def queue_frame(cluster: Any) -> Iterator[str]:
    """Rows to learn from, a constant column and a text among them."""
    table = pa.table({"x": [1.5, 2.5, None], "one": [1, 1, 1], "text": ["a", "b", "c"]})
    yield ARROW.write(table.to_reader(), "queue_frame").frame_id
    h2o.remove("queue_frame")


@pytest.fixture
def train(queue_frame: str, no_leaks: set[str]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Starts a job as Flow does."""
    from queue_calls import ALIVE, state

    jobs = []

    def start(**parameters: Any) -> dict[str, Any]:
        values = {"training_frame": queue_frame, "wait_for_worker_secs": 60, **parameters}
        job = h2o.api("POST /3/ModelBuilders/gan", data=values)["job"]
        jobs.append(job["key"]["name"])
        return job

    yield start
    for key in jobs:
        if state(key)["status"] in ALIVE:
            h2o.api(f"POST /3/Jobs/{key}/cancel")
