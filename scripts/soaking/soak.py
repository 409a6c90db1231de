"""Runs a soak from its beginning to its end."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soaking.crew import Crew
from soaking.disturb import Disturb
from soaking.jobs import Jobs
from soaking.ledger import Ledger
from soaking.measure import grown, measure
from soaking.nodekill import NodeKills
from soaking.processes import Nodes
from soaking.watch import Watch
from soaking.work import Work

__all__ = ["Soak", "Wanted"]

_DRAIN_S = 600.0
"""Everything has ended by then; each task and each job has a shorter limit."""
_TURN_S = 0.1
_TIMEOUT_S = 120.0

Json = dict[str, Any]


@dataclass
class Wanted:
    """The options of a soak; see the program's help."""

    minutes: float
    seed: int
    workers: int
    notebooks: int
    rest: int
    every: float
    warm_up: float
    heap: str
    node_kills: int
    patience: float


class Soak:
    """A cluster, its workers and clients, and the disturbances.

    Args:
        wanted: the options.
        folder: for all files.
        ledger: records what happens.
    """

    def __init__(self, wanted: Wanted, folder: Path, ledger: Ledger) -> None:
        self._wanted = wanted
        self.ledger = ledger
        self.nodes = Nodes(folder, 2, wanted.heap, wanted.patience)
        self.watch = Watch(self.nodes.awake, wanted.patience)
        self.jobs = Jobs(ledger, self.watch, wanted.patience)
        rng = random.Random(wanted.seed)
        self.work = Work(ledger, self.jobs, random.Random(rng.random()), wanted.patience)
        roles = ["notebook"] * wanted.notebooks + ["rest"] * wanted.rest
        self.crew = Crew(
            ledger, self.work, self.nodes, random.Random(rng.random()), folder,
            wanted.workers, roles, _TIMEOUT_S * wanted.patience,
        )  # fmt: skip
        self._rng = random.Random(rng.random())

    def run(self) -> Json:
        """Warm up, measure, disturb, measure. Returns both measurements."""
        self.ledger.log("the nodes start")
        self.nodes.start()
        self.crew.fill()
        self.ledger.log("warm-up, undisturbed")
        self.warm_up()
        self.drain()
        before = measure(self.nodes, list(self.crew.workers.values()))
        self.ledger.log(f"before: {before}")
        disturb = Disturb(
            self.ledger, self.crew, self.nodes, self.work, self.jobs, self._rng,
            self._wanted.every,
        )  # fmt: skip
        self.work.open = True
        self.go_on(60 * self._wanted.minutes, disturb)
        self.drain()
        after = measure(self.nodes, list(self.crew.workers.values()))
        self.ledger.log(f"after: {after}")
        for text in grown(before, after):
            self.ledger.find("leaked", text)
        kills = NodeKills(self.ledger, self.nodes, self.crew, self.work, self._rng, self.turn)
        seconds = [kills.episode(self._wanted.patience) for _ in range(self._wanted.node_kills)]
        return {"before": before, "after": after, "seconds_until_a_lost_node_is_told": seconds}

    def warm_up(self) -> None:
        """Work until each kind of task ran twice, so that what H2O creates once exists."""
        kinds = {"write", "read", "check_model", "remove"}
        kinds |= {"train", "generate"} if self._wanted.notebooks else set()
        kinds |= {"post_training", "post_generation", "others"} if self._wanted.rest else set()
        end = time.monotonic() + 10 * self._wanted.warm_up
        self.go_on(self._wanted.warm_up, None)
        while any(self.ledger.tasks[do] < 2 for do in kinds) and time.monotonic() < end:
            self.turn()

    def go_on(self, seconds: float, disturb: Disturb | None) -> None:
        """Work for so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if disturb is not None:
                disturb.step()
            self.turn()

    def turn(self) -> None:
        """Take one turn of everything."""
        self.crew.step()
        for client in self.work.step(self.crew.clients):
            self.crew.hung(client)
        time.sleep(_TURN_S)

    def drain(self) -> None:
        """Begin nothing new, wait until everything has ended, and remove it."""
        self.work.open = False
        self.crew.resume_all()
        self.ledger.log(f"draining: {len(self.jobs)} jobs, {len(self.work.running)} tasks")
        self._until_idle()
        self.work.remove_all()
        self._until_idle()

    def _until_idle(self) -> None:
        deadline = time.monotonic() + _DRAIN_S
        while not self.work.idle:
            if time.monotonic() > deadline:
                left = [*self.work.unfinished(), *self.jobs.alive()]
                self.ledger.find("hung", f"not ended: {'; '.join(map(str, left))}")
                return
            self.turn()

    def close(self) -> None:
        """End all processes."""
        self.crew.stop()
        self.nodes.stop()
        self.watch.close()
