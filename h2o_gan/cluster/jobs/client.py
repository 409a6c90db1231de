"""Client of the cluster's job queue: the REST calls of a worker, and no more.

Every answer that is not a success, of a cluster or of a proxy before it, becomes one of four
errors, so that callers distinguish a job that is gone from a request that is worth repeating.
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

__all__ = ["GENERATE", "LEASE_S", "TRAIN", "JobClient", "JobLost", "Task"]

TRAIN, GENERATE = "train", "generate"
"""Kinds of tasks."""

LEASE_S = 15.0
"""Seconds without a heartbeat after which the cluster takes a job away from its worker."""

_ANSWER_S = 10.0
_TRANSFER_S = (30.0, 120.0)
_READ_S = 10.0
_CLAIMS = 4
_FETCH_S = 60.0
_MAX_BYTES = 2**31 - 1  # of a model file
_MAX_TEXT = 10_000  # characters of a text in a task


class JobLost(Exception):
    """The job belongs to another worker by now, or was removed: this worker must leave it."""


@dataclass(frozen=True)
class Task:
    """A job that a worker has claimed.

    Attributes:
        id: name in the queue.
        kind: :data:`TRAIN` or :data:`GENERATE`.
        job: key of the job that H2O shows.
        model_id: the model to train, or to generate with.
        frame_id: the frame to train on, or to write.
        parameters: of the training or generation; JSON types.
        has_checkpoint: whether there is a model file to start from.
        token: secret that proves that this worker holds the job.
        attempt_frame_id: key that this attempt writes its rows to; None for a training.
        resumes: whether the checkpoint is of an unfinished run of this job.
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
    def of(cls, answer: Mapping[str, Any], token: str) -> Task:
        """Read a task from a cluster's answer, which is not trusted.

        Args:
            answer: the answer's JSON object.
            token: secret of the claim.

        Returns:
            The task.

        Raises:
            ValueError: a part is missing or of a wrong type.
        """
        given = {"token": token, "resumes": answer.get("has_checkpoint"), **answer}
        types = {**_TYPES}
        if given.get("kind") == GENERATE:
            types["attempt_frame_id"] = str
        for name, type_ in types.items():
            value = given.get(name)
            fits = 0 < len(value) < _MAX_TEXT if isinstance(value, str) else True
            if not isinstance(value, type_) or not fits:
                raise ValueError(f"its {name} is {value!r:.100}")
        return cls(**{name: given[name] for name in types})


_TYPES: dict[str, type] = {
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


class JobClient:
    """One worker's view of a cluster's queue; its methods can be called from any thread.

    Every method raises H2OConnectionError where the cluster does not answer, and Refused where its
    answer is not usable.

    Args:
        connection: the cluster's.
        worker: unique name of this worker.
        lease_s: seconds without a heartbeat after which the cluster gives the job to another
            worker.
        max_rows: largest number of rows to generate in one job; larger jobs are left to other
            workers. None for no limit.
        stop: set it to end long transfers into this process.
        max_bytes: largest file to accept from the cluster.
        fetch_s: seconds to keep trying to download a file.
    """

    def __init__(
        self,
        connection: H2OConnection,
        worker: str,
        lease_s: float = LEASE_S,
        max_rows: int | None = None,
        stop: threading.Event | None = None,
        max_bytes: int = _MAX_BYTES,
        fetch_s: float = _FETCH_S,
    ) -> None:
        self.connection = connection
        self.worker = worker
        self.lease_s = lease_s
        self.stop = stop or threading.Event()
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._fetch_s = fetch_s

    # ---- taking jobs

    def claim(self, job: str | None = None) -> Task | None:
        """Claim a job.

        Args:
            job: key of the job; None for the oldest that waits.

        Returns:
            The task; None where no such job waits.
        """
        return self._claim(job, secrets.token_urlsafe(24))

    def reclaim(self, task: Task) -> bool:
        """Claim a job again whose lease has run out.

        Returns:
            False where another worker has it, or it has ended.
        """
        again = self._claim(task.job, task.token)
        if again is not None and again.id != task.id:
            # The jobs of a grid share the grid's key.
            self.release(again)
            return False
        return again is not None

    def _claim(self, job: str | None, token: str) -> Task | None:
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
                return self._task_of(answer.checked(what), token, what)
            except (H2OConnectionError, Refused) as error:
                # The answer may be lost after the job was given: the token claims the same again.
                is_final = isinstance(error, Refused) and error.final
                if is_final or tries == _CLAIMS or self.stop.wait(0.2 * 2**tries):
                    raise

    def _task_of(self, answer: Answer, token: str, what: str) -> Task:
        try:
            return Task.of(answer.json(what), token)
        except (ValueError, Refused) as error:
            reason = f"the worker does not understand the job: {error}"
            if found := re.search(r'"id"\s*:\s*"([\w-]{1,100})"', answer.text[:2000]):
                with suppress(JobLost, Refused):
                    self._fail(found[1], token, reason)
            raise Refused(reason, answer.status) from error

    # ---- reporting on a job

    def heartbeat(
        self,
        task: Task,
        progress: float,
        message: str | None = None,
        tables: dict[str, Any] | None = None,
    ) -> bool:
        """Send a sign of life, with the job's progress.

        Args:
            task: the job.
            progress: from 0 to 1.
            message: what the job is doing.
            tables: the model's tables where they are new, as :func:`~.model_tables.tables_json`
                makes them.

        Returns:
            Whether the job was cancelled.

        Raises:
            JobLost: leave the job.
        """
        report = {"worker": self.worker, "token": task.token, "progress": progress}
        report["message"] = message
        if tables is not None:
            report["tables"] = tables
        # Not `json=`: what is not finite becomes null, which JSON has.
        body = json.dumps(_finite(report)).encode()
        return self._post(task.id, "heartbeat", timeout=_ANSWER_S, data=body).get("cancel") is True

    def checkpoint(self, task: Task, content: io.BytesIO) -> None:
        """Upload the model trained so far.

        Raises:
            JobLost: leave the job.
        """
        self._upload(task, "checkpoint", content)

    def finish(self, task: Task, content: io.BytesIO | None = None, patience: float = 60.0) -> None:
        """Upload the model, or report that the frame is written; repeat until the cluster confirms.

        Args:
            task: the job.
            content: the model's file; None for a generation.
            patience: seconds to keep trying while no usable answer comes.

        Raises:
            JobLost: the job is another worker's, or was removed.
        """
        tries = 0

        def send() -> None:
            nonlocal tries
            tries += 1
            try:
                self._upload(task, "finish", content or io.BytesIO())
            except JobLost:
                if tries > 1 and self._has_arrived(task, content):
                    return
                if not self.reclaim(task):
                    raise
                self._upload(task, "finish", content or io.BytesIO())

        insist(send, patience, self.stop)

    def _has_arrived(self, task: Task, content: io.BytesIO | None) -> bool:
        """Whether a finish that was not answered has reached the cluster all the same."""
        if content is None:
            return (self.wait_until_ended(task, 20.0) or {}).get("status") == "DONE"
        for _ in range(10):
            with suppress(H2OValueError):  # The model is not complete at once.
                return self.fetch_model(task.model_id).getvalue() == content.getvalue()
            self.stop.wait(0.5)
        return False

    def fail(self, task: Task, message: str) -> None:
        """End the job as failed, with a message for its user.

        Raises:
            JobLost: the job is not this worker's any more.
        """
        self._fail(task.id, task.token, message)

    def release(self, task: Task) -> None:
        """Return the job to the queue, with its checkpoint, for another worker.

        Raises:
            JobLost: the job is not this worker's any more.
        """
        body = {"worker": self.worker, "token": task.token}
        self._post(task.id, "release", timeout=_ANSWER_S, json=body)

    def job_state(self, job: str) -> dict[str, Any] | None:
        """A job of H2O's as ``/3/Jobs`` shows it; None where it was removed."""
        what = "asking for a job's state"
        path = f"/3/Jobs/{rest.in_path(job)}"
        answer = self._exchange("GET", path, what, timeout=_ANSWER_S)
        if answer.status == 404:
            return None
        jobs = answer.checked(what).json(what).get("jobs")
        if isinstance(jobs, list) and jobs and isinstance(jobs[0], dict):
            return jobs[0]
        raise Refused(f"the cluster's answer while {what} holds no job", 200)

    def wait_until_ended(self, task: Task, patience: float) -> dict[str, Any] | None:
        """Wait until H2O's job has ended.

        Args:
            task: the job.
            patience: seconds to wait.

        Returns:
            The job as ``/3/Jobs`` shows it; None where it was removed.

        Raises:
            H2OConnectionError: the job did not end in time.
        """
        deadline = time.monotonic() + patience
        while True:
            job = insist(
                lambda: self.job_state(task.job), max(0.0, deadline - time.monotonic()), self.stop
            )
            if job is None or job.get("status") not in rest.ALIVE:
                return job
            if time.monotonic() > deadline:
                raise H2OConnectionError(
                    f"job {task.job} did not end within {patience:.0f} s of waiting"
                )
            time.sleep(0.05)

    # ---- files

    def fetch_checkpoint(self, task: Task) -> io.BytesIO:
        """Download the model file that a task starts from; the position is at its beginning."""
        return self._fetch(f"jobs/{rest.in_path(task.id)}/checkpoint", "reading a checkpoint")

    def fetch_model(self, model_id: str) -> io.BytesIO:
        """Download a model's file.

        Args:
            model_id: key of the model.

        Returns:
            The file in memory, positioned at its beginning.

        Raises:
            H2OValueError: there is no such GAN, or it is still being trained.
        """
        path = f"models/{rest.in_path(model_id)}/artifact"
        return self._fetch(path, f"reading model {model_id!r}")

    def _fetch(self, path: str, what: str) -> io.BytesIO:
        return insist(lambda: self._fetched(path, what), self._fetch_s, self.stop)

    def _fetched(self, path: str, what: str) -> io.BytesIO:
        url, file = f"/3/GAN/{path}", io.BytesIO()
        with closing(
            rest.exchange(self.connection, "GET", url, what, timeout=_READ_S, stream=True)
        ) as response:
            if response.status_code != 200:
                answer = read(response, what)
                if answer.status in (404, 409):
                    raise H2OValueError(answer.message)
                answer.checked(what)
            declared = number(response.headers.get("Content-Length"))
            limit = self._max_bytes if declared is None else min(declared, self._max_bytes)
            if declared is not None and declared > self._max_bytes:
                raise too_large(what, self._max_bytes)
            while data := part(response, what):
                if self.stop.is_set():
                    raise H2OJobCancelled(f"this process was stopped while {what}")
                if file.tell() + len(data) > limit:
                    raise too_large(what, limit)
                file.write(data)
        if declared is not None and file.tell() < declared:
            raise H2OConnectionError(
                f"lost the cluster while {what}: {file.tell()} of {declared} bytes arrived"
            )
        file.seek(0)
        return file

    # ---- requests

    def _fail(self, id: str, token: str, message: str) -> None:
        body = {"worker": self.worker, "token": token, "message": message or "the worker failed"}
        self._post(id, "fail", timeout=_ANSWER_S, json=body)

    def _upload(self, task: Task, verb: str, content: io.BytesIO) -> None:
        content.seek(0)
        # An empty file would be sent in chunks, of which there is none.
        body = {"file": content} if content.getbuffer().nbytes else {"data": b""}
        params = {"worker": self.worker, "token": task.token}
        self._post(task.id, verb, timeout=_TRANSFER_S, params=params, **body)

    def _post(self, id: str, verb: str, **more: Any) -> dict[str, Any]:
        what = f"reporting on job {id}"
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
    """Replace numbers that JSON lacks (NaN, infinities) by None."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
