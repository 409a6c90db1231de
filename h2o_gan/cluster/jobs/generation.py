"""Generates a frame for a job of the cluster."""

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
from h2o_gan.cluster.jobs.client import Item, JobLost, Queue
from h2o_gan.cluster.jobs.heartbeat import Report
from h2o_gan.cluster.jobs.training import fetch_model
from h2o_gan.cluster.transport import arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Either", "Generation", "retried"]

_TELL_S = 10.0
_PAUSES_S = (1.0, 3.0)

T = TypeVar("T")

log = logging.getLogger("h2o_gan.cluster.jobs.worker")


class Generation:
    """A job to generate rows that this worker has claimed.

    Args:
        queue: where it is from.
        item: the job.
        leaving: set where this process must end: another worker then makes the rows.
        max_rows: the most rows to make; None for no limit.
    """

    def __init__(
        self, queue: Queue, item: Item, leaving: threading.Event, max_rows: int | None
    ) -> None:
        self._queue, self._item = queue, item
        self._leaving, self._max_rows = leaving, max_rows
        self._key = str(item.attempt_frame_id)

    def run(self) -> None:
        """Make the frame.

        Raises:
            JobLost: nobody waits for it any more.
            H2OJobCancelled, H2OValueError, ValueError, TypeError: there is none; the cluster knows.
        """
        queue, item, stop = self._queue, self._item, Either(self._leaving)
        with Report(queue, item, stop, give_up=True) as report:
            try:
                retried(lambda: self._write(report, stop), stop)
                report.progress = 1.0
                queue.finish(item)
                report.end()
            except BaseException as error:
                # No other attempt writes under this key: whatever is there is this one's.
                rest.remove(self._key)
                if isinstance(error, JobLost) or report.lost is not None:
                    raise JobLost(report.lost or str(error)) from error
                leaving = self._leaving.is_set() and not report.cancelled
                reason = str(error) or type(error).__name__
                with suppress(JobLost, H2OConnectionError, H2OServerError):
                    if leaving:
                        insist(lambda: queue.release(item), _TELL_S)
                    else:
                        insist(lambda: queue.fail(item, reason), _TELL_S, self._leaving)
                raise

    def _write(self, report: Report, stop: threading.Event) -> None:
        """Write the rows."""
        item, wanted = self._item, self._item.parameters
        count = _whole("rows", wanted.get("rows"))
        if self._max_rows is not None and count > self._max_rows:
            raise H2OValueError(f"rows={count}: this worker makes at most {self._max_rows}.")
        seed = wanted.get("seed")
        temperature = wanted.get("temperature")
        rows = fetch_model(self._queue, item.model_id).sample(
            count,
            None if seed is None else _whole("seed", seed),
            conditions=_conditions(wanted.get("conditions")),
            balance=wanted.get("balance"),
            temperature=1.0 if temperature is None else temperature,
        )
        report.message = f"generating {count} rows"
        rest.remove(self._key)  # An earlier try of this attempt may have got there unheard.
        held = {"job": item.id, "token": item.token}
        arrow.write(_passed(rows, count, report, stop), self._key, held)


def retried(act: Callable[[], T], stop: threading.Event) -> T:
    """Do something anew where the connection has broken off in the middle."""
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
    """A whole number in whatever notation JSON has it: 5, 5.0 or 5e0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value):
        raise H2OValueError(f"{name} must be a whole number, not {value!r:.100}.")
    return int(value)


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


class Either(threading.Event):
    """Set by itself, or by another event."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        """Whether either is."""
        return super().is_set() or self._other.is_set()
