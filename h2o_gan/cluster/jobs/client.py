"""The cluster's queue of jobs, as a worker sees it: the REST calls, and no more.

Whatever a cluster, or a proxy before it, answers ends in one of four errors, so that callers can
tell a job that is gone from an answer that is worth asking for again.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OJobCancelled, H2OValueError

from h2o_gan.cluster import rest
from h2o_gan.cluster.answers import Answer, Refused, insist, number, part, read, too_large

__all__ = ["LEASE_S", "Item", "JobLost", "Queue"]

LEASE_S = 15.0
"""How long a job stays with a worker that gives no sign of life."""

_ANSWER_S = 10.0
_TRANSFER_S = (30.0, 120.0)
_READ_S = 10.0
_CLAIMS = 4
_FETCH_S = 60.0
_MOST_BYTES = 2**31 - 1  # What a model file may have.
_MOST_TEXT = 10_000


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
        has_checkpoint: whether there is a model file to begin with.
        token: proves that this worker holds the job.
        attempt_frame_id: the key that this attempt writes its rows to; None for a training.
        resumes: whether the checkpoint is that of an unfinished run of this job.
    """

    id: str
    kind: str
    job: str
    model_id: str
    frame_id: str
    parameters: dict[str, Any]
    has_checkpoint: bool
    token: str
    attempt_frame_id: str | None = None
    resumes: bool = False

    @classmethod
    def of(cls, answer: Mapping[str, Any], token: str) -> Item:
        """The job in a cluster's answer, which is not trusted to be one.

        Raises:
            ValueError: a part is missing or of a wrong type.
        """
        given = {"token": token, "resumes": answer.get("has_checkpoint"), **answer}
        kinds = {**_KINDS}
        if given.get("kind") == "generate":
            kinds["attempt_frame_id"] = str
        for name, kind in kinds.items():
            value = given.get(name)
            fits = 0 < len(value) < _MOST_TEXT if isinstance(value, str) else True
            if not isinstance(value, kind) or not fits:
                raise ValueError(f"its {name} is {value!r:.100}")
        return cls(**{name: given[name] for name in kinds})


_KINDS: dict[str, type] = {
    "id": str,
    "kind": str,
    "job": str,
    "model_id": str,
    "frame_id": str,
    "parameters": dict,
    "has_checkpoint": bool,
    "token": str,
    "resumes": bool,
}


class Queue:
    """One worker's view of a cluster's queue.

    Every method raises H2OConnectionError where the cluster does not answer, and Refused where
    the answer is none. All can be called from any thread.

    Args:
        connection: the cluster's.
        worker: this worker's name, which no other has.
        lease_s: how long a job stays with this worker when it gives no sign of life.
        max_rows: jobs to generate more rows are left to others; None for no limit.
        stop: set to end long transfers into this process.
        most_bytes: the largest file to accept from the cluster.
        fetch_s: seconds to go on trying to get a file.
    """

    def __init__(
        self,
        connection: H2OConnection,
        worker: str,
        lease_s: float = LEASE_S,
        max_rows: int | None = None,
        stop: threading.Event | None = None,
        most_bytes: int = _MOST_BYTES,
        fetch_s: float = _FETCH_S,
    ) -> None:
        self.connection = connection
        self.worker = worker
        self.lease_s = lease_s
        self.stop = stop or threading.Event()
        self._max_rows, self._most_bytes = max_rows, most_bytes
        self._fetch_s = fetch_s

    # ---- taking jobs

    def claim(self, job: str | None = None) -> Item | None:
        """Take the oldest job that waits, or a certain one; None where there is none."""
        return self._claim(job, secrets.token_urlsafe(24))

    def reclaim(self, item: Item) -> bool:
        """Take back a job whose lease has run out; False where another has it, or it is over."""
        again = self._claim(item.job, item.token)
        if again is not None and again.id != item.id:
            # The jobs of a grid share the grid's key.
            self.release(again)
            return False
        return again is not None

    def _claim(self, job: str | None, token: str) -> Item | None:
        wanted = {"worker": self.worker, "lease_s": self.lease_s, "job": job, "token": token}
        if self._max_rows is not None:
            wanted["max_rows"] = self._max_rows
        what = "asking for a job"
        tries = 0
        while True:
            tries += 1
            try:
                answer = self._send("POST", "jobs/claim", what, json=wanted)
                if answer.status == 204:
                    return None
                return self._item(answer.checked(what), token, what)
            except (H2OConnectionError, Refused) as error:
                # The job may be ours although the answer was lost: the token gets the same again.
                over = isinstance(error, Refused) and error.final
                if over or tries == _CLAIMS or self.stop.wait(0.2 * 2**tries):
                    raise

    def _item(self, answer: Answer, token: str, what: str) -> Item:
        try:
            return Item.of(answer.json(what), token)
        except (ValueError, Refused) as error:
            reason = f"the worker does not understand the job: {error}"
            if found := re.search(r'"id"\s*:\s*"([\w-]{1,100})"', answer.text[:2000]):
                with suppress(JobLost, Refused):
                    self._fail(found[1], token, reason)
            raise Refused(reason, answer.status) from error

    # ---- telling of a job

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
        told = {"worker": self.worker, "token": item.token, "progress": progress}
        told["message"] = message
        if tables is not None:
            told["tables"] = tables
        # Not `json=`: what is not finite becomes null, which JSON has.
        body = json.dumps(_finite(told)).encode()
        return self._act(item.id, "heartbeat", timeout=_ANSWER_S, data=body).get("cancel") is True

    def checkpoint(self, item: Item, content: io.BytesIO) -> None:
        """Hand in what there is so far. Raises JobLost."""
        self._hand_in(item, "checkpoint", content)

    def finish(self, item: Item, content: io.BytesIO | None = None, patience: float = 60.0) -> None:
        """Hand in the model, or say that the frame is made, until the cluster has said yes.

        Args:
            item: the job.
            content: the model's file.
            patience: seconds to go on trying where there is no answer, or a useless one.

        Raises:
            JobLost: it is too late.
        """
        tries = 0

        def send() -> None:
            nonlocal tries
            tries += 1
            try:
                self._hand_in(item, "finish", content or io.BytesIO())
            except JobLost:
                if tries > 1 and self._has_arrived(item, content):
                    return
                if not self.reclaim(item):
                    raise
                self._hand_in(item, "finish", content or io.BytesIO())

        insist(send, patience, self.stop)

    def _has_arrived(self, item: Item, content: io.BytesIO | None) -> bool:
        """Whether a finish that was not answered has been heard all the same."""
        if content is None:
            return (self.ended(item, 20.0) or {}).get("status") == "DONE"
        for _ in range(10):
            with suppress(H2OValueError):  # The model is not complete at once.
                return self.fetch_model(item.model_id).getvalue() == content.getvalue()
            self.stop.wait(0.5)
        return False

    def fail(self, item: Item, message: str) -> None:
        """Give up. Raises JobLost."""
        self._fail(item.id, item.token, message)

    def release(self, item: Item) -> None:
        """Leave the job to another worker, with its checkpoint. Raises JobLost."""
        told = {"worker": self.worker, "token": item.token}
        self._act(item.id, "release", timeout=_ANSWER_S, json=told)

    def look(self, job: str) -> dict[str, Any] | None:
        """A job of H2O's as H2O shows it; None where it was removed."""
        what = "looking at a job"
        path = f"/3/Jobs/{rest.in_path(job)}"
        answer = self._exchange("GET", path, what, timeout=_ANSWER_S)
        if answer.status == 404:
            return None
        jobs = answer.checked(what).json(what).get("jobs")
        if isinstance(jobs, list) and jobs and isinstance(jobs[0], dict):
            return jobs[0]
        raise Refused(f"the cluster answered something else while {what}", 200)

    def ended(self, item: Item, patience: float) -> dict[str, Any] | None:
        """Wait until H2O's job has ended.

        Args:
            item: the job.
            patience: seconds after which H2OConnectionError is raised.

        Returns:
            The job as H2O shows it; None where it was removed.
        """
        deadline = time.monotonic() + patience
        while True:
            job = insist(
                lambda: self.look(item.job), max(0.0, deadline - time.monotonic()), self.stop
            )
            if job is None or job.get("status") not in rest.ALIVE:
                return job
            if time.monotonic() > deadline:
                raise H2OConnectionError(f"the cluster does not end job {item.job}")
            time.sleep(0.05)

    # ---- files

    def fetch_checkpoint(self, item: Item) -> io.BytesIO:
        """The model file to begin with."""
        return self._fetch(f"jobs/{rest.in_path(item.id)}/checkpoint", "reading a checkpoint")

    def fetch_model(self, model_id: str) -> io.BytesIO:
        """A model's file.

        Raises:
            H2OValueError: there is no such GAN, or it is being trained.
        """
        path = f"models/{rest.in_path(model_id)}/artifact"
        return self._fetch(path, f"reading model {model_id!r}")

    def _fetch(self, path: str, what: str) -> io.BytesIO:
        return insist(lambda: self._fetched(path, what), self._fetch_s, self.stop)

    def _fetched(self, path: str, what: str) -> io.BytesIO:
        url, inside = f"/3/GAN/{path}", io.BytesIO()
        with closing(
            rest.exchange(self.connection, "GET", url, what, timeout=_READ_S, stream=True)
        ) as response:
            if response.status_code != 200:
                answer = read(response, what)
                if answer.status in (404, 409):
                    raise H2OValueError(answer.message)
                answer.checked(what)
            declared = number(response.headers.get("Content-Length"))
            most = self._most_bytes if declared is None else min(declared, self._most_bytes)
            if declared is not None and declared > self._most_bytes:
                raise too_large(what, self._most_bytes)
            while data := part(response, what):
                if self.stop.is_set():
                    raise H2OJobCancelled(f"this process was stopped while {what}")
                if inside.tell() + len(data) > most:
                    raise too_large(what, most)
                inside.write(data)
        if declared is not None and inside.tell() < declared:
            raise H2OConnectionError(
                f"lost the cluster while {what}: {inside.tell()} of {declared} bytes came"
            )
        inside.seek(0)
        return inside

    # ---- requests

    def _fail(self, id: str, token: str, message: str) -> None:
        told = {"worker": self.worker, "token": token, "message": message or "the worker failed"}
        self._act(id, "fail", timeout=_ANSWER_S, json=told)

    def _hand_in(self, item: Item, verb: str, content: io.BytesIO) -> None:
        content.seek(0)
        # An empty file would be sent in chunks, of which there is none.
        body = {"file": content} if content.getbuffer().nbytes else {"data": b""}
        params = {"worker": self.worker, "token": item.token}
        self._act(item.id, verb, timeout=_TRANSFER_S, params=params, **body)

    def _act(self, id: str, verb: str, **more: Any) -> dict[str, Any]:
        what = f"telling of job {id}"
        answer = self._send("POST", f"jobs/{rest.in_path(id)}/{verb}", what, **more)
        if answer.status in (404, 409):
            raise JobLost(answer.message)
        return answer.checked(what).json(what)

    def _send(self, method: str, path: str, what: str, **more: Any) -> Answer:
        more.setdefault("timeout", _ANSWER_S)
        return self._exchange(method, f"/3/GAN/{path}", what, **more)

    def _exchange(self, method: str, path: str, what: str, **more: Any) -> Answer:
        with closing(
            rest.exchange(self.connection, method, path, what, stream=True, **more)
        ) as response:
            return read(response, what)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
