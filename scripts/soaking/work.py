"""Gives the clients tasks, takes in their answers, and allows for what is done to them."""

from __future__ import annotations

import queue
import random
import time

from soaking.answers import LOST, Answers
from soaking.inventor import Inventor
from soaking.jobs import Jobs
from soaking.ledger import Ledger, Task
from soaking.processes import Client
from soaking.stock import Json, Stock

__all__ = ["Work"]

_LIMITS = {"train": 300.0, "others": 200.0}


class Work:
    """Hands out tasks and takes in answers.

    Args:
        ledger: records what happens.
        jobs: follows the cluster's jobs.
        rng: makes all choices.
        patience: a factor of all limits.
    """

    def __init__(self, ledger: Ledger, jobs: Jobs, rng: random.Random, patience: float) -> None:
        self._ledger, self._jobs, self._patience = ledger, jobs, patience
        self._stock = Stock()
        self._inventor = Inventor(self._stock, jobs, rng)
        self._judge = Answers(self._stock, ledger, jobs)
        self.answers: queue.SimpleQueue[tuple[str, Json]] = queue.SimpleQueue()
        self.running: dict[int, Task] = {}
        self.open = True
        """Whether new tasks are invented."""
        self._uneasy_until = 0.0

    # ---- handing out

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do or being done."""
        return not (self.running or self._stock.backlog or len(self._jobs))

    def unfinished(self) -> list[Task]:
        """Return the tasks that run or wait."""
        return [*self.running.values(), *self._stock.backlog]

    def step(self, clients: dict[str, Client]) -> list[Client]:
        """Take in the answers, and give each idle client something to do.

        Returns:
            Clients whose tasks hang.
        """
        while True:
            try:
                name, answer = self.answers.get_nowait()
            except queue.Empty:
                break
            self._answered(clients.get(name), answer)
        self._jobs.step()
        for client in clients.values():
            if client.alive and not client.paused and client.task is None:
                alone = sum(other.role == client.role for other in clients.values()) == 1
                task = self._next(client, alone)
                if task is not None:
                    self._give(client, task)
        now = time.monotonic()
        late = [task for task in self.running.values() if now - task.begun > task.limit]
        for task in late:
            self._ledger.find("hung", f"{task}: no answer in {now - task.begun:.0f} s")
        return [clients[task.client] for task in late if task.client in clients]

    def _next(self, client: Client, alone: bool) -> Task | None:
        now = time.monotonic()
        for task in self._stock.backlog:
            fits = task.role in (None, client.role) and (alone or task.not_by != client.name)
            if fits and task.after <= now:
                self._stock.backlog.remove(task)
                return task
        if not self.open or len(self._stock.backlog) > 15:
            return None
        return self._inventor.invent(client.role)

    def _give(self, client: Client, task: Task) -> None:
        now = time.monotonic()
        task.client, task.begun, task.tries = client.name, now, task.tries + 1
        task.limit = self._patience * _LIMITS.get(task.do, 180.0)
        task.disturbed = "a node was paused" if now < self._uneasy_until else None
        if task.disturbed:
            task.limit += 60
        self.running[task.number] = task
        if task.do == "train":
            self._judge.follow_training(task, None, client.name)
        client.give(task.number, task.args)

    # ---- disturbances

    def client_disturbed(self, client: Client, seconds: float) -> None:
        """A client was paused; or killed, where the seconds are 0."""
        task = self.running.get(client.task or 0)
        if task is not None:
            task.disturbed = "it was paused" if seconds else "it was killed"
            task.limit += 2 * seconds + 30
        for job in self._jobs.alive():
            if job.owner == client.name:
                job.owner_disturbed = True
                job.limit += 2 * seconds + 60

    def nodes_disturbed(self, seconds: float) -> None:
        """A node is paused for so many seconds."""
        self._uneasy_until = time.monotonic() + seconds + 30
        for task in self.running.values():
            task.disturbed = "a node was paused"
            task.limit += 2 * seconds + 60
        self._jobs.disturbed(seconds)

    def cluster_lost(self, seconds: float) -> None:
        """The cluster is lost; running tasks notice it within so many seconds."""
        now = time.monotonic()
        for task in self.running.values():
            task.disturbed = LOST
            rest = task.args.get("parameters", {}).get("max_runtime_secs", 0)
            task.limit = now - task.begun + self._patience * (seconds + rest)
        self.clear()

    def clear(self) -> None:
        """Forget all tasks, and all that the cluster held."""
        self._jobs.clear()
        self._stock.clear()

    def remove_all(self) -> None:
        """Queue the removal of everything that is still there."""
        self._stock.remove_all()

    def client_gone(self, client: Client, why: str) -> None:
        """A client has ended; its task has failed."""
        if client.task is not None and (task := self.running.pop(client.task, None)) is not None:
            task.disturbed = task.disturbed or why
            self._judge.failed(task, "Killed", why)
        client.task = None

    # ---- answers

    def _answered(self, client: Client | None, answer: Json) -> None:
        task = self.running.pop(answer["number"], None)
        if client is not None and client.task == answer["number"]:
            client.task = None
        if task is None:
            return
        if "error" in answer:
            self._judge.failed(task, answer["error"], answer["message"])
            return
        if task.disturbed is None:
            self._ledger.seconds.setdefault(task.do, []).append(answer["seconds"])
        self._judge.done(task, answer["result"])
