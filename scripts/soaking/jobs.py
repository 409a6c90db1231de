"""Follows the cluster's jobs to their ends, and judges how they ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from soaking.ledger import ALIVE, JOB_S, Job, Ledger
from soaking.watch import Seen, Watch

__all__ = ["Jobs"]

_UNSEEN_S = 90.0
"""A job whose sender was killed, and that is not seen for so long, was never begun."""
_GIVEN_UP = "lost 2 workers, one after the other"
_NOBODY = "no worker"
_GRACE_S = 300.0
"""The cluster ends a training after twice its max_runtime_secs and so long."""


@dataclass
class _Followed:
    job: Job
    ended: Callable[[Job], None]


class Jobs:
    """The jobs that have not ended yet.

    Args:
        ledger: records what happens.
        watch: looks at the cluster.
        patience: a factor of all limits.
    """

    def __init__(self, ledger: Ledger, watch: Watch, patience: float) -> None:
        self._patience = patience
        self._ledger, self._watch = ledger, watch
        self._followed: list[_Followed] = []
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._followed)

    def alive(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [followed.job for followed in self._followed]

    def follow(self, job: Job, ended: Callable[[Job], None]) -> Job:
        """Watch a job, whose key need not be known; `ended` is called at its end."""
        job.limit *= self._patience
        self._ledger.jobs.append(job)
        self._followed.append(_Followed(job, ended))
        return job

    def clear(self) -> None:
        """Give up all jobs: the cluster is lost."""
        for followed in self._followed:
            followed.job.status = "LOST WITH THE CLUSTER"
        self._followed = []

    def disturbed(self, seconds: float) -> None:
        """Extend all limits: a node was paused."""
        for job in self.alive():
            job.limit += 2 * seconds + 20

    def step(self) -> None:
        """Take in what was seen last."""
        seen = self._watch.seen()
        if seen.at > self._looked:
            self._looked = seen.at
            for followed in list(self._followed):
                self._take_in(followed, seen)
        alive = self.alive()
        now = time.monotonic()
        unknown = any(job.key is None and now - job.begun > 3 for job in alive)
        self._watch.want([job.key for job in alive if job.key is not None], unknown)

    def _take_in(self, followed: _Followed, seen: Seen) -> None:
        job = followed.job
        if job.key is None and (key := self._key_of(job, seen)) is not None:
            job.key = key
        now = time.monotonic()
        if job.key is None:
            if now - job.begun > job.limit - (JOB_S - _UNSEEN_S) * self._patience:
                job.status = "NONE"
                self._end(followed)
            return
        if (item := seen.items.get(job.key)) is not None:
            job.holder, job.attempts = item["worker"], item["attempts"]
        if job.key in seen.jobs:
            state = seen.jobs[job.key]
            job.gone = job.gone + 1 if state is None else 0
            if state is not None:
                job.status = state["status"]
                job.reason = (state.get("exception") or "").strip().split("\n")[0][:300]
            elif job.gone > 2:
                job.status = "VANISHED"
        if not job.alive:
            self._end(followed)
        elif now - job.begun > job.limit:
            where = "offered" if job.key in seen.items else "not even in the queue"
            self._ledger.find("hung", f"{job} does not end; {job.status}, {where}")
            job.status = "HUNG"
            self._end(followed)

    def _key_of(self, job: Job, seen: Seen) -> str | None:
        known = {other.key for other in self._ledger.jobs}
        for key, item in seen.items.items():
            dest = item["model_id"] if item["kind"] == "train" else item["frame_id"]
            if dest == job.dest and key not in known:
                return key
        return next((k for k, dest in seen.others if dest == job.dest and k not in known), None)

    def _end(self, followed: _Followed) -> None:
        self._followed.remove(followed)
        job = followed.job
        if job.status not in ("NONE", "HUNG") and (why := self._unfit(job)) is not None:
            self._ledger.find("lost", f"{job}: {why}")
        self._ledger.log(
            f"job {job.kind} {job.dest}: {job.status} after {time.monotonic() - job.begun:.0f} s "
            f"{job.reason}"
        )
        followed.ended(job)

    @staticmethod
    def _unfit(job: Job) -> str | None:
        """Why it should not have ended so; None where it may."""
        if job.status == "DONE" or (job.status == "CANCELLED" and job.cancelled):
            return None
        if job.status == "FAILED" and job.owner_disturbed and _NOBODY in job.reason:
            return None  # Its notebook was killed, or paused, before it had begun it.
        if job.status == "FAILED" and job.hits >= 2 and _GIVEN_UP in job.reason:
            return None  # No third worker is tried where two were lost without a checkpoint.
        if job.status in ("FAILED", "CANCELLED") and job.hits >= 3:
            return None
        if job.status == "CANCELLED" and job.runtime and job.age > 2 * job.runtime + _GRACE_S:
            return None  # The cluster's own limit; the machine was busy, or someone was paused.
        assert job.status not in ALIVE
        return f"{job.status} {job.reason}"
