"""A training as a job of the cluster, whoever does it: a worker, or the notebook that asked."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2o.exceptions import (
    H2OConnectionError,
    H2OJobCancelled,
    H2OResponseError,
    H2OServerError,
    H2OValueError,
)
from h2o.utils.shared_utils import quoted

from h2o_gan import presentation
from h2o_gan.cluster import rest
from h2o_gan.cluster.jobs import Item, JobLost, Queue
from h2o_gan.cluster.report import Report
from h2o_gan.notices import warn
from h2o_gan.parameters import JSON_PARAMETERS

if TYPE_CHECKING:
    from h2o import H2OFrame

    from h2o_gan.engine.events import Event, Listener
    from h2o_gan.engine.model import Model
    from h2o_gan.parameters import Parameters

__all__ = ["TrainingJob", "fetch_model", "register"]

Train = Callable[["Listener", "Model | None"], "Model"]
"""Trains from an earlier model, if there is one, and tells the listener of it."""

_CLAIM_S = 30.0
_LOCAL = ("model_id", "ignored_columns", "checkpoint", "export_checkpoints_dir")


def register(
    parameters: Parameters,
    frame: H2OFrame,
    validation: H2OFrame | None,
    columns: Sequence[str],
    given: Iterable[str],
) -> TrainingJob | None:
    """Have the cluster make a job of a training that this process is about to do.

    Args:
        parameters: all parameters.
        frame: the training frame.
        validation: the validation frame.
        columns: the columns to learn.
        given: names of the parameters that the user has set.

    Returns:
        The job; None where this H2O is one that the algorithm does not fit, and has only the
        extension's frames.

    Raises:
        H2OValueError: the cluster refuses the parameters.
    """
    queue = Queue(rest.connection(), f"python-{uuid.uuid4().hex}")
    data: dict[str, Any] = {}
    for name in given:
        value = getattr(parameters, name)
        if name not in _LOCAL and value is not None:
            data[name] = _as_sent(name, value)
    if parameters.response_column is not None:
        data["response_column"] = parameters.response_column
    used = {*columns, parameters.weights_column, parameters.response_column}
    if left_out := [name for name in frame.names if name not in used]:
        data["ignored_columns"] = [quoted(name) for name in left_out]
    if validation is not None:
        data["validation_frame"] = validation.frame_id
    data |= {
        "training_frame": frame.frame_id,
        "model_id": parameters.model_id,
        "worker": queue.worker,
        "wait_for_worker_secs": _CLAIM_S,
    }
    try:
        job = rest.api("POST /3/ModelBuilders/gan", **data)["job"]["key"]["name"]
    except H2OResponseError as error:
        if getattr(error.args[0] if error.args else None, "http_status", None) == 404:
            return None
        raise H2OValueError(f"the cluster refuses to train: {_reason(error)}") from error
    deadline = time.monotonic() + _CLAIM_S
    while (item := queue.claim(job)) is None:
        state = rest.api(f"GET /3/Jobs/{job}")["jobs"][0]
        if state["status"] not in rest.ALIVE or time.monotonic() > deadline:
            why = state.get("exception") or "its job does not begin"
            raise H2OValueError(f"the cluster refuses to train: {why}")
        time.sleep(0.02)
    return TrainingJob(queue, item)


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
    """A model of the cluster, under the name that it has there.

    Raises:
        H2OValueError: there is no such GAN, or it is being trained.
    """
    from h2o_gan import engine

    with tempfile.NamedTemporaryFile(prefix="h2o_gan_") as file:
        queue.fetch_model(model_id, file)
        model = engine.load(file.name)
    return replace(model, parameters=model.parameters.replace(model_id=model_id))


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

    def leave_when(self, leaving: threading.Event) -> None:
        """Leave the job to another worker where `leaving` is set by the time training stops."""
        self._leaving = leaving

    def run(self, train: Train, listen: Listener, stop: threading.Event) -> Model:
        """Train, and tell the cluster and `listen` of it, and hand in the model.

        Raises:
            H2OJobCancelled: the job was cancelled before there was a model.
            BaseException: what `train` raised; the job fails with its words.
        """
        with (
            tempfile.TemporaryDirectory(prefix="h2o_gan_") as folder,
            Report(self._queue, self._item, stop, not self._keep_going) as report,
        ):
            from h2o_gan.engine import Message

            teller = _Teller(report, Path(folder))
            try:
                earlier = self._earlier(Path(folder))
                if earlier is not None:
                    teller.history = list(earlier.history)

                def both(event: Event) -> None:
                    teller.hear(event)
                    listen(event)

                if earlier is not None:
                    both(Message(f"Training goes on from epoch {earlier.epoch}."))
                model = train(both, earlier)
            except BaseException as error:
                if self._leaving.is_set():
                    if self._keep_going:
                        self._leave()
                    raise
                self._fail(str(error) or type(error).__name__)
                if report.cancelled and isinstance(error, KeyboardInterrupt):
                    raise H2OJobCancelled(
                        "training was cancelled in the cluster before there was a model."
                    ) from error
                raise
            self.lost = report.lost
            if self._leaving.is_set() and model.stopped_by == "interrupted":
                self._release(model)
            elif self.lost is None or self._keep_going:
                self._hand_in(model, report, Path(folder))
        return model

    def _release(self, model: Model) -> None:
        from h2o_gan.engine.loop import RUNNING

        # The last scoring is that of an epoch cut in two, which is not for the next worker; a file
        # has at least one.
        history = model.history[:-1] or model.history
        with tempfile.NamedTemporaryFile(prefix="h2o_gan_") as file:
            replace(model, stopped_by=RUNNING, history=history).save(file.name)
            with open(file.name, "rb") as whole:
                self._queue.checkpoint(self._item, whole)
        self._queue.release(self._item)
        self.released = True

    def _leave(self) -> None:
        """Leave a job that has no model yet to another worker."""
        with suppress(JobLost, H2OConnectionError, H2OServerError):
            self._queue.release(self._item)
        self.released = True

    def _earlier(self, folder: Path) -> Model | None:
        """What another worker has left."""
        from h2o_gan import engine

        if not self._item.has_checkpoint:
            return None
        path = folder / "earlier.zip"
        with path.open("wb") as file:
            self._queue.fetch_checkpoint(self._item, file)
        return engine.load(path)

    def _hand_in(self, model: Model, report: Report, folder: Path) -> None:
        path = folder / "model.zip"
        model.save(path)
        report.progress = 1.0
        report.show(presentation.tables_json(model))
        try:
            report.say_now()
            with path.open("rb") as file:
                self._queue.finish(self._item, file)
            self._wait()
        except (JobLost, H2OConnectionError, H2OServerError) as error:
            self.lost = str(error)

    def _fail(self, message: str) -> None:
        try:
            self._queue.fail(self._item, message)
            self._wait()
        except (JobLost, H2OConnectionError, H2OServerError):
            pass  # The error that got us here says more.

    def _wait(self) -> None:
        """Wait until the cluster has taken it in.

        A worker must not: where the job is a grid's, it ends with the grid's last model.
        """
        if self._keep_going:
            rest.ended(self._queue.connection, self._item.job)

    def warn_if_lost(self, model: Model) -> None:
        """Tell the user of a model that is not in the cluster."""
        if self.lost is not None:
            warn(
                f"model {model.parameters.model_id!r} is trained, but could not be put into the "
                f"cluster: {self.lost}. It lives in this process: save(path) keeps it."
            )


class _Teller:
    """Turns the engine's events into what the cluster shows."""

    def __init__(self, report: Report, folder: Path) -> None:
        self._report, self._folder = report, folder
        self.history: list[dict[str, float | None]] = []
        self._number = 0

    def hear(self, event: Event) -> None:
        """Take in an event, in the thread that trains."""
        from h2o_gan import engine

        if isinstance(event, engine.Progress):
            self._report.progress = event.share
        elif isinstance(event, engine.Message):
            self._report.message = event.text
        else:
            self._score(event)

    def _score(self, event: Any) -> None:
        self.history.append(event.row)
        shown = ("epoch", "step", "seconds")
        values = [f"{n} {v:.4g}" for n, v in event.row.items() if n not in shown and v is not None]
        self._report.message = ", ".join([f"epoch {event.row['epoch']}", *values])
        table = presentation.history_table(self.history)
        self._report.show({"scoring_history": presentation.table_json(table)})
        if self._report.wants_checkpoint:
            began = time.monotonic()
            self._number += 1
            path = self._folder / f"checkpoint{self._number}.zip"
            event.snapshot().save(path)
            self._report.keep(path, time.monotonic() - began)
