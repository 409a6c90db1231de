"""Tells the cluster how far a job is, while another thread does it."""

from __future__ import annotations

import io
import logging
import threading
import time
from types import TracebackType
from typing import Any

from h2o_gan.cluster.jobs.client import Item, JobLost, Queue

__all__ = ["Report"]

_BEAT_S = 1.0
_CHECKPOINT_S = 30.0
_SHARE = 0.1
"""The most of all time that making checkpoints may take."""
_ONE_TRY_S = 15.0
_LEAVE_S = 15.0

log = logging.getLogger("h2o_gan.cluster.jobs.worker")


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
        self._checkpoint: io.BytesIO | None = None
        self._next_checkpoint = 0.0
        self._began = time.monotonic()
        self._beat_s = min(_BEAT_S, queue.lease_s / 5)
        self._patience = 2 * queue.lease_s
        """A cluster that is silent for so long is lost; a shorter silence is only a pause."""
        self._over, self._no_more = threading.Event(), threading.Event()
        self._beats = threading.Thread(target=self._beat, name="heartbeats", daemon=True)
        self._uploads = threading.Thread(target=self._hand_in, name="checkpoints", daemon=True)

    def __enter__(self) -> Report:
        self._beats.start()
        self._uploads.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self.settle()
        # A request to a cluster that stands still has a time-out; it need not be waited for.
        self._beats.join(_LEAVE_S)

    def show(self, tables: dict[str, Any]) -> None:
        """Show new tables of the model soon."""
        self._tables = tables

    def wants_checkpoint(self, scored: bool) -> bool:
        """Whether it is time for another one, and the last has left.

        Args:
            scored: the model was scored just now: the first of these is worth keeping at once.
        """
        if self._checkpoint is not None or self._no_more.is_set():
            return False
        if not self._next_checkpoint and not scored:
            return time.monotonic() >= self._began + _CHECKPOINT_S
        return time.monotonic() >= self._next_checkpoint

    def keep(self, checkpoint: io.BytesIO | None, cost: float = 0.0) -> None:
        """Hand in a checkpoint soon.

        Args:
            checkpoint: the file; None where there was nothing to keep.
            cost: the seconds it took to make; it is a small part of all time.
        """
        self._next_checkpoint = time.monotonic() + max(_CHECKPOINT_S, cost / _SHARE)
        self._checkpoint = checkpoint

    def settle(self) -> None:
        """Let an upload of a checkpoint end, and begin no other: the next file is a newer one."""
        self._no_more.set()
        self._uploads.join(_LEAVE_S)

    def end(self) -> None:
        """The cluster has what it waited for: no more signs of life."""
        self._over.set()

    def say_now(self) -> None:
        """Tell all there is to tell, in the caller's thread.

        Raises:
            JobLost, H2OConnectionError, Refused: nobody listens.
        """
        tables = self._tables
        if self._queue.heartbeat(self._item, self.progress, self.message, tables):
            self.cancelled = True
            self._stop.set()
        if self._tables is tables:
            self._tables = None

    def _beat(self) -> None:
        silent = 0.0
        while not self._over.wait(self._beat_s):
            began = time.monotonic()
            try:
                if not self._say_or_reclaim():
                    return
                silent, self.lost = 0.0, None
            except Exception as error:  # Without heartbeats the job would be another's soon.
                # What is longer than a request may take was a pause of this process.
                silent += min(time.monotonic() - began, _ONE_TRY_S) + self._beat_s
                if silent > self._patience:
                    self._leave(str(error) or type(error).__name__)
                    if self._give_up:
                        # Training was told to end: that the cluster is back must not hide that.
                        return

    def _say_or_reclaim(self) -> bool:
        """False where the job is over, or lost for good."""
        try:
            self.say_now()
        except JobLost as error:
            if self._over.is_set():
                return False
            if not self._queue.reclaim(self._item):
                self._leave(str(error))
                return False
        return True

    def _hand_in(self) -> None:
        while not self._no_more.wait(_BEAT_S / 4):
            checkpoint = self._checkpoint
            if checkpoint is None:
                continue
            try:
                self._queue.checkpoint(self._item, checkpoint)
            except Exception as error:
                # Heartbeats tell whether the job is lost; the next one may have more luck.
                log.debug("a checkpoint was not handed in: %s", error)
            self._checkpoint = None

    def _leave(self, why: str) -> None:
        self.lost = why
        if self._give_up:
            self._stop.set()
