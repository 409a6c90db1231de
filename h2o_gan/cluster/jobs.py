"""The cluster's queue of jobs that workers do, as a worker sees it: the REST calls, and no more."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any

import requests
from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OServerError, H2OValueError

from h2o_gan.cluster import rest

__all__ = ["LEASE_S", "Item", "JobLost", "Queue"]

LEASE_S = 15.0
"""How long a job stays with a worker that gives no sign of life."""

_ANSWER_S = 10.0
_TRANSFER_S = 300.0


class JobLost(Exception):
    """The job is another worker's by now, or was removed; there is no more to do for it."""


@dataclass(frozen=True)
class Item:
    """A job for a worker.

    Attributes:
        id: its name in the queue.
        kind: "train" or "generate".
        job: key of the job that H2O shows.
        model_id: the model to make, or to generate with.
        frame_id: the frame to learn from, or to make.
        parameters: what to do; JSON types.
        has_checkpoint: whether another worker has left something to go on from.
    """

    id: str
    kind: str
    job: str
    model_id: str
    frame_id: str
    parameters: dict[str, Any]
    has_checkpoint: bool


class Queue:
    """One worker's view of a cluster's queue.

    Every method raises H2OConnectionError where the cluster does not answer. All can be called from
    any thread.

    Args:
        connection: the cluster's.
        worker: this worker's name, which no other has.
    """

    def __init__(self, connection: H2OConnection, worker: str) -> None:
        self.connection = connection
        self.worker = worker

    def claim(self, job: str | None = None) -> Item | None:
        """Take the oldest job that waits, or a certain one; None where there is none."""
        wanted = {"worker": self.worker, "lease_s": LEASE_S, "job": job}
        response = self._send("POST", "jobs/claim", "asking for a job", json=wanted)
        if response.status_code == 204:
            return None
        given = self._checked(response, "asking for a job").json()
        return Item(**{name: given[name] for name in Item.__dataclass_fields__})

    def heartbeat(
        self,
        item: Item,
        progress: float,
        message: str | None = None,
        tables: dict[str, Any] | None = None,
    ) -> bool:
        """Show a sign of life, and how far the job is.

        Args:
            item: the job.
            progress: from 0 to 1.
            message: what is going on.
            tables: the model's tables, where they are new; see the extension's REST.md.

        Returns:
            Whether the job was cancelled.

        Raises:
            JobLost: leave it.
        """
        told = {"worker": self.worker, "progress": progress, "message": message}
        if tables is not None:
            told["tables"] = tables
        # Not `json=`: what is not finite becomes null, which JSON has.
        body = json.dumps(_finite(told)).encode()
        answer: bool = self._act(item, "heartbeat", _ANSWER_S, data=body)["cancel"]
        return answer

    def checkpoint(self, item: Item, file: IO[bytes]) -> None:
        """Hand in what there is so far. Raises JobLost."""
        self._act(item, "checkpoint", params={"worker": self.worker}, data=file)

    def finish(self, item: Item, file: IO[bytes] | None = None) -> None:
        """Hand in the model, or say that the frame is made. Raises JobLost."""
        self._act(item, "finish", params={"worker": self.worker}, data=file or b"")

    def fail(self, item: Item, message: str) -> None:
        """Give up. Raises JobLost."""
        told = {"worker": self.worker, "message": message or "the worker failed"}
        self._act(item, "fail", _ANSWER_S, json=told)

    def release(self, item: Item) -> None:
        """Leave the job to another worker, with its checkpoint. Raises JobLost."""
        self._act(item, "release", _ANSWER_S, json={"worker": self.worker})

    def fetch_checkpoint(self, item: Item, file: IO[bytes]) -> None:
        """Write to `file` what another worker has left."""
        self._fetch(f"jobs/{item.id}/checkpoint", "reading a checkpoint", file)

    def fetch_model(self, model_id: str, file: IO[bytes]) -> None:
        """Write a model to `file`.

        Raises:
            H2OValueError: there is no such GAN, or it is being trained.
        """
        path = f"models/{rest.in_path(model_id)}/artifact"
        self._fetch(path, f"reading model {model_id!r}", file)

    def _fetch(self, path: str, what: str, file: IO[bytes]) -> None:
        with closing(self._send("GET", path, what, stream=True)) as response:
            if response.status_code in (404, 409):
                raise H2OValueError(rest.message(response))
            self._checked(response, what)
            shutil.copyfileobj(response.raw, file)
        file.flush()

    def _act(self, item: Item, verb: str, timeout: float = _TRANSFER_S, **more: Any) -> Any:
        what = f"telling of job {item.id}"
        response = self._send("POST", f"jobs/{item.id}/{verb}", what, timeout=timeout, **more)
        if response.status_code in (404, 409):
            raise JobLost(rest.message(response))
        return self._checked(response, what).json()

    def _send(self, method: str, path: str, what: str, **more: Any) -> requests.Response:
        more.setdefault("timeout", _ANSWER_S)
        return rest.exchange(self.connection, method, f"/3/GAN/{path}", what, **more)

    @staticmethod
    def _checked(response: requests.Response, what: str) -> requests.Response:
        if response.status_code != 200:
            raise H2OServerError(
                f"the cluster refused while {what} (HTTP {response.status_code}): "
                f"{rest.message(response)}"
            )
        return response


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
