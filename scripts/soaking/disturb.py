"""Kills and pauses processes at random moments, within bounds."""

from __future__ import annotations

import random
import signal
import threading
import time
from contextlib import suppress
from typing import TypeVar

import requests

from soaking.crew import Crew
from soaking.jobs import Jobs
from soaking.ledger import Job, Ledger
from soaking.processes import Client, Nodes, Process, Worker
from soaking.work import Work

__all__ = ["Disturb"]

_HITS = 2
"""A job whose workers were hit so often is spared: the third in a row would end it by design."""
_LONG_S = 8.0
"""A pause that may cost a lease."""
_MOST_S = 40.0
_NODE_S, _NODE_LONG_S = 12.0, 25.0

Member = TypeVar("Member", bound=Process)


class Disturb:
    """Kills or pauses a process, or cancels a job, about once in `every` seconds.

    Args:
        ledger: records what happens.
        crew: workers and clients.
        nodes: the cluster.
        work: takes in what was done to whom.
        jobs: the cluster's jobs.
        rng: chooses.
        every: seconds between two disturbances, on average.
    """

    def __init__(
        self,
        ledger: Ledger,
        crew: Crew,
        nodes: Nodes,
        work: Work,
        jobs: Jobs,
        rng: random.Random,
        every: float,
    ) -> None:
        self._ledger, self._crew, self._nodes = ledger, crew, nodes
        self._work, self._jobs, self._rng = work, jobs, rng
        self._every = every
        self._next = time.monotonic() + every
        self._ways = {
            self._kill_worker: 3,
            self._pause_worker: 2,
            self._dismiss_worker: 1,
            self._kill_client: 2,
            self._pause_client: 2,
            self._pause_node: 2,
            self._cancel: 2,
        }

    def step(self) -> None:
        """Disturb something if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._rng.uniform(0.3, 1.7) * self._every
        way = self._rng.choices(list(self._ways), list(self._ways.values()))[0]
        done = way()
        if done is not None:
            self._ledger.done_to[way.__name__.strip("_").replace("_", " ")] += 1
            self._ledger.log(f"-- {done}")

    def _one(self, of: dict[str, Member]) -> Member | None:
        awake = [process for process in of.values() if process.alive and not process.paused]
        return self._rng.choice(awake) if awake else None

    def _held(self, process: Process) -> list[Job]:
        """Jobs that this process does."""
        jobs = self._jobs.alive()
        if isinstance(process, Worker):
            return [job for job in jobs if process.holds(job.holder)]
        return [job for job in jobs if job.owner == process.name and not _with_worker(job)]

    def _hit(self, process: Process) -> bool:
        """Count a hit for what the process does; False where that was hit too often."""
        held = self._held(process)
        if any(job.hits >= _HITS or job.attempts > _HITS for job in held):
            return False
        for job in held:
            job.hits += 1
            job.limit += 60
        return True

    def _kill_worker(self) -> str | None:
        worker = self._one(self._crew.workers)
        if worker is None or not self._hit(worker):
            return None
        self._crew.expect_end(worker)
        worker.kill()
        return f"killed {worker.name}"

    def _pause_worker(self) -> str | None:
        worker = self._one(self._crew.workers)
        seconds = self._rng.choice([self._rng.uniform(1, _LONG_S), _MOST_S])
        if worker is None or (seconds >= _LONG_S and not self._hit(worker)):
            return None
        for job in self._held(worker):
            job.limit += 2 * seconds
        worker.pause(seconds)
        return f"paused {worker.name} for {seconds:.0f} s"

    def _dismiss_worker(self) -> str | None:
        worker = self._one(self._crew.workers)
        if worker is None:
            return None
        self._crew.expect_end(worker)
        worker.kill(signal.SIGTERM)
        return f"asked {worker.name} to leave"

    def _kill_client(self) -> str | None:
        client = self._one(self._crew.clients)
        if client is None or not self._hit(client):
            return None
        self._work.client_disturbed(client, 0)
        self._crew.expect_end(client)
        client.kill()
        return f"killed {client.name}"

    def _pause_client(self) -> str | None:
        client: Client | None = self._one(self._crew.clients)
        seconds = self._rng.choice([self._rng.uniform(1, _LONG_S), _MOST_S])
        if client is None or (seconds >= _LONG_S and not self._hit(client)):
            return None
        self._work.client_disturbed(client, seconds)
        client.pause(seconds)
        return f"paused {client.name} for {seconds:.0f} s"

    def _pause_node(self) -> str | None:
        if any(node.paused for node in self._nodes.all):
            return None
        node = self._rng.choice(self._nodes.all)
        seconds = self._rng.uniform(1, _NODE_S)
        jobs = self._jobs.alive()
        if self._rng.random() < 0.3 and all(job.hits < _HITS for job in jobs):
            seconds = self._rng.uniform(_NODE_S, _NODE_LONG_S)
            for job in jobs:
                job.hits += 1
        self._work.nodes_disturbed(seconds)
        node.pause(seconds)
        return f"paused {node.name} for {seconds:.0f} s"

    def _cancel(self) -> str | None:
        jobs = [job for job in self._jobs.alive() if job.key is not None and not job.cancelled]
        urls = self._nodes.awake()
        if not jobs or not urls:
            return None
        job = self._rng.choice(jobs)
        job.cancelled = True
        url = f"{self._rng.choice(urls)}/3/Jobs/{job.key}/cancel"
        # H2O answers once the job has ended.
        threading.Thread(target=_post, args=(url,), daemon=True).start()
        return f"cancelled {job}"


def _with_worker(job: Job) -> bool:
    """Whether a worker has taken a notebook's training over."""
    return job.holder is not None and not job.holder.startswith("python-")


def _post(url: str) -> None:
    with suppress(requests.RequestException):  # Whether the job ends is watched.
        requests.post(url, timeout=120)
