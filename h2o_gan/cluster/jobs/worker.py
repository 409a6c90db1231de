"""A worker: executes the cluster's `gan` jobs one at a time until it is stopped."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2o.exceptions import (
    H2OConnectionError,
    H2OError,
    H2OJobCancelled,
    H2OServerError,
    H2OTypeError,
    H2OValueError,
)
from typing_extensions import assert_never

from h2o_gan.cluster import rest
from h2o_gan.cluster.answers import Refused
from h2o_gan.cluster.jobs.client import GENERATE, LEASE_S, TRAIN, JobClient, JobLost, Task
from h2o_gan.cluster.jobs.generation import Generation
from h2o_gan.cluster.jobs.interruptions import EitherEvent, retried
from h2o_gan.cluster.jobs.training import TrainingJob, fetch_model, file_of
from h2o_gan.cluster.jobs.unsent import UnsentModels
from h2o_gan.cluster.model_report import store_report
from h2o_gan.cluster.training_request import TrainingRequest

if TYPE_CHECKING:
    from h2o.two_dim_table import H2OTwoDimTable

    from h2o_gan.engine.events import Event, Listener
    from h2o_gan.engine.model import Model

__all__ = ["Worker"]

_POLL_S = 1.0
_RETRY_S = 2.0
_MAX_RETRY_S = 30.0
_RELEASED = "returned to the queue for another worker"

log = logging.getLogger(__name__)


class Worker:
    """Serves a cluster until it is stopped, also through restarts of the cluster.

    Args:
        connect: connects to the cluster, as ``h2o.connect`` does; raises H2OConnectionError where
            there is none.
        device: where to train jobs that leave it open: auto, cpu, cuda, cuda:1 or mps.
        keep_dir: folder for models that are trained while the cluster is lost.
        image_dir: folder that a job's ``image_root`` must lie in; None refuses jobs with image
            files.
        once: end after one job.
        stop: set it to end; a training goes back to the queue with the model trained so far.
        max_rows: largest number of rows to generate in one job; larger jobs are left to other
            workers. None for no limit.
        lease_s: seconds without a heartbeat after which the cluster gives a job to another worker.
        report: makes the tables of a report on a model, given the keys of its training frame and,
            if there is one, its validation frame; None where this worker makes none.

    Raises:
        ValueError: there is no such device.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        device: str = "auto",
        keep_dir: Path = Path(),
        image_dir: Path | None = None,
        once: bool = False,
        stop: threading.Event | None = None,
        max_rows: int | None = None,
        lease_s: float = LEASE_S,
        report: Callable[[Model, str, str | None], Mapping[str, H2OTwoDimTable]] | None = None,
    ) -> None:
        from h2o_gan import engine

        engine.resolve_device(device)
        self._connect, self._device, self._once = connect, device, once
        self._image_dir, self._max_rows, self._lease_s = image_dir, max_rows, lease_s
        self._unsent = UnsentModels(keep_dir)
        self._stop = stop or threading.Event()
        self._report = report
        self._has_connected = False
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def serve(self) -> bool:
        """Execute jobs until the worker is stopped.

        Returns:
            Whether the last job succeeded.

        Raises:
            H2OServerError: the cluster has no extension, or one of another protocol.
            H2OConnectionError: the cluster refuses the password, or its certificate is not trusted.
            H2OTypeError, H2OValueError: the address is not valid.
        """
        try:
            while not self._stop.is_set():
                client = self._connected_client()
                done = None if client is None else self._serve_cluster(client)
                if done is not None:
                    return done
        finally:
            self._unsent.retry(last=True)
        log.info("stopped")
        return True

    def _serve_cluster(self, client: JobClient) -> bool | None:
        """Execute a cluster's jobs until it is lost.

        Returns:
            Whether the job succeeded, where the worker is to end after one; else None.
        """
        failures = 0
        while not self._stop.is_set():
            self._unsent.retry()
            try:
                task = client.claim()
                failures = 0
                if task is None:
                    self._stop.wait(_POLL_S)
                    continue
                done = self._execute(client, task)
                if self._once:
                    return done
            except Exception as error:  # No answer of a cluster may end its workers.
                gone = isinstance(error, H2OConnectionError)
                log.warning("%s: %s", "lost the cluster" if gone else "no job", _short(error))
                if gone or (isinstance(error, Refused) and error.status == 404):
                    return None
                failures += 1
                self._stop.wait(min(0.5 * 2**failures, _MAX_RETRY_S))
        return None

    def _connected_client(self) -> JobClient | None:
        """The client of the cluster, once it is there; None where the worker is stopped first."""
        reported = ""
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
                if not self._has_connected:
                    _check_access(error)
                usage = isinstance(error, _NoExtension | H2OTypeError | H2OValueError)
                # Settings that have worked before are right: the cluster may come back.
                if usage and not self._has_connected:
                    raise
                if _short(error) != reported:
                    reported = _short(error)
                    log.warning("no cluster yet, trying again: %s", reported)
                self._stop.wait(_RETRY_S)
        else:
            return None
        self._has_connected = True
        connection = rest.connection()
        log.info("worker %s waits for jobs of %s", self.name, connection.base_url)
        return JobClient(connection, self.name, self._lease_s, self._max_rows, self._stop)

    def _execute(self, client: JobClient, task: Task) -> bool:
        """Execute a job.

        Returns:
            Whether it succeeded.

        Raises:
            H2OConnectionError: the cluster is lost.
        """
        log.info("job %s: %s %s", task.id, task.kind, task.model_id)
        try:
            act = {TRAIN: self._train, GENERATE: self._generate}.get(task.kind, self._refuse)
            act(client, task)
        except JobLost as error:
            log.warning("job %s: left: %s", task.id, error)
            return False
        except H2OJobCancelled as error:
            stopped = self._stop.is_set()
            log.info("job %s: %s", task.id, _RELEASED if stopped else f"cancelled: {error}")
            return False
        except (Exception, KeyboardInterrupt) as error:
            if self._stop.is_set():
                log.info("job %s: %s", task.id, _RELEASED)
            elif isinstance(error, H2OConnectionError):
                raise
            else:
                log.exception("job %s: failed", task.id)
            return False
        log.info("job %s: done", task.id)
        return True

    def _generate(self, client: JobClient, task: Task) -> None:
        Generation(client, task, self._stop, self._max_rows).run()

    def _refuse(self, client: JobClient, task: Task) -> None:
        reason = (
            f"this worker does not know jobs of kind {task.kind!r}: upgrade h2o_gan on its machine"
        )
        client.fail(task, reason)
        raise JobLost(reason)

    # ---- training

    def _train(self, client: JobClient, task: Task) -> None:
        stop = EitherEvent(self._stop)
        job = TrainingJob(client, task, needs_model=False, exiting=self._stop)
        model = job.run(self._trainer(client, task, stop), _log, stop)
        if job.released:
            raise JobLost("the worker was stopped; another one resumes the training")
        if job.lost_reason is not None:
            path = "{path}"
            message = (
                f"job {task.id}: {job.lost_reason}; the model of epoch {model.epoch} is in {path}: "
                f"train with checkpoint={path!r} to continue it; h2o_gan.load_model loads it"
            )
            self._unsent.put(task.model_id, file_of(model), message)
            raise JobLost(job.lost_reason)
        if task.parameters.get("report"):
            self._report_on(task, model)

    def _report_on(self, task: Task, model: Model) -> None:
        """Give the cluster's model a report. The training has succeeded whatever happens here."""
        if self._report is None:
            log.warning("job %s: this worker makes no reports", task.id)
            return
        log.info("job %s: making the report of %s", task.id, task.model_id)
        try:
            validation = task.parameters.get("validation_frame") or None
            tables = self._report(model, task.frame_id, validation)
            store_report(task.model_id, tables)
        except (H2OError, ImportError, OSError, RuntimeError, ValueError) as error:
            log.warning("job %s: no report of %s: %s", task.id, task.model_id, _short(error))

    def _trainer(
        self, client: JobClient, task: Task, stop: threading.Event
    ) -> Callable[[Listener, Model | None], Model]:
        """A function that trains a task, and starts again where the connection breaks off."""

        def train(listen: Listener, checkpoint: Model | None) -> Model:
            return retried(lambda: self._fit(client, task, listen, checkpoint, stop), stop)

        return train

    def _fit(
        self,
        client: JobClient,
        task: Task,
        listen: Listener,
        checkpoint: Model | None,
        stop: threading.Event,
    ) -> Model:
        request = self._request(client, task, checkpoint)
        with closing(request.open()) as rows:
            return rows.fit(listen, checkpoint or request.checkpoint, stop)

    def _request(self, client: JobClient, task: Task, checkpoint: Model | None) -> TrainingRequest:
        """The training that a task asks for, on this machine."""
        values = dict(task.parameters)
        validation_key = values.pop("validation_frame", None)
        values.pop("report", None)
        values.pop("export_checkpoints_dir", None)  # A folder of another machine.
        if checkpoint is not None:  # It is newer than the model that the job started from.
            values.pop("checkpoint", None)
        values |= {
            "model_id": task.model_id,
            "device": self._device_for(task, values.get("device") or "auto"),
        }
        if values.get("image_column") is not None:
            values["image_root"] = self._image_root(values.get("image_root"))
        return TrainingRequest.resolve(
            values,
            task.frame_id,
            validation_key or None,
            find_checkpoint=lambda model_id: fetch_model(client, model_id),
        )

    def _device_for(self, task: Task, wanted: str) -> str:
        """The device to train on. A resumed run must not fail for the other machine's device."""
        from h2o_gan import engine

        # A job names no GPU by its number, which is one of this machine.
        if wanted == "auto" or wanted == self._device.partition(":")[0]:
            return self._device
        try:
            engine.resolve_device(wanted)
        except ValueError as error:
            if not task.resumes:
                raise
            log.warning("job %s: %s; it continues on %s", task.id, error, self._device)
            return self._device
        return wanted

    def _image_root(self, wanted: str | None) -> str:
        """The folder of a job's image files.

        Raises:
            H2OValueError: the worker does not let jobs read files there.
        """
        if self._image_dir is None:
            raise H2OValueError(
                "image_column: this worker reads no image files; start it with --images FOLDER, "
                "below which image_root must be."
            )
        allowed = self._image_dir.resolve()
        root = (allowed / (wanted or "")).resolve()
        if not root.is_relative_to(allowed):
            raise H2OValueError(
                f"image_root={wanted!r} is not below the folder of images that this worker reads, "
                f"{allowed}."
            )
        return str(root)


class _NoExtension(H2OServerError):
    """The cluster has no jobs for workers."""


def _log(event: Event) -> None:
    """Log an event of the engine."""
    from h2o_gan import engine

    match event:
        case engine.Message():
            log.info("%s", event.text)
        case engine.Scored():
            shown = [f"{name} {v:.4g}" for name, v in event.row.items() if v is not None]
            log.info("%s", ", ".join(shown))
        case engine.Progress():
            pass
        case _:
            assert_never(event)


def _check_access(error: Exception) -> None:
    """Stop where only the user can help.

    Raises:
        H2OConnectionError: the password is refused, or the certificate is not trusted.
    """
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
    """The first line of an error's message, at most 300 characters."""
    return (str(error) or type(error).__name__).split("\n")[0][:300]
