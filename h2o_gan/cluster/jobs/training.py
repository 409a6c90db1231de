"""A training as a job of the cluster, in a worker or in the notebook that started it."""

from __future__ import annotations

import dataclasses
import io
import logging
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from h2o.exceptions import (
    H2OConnectionError,
    H2OJobCancelled,
    H2OResponseError,
    H2OServerError,
    H2OValueError,
)
from h2o.utils.shared_utils import quoted
from typing_extensions import assert_never

from h2o_gan.cluster import model_tables, rest
from h2o_gan.cluster.answers import Refused, insist
from h2o_gan.cluster.jobs.client import JobClient, JobLost, Task
from h2o_gan.cluster.jobs.heartbeat import Heartbeat
from h2o_gan.cluster.patience import watched
from h2o_gan.notices import warn
from h2o_gan.parameters import cluster_form

if TYPE_CHECKING:
    from h2o_gan.cluster.training_request import TrainingRequest
    from h2o_gan.engine.events import Event, Listener, Scored
    from h2o_gan.engine.model import Model
    from h2o_gan.parameters import Parameters

__all__ = ["TrainingJob", "fetch_model", "file_of", "register", "sent"]

Train = Callable[["Listener", "Model | None"], "Model"]
"""Trains, from an earlier model if there is one, and sends events to the listener."""

_CLAIM_S = 30.0
_PATIENCE_S = 60.0
"""Seconds to keep trying to upload a model while no usable answer comes."""
_RELEASE_S = 10.0
"""Seconds to keep trying to fail or release a job."""
_LOCAL = ("model_id", "ignored_columns", "checkpoint", "export_checkpoints_dir")
"""Parameters that are sent in another form, or have no meaning on another machine."""

log = logging.getLogger(__name__)


def register(request: TrainingRequest) -> TrainingJob | None:
    """Have the cluster make a job of a training that this process is about to do.

    Args:
        request: what this process trains.

    Returns:
        The job; None where this version of H2O does not run the algorithm, and only the extension's
        transport of frames works.

    Raises:
        H2OValueError: the cluster refuses the parameters, or the job does not start.
        H2OConnectionError: the cluster does not answer.
    """
    client = JobClient(rest.connection(), f"python-{uuid.uuid4().hex}")
    parameters, frame = request.parameters, request.training_frame
    data = sent(parameters)
    used = {*request.columns, parameters.weights_column, parameters.response_column}
    if left_out := [name for name in frame.names if name not in used]:
        data["ignored_columns"] = [quoted(name) for name in left_out]
    if request.validation_frame is not None:
        data["validation_frame"] = request.validation_frame.frame_id
    data |= {
        "training_frame": frame.frame_id,
        "model_id": parameters.model_id,
        "worker": client.worker,
    }
    try:
        job = rest.api("POST /3/ModelBuilders/gan", **data)["job"]["key"]["name"]
    except H2OResponseError as error:
        if getattr(error.args[0] if error.args else None, "http_status", None) == 404:
            return None
        raise H2OValueError(f"the cluster refuses to train: {_reason(error)}") from error
    try:
        return TrainingJob(client, _claim(client, job))
    except BaseException:
        # The job would wait for this process for minutes.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            rest.api(f"POST /3/Jobs/{rest.in_path(job)}/cancel")
        raise


def _claim(client: JobClient, job: str) -> Task:
    """Claim the job that this process has just started.

    Raises:
        H2OValueError: the job does not start.
    """
    deadline = time.monotonic() + _CLAIM_S
    while (task := client.claim(job)) is None:
        state = insist(lambda: client.job_state(job), _RELEASE_S) or {}
        if state.get("status") not in rest.ALIVE or time.monotonic() > deadline:
            why = state.get("exception") or f"its job did not start within {_CLAIM_S:.0f} s"
            raise H2OValueError(f"the cluster refuses to train: {why}")
        time.sleep(0.02)
    return task


def sent(parameters: Parameters) -> dict[str, Any]:
    """The parameters that differ from their defaults, as H2O's client can send them."""
    values = {field: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}
    return {
        field.name: cluster_form(field.name, value)
        for field, value in values.items()
        if field.name not in _LOCAL and value != field.default
    }


def _reason(error: H2OResponseError) -> str:
    """The reason in H2O's refusal of a request."""
    details = error.args[0] if error.args else error
    messages = getattr(details, "messages", None)
    if messages:
        return "; ".join(str(m["message"]) for m in messages if m["message_type"] == "ERRR")
    return str(getattr(details, "msg", details))


def fetch_model(client: JobClient, model_id: str) -> Model:
    """Read a model of the cluster.

    Args:
        client: of the cluster.
        model_id: key of the model.

    Returns:
        The model, under that model_id.

    Raises:
        H2OValueError: there is no such GAN, or it is still being trained.
        h2o_gan.engine.ModelFileError: its file is of a newer version.
        H2OConnectionError: the cluster does not answer.
    """
    from h2o_gan import engine

    model = engine.load(client.fetch_model(model_id))
    return replace(model, parameters=model.parameters.replace(model_id=model_id))


def _is_temporary(error: BaseException) -> bool:
    """Whether the job may succeed in another worker: the cluster was absent, or busy."""
    if isinstance(error, Refused):
        return not error.final
    return isinstance(error, H2OConnectionError)


class TrainingJob:
    """A training job that this process has claimed.

    Args:
        client: of the queue that the job is from.
        task: the job.
        needs_model: whether to train on where the cluster does not wait for the model any more. A
            notebook needs the model itself, a worker does not.
        exiting: set where this process must end; another worker then resumes the training.
    """

    def __init__(
        self,
        client: JobClient,
        task: Task,
        needs_model: bool = True,
        exiting: threading.Event | None = None,
    ) -> None:
        self._client, self._task = client, task
        self._needs_model = needs_model
        self._exiting = exiting or threading.Event()
        self.released = False
        """Whether the job went back to the queue."""
        self.lost_reason: str | None = None
        """Why the cluster did not get the model; None where it did."""
        self.trained: Model | None = None
        """The model once training has ended, before the cluster has it."""

    def run(
        self,
        train: Train,
        listen: Listener,
        stop: threading.Event,
        checkpoint: Model | None = None,
    ) -> Model:
        """Train, report to the cluster and to `listen`, and upload the model.

        Args:
            train: trains from a checkpoint, if there is one.
            listen: receives the engine's events too.
            stop: set it to end training after the current step.
            checkpoint: a model of this process that the training continues. It is uploaded, since
                whoever takes over the job needs it.

        Returns:
            The model.

        Raises:
            H2OJobCancelled: the job was cancelled before there was a model.
            BaseException: what `train` raised; the job fails with its message.
        """
        with Heartbeat(self._client, self._task, stop, not self._needs_model) as heartbeat:
            try:
                model = self.trained = self._train(train, listen, heartbeat, checkpoint)
            except BaseException as error:
                self._end(error, heartbeat)
                raise
            heartbeat.finish_uploads()
            self.lost_reason = heartbeat.lost_reason
            if self._exiting.is_set() and model.stopped_by == "interrupted":
                self._release(model)
            elif self.lost_reason is None or self._needs_model:
                self._upload(model, heartbeat)
        return model

    def release_when(self, exiting: threading.Event) -> None:
        """Return the job to the queue where `exiting` is set by the time training stops."""
        self._exiting = exiting

    def _train(
        self, train: Train, listen: Listener, heartbeat: Heartbeat, checkpoint: Model | None
    ) -> Model:
        from h2o_gan import engine

        reporter = _JobReporter(heartbeat)

        def both(event: Event) -> None:
            reporter.on_event(event)
            listen(event)

        if checkpoint is not None:
            heartbeat.queue_checkpoint(file_of(checkpoint))
        if self._task.has_checkpoint:  # Another worker's, or the model that the job continues.
            checkpoint = engine.load(self._client.fetch_checkpoint(self._task))
            verb = "resumes" if self._task.resumes else "continues an earlier model"
            both(engine.Message(f"Training {verb} from epoch {checkpoint.epoch}."))
        if checkpoint is not None:
            reporter.history = list(checkpoint.history)
        return train(both, checkpoint)

    def _end(self, error: BaseException, heartbeat: Heartbeat) -> None:
        """End the cluster's job of a training that has no model."""
        if heartbeat.lost_reason is not None:
            self.lost_reason = heartbeat.lost_reason
        elif self._exiting.is_set() or (self._task.resumes and _is_temporary(error)):
            self._release(None)
        else:
            self._fail(str(error) or type(error).__name__)
        from h2o_gan.engine import TrainingStopped

        if heartbeat.cancelled and isinstance(error, TrainingStopped):
            raise H2OJobCancelled(
                "training was cancelled in the cluster before there was a model."
            ) from None

    def _release(self, model: Model | None) -> None:
        """Return the job to the queue, with the model trained so far."""
        try:
            if model is not None:
                file = file_of(model.as_unfinished())
                insist(lambda: self._client.checkpoint(self._task, file), _RELEASE_S)
            insist(lambda: self._client.release(self._task), _RELEASE_S)
            self.released = True
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            self.lost_reason = str(error)

    def _upload(self, model: Model, heartbeat: Heartbeat) -> None:
        """Give the cluster the model and its tables."""
        heartbeat.progress = 1.0
        heartbeat.set_tables(model_tables.tables_json(model))
        try:
            file = file_of(model)
        except (ValueError, MemoryError) as error:  # The model can still be used in this process.
            self.lost_reason = str(error) or type(error).__name__
            self._fail(self.lost_reason)
            return
        try:
            heartbeat.send_now()
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            # The model matters more than its tables.
            log.debug("the tables of model %s were not sent: %s", self._task.model_id, error)
        try:
            with watched("uploading the model", _PATIENCE_S):
                self._client.finish(self._task, file, _PATIENCE_S)
            heartbeat.stop_sending()
            self._wait_until_stored()
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            self.lost_reason = str(error)

    def _fail(self, message: str) -> None:
        try:
            insist(lambda: self._client.fail(self._task, message), _RELEASE_S, self._exiting)
            self._wait_until_stored()
        except (JobLost, H2OConnectionError, H2OServerError):
            pass  # The error of the training says more.

    def _wait_until_stored(self) -> None:
        """Wait until the cluster has stored the model.

        A worker must not wait: a job of a grid ends with the grid's last model.

        Raises:
            JobLost: the cluster did not store it.
        """
        if self._needs_model:
            job = self._client.wait_until_ended(self._task, _PATIENCE_S)
            if job is None:
                raise JobLost("its job was removed from the cluster")
            if job["status"] == "FAILED":
                raise JobLost(str(job.get("exception") or "its job failed"))

    def warn_if_lost(self, model: Model) -> None:
        """Warn the user of a model that is not in the cluster."""
        if self.lost_reason is not None:
            warn(
                f"model {model.parameters.model_id!r} is trained, but could not be put into the "
                f"cluster: {self.lost_reason}. It is in this process only: save(path) keeps it."
            )


def file_of(model: Model) -> io.BytesIO:
    """The model's file, in memory.

    Raises:
        ValueError: the model has more levels than a file takes.
    """
    from h2o_gan import engine

    file = io.BytesIO()
    engine.dump(model, file)
    return file


class _JobReporter:
    """Turns the engine's events into progress, tables and checkpoints of the cluster's job."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self.history: list[dict[str, float | None]] = []

    def on_event(self, event: Event) -> None:
        """Handle an event, in the thread that trains."""
        from h2o_gan import engine

        match event:
            case engine.Progress():
                self._heartbeat.progress = event.share
                if event.snapshot is not None and self._heartbeat.checkpoint_is_due(False):
                    self._queue_checkpoint(event.snapshot)
            case engine.Message():
                self._heartbeat.message = event.text
            case engine.Scored():
                self._score(event)
                if self._heartbeat.checkpoint_is_due(True):
                    self._queue_checkpoint(event.snapshot)
            case _:
                assert_never(event)

    def _score(self, event: Scored) -> None:
        self.history.append(event.row)
        shown = ("epoch", "step", "seconds")
        values = [f"{n} {v:.4g}" for n, v in event.row.items() if n not in shown and v is not None]
        self._heartbeat.message = ", ".join([f"epoch {event.row['epoch']}", *values])
        table = model_tables.history_table(self.history)
        self._heartbeat.set_tables({"scoring_history": model_tables.table_json(table)})

    def _queue_checkpoint(self, snapshot: Callable[[], Model | None]) -> None:
        began, file = time.monotonic(), None
        try:
            model = snapshot()
            file = None if model is None else file_of(model)
        except (OSError, ValueError, MemoryError) as error:  # Training must go on.
            log.warning("a checkpoint could not be made: %s", error or type(error).__name__)
        self._heartbeat.queue_checkpoint(file, time.monotonic() - began)
