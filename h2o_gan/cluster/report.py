"""Tells the cluster how far a job is, while another thread does it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from h2o.exceptions import H2OConnectionError, H2OServerError

from h2o_gan.cluster.jobs import LEASE_S, Item, JobLost, Queue

__all__ = ["Report"]

_BEAT_S = 1.0
_CHECKPOINT_S = 20.0
_PATIENCE_S = 2 * LEASE_S
"""A cluster that is silent for so long is lost; a shorter silence is a pause of its own."""


class Report:
    """A job's signs of life, from entering to leaving.

    Args:
        queue: where the job is from.
        item: the job.
        stop: set once the job is cancelled in the cluster.
        give_up: whether `stop` is also set once nobody waits for the job: it is another worker's,
            or the cluster is gone.

    Attributes:
        progress: from 0 to 1; set it.
        message: what is going on; set it.
        cancelled: the job was cancelled in the cluster.
        lost: why nobody waits for it any more, or None.
    """

    def __init__(self, queue: Queue, item: Item, stop: threading.Event, give_up: bool) -> None:
        self.progress = 0.0
        self.message: str | None = None
        self.cancelled = False
        self.lost: str | None = None
        self._queue, self._item = queue, item
        self._stop, self._give_up = stop, give_up
        self._tables: dict[str, Any] | None = None
        self._checkpoint: Path | None = None
        self._next_checkpoint = 0.0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._beat, name="heartbeats", daemon=True),
            threading.Thread(target=self._hand_in, name="checkpoints", daemon=True),
        ]

    def __enter__(self) -> Report:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._drop(self._checkpoint)

    def show(self, tables: dict[str, Any]) -> None:
        """Show new tables of the model soon."""
        self._tables = tables

    @property
    def wants_checkpoint(self) -> bool:
        """Whether it is time for another one, and the last has left."""
        return self._checkpoint is None and time.monotonic() >= self._next_checkpoint

    def keep(self, checkpoint: Path, cost: float) -> None:
        """Hand in a checkpoint soon, and remove the file then.

        Args:
            checkpoint: the file.
            cost: the seconds it took to make; it is a small part of all time.
        """
        self._next_checkpoint = time.monotonic() + max(_CHECKPOINT_S, 20 * cost)
        self._checkpoint = checkpoint

    def say_now(self) -> None:
        """Tell all there is to tell, in the caller's thread.

        Raises:
            JobLost, H2OConnectionError: nobody listens.
        """
        tables = self._tables
        if self._queue.heartbeat(self._item, self.progress, self.message, tables):
            self.cancelled = True
            self._stop.set()
        if self._tables is tables:
            self._tables = None

    def _beat(self) -> None:
        heard = time.monotonic()
        while not self._over.wait(_BEAT_S):
            try:
                self.say_now()
            except JobLost as error:
                if not self._over.is_set():  # Else it is done, not lost.
                    self._leave(str(error))
                return
            except (H2OConnectionError, H2OServerError) as error:
                if time.monotonic() - heard > _PATIENCE_S:
                    self._leave(str(error))
            else:
                heard, self.lost = time.monotonic(), None

    def _hand_in(self) -> None:
        while not self._over.wait(_BEAT_S / 4):
            if (path := self._checkpoint) is None:
                continue
            try:
                with path.open("rb") as file:
                    self._queue.checkpoint(self._item, file)
            except (JobLost, H2OConnectionError, H2OServerError):
                pass  # The heartbeats tell of it; the next checkpoint may have more luck.
            self._drop(path)
            self._checkpoint = None

    def _leave(self, why: str) -> None:
        self.lost = why
        if self._give_up:
            self._stop.set()

    @staticmethod
    def _drop(path: Path | None) -> None:
        if path is not None:
            path.unlink(missing_ok=True)
