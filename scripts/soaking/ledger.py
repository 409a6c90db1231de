"""The record of a soak: what was begun, how it ended, and what should not have happened."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ALIVE", "JOB_S", "Finding", "Frame", "Job", "Ledger", "Model", "Task"]

ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")
JOB_S = 300.0
"""Undisturbed, a job has ended after so long, its wait for a worker included."""


@dataclass
class Task:
    """A task of a client, and what disturbed it."""

    number: int
    args: dict[str, Any]
    role: str | None = None
    not_by: str | None = None
    after: float = 0.0
    client: str | None = None
    begun: float = 0.0
    limit: float = 180.0
    disturbed: str | None = None
    tries: int = 0
    may_be_missing: bool = False

    @property
    def do(self) -> str:
        """What it is."""
        return str(self.args["do"])

    def __str__(self) -> str:
        shown = {name: value for name, value in self.args.items() if name != "do"}
        return f"{self.do} {shown} by {self.client}"


@dataclass
class Job:
    """A job of the cluster; its key is None until it is known."""

    dest: str
    kind: str
    owner: str | None = None
    """The notebook that trains it, at first."""
    key: str | None = None
    begun: float = field(default_factory=time.monotonic)
    limit: float = JOB_S
    status: str = "UNKNOWN"
    reason: str = ""
    holder: str | None = None
    attempts: int = 0
    hits: int = 0
    """How often a process that held it was killed, or paused for about a lease."""
    cancelled: bool = False
    owner_disturbed: bool = False
    runtime: float = 0.0
    """Its max_runtime_secs."""
    gone: int = 0
    """How often in a row the cluster did not know it."""

    @property
    def age(self) -> float:
        """Seconds since its begin."""
        return time.monotonic() - self.begun

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self.status == "UNKNOWN" or self.status in ALIVE

    def __str__(self) -> str:
        return f"{self.kind} of {self.dest} ({self.key}), {self.hits} hits, held by {self.holder}"


@dataclass
class Frame:
    """A frame that was written, or generated."""

    key: str
    origin: str
    seed: int | None = None
    training: bool = False
    digest: str | None = None
    columns: list[Any] | None = None
    rows: int | None = None
    conditions: dict[str, Any] | None = None
    sample: tuple[Any, ...] | None = None
    """The model, its version, rows, seed and conditions, which determine the rows."""
    reads: int = 0
    ready: bool = False
    uses: int = 0


@dataclass
class Model:
    """A model of the cluster."""

    id: str
    frame: str
    columns: list[Any] | None
    version: int = 0
    ready: bool = False
    uses: int = 0


@dataclass
class Finding:
    """Something that should not have happened.

    Attributes:
        kind: lost, wrong, failed, hung or leaked.
        text: what it was.
        at: seconds since the soak began.
    """

    kind: str
    text: str
    at: float


class Ledger:
    """Counts what happens, and holds the findings."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.findings: list[Finding] = []
        self.jobs: list[Job] = []
        self.tasks: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """Tasks that ended with an error for which there was a reason."""
        self.done_to: Counter[str] = Counter()
        """Disturbances."""
        self.checked: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}
        """How long undisturbed tasks took."""

    def now(self) -> float:
        """Seconds since the soak began."""
        return time.monotonic() - self.began

    def log(self, text: str) -> None:
        """Print a line with the time."""
        print(f"{self.now():7.1f} {text}", flush=True)

    def find(self, kind: str, text: str) -> None:
        """Record and print something that should not have happened."""
        self.findings.append(Finding(kind, text, round(self.now(), 1)))
        self.log(f"!!! {kind}: {text}")

    def count(self, kind: str) -> int:
        """Return how many findings there are of a kind."""
        return sum(finding.kind == kind for finding in self.findings)

    def report(self) -> dict[str, Any]:
        """Return all figures."""
        ended: dict[str, Counter[str]] = {}
        for job in self.jobs:
            status = "never began" if job.status == "NONE" else job.status
            ended.setdefault(job.kind, Counter())[status] += 1
        begun = [job for job in self.jobs if job.status != "NONE"]
        return {
            "seconds": round(self.now()),
            "jobs_begun": len(begun),
            "jobs_lost": self.count("lost"),
            "jobs_by_kind_and_end": {kind: dict(counts) for kind, counts in ended.items()},
            "jobs_whose_worker_was_hit": sum(job.hits > 0 for job in begun),
            "frames_checked": self.checked["frame"],
            "models_checked": self.checked["model"],
            "wrong": self.count("wrong"),
            "tasks_done": dict(self.tasks),
            "requests_failed_for_a_reason": dict(self.refused),
            "requests_failed_without_one": self.count("failed"),
            "hung": self.count("hung"),
            "leaked": self.count("leaked"),
            "disturbances": dict(self.done_to),
            "seconds_median_and_most": {
                do: [round(sorted(all_s)[len(all_s) // 2], 2), round(max(all_s), 2)]
                for do, all_s in sorted(self.seconds.items())
            },
            "findings": [vars(finding) for finding in self.findings],
        }
