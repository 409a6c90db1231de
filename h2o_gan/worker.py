"""A worker: does the cluster's `gan` jobs, one after the other, for as long as it is let."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2o.exceptions import (
    H2OConnectionError,
    H2OJobCancelled,
    H2OResponseError,
    H2OServerError,
    H2OValueError,
)

from h2o_gan.cluster import rest
from h2o_gan.cluster.frames import write_frame
from h2o_gan.cluster.jobs import Item, JobLost, Queue
from h2o_gan.cluster.report import Report
from h2o_gan.inputs import columns_to_learn, frame_of, open_rows
from h2o_gan.parameters import Parameters
from h2o_gan.queued import TrainingJob, fetch_model

if TYPE_CHECKING:
    import pyarrow as pa

    from h2o_gan.engine.events import Event, Listener
    from h2o_gan.engine.model import Model

__all__ = ["Worker"]

_POLL_S = 1.0
_RETRY_S = 2.0

log = logging.getLogger("h2o_gan.worker")


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
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        device: str = "auto",
        keep: Path = Path(),
        images: Path | None = None,
        once: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        from h2o_gan import engine

        engine.resolve_device(device)
        self._connect, self._device, self._once = connect, device, once
        self._keep, self._images = keep, images
        self._stop = stop or threading.Event()
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def serve(self) -> bool:
        """Do jobs. Returns whether the last one went well.

        Raises:
            H2OServerError: the cluster has no extension, or one of another version.
        """
        while not self._stop.is_set():
            queue = self._queue()
            if queue is None:
                break
            try:
                while not self._stop.is_set():
                    item = queue.claim()
                    if item is None:
                        self._stop.wait(_POLL_S)
                        continue
                    done = self._do(queue, item)
                    if self._once:
                        return done
            except (H2OConnectionError, H2OServerError, H2OResponseError) as error:
                log.warning("lost the cluster: %s", _short(error))
        log.info("stopped")
        return True

    def _queue(self) -> Queue | None:
        """The queue of the cluster, once it is there; None where the worker is stopped first."""
        told = False
        while not self._stop.is_set():
            try:
                self._connect()
                has = rest.extension()
            except (H2OConnectionError, H2OServerError, H2OResponseError) as error:
                if not told:
                    log.warning("no cluster yet, trying again: %s", _short(error))
                    told = True
                self._stop.wait(_RETRY_S)
                continue
            if not has:
                raise H2OServerError(
                    "the cluster runs without the extension of this h2o_gan, so it has no jobs for "
                    "a worker; `h2o-gan extension` says how to give it one"
                )
            connection = rest.connection()
            log.info("worker %s waits for jobs of %s", self.name, connection.base_url)
            return Queue(connection, self.name)
        return None

    def _do(self, queue: Queue, item: Item) -> bool:
        """Do a job; True where it went well. Raises H2OConnectionError for a lost cluster."""
        log.info("job %s: %s %s", item.id, item.kind, item.model_id)
        try:
            if item.kind == "train":
                self._train(queue, item)
            elif item.kind == "generate":
                self._generate(queue, item)
            else:
                self._refuse(queue, item)
        except JobLost as error:
            log.warning("job %s: left: %s", item.id, error)
            return False
        except H2OConnectionError:
            raise
        except H2OJobCancelled as error:
            log.info("job %s: cancelled: %s", item.id, error)
            return False
        except (Exception, KeyboardInterrupt):
            if self._stop.is_set():
                log.info("job %s: left to another worker", item.id)
                with suppress(JobLost):
                    queue.release(item)
            else:
                log.exception("job %s: failed", item.id)
            return False
        log.info("job %s: done", item.id)
        return True

    def _refuse(self, queue: Queue, item: Item) -> None:
        queue.fail(item, f"this worker can't do jobs of the kind {item.kind!r}: upgrade it")

    # ---- training

    def _train(self, queue: Queue, item: Item) -> None:
        stop = _Either(self._stop)
        job = TrainingJob(queue, item, keep_going=False, leaving=self._stop)
        model = job.run(self._trainer(queue, item, stop), _log, stop)
        if job.released:
            raise JobLost("the worker was stopped; another goes on from what there is")
        if job.lost is not None:
            path = self._keep / f"{item.model_id}.zip"
            model.save(path)
            log.warning(
                "job %s: %s; what was learned by epoch %d is in %s: train with checkpoint=%r goes "
                "on from it, h2o_gan.load_model loads it",
                item.id, job.lost, model.epoch, path.absolute(), str(path),
            )  # fmt: skip
            raise JobLost(job.lost)

    def _trainer(
        self, queue: Queue, item: Item, stop: threading.Event
    ) -> Callable[[Listener, Model | None], Model]:
        """What trains for a job, once its heart beats: looking at the data is a part of it."""

        def train(listen: Listener, begun: Model | None) -> Model:
            from h2o_gan import engine

            values = dict(item.parameters)
            held_out_key = values.pop("validation_frame", None)
            earlier_id = values.pop("checkpoint", None)
            if values.get("device", "auto") == "auto":
                values["device"] = self._device
            if values.get("image_column") is not None:
                values["image_root"] = self._image_root(values.get("image_root"))
            parameters = Parameters(**{**values, "model_id": item.model_id})
            frame = frame_of(item.frame_id, "training_frame")
            validation = frame_of(held_out_key, "validation_frame") if held_out_key else None
            columns = columns_to_learn(frame, None, parameters.response_column, parameters)
            earlier = begun
            if earlier is None and earlier_id is not None:
                earlier = fetch_model(queue, earlier_id)
            with ExitStack() as stack:
                rows, held_out = open_rows(frame, validation, columns, parameters)
                stack.callback(rows.close)
                if held_out is not None:
                    stack.callback(held_out.close)
                return engine.fit(
                    rows.reader,
                    parameters,
                    validation=None if held_out is None else held_out.reader,
                    checkpoint=earlier,
                    on_event=listen,
                    stop=stop,
                )

        return train

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

    # ---- generating

    def _generate(self, queue: Queue, item: Item) -> None:
        from h2o_gan.estimator import estimator_of

        stop = _Either(self._stop)
        made = False
        with Report(queue, item, stop, give_up=True) as report:
            try:
                wanted = item.parameters
                gan = estimator_of(fetch_model(queue, item.model_id))
                rows, n = gan._sampled(
                    wanted["rows"],
                    wanted.get("seed"),
                    _conditions(wanted.get("conditions")),
                    wanted.get("balance"),
                    wanted.get("temperature", 1.0),
                )
                report.message = f"generating {n} rows"
                write_frame(_passed(rows, n, report, stop), item.frame_id)
                made = True
                report.progress = 1.0
                queue.finish(item)
            except BaseException as error:
                if made:  # The frame is there, but nobody waits for it.
                    rest.remove(item.frame_id)
                if self._stop.is_set() and not report.cancelled:
                    queue.release(item)
                elif not isinstance(error, JobLost | H2OConnectionError):
                    queue.fail(item, str(error) or type(error).__name__)
                raise


def _passed(
    rows: pa.RecordBatchReader, total: int, report: Report, stop: threading.Event
) -> pa.RecordBatchReader:
    import pyarrow as pa

    def batches() -> Any:
        passed = 0
        for batch in rows:
            if stop.is_set():
                raise H2OJobCancelled(report.lost or "generation was cancelled; no frame was made")
            yield batch
            passed += batch.num_rows
            report.progress = 0.9 * passed / total

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def _conditions(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """JSON's conditions as Python has them: {"low": 30, "high": 40} is a range."""
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise H2OValueError('conditions must be an object, for example {"colour": "red"}.')
    wanted: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping):
            if set(value) - {"low", "high"}:
                raise H2OValueError(
                    f"conditions: a range of {name!r} has low and high, not {sorted(value)}."
                )
            value = (value.get("low"), value.get("high"))
        wanted[name] = value
    return wanted


class _Either(threading.Event):
    """Set by itself, or by another event."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        """Whether either is."""
        return super().is_set() or self._other.is_set()


def _log(event: Event) -> None:
    from h2o_gan import engine

    if isinstance(event, engine.Message):
        log.info("%s", event.text)
    elif isinstance(event, engine.Scored):
        shown = [f"{name} {value:.4g}" for name, value in event.row.items() if value is not None]
        log.info("%s", ", ".join(shown))


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:300]
