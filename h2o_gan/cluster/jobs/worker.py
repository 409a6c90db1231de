"""A worker: does the cluster's `gan` jobs, one after the other, for as long as it is let."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from h2o.exceptions import (
    H2OConnectionError,
    H2OJobCancelled,
    H2OServerError,
    H2OTypeError,
    H2OValueError,
)

from h2o_gan.cluster import rest
from h2o_gan.cluster.answers import Refused
from h2o_gan.cluster.jobs.client import LEASE_S, Item, JobLost, Queue
from h2o_gan.cluster.jobs.generation import Either, Generation, retried
from h2o_gan.cluster.jobs.training import TrainingJob, fetch_model, file_of
from h2o_gan.cluster.jobs.unsent import Keeping
from h2o_gan.cluster.training_request import TrainingRequest

if TYPE_CHECKING:
    from h2o_gan.engine.events import Event, Listener
    from h2o_gan.engine.model import Model

__all__ = ["Worker"]

_POLL_S = 1.0
_RETRY_S = 2.0
_LONGEST_RETRY_S = 30.0
_TELL_S = 10.0
_PAUSES_S = (1.0, 3.0)

T = TypeVar("T")

_LEFT = "left to another worker"

log = logging.getLogger("h2o_gan.cluster.jobs.worker")


class Worker:
    """Serves a cluster until it is stopped, through the cluster's restarts too.

    Args:
        connect: connects to the cluster, as ``h2o.connect`` does; raises H2OConnectionError where
            there is none.
        device: where to train jobs that leave it open: auto, cpu, cuda, cuda:1 or mps.
        keep: folder for what was trained when the cluster is lost.
        images: folder that jobs may read image files from, in place of none: whoever starts a job
            names its own ``image_root``.
        once: end after one job.
        stop: set it to end: a training is left to the next worker, with all that it has so far.
        max_rows: the most rows to generate in one job; jobs of more are left to other workers.
        lease_s: how long a job stays with this worker when it gives no sign of life.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        device: str = "auto",
        keep: Path = Path(),
        images: Path | None = None,
        once: bool = False,
        stop: threading.Event | None = None,
        max_rows: int | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        from h2o_gan import engine

        engine.resolve_device(device)
        self._connect, self._device, self._once = connect, device, once
        self._images, self._max_rows, self._lease_s = images, max_rows, lease_s
        self._keeping = Keeping(keep)
        self._stop = stop or threading.Event()
        self._served = False
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def serve(self) -> bool:
        """Do jobs. Returns whether the last one went well.

        Raises:
            H2OServerError: the cluster has no extension, or one that does not fit.
            H2OConnectionError: the cluster does not accept the password, or its certificate is
                not to be trusted.
            H2OTypeError, H2OValueError: the address is none.
        """
        try:
            while not self._stop.is_set():
                queue = self._queue()
                done = None if queue is None else self._serve(queue)
                if done is not None:
                    return done
        finally:
            self._keeping.retry(last=True)
        log.info("stopped")
        return True

    def _serve(self, queue: Queue) -> bool | None:
        """Do a cluster's jobs until it is lost; where it is to be one, whether that went well."""
        troubles = 0
        while not self._stop.is_set():
            self._keeping.retry()
            try:
                item = queue.claim()
                troubles = 0
                if item is None:
                    self._stop.wait(_POLL_S)
                    continue
                done = self._do(queue, item)
                if self._once:
                    return done
            except Exception as error:  # Nothing that a cluster does may end its workers.
                gone = isinstance(error, H2OConnectionError)
                log.warning("%s: %s", "lost the cluster" if gone else "no job", _short(error))
                if gone or (isinstance(error, Refused) and error.status == 404):
                    return None
                troubles += 1
                self._stop.wait(min(0.5 * 2**troubles, _LONGEST_RETRY_S))
        return None

    def _queue(self) -> Queue | None:
        """The queue of the cluster, once it is there; None where the worker is stopped first."""
        told = ""
        while not self._stop.is_set():
            try:
                self._connect()
                if rest.extension():
                    break
                raise _NoExtension(
                    "the cluster runs without the extension of this h2o_gan, so it has no jobs for "
                    "a worker; `h2o-gan extension` says how to give it one"
                )
            except Exception as error:
                if not self._served:
                    _check_access(error)
                usage = isinstance(error, _NoExtension | H2OTypeError | H2OValueError)
                # What has worked before is no mistake of the user's: it may work again.
                if usage and not self._served:
                    raise
                if _short(error) != told:
                    told = _short(error)
                    log.warning("no cluster yet, trying again: %s", told)
                self._stop.wait(_RETRY_S)
        else:
            return None
        self._served = True
        connection = rest.connection()
        log.info("worker %s waits for jobs of %s", self.name, connection.base_url)
        return Queue(connection, self.name, self._lease_s, self._max_rows, self._stop)

    def _do(self, queue: Queue, item: Item) -> bool:
        """Do a job; True where it went well. Raises H2OConnectionError for a lost cluster."""
        log.info("job %s: %s %s", item.id, item.kind, item.model_id)
        try:
            act = {"train": self._train, "generate": self._generate}.get(item.kind, self._refuse)
            act(queue, item)
        except JobLost as error:
            log.warning("job %s: left: %s", item.id, error)
            return False
        except H2OJobCancelled as error:
            left = self._stop.is_set()
            log.info("job %s: %s", item.id, _LEFT if left else f"cancelled: {error}")
            return False
        except (Exception, KeyboardInterrupt) as error:
            if self._stop.is_set():
                log.info("job %s: %s", item.id, _LEFT)
            elif isinstance(error, H2OConnectionError):
                raise
            else:
                log.exception("job %s: failed", item.id)
            return False
        log.info("job %s: done", item.id)
        return True

    def _generate(self, queue: Queue, item: Item) -> None:
        Generation(queue, item, self._stop, self._max_rows).run()

    def _refuse(self, queue: Queue, item: Item) -> None:
        reason = f"this worker can't do jobs of the kind {item.kind!r}: upgrade it"
        queue.fail(item, reason)
        raise JobLost(reason)

    # ---- training

    def _train(self, queue: Queue, item: Item) -> None:
        stop = Either(self._stop)
        job = TrainingJob(queue, item, keep_going=False, leaving=self._stop)
        model = job.run(self._trainer(queue, item, stop), _log, stop)
        if job.released:
            raise JobLost("the worker was stopped; another goes on from what there is")
        if job.lost is not None:
            path = "{path}"
            words = (
                f"job {item.id}: {job.lost}; what was learned by epoch {model.epoch} is in {path}: "
                f"train with checkpoint={path!r} goes on from it, h2o_gan.load_model loads it"
            )
            self._keeping.put(item.model_id, file_of(model), words)
            raise JobLost(job.lost)

    def _trainer(
        self, queue: Queue, item: Item, stop: threading.Event
    ) -> Callable[[Listener, Model | None], Model]:
        """What trains for a job, once its heart beats: looking at the data is a part of it."""

        def train(listen: Listener, begun: Model | None) -> Model:
            return retried(lambda: self._fit(queue, item, listen, begun, stop), stop)

        return train

    def _fit(
        self,
        queue: Queue,
        item: Item,
        listen: Listener,
        begun: Model | None,
        stop: threading.Event,
    ) -> Model:
        request = self._request(queue, item, begun)
        with closing(request.open()) as rows:
            return rows.fit(listen, stop, request.checkpoint or begun)

    def _request(self, queue: Queue, item: Item, begun: Model | None) -> TrainingRequest:
        """What a job asks for, on this machine."""
        values = dict(item.parameters)
        held_out_key = values.pop("validation_frame", None)
        values.pop("export_checkpoints_dir", None)  # A folder of another machine.
        if begun is not None:  # What was learned since counts more than where it began.
            values.pop("checkpoint", None)
        values |= {
            "model_id": item.model_id,
            "device": self._device_for(item, values.get("device") or "auto"),
        }
        if values.get("image_column") is not None:
            values["image_root"] = self._image_root(values.get("image_root"))
        return TrainingRequest.resolve(
            values,
            item.frame_id,
            held_out_key or None,
            find_checkpoint=lambda model_id: fetch_model(queue, model_id),
        )

    def _device_for(self, item: Item, wanted: str) -> str:
        """Where to train a job. A run that another machine began must not end for its device."""
        from h2o_gan import engine

        if wanted == "auto":
            return self._device
        try:
            engine.resolve_device(wanted)
        except ValueError as error:
            if not item.resumes:
                raise
            log.warning("job %s: %s; it goes on with %s", item.id, error, self._device)
            return self._device
        return wanted

    def _image_root(self, wanted: str | None) -> str:
        """The folder of a job's image files. Raises H2OValueError where they are not for it."""
        if self._images is None:
            raise H2OValueError(
                "image_column: this worker reads no image files; start it with --images FOLDER, "
                "below which image_root must be."
            )
        allowed = self._images.resolve()
        root = (allowed / (wanted or "")).resolve()
        if not root.is_relative_to(allowed):
            raise H2OValueError(
                f"image_root={wanted!r} is not below the folder of images that this worker reads, "
                f"{allowed}."
            )
        return str(root)


class _NoExtension(H2OServerError):
    """The cluster has nothing for workers."""


def _log(event: Event) -> None:
    from h2o_gan import engine

    if isinstance(event, engine.Message):
        log.info("%s", event.text)
    elif isinstance(event, engine.Scored):
        shown = [f"{name} {value:.4g}" for name, value in event.row.items() if value is not None]
        log.info("%s", ", ".join(shown))


def _check_access(error: Exception) -> None:
    """Raise H2OConnectionError where trying again would not help: the user must do something."""
    text = str(error)
    if getattr(error, "status", None) == 401 or re.search(r"HTTP 401\b", text):
        raise H2OConnectionError(
            "wrong user or password: the cluster answers 401 (Unauthorized); give --username, and "
            "the password in H2O_PASSWORD"
        ) from error
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = re.search(r"certificate verify failed[^\n()]*", text)
        raise H2OConnectionError(
            f"the cluster's certificate is not trusted ({why[0] if why else 'verify failed'}): "
            "give the certificate or its authority's with --cacert, or --insecure to do without"
        ) from error


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).split("\n")[0][:300]
