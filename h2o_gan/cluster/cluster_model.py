"""A model where it lives: jobs in which the cluster's nodes make or rate rows."""

from __future__ import annotations

import datetime as dt
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import h2o
import numpy as np
from h2o.exceptions import (
    H2OConnectionError,
    H2OJobCancelled,
    H2OResponseError,
    H2OServerError,
    H2OValueError,
)
from h2o.frame import H2OFrame

from h2o_gan.cluster import rest

__all__ = ["BACKENDS", "SLOWER", "ClusterModel"]

BACKENDS = ("auto", "cluster", "local")
"""Values of the parameter ``backend``."""

SLOWER = 4.0
"""How many cores of a cluster make rows as fast as one core of this process; the benchmark is
scripts/benchmarks/jvm.py."""

_POLL_S = 0.1
_MOST_POLL_S = 0.5
_CANCEL_S = 30.0
_CLASS = re.compile(r"^(?:[\w.$]+(?:Exception|Error): )+")


class ClusterModel:
    """A model of the connected cluster, which has the extension.

    Args:
        model_id: key of the model.
        stop: set it to cancel the job that is waited for.
        report: called with the progress of the job, from 0 to 1.
    """

    def __init__(
        self, model_id: str, stop: threading.Event, report: Callable[[float], None]
    ) -> None:
        self._model_id, self._stop, self._report = model_id, stop, report

    def generate(
        self,
        rows: int,
        seed: int | None,
        destination: str | None,
        *,
        conditions: Mapping[str, Any] | None = None,
        balance: str | None = None,
        temperature: float = 1.0,
    ) -> H2OFrame:
        """Generate rows as a new frame.

        Args:
            rows: their number.
            seed: 0 or more; None for a random one.
            destination: key of the frame; None for a new one.
            conditions: see :class:`~h2o_gan.engine.options.SampleOptions`.
            balance: a column whose levels occur in equal numbers.
            temperature: less than 1 for more typical rows.

        Raises:
            H2OValueError: the cluster has no such model, an argument does not fit, or no row can
                meet the conditions.
            H2OJobCancelled: `stop` was set; no frame was made.
        """
        asked = {
            "rows": rows,
            "seed": seed,
            "conditions": _conditions(conditions),
            "balance": balance,
            "temperature": temperature,
            "destination_frame": destination,
            "backend": "cluster",
        }
        return self._made("generate", asked)

    def impute(self, frame: H2OFrame, seed: int | None, destination: str | None) -> H2OFrame:
        """Draw the missing cells of a frame, as a new frame; see :meth:`generate`."""
        asked = {"frame": frame.frame_id, "seed": seed, "destination_frame": destination}
        return self._made("impute", asked)

    def anomaly(self, frame: H2OFrame, per_feature: bool) -> H2OFrame:
        """The anomaly scores of a frame's rows, or the share of each column in them."""
        return self._made("anomaly", {"frame": frame.frame_id, "per_feature": per_feature})

    def predict(self, frame: H2OFrame) -> H2OFrame:
        """The predictions of a frame's rows."""
        key = rest.new_key("prediction").removeprefix("_")
        path = f"{rest.in_path(self._model_id)}/frames/{rest.in_path(frame.frame_id)}"
        try:
            answer = rest.api(f"POST /4/Predictions/models/{path}", predictions_frame=key)
        except (H2OResponseError, H2OServerError) as error:
            raise _refused(error) from error
        return self._awaited(answer["key"]["name"], key)

    def _made(self, what: str, asked: Mapping[str, Any]) -> H2OFrame:
        path = f"/3/GAN/models/{rest.in_path(self._model_id)}/{what}"
        body = {name: value for name, value in asked.items() if value is not None}
        doing = f"asking model {self._model_id!r} to {what}"
        response = rest.exchange(rest.connection(), "POST", path, doing, json=body)
        if response.status_code != 200:
            raise H2OValueError(rest.message(response))
        job = response.json()["job"]
        return self._awaited(job["key"]["name"], job["dest"]["name"])

    def _awaited(self, job: str, key: str) -> H2OFrame:
        """Wait for a job's frame."""
        path, pause, cancelled = f"/3/Jobs/{rest.in_path(job)}", _POLL_S / 10, False
        while True:
            state = rest.api(f"GET {path}")["jobs"][0]
            if state["status"] not in rest.ALIVE:
                break
            self._report(float(state["progress"]))
            if self._stop.is_set() and not cancelled:
                cancelled = True
                with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
                    rest.api(f"POST {path}/cancel")
            time.sleep(pause)
            pause = min(1.5 * pause, _MOST_POLL_S)
        if state["status"] == "DONE":
            return h2o.get_frame(key)
        if state["status"] == "CANCELLED":
            raise H2OJobCancelled("the job was cancelled; no frame was made.")
        raise H2OValueError(_CLASS.sub("", str(state.get("exception") or "the job failed")))


def _refused(error: H2OResponseError | H2OServerError) -> H2OValueError:
    details = error.args[0] if error.args else error
    reason = str(getattr(details, "msg", details))
    return H2OValueError(_CLASS.sub("", reason))


def _conditions(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Conditions as JSON."""
    if not given:
        return None
    return {name: _condition(value) for name, value in given.items()}


def _condition(value: Any) -> Any:
    if isinstance(value, tuple):
        if len(value) != 2:
            raise H2OValueError(f"conditions: a range is a pair (low, high), not {value!r}.")
        return {"low": _bound(value[0]), "high": _bound(value[1])}
    if isinstance(value, list | set):
        return [_plain(one) for one in value]
    return _plain(value)


def _bound(value: Any) -> Any:
    """An end of a range; None for one without bound."""
    is_infinite = isinstance(value, float | np.floating) and math.isinf(value)
    return None if is_infinite else _plain(value)


def _plain(value: Any) -> Any:
    """A value of Python or NumPy as JSON has it; times as ISO 8601 in UTC."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
    if isinstance(value, dt.date):  # so is a datetime
        return str(np.datetime64(value, "ms"))
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[ms]"))
    if isinstance(value, np.generic):
        value = value.item()
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise H2OValueError(
            f"conditions: {value!r} is neither a number nor a text, a time, a list of these, "
            "a range (low, high) or None."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise H2OValueError(
            f"conditions: {value!r} is not a value of a column; use None for missing, and a range "
            "(low, None) for all above a number."
        )
    return value
