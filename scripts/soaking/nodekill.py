"""Kills a node, and with it the cluster, and starts a new cluster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import requests

from soaking.crew import Crew
from soaking.ledger import Ledger
from soaking.processes import TIMEOUT_S, Nodes
from soaking.work import Work

__all__ = ["NodeKills"]

_WORK_S = 30.0
_SLACK_S = 60.0
"""Added to the package's time-out, for a busy machine."""
_BACK_S = 180.0
_ALL = ("write", "read", "train", "post_training", "check_model")
"""What is done in the new cluster before it counts as working."""


class NodeKills:
    """H2O's clusters do not survive the loss of a node; their clients and workers must.

    Args:
        ledger: records what happens.
        nodes: the cluster.
        crew: workers and clients.
        work: what the clients do.
        rng: chooses the node.
        turn: looks after everything once.
    """

    def __init__(
        self,
        ledger: Ledger,
        nodes: Nodes,
        crew: Crew,
        work: Work,
        rng: random.Random,
        turn: Callable[[], None],
    ) -> None:
        self._ledger, self._nodes, self._crew, self._work = ledger, nodes, crew, work
        self._rng, self._turn = rng, turn

    def episode(self, patience: float) -> float:
        """Work, kill a node, start anew, and see that all work again.

        Returns:
            How many seconds it took until each client had an answer.
        """
        self._work.open = True
        self._until(lambda: False, _WORK_S)
        node = self._rng.choice(self._nodes.all)
        self._ledger.log(f"-- killed {node.name}; in flight: {len(self._work.running)}")
        self._ledger.done_to["kill node"] += 1
        for each in self._nodes.all:
            self._crew.expect_end(each)
        workers = {name: worker.pid for name, worker in self._crew.workers.items()}
        node.kill()
        self._work.open = False
        self._work.cluster_lost(TIMEOUT_S + _SLACK_S)
        killed = time.monotonic()
        # Whose task hangs is found, with the stacks of all threads, and killed.
        self._until(lambda: not self._work.running, 600 * patience)
        seconds = time.monotonic() - killed
        self._ledger.log(f"all clients had an error after {seconds:.0f} s")
        self._work.clear()
        self._nodes.stop()
        self._nodes.start()

        def back() -> bool:
            # By what the cluster sees: a worker that was handing in need not have noticed the loss.
            try:
                about = requests.get(f"{self._nodes.urls[0]}/3/GAN", timeout=5).json()
            except (requests.RequestException, ValueError):
                return False
            return len(about.get("workers", ())) >= len(workers)

        if not self._until(back, _BACK_S * patience):
            self._ledger.find("hung", "workers do not come back to the new cluster")
        if {name: worker.pid for name, worker in self._crew.workers.items()} != workers:
            self._ledger.find("failed", "a worker did not outlive the cluster")
        before = dict(self._ledger.tasks)
        self._work.open = True

        def works() -> bool:
            return all(self._ledger.tasks[do] > before.get(do, 0) for do in _ALL)

        if not self._until(works, 2 * _BACK_S * patience):
            self._ledger.find("hung", "the new cluster does not get all kinds of tasks done")
        self._work.open = False
        self._until(lambda: self._work.idle, 600 * patience)
        self._work.remove_all()
        self._until(lambda: self._work.idle, 600 * patience)
        return round(seconds, 1)

    def _until(self, true: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            self._turn()
        return True
