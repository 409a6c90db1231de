"""Heartbeats of a job, and uploads of its checkpoints, while another thread does the work."""

from __future__ import annotations

import io
import logging
import threading
import time
from types import TracebackType
from typing import Any

from h2o_gan.cluster.jobs.client import JobClient, JobLost, Task

__all__ = ["Heartbeat"]

_BEAT_S = 1.0
_CHECKPOINT_S = 30.0
_CHECKPOINT_SHARE = 0.1
"""Largest share of the time that making checkpoints may take."""
_ONE_TRY_S = 15.0
_JOIN_S = 15.0

log = logging.getLogger(__name__)


class Heartbeat:
    """Sends a job's signs of life while inside its context.

    Args:
        client: of the queue that the job is from.
        task: the job.
        stop: set by this object once the job is cancelled in the cluster.
        stop_when_lost: whether `stop` is also set once the job is another worker's, or the cluster
            is gone.

    Attributes:
        progress: from 0 to 1; set it.
        message: what the job is doing; set it.
        cancelled: whether the job was cancelled in the cluster.
        lost_reason: why this worker does not hold the job any more; None where it does.
    """

    def __init__(
        self, client: JobClient, task: Task, stop: threading.Event, stop_when_lost: bool
    ) -> None:
        self.progress = 0.0
        self.message: str | None = None
        self.cancelled = False
        self.lost_reason: str | None = None
        self._client, self._task = client, task
        self._stop, self._stop_when_lost = stop, stop_when_lost
        self._tables: dict[str, Any] | None = None
        self._checkpoint: io.BytesIO | None = None
        self._next_checkpoint = 0.0
        self._began = time.monotonic()
        self._beat_s = min(_BEAT_S, client.lease_s / 5)
        self._patience = 2 * client.lease_s
        """Seconds of silence after which the cluster counts as lost."""
        self._stopped, self._uploads_stopped = threading.Event(), threading.Event()
        self._sender = threading.Thread(target=self._send_beats, name="heartbeats", daemon=True)
        self._uploader = threading.Thread(
            target=self._upload_checkpoints, name="checkpoints", daemon=True
        )

    def __enter__(self) -> Heartbeat:
        self._sender.start()
        self._uploader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self.finish_uploads()
        # A request to a frozen cluster ends by its own time-out, in its daemon thread.
        self._sender.join(_JOIN_S)

    def set_tables(self, tables: dict[str, Any]) -> None:
        """Send new tables of the model with the next heartbeat."""
        self._tables = tables

    def checkpoint_is_due(self, scored: bool) -> bool:
        """Whether it is time for another checkpoint, and the last one is uploaded.

        Args:
            scored: whether the model was scored just now; the first such model is kept at once.
        """
        if self._checkpoint is not None or self._uploads_stopped.is_set():
            return False
        if not self._next_checkpoint and not scored:
            return time.monotonic() >= self._began + _CHECKPOINT_S
        return time.monotonic() >= self._next_checkpoint

    def queue_checkpoint(self, checkpoint: io.BytesIO | None, cost: float = 0.0) -> None:
        """Upload a checkpoint soon.

        Args:
            checkpoint: the file; None where there was nothing to keep.
            cost: seconds that making it took; the next one waits for a multiple of that.
        """
        self._next_checkpoint = time.monotonic() + max(_CHECKPOINT_S, cost / _CHECKPOINT_SHARE)
        self._checkpoint = checkpoint

    def finish_uploads(self) -> None:
        """Wait for the upload of a checkpoint to end, and begin no other."""
        self._uploads_stopped.set()
        self._uploader.join(_JOIN_S)

    def stop_sending(self) -> None:
        """Send no more heartbeats: the cluster has the job's result."""
        self._stopped.set()

    def send_now(self) -> None:
        """Send a heartbeat from the caller's thread.

        Raises:
            JobLost: the job is another worker's, or was removed.
            H2OConnectionError, Refused: the cluster gives no usable answer.
        """
        tables = self._tables
        if self._client.heartbeat(self._task, self.progress, self.message, tables):
            self.cancelled = True
            self._stop.set()
        if self._tables is tables:
            self._tables = None

    def _send_beats(self) -> None:
        silent = 0.0
        while not self._stopped.wait(self._beat_s):
            began = time.monotonic()
            try:
                if not self._send_or_reclaim():
                    return
                silent, self.lost_reason = 0.0, None
            except Exception as error:  # Without heartbeats the cluster gives the job away.
                # Time beyond a request's time-out was a pause of this process.
                silent += min(time.monotonic() - began, _ONE_TRY_S) + self._beat_s
                if silent > self._patience:
                    self._mark_lost(str(error) or type(error).__name__)
                    if self._stop_when_lost:
                        # Training ends already: a cluster that is back must not hide that.
                        return

    def _send_or_reclaim(self) -> bool:
        """Send a heartbeat; False where the job has ended, or is lost for good."""
        try:
            self.send_now()
        except JobLost as error:
            if self._stopped.is_set():
                return False
            if not self._client.reclaim(self._task):
                self._mark_lost(str(error))
                return False
        return True

    def _upload_checkpoints(self) -> None:
        while not self._uploads_stopped.wait(_BEAT_S / 4):
            checkpoint = self._checkpoint
            if checkpoint is None:
                continue
            try:
                self._client.checkpoint(self._task, checkpoint)
            except Exception as error:
                # Heartbeats find out whether the job is lost; the next checkpoint may succeed.
                log.debug("a checkpoint was not uploaded: %s", error)
            self._checkpoint = None

    def _mark_lost(self, reason: str) -> None:
        self.lost_reason = reason
        if self._stop_when_lost:
            self._stop.set()
