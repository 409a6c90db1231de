"""The workers and clients of a soak: how many there are, and that those who end are replaced."""

from __future__ import annotations

import random
import time
from pathlib import Path

from soaking.ledger import Ledger
from soaking.processes import Client, Nodes, Process, Worker
from soaking.work import Work

__all__ = ["Crew"]

_LEAVING_S = 60.0
"""A worker that was asked to leave is gone by then."""


class Crew:
    """All processes beside the nodes.

    Args:
        ledger: records what happens.
        work: what the clients do.
        nodes: the cluster.
        rng: chooses each one's node.
        folder: for their files.
        workers: how many workers there are.
        roles: of the clients.
        timeout: seconds after which clients give up a request.
    """

    def __init__(
        self,
        ledger: Ledger,
        work: Work,
        nodes: Nodes,
        rng: random.Random,
        folder: Path,
        workers: int,
        roles: list[str],
        timeout: float,
    ) -> None:
        self._timeout = timeout
        self._ledger, self._work, self._nodes = ledger, work, nodes
        self._rng, self._folder = rng, folder
        self._wanted_workers, self._wanted_roles = workers, roles
        self._number = 0
        self.workers: dict[str, Worker] = {}
        self.clients: dict[str, Client] = {}
        self._expected: dict[str, float] = {}
        """When each process was killed or asked to leave."""

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"

    def fill(self) -> None:
        """Start the missing workers and clients."""
        while len(self.workers) < self._wanted_workers:
            name = self._name("worker")
            url = self._rng.choice(self._nodes.urls)
            self.workers[name] = Worker(name, url, self._folder)
        for role in set(self._wanted_roles):
            there = sum(client.role == role for client in self.clients.values())
            for _ in range(self._wanted_roles.count(role) - there):
                name = self._name(role)
                url = self._rng.choice(self._nodes.urls)
                answers = self._work.answers
                self.clients[name] = Client(name, role, url, self._folder, answers, self._timeout)

    def step(self) -> None:
        """Resume those whose pause is over; take out those who ended, and start others."""
        now = time.monotonic()
        everyone: list[Process] = [*self._nodes.all, *self.workers.values(), *self.clients.values()]
        for process in everyone:
            if process.resume_at is not None and now >= process.resume_at:
                process.resume()
        for worker in list(self.workers.values()):
            since = self._expected.get(worker.name)
            if worker.alive and since is not None and not worker.paused:
                if now - since > _LEAVING_S + worker.paused_s:
                    self._ledger.find("hung", f"{worker.name} does not leave: {worker.said(800)}")
                    worker.kill()
            elif not worker.alive:
                self._check_end(worker)
                del self.workers[worker.name]
        for client in list(self.clients.values()):
            if not client.alive:
                self._check_end(client)
                self._work.client_gone(client, "it was killed")
                del self.clients[client.name]
        for node in self._nodes.all:
            if not node.alive and node.name not in self._expected:
                self._expected[node.name] = now
                self._ledger.find("failed", f"{node.name} ended by itself: {node.said()}")
        self.fill()

    def expect_end(self, process: Process) -> None:
        """Expect the end of a process, which is then no finding."""
        self._expected[process.name] = time.monotonic()

    def _check_end(self, process: Process) -> None:
        if process.name not in self._expected:
            code = process.process.returncode
            self._ledger.find("failed", f"{process.name} ended by itself, {code}: {process.said()}")

    def resume_all(self) -> None:
        """Resume all paused processes."""
        for process in [*self._nodes.all, *self.workers.values(), *self.clients.values()]:
            if process.paused:
                process.resume()

    def hung(self, client: Client) -> None:
        """End a client that does not answer, with the stacks of all in the logs."""
        client.dump()
        self._nodes.dump()
        time.sleep(1)
        self.expect_end(client)
        client.kill()

    def stop(self) -> None:
        """End all workers and clients."""
        for process in [*self.workers.values(), *self.clients.values()]:
            self.expect_end(process)
            process.kill()
