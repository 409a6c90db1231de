"""Generation of a frame, as a job of the cluster."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from h2o.exceptions import H2OConnectionError, H2OJobCancelled, H2OServerError, H2OValueError

from h2o_gan.cluster import rest
from h2o_gan.cluster.answers import insist
from h2o_gan.cluster.frames import with_progress
from h2o_gan.cluster.jobs.client import JobClient, JobLost, Task
from h2o_gan.cluster.jobs.heartbeat import Heartbeat
from h2o_gan.cluster.jobs.interruptions import EitherEvent, retried
from h2o_gan.cluster.jobs.training import fetch_model
from h2o_gan.cluster.training_data import whole_number
from h2o_gan.cluster.transport import arrow

__all__ = ["Generation"]

_RELEASE_S = 10.0


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
        count = whole_number(asked.get("rows"), "rows")
        if self._max_rows is not None and count > self._max_rows:
            raise H2OValueError(
                f"rows={count}: this worker generates at most {self._max_rows} rows a job."
            )
        seed = asked.get("seed")
        temperature = asked.get("temperature")
        rows = fetch_model(self._client, task.model_id).sample(
            count,
            None if seed is None else whole_number(seed, "seed"),
            conditions=_conditions(asked.get("conditions")),
            balance=asked.get("balance"),
            temperature=1.0 if temperature is None else temperature,
        )
        heartbeat.message = f"generating {count} rows"
        rest.remove(self._key)  # An earlier try may have arrived although its answer was lost.
        holder = {"job": task.id, "token": task.token}

        def report(share: float) -> None:
            if stop.is_set():
                raise H2OJobCancelled(
                    heartbeat.lost_reason or "generation was cancelled; no frame was made"
                )
            heartbeat.progress = 0.9 * share

        arrow.write(with_progress(rows, count, report), self._key, holder)


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
