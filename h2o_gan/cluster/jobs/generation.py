"""Generation of a frame, as a job of the cluster."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from h2o.exceptions import H2OConnectionError, H2OJobCancelled, H2OServerError, H2OValueError

from h2o_gan.cluster import rest
from h2o_gan.cluster.answers import insist
from h2o_gan.cluster.jobs.client import JobClient, JobLost, Task
from h2o_gan.cluster.jobs.heartbeat import Heartbeat
from h2o_gan.cluster.jobs.training import fetch_model
from h2o_gan.cluster.transport import arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EitherEvent", "Generation", "retried"]

_RELEASE_S = 10.0
_PAUSES_S = (1.0, 3.0)

T = TypeVar("T")

log = logging.getLogger("h2o_gan.cluster.jobs.worker")


class Generation:
    """A job to generate rows that this worker has claimed.

    Args:
        client: of the queue that the job is from.
        task: the job.
        exiting: set where this process must end; another worker then generates the rows.
        max_rows: largest number of rows to generate; None for no limit.
    """

    def __init__(
        self, client: JobClient, task: Task, exiting: threading.Event, max_rows: int | None
    ) -> None:
        self._client, self._task = client, task
        self._exiting, self._max_rows = exiting, max_rows
        self._key = str(task.attempt_frame_id)

    def run(self) -> None:
        """Generate the rows and write them to the cluster.

        Raises:
            JobLost: the job is another worker's, or was removed.
            H2OJobCancelled: the job was cancelled, or this process must end.
            H2OValueError, ValueError, TypeError: the job asks for what the model can't do. The
                cluster has the message.
            H2OConnectionError: the cluster is lost.
        """
        client, task, stop = self._client, self._task, EitherEvent(self._exiting)
        with Heartbeat(client, task, stop, stop_when_lost=True) as heartbeat:
            try:
                retried(lambda: self._write(heartbeat, stop), stop)
                heartbeat.progress = 1.0
                client.finish(task)
                heartbeat.stop_sending()
            except BaseException as error:
                # Only this attempt writes to this key.
                rest.remove(self._key)
                if isinstance(error, JobLost) or heartbeat.lost_reason is not None:
                    raise JobLost(heartbeat.lost_reason or str(error)) from error
                release = self._exiting.is_set() and not heartbeat.cancelled
                reason = str(error) or type(error).__name__
                with suppress(JobLost, H2OConnectionError, H2OServerError):
                    if release:
                        insist(lambda: client.release(task), _RELEASE_S)
                    else:
                        insist(lambda: client.fail(task, reason), _RELEASE_S, self._exiting)
                raise

    def _write(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Write the rows to this attempt's key."""
        task, asked = self._task, self._task.parameters
        count = _whole("rows", asked.get("rows"))
        if self._max_rows is not None and count > self._max_rows:
            raise H2OValueError(
                f"rows={count}: this worker generates at most {self._max_rows} rows a job."
            )
        seed = asked.get("seed")
        temperature = asked.get("temperature")
        rows = fetch_model(self._client, task.model_id).sample(
            count,
            None if seed is None else _whole("seed", seed),
            conditions=_conditions(asked.get("conditions")),
            balance=asked.get("balance"),
            temperature=1.0 if temperature is None else temperature,
        )
        heartbeat.message = f"generating {count} rows"
        rest.remove(self._key)  # An earlier try may have arrived although its answer was lost.
        holder = {"job": task.id, "token": task.token}
        arrow.write(_reporting(rows, count, heartbeat, stop), self._key, holder)


def retried(act: Callable[[], T], stop: threading.Event) -> T:
    """Call a function again where the connection broke off in the middle, up to three times in all.

    Args:
        act: the function.
        stop: where it is set, the first error is raised.

    Returns:
        What `act` returns.

    Raises:
        Exception: the last error of `act`.
    """
    for pause in _PAUSES_S:
        try:
            return act()
        except (H2OConnectionError, H2OValueError) as error:
            broken = error if isinstance(error, H2OConnectionError) else error.__cause__
            if not isinstance(broken, H2OConnectionError) or stop.is_set():
                raise
            log.warning("trying again: %s", error)
        stop.wait(pause)
    return act()


def _whole(name: str, value: Any) -> int:
    """Read a whole number in any notation of JSON: 5, 5.0 or 5e0.

    Raises:
        H2OValueError: it is not a whole number.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value):
        raise H2OValueError(f"{name} must be a whole number, not {value!r:.100}.")
    return int(value)


def _reporting(
    rows: pa.RecordBatchReader, total: int, heartbeat: Heartbeat, stop: threading.Event
) -> pa.RecordBatchReader:
    """The same rows; reading them sets the heartbeat's progress and ends where `stop` is set."""
    import pyarrow as pa

    def batches() -> Any:
        done = 0
        for batch in rows:
            if stop.is_set():
                raise H2OJobCancelled(
                    heartbeat.lost_reason or "generation was cancelled; no frame was made"
                )
            yield batch
            done += batch.num_rows
            heartbeat.progress = 0.9 * done / total

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def _conditions(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Conditions of a job's JSON as the engine takes them: {"low": 30, "high": 40} becomes a pair.

    Raises:
        H2OValueError: they have another form.
    """
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise H2OValueError('conditions must be an object, for example {"colour": "red"}.')
    conditions: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping):
            if set(value) - {"low", "high"}:
                raise H2OValueError(
                    f"conditions: a range of {name!r} has low and high, not {sorted(value)}."
                )
            value = (value.get("low"), value.get("high"))
        conditions[name] = value
    return conditions


class EitherEvent(threading.Event):
    """An event that is set where it is set itself, or another one is.

    Args:
        other: the other event.
    """

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        """Whether either event is set."""
        return super().is_set() or self._other.is_set()
