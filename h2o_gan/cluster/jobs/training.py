"""A training as a job of the cluster, whoever does it: a worker, or the notebook that asked."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
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

from h2o_gan.cluster import model_tables, rest
from h2o_gan.cluster.answers import Refused, insist
from h2o_gan.cluster.jobs.client import Item, JobLost, Queue
from h2o_gan.cluster.jobs.heartbeat import Report
from h2o_gan.cluster.patience import watched
from h2o_gan.notices import warn
from h2o_gan.parameters import JSON_PARAMETERS

if TYPE_CHECKING:
    from h2o_gan.cluster.training_request import TrainingRequest
    from h2o_gan.engine.events import Event, Listener
    from h2o_gan.engine.model import Model
    from h2o_gan.parameters import Parameters

__all__ = ["TrainingJob", "fetch_model", "file_of", "register", "sent"]

Train = Callable[["Listener", "Model | None"], "Model"]
"""Trains from an earlier model, if there is one, and tells the listener of it."""

_CLAIM_S = 30.0
_PATIENCE_S = 60.0
"""How long to go on handing in a model where the cluster gives no useful answer."""
_LEAVE_S = 10.0
_LOCAL = ("model_id", "ignored_columns", "checkpoint", "export_checkpoints_dir")
"""Sent in a form of their own, or of no meaning on another machine."""

log = logging.getLogger("h2o_gan.cluster.jobs.worker")


def register(request: TrainingRequest) -> TrainingJob | None:
    """Have the cluster make a job of a training that this process is about to do.

    Args:
        request: what this process trains.

    Returns:
        The job; None where this H2O is one that the algorithm does not fit, and has only the
        extension's frames.

    Raises:
        H2OValueError: the cluster refuses the parameters.
    """
    queue = Queue(rest.connection(), f"python-{uuid.uuid4().hex}")
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
        "worker": queue.worker,
    }
    try:
        job = rest.api("POST /3/ModelBuilders/gan", **data)["job"]["key"]["name"]
    except H2OResponseError as error:
        if getattr(error.args[0] if error.args else None, "http_status", None) == 404:
            return None
        raise H2OValueError(f"the cluster refuses to train: {_reason(error)}") from error
    try:
        return TrainingJob(queue, _claimed(queue, job))
    except BaseException:
        # It would wait for this process for minutes.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            rest.api(f"POST /3/Jobs/{rest.in_path(job)}/cancel")
        raise


def _claimed(queue: Queue, job: str) -> Item:
    """The job that this process has just started. Raises H2OValueError where it does not begin."""
    deadline = time.monotonic() + _CLAIM_S
    while (item := queue.claim(job)) is None:
        state = insist(lambda: queue.look(job), _LEAVE_S) or {}
        if state.get("status") not in rest.ALIVE or time.monotonic() > deadline:
            why = state.get("exception") or "its job does not begin"
            raise H2OValueError(f"the cluster refuses to train: {why}")
        time.sleep(0.02)
    return item


def sent(parameters: Parameters) -> dict[str, Any]:
    """The parameters that differ from their defaults, as H2O's client can send them."""
    values = {field: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}
    return {
        field.name: _as_sent(field.name, value)
        for field, value in values.items()
        if field.name not in _LOCAL and value != field.default
    }


def _as_sent(name: str, value: Any) -> Any:
    """A parameter as H2O's client can send it."""
    if name in JSON_PARAMETERS:
        return json.dumps(dict(value))
    if isinstance(value, tuple):
        return list(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _reason(error: H2OResponseError) -> str:
    details = error.args[0] if error.args else error
    messages = getattr(details, "messages", None)
    if messages:
        return "; ".join(str(m["message"]) for m in messages if m["message_type"] == "ERRR")
    return str(getattr(details, "msg", details))


def fetch_model(queue: Queue, model_id: str) -> Model:
    """A model of the cluster.

    Raises:
        H2OValueError: there is no such GAN, or it is being trained.
    """
    from h2o_gan import engine

    model = engine.load(queue.fetch_model(model_id))
    return replace(model, parameters=model.parameters.replace(model_id=model_id))


def _is_passing(error: BaseException) -> bool:
    """Whether another worker may have more luck: the cluster was not there, or busy."""
    if isinstance(error, Refused):
        return not error.final
    return isinstance(error, H2OConnectionError)


class TrainingJob:
    """A job that this process has claimed.

    Args:
        queue: where it is from.
        item: the job.
        keep_going: whether to go on where nobody waits for the model any more: a notebook has a
            use for it, a worker has none.
        leaving: set where this process must end: another worker then goes on from what there is.
    """

    def __init__(
        self,
        queue: Queue,
        item: Item,
        keep_going: bool = True,
        leaving: threading.Event | None = None,
    ) -> None:
        self._queue, self._item = queue, item
        self._keep_going = keep_going
        self._leaving = leaving or threading.Event()
        self.released = False
        """Whether the job was left to another worker."""
        self.lost: str | None = None
        """Why the cluster did not get the model, or None."""
        self.made: Model | None = None
        """The model once it is trained, while the cluster is still to get it."""

    def run(
        self,
        train: Train,
        listen: Listener,
        stop: threading.Event,
        earlier: Model | None = None,
    ) -> Model:
        """Train, tell the cluster and `listen` of it, and hand in the model.

        Args:
            train: trains from an earlier model, if there is one.
            listen: hears of it too.
            stop: ends the training.
            earlier: a model of this process that the training continues. Whoever takes the job
                over needs it too, so it is the first checkpoint.

        Raises:
            H2OJobCancelled: the job was cancelled before there was a model.
            BaseException: what `train` raised; the job fails with its words.
        """
        with Report(self._queue, self._item, stop, not self._keep_going) as report:
            try:
                model = self.made = self._trained(train, listen, report, earlier)
            except BaseException as error:
                self._end(error, report)
                raise
            report.settle()
            self.lost = report.lost
            if self._leaving.is_set() and model.stopped_by == "interrupted":
                self._release(model)
            elif self.lost is None or self._keep_going:
                self._hand_in(model, report)
        return model

    def leave_when(self, leaving: threading.Event) -> None:
        """Leave the job to another worker where `leaving` is set by the time training stops."""
        self._leaving = leaving

    def _trained(
        self, train: Train, listen: Listener, report: Report, earlier: Model | None
    ) -> Model:
        from h2o_gan.engine import Message

        teller = _Teller(report)

        def both(event: Event) -> None:
            teller.hear(event)
            listen(event)

        if earlier is not None:
            report.keep(file_of(earlier))
        begun = self._begun()
        if begun is not None:
            verb = "goes on" if self._item.resumes else "continues an earlier model"
            both(Message(f"Training {verb} from epoch {begun.epoch}."))
        start = begun or earlier
        if start is not None:
            teller.history = list(start.history)
        return train(both, start)

    def _begun(self) -> Model | None:
        """What the job's training begins with: another worker's checkpoint, or a model."""
        from h2o_gan import engine

        if not self._item.has_checkpoint:
            return None
        return engine.load(self._queue.fetch_checkpoint(self._item))

    def _end(self, error: BaseException, report: Report) -> None:
        """Tell the cluster of a training that has no model."""
        if report.lost is not None:
            self.lost = report.lost
        elif self._leaving.is_set() or (self._item.resumes and _is_passing(error)):
            self._release(None)
        else:
            self._fail(str(error) or type(error).__name__)
        from h2o_gan.engine import TrainingStopped

        if report.cancelled and isinstance(error, TrainingStopped):
            raise H2OJobCancelled(
                "training was cancelled in the cluster before there was a model."
            ) from None

    def _release(self, model: Model | None) -> None:
        """Leave the job to another worker, with what was learned."""
        from h2o_gan.engine.training.trainer import RUNNING

        try:
            if model is not None:
                # The last scoring is that of an epoch cut in two, which is not for the next worker.
                left = replace(model, stopped_by=RUNNING, history=model.history[:-1])
                file = file_of(left)
                insist(lambda: self._queue.checkpoint(self._item, file), _LEAVE_S)
            insist(lambda: self._queue.release(self._item), _LEAVE_S)
            self.released = True
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            self.lost = str(error)

    def _hand_in(self, model: Model, report: Report) -> None:
        report.progress = 1.0
        report.show(model_tables.tables_json(model))
        try:
            file = file_of(model)
        except (ValueError, MemoryError) as error:  # What can't be written can still be used here.
            self.lost = str(error) or type(error).__name__
            self._fail(self.lost)
            return
        try:
            report.say_now()
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            # A model is worth more than its tables.
            log.debug("the tables of model %s were not shown: %s", self._item.model_id, error)
        try:
            with watched("handing in the model", _PATIENCE_S):
                self._queue.finish(self._item, file, _PATIENCE_S)
            report.end()
            self._wait()
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            self.lost = str(error)

    def _fail(self, message: str) -> None:
        try:
            insist(lambda: self._queue.fail(self._item, message), _LEAVE_S, self._leaving)
            self._wait()
        except (JobLost, H2OConnectionError, H2OServerError):
            pass  # The error that got us here says more.

    def _wait(self) -> None:
        """Wait until the cluster has taken it in.

        A worker must not: where the job is a grid's, it ends with the grid's last model.
        """
        if self._keep_going:
            job = self._queue.ended(self._item, _PATIENCE_S)
            if job is None:
                raise JobLost("its job was removed from the cluster")
            if job["status"] == "FAILED":
                raise JobLost(str(job.get("exception") or "its job failed"))

    def warn_if_lost(self, model: Model) -> None:
        """Tell the user of a model that is not in the cluster."""
        if self.lost is not None:
            warn(
                f"model {model.parameters.model_id!r} is trained, but could not be put into the "
                f"cluster: {self.lost}. It lives in this process: save(path) keeps it."
            )


def file_of(model: Model) -> io.BytesIO:
    """A model's file, in memory."""
    from h2o_gan import engine

    file = io.BytesIO()
    engine.dump(model, file)
    return file


class _Teller:
    """Turns the engine's events into what the cluster shows."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.history: list[dict[str, float | None]] = []

    def hear(self, event: Event) -> None:
        """Take in an event, in the thread that trains."""
        from h2o_gan import engine

        if isinstance(event, engine.Progress):
            self._report.progress = event.share
        elif isinstance(event, engine.Message):
            self._report.message = event.text
        else:
            self._score(event)
        snapshot = getattr(event, "snapshot", None)
        scored = isinstance(event, engine.Scored)
        if snapshot is not None and self._report.wants_checkpoint(scored):
            self._keep(snapshot)

    def _score(self, event: Any) -> None:
        self.history.append(event.row)
        shown = ("epoch", "step", "seconds")
        values = [f"{n} {v:.4g}" for n, v in event.row.items() if n not in shown and v is not None]
        self._report.message = ", ".join([f"epoch {event.row['epoch']}", *values])
        table = model_tables.history_table(self.history)
        self._report.show({"scoring_history": model_tables.table_json(table)})

    def _keep(self, snapshot: Callable[[], Model | None]) -> None:
        began, file = time.monotonic(), None
        try:
            model = snapshot()
            file = None if model is None else file_of(model)
        except (OSError, ValueError, MemoryError) as error:  # Hours of training are worth more.
            log.warning("a checkpoint could not be made: %s", error or type(error).__name__)
        self._report.keep(file, time.monotonic() - began)
