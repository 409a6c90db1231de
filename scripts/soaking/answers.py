"""Judges the clients' answers, and queues the tasks that follow from them."""

from __future__ import annotations

import time
from typing import Any

from soaking import tables
from soaking.client import SAMPLE_ROWS, SAMPLE_SEED
from soaking.jobs import Jobs
from soaking.ledger import Frame, Job, Ledger, Model, Task
from soaking.stock import Json, Stock

__all__ = ["LOST", "Answers"]

LOST = "the cluster was lost"
_SETTLE_S = 20.0
_TRIES = 4


class Answers:
    """Takes in what the tasks gave.

    Args:
        stock: what the cluster holds.
        ledger: records what happens.
        jobs: follows the cluster's jobs.
    """

    def __init__(self, stock: Stock, ledger: Ledger, jobs: Jobs) -> None:
        self._stock, self._ledger, self._jobs = stock, ledger, jobs
        self._samples: dict[tuple[Any, ...], str] = {}

    def done(self, task: Task, result: Json) -> None:
        """Take in the result of a task."""
        self._ledger.tasks[task.do] += 1
        if task.disturbed != LOST:
            getattr(self, f"_did_{task.do}")(task, result)

    def failed(self, task: Task, error: str, message: str) -> None:
        """Take in that a task ended with an error; it is a finding where nothing explains it."""
        again = task.do == "remove" and task.tries > 1  # The first answer was lost.
        missing = error == "LookupError" and (task.may_be_missing or again)
        if task.disturbed is None and self._cancelled(task):
            task.disturbed = "its job was cancelled"
        if not missing:
            if task.disturbed is None:
                self._ledger.find("failed", f"{task}: {error}: {message}")
            else:
                self._ledger.refused[f"{task.do}: {error}, {task.disturbed}"] += 1
            self._ledger.log(f"{task}: {error}: {message[:200]}")
        if task.disturbed != LOST:
            getattr(self, f"_missed_{task.do}", self._missed)(task, missing)

    def _cancelled(self, task: Task) -> bool:
        model = task.args.get("model")
        return any(job.cancelled and job.dest == model for job in self._ledger.jobs)

    def _missed(self, task: Task, missing: bool) -> None:
        """Try again what changes nothing, or nothing more when done twice."""
        if missing:
            self._stock.frames.pop(task.args.get("key", ""), None)
            self._stock.models.pop(task.args.get("model", ""), None)
        elif task.tries < _TRIES:
            self._stock.backlog.append(task)

    def _did_remove(self, task: Task, result: Json) -> None:
        pass

    def _did_write(self, task: Task, result: Json) -> None:
        frame = self._stock.frames.get(task.args["key"])
        if frame is not None:
            self._expected(frame)
            if (result["digest"], result["rows"]) != (frame.digest, frame.rows):
                self._ledger.find("wrong", f"{task}: {result['rows']} rows arrived")
            self._have_read(frame, task.client)

    def _expected(self, frame: Frame) -> None:
        make = tables.training_table if frame.training else tables.any_table
        table = make(frame.seed or 0)
        frame.digest, frame.rows = tables.digest(table), table.num_rows
        frame.columns = tables.describe(table)

    def _missed_write(self, task: Task, missing: bool) -> None:
        """It is there as a whole, or it is not."""
        frame = self._stock.frames[task.args["key"]]
        self._expected(frame)
        frame.training = False
        self._have_read(frame, task.client, may_be_missing=True)

    def _have_read(self, frame: Frame, but_by: str | None, may_be_missing: bool = False) -> None:
        args = {"do": "read", "key": frame.key, "conditions": frame.conditions}
        if may_be_missing:
            frame.reads = 1
            after = time.monotonic() + _SETTLE_S
            self._stock.queue(args, role="rest", after=after, may_be_missing=True)
            return
        frame.reads = 2
        for role in ("rest", "notebook"):
            self._stock.queue(args, role=role, not_by=but_by)

    def _did_read(self, task: Task, result: Json) -> None:
        frame = self._stock.frames.get(task.args["key"])
        if frame is None:
            return
        self._ledger.checked["frame"] += 1
        wrong = []
        if frame.sample is not None:
            frame.digest = self._samples.setdefault(frame.sample, result["digest"])
        if result["digest"] != frame.digest:
            wrong.append("other values")
        if result["rows"] != frame.rows:
            wrong.append(f"{result['rows']} rows instead of {frame.rows}")
        if frame.columns is not None and result["columns"] != frame.columns:
            wrong.append(f"columns {result['columns']} instead of {frame.columns}")
        if result["unmet"]:
            wrong.append(f"{result['unmet']} cells do not meet the conditions")
        if wrong:
            self._ledger.find("wrong", f"{frame.origin} {frame.key}, {task}: {'; '.join(wrong)}")
        frame.reads -= 1
        if frame.reads == 0 and frame.training:
            frame.ready = True
        elif frame.reads == 0:
            del self._stock.frames[frame.key]
            self._stock.queue({"do": "remove", "key": frame.key})

    # ---- trainings

    def follow_training(self, task: Task, key: str | None, owner: str | None = None) -> Job:
        """Watch the job of a training; its model can be used when it has ended."""
        continues = task.args.get("continues", False)
        kind = "continuation" if continues else "notebook training" if owner else "training"
        model = self._stock.models[task.args["model"]]
        frame = self._stock.frames.get(task.args["frame"])

        def ended(job: Job) -> None:
            if frame is not None:
                frame.uses -= 1
            if job.status == "DONE" or continues:
                model.version += job.status != "NONE"
                model.ready = True
                self._have_checked(model, missing=False)
            elif job.status == "CANCELLED":
                model.version += 1
                self._have_checked(model, missing=True)
            else:
                self._stock.models.pop(model.id, None)
                if job.status != "NONE":
                    self._stock.queue({"do": "remove", "key": model.id}, may_be_missing=True)

        job = Job(model.id, kind, owner, key)
        job.owner_disturbed = task.disturbed is not None
        job.runtime = task.args["parameters"].get("max_runtime_secs", 0)
        return self._jobs.follow(job, ended)

    def _have_checked(self, model: Model, missing: bool) -> None:
        model.uses += 1 if missing else 2
        for role in ("rest",) if missing else ("rest", "notebook"):
            args = {"do": "check_model", "model": model.id, "version": model.version}
            self._stock.queue(args, role=role, may_be_missing=missing)

    def _agree(self, model: Model, version: int, result: Json, who: str) -> None:
        """All samples of one size and seed of a model are the same."""
        self._ledger.checked["model"] += 1
        sample = (model.id, version, SAMPLE_ROWS, SAMPLE_SEED, "None")
        if self._samples.setdefault(sample, result["digest"]) != result["digest"]:
            self._ledger.find("wrong", f"{model.id}: other rows than in its first sample, {who}")
        if model.columns is not None and result["columns"] != model.columns:
            self._ledger.find("wrong", f"{model.id}: columns {result['columns']}, {who}")

    def _did_check_model(self, task: Task, result: Json) -> None:
        model = self._stock.models.get(task.args["model"])
        if model is not None:
            model.uses -= 1
            self._agree(model, task.args["version"], result, str(task))
            model.ready = True

    def _did_train(self, task: Task, result: Json) -> None:
        job = next((j for j in reversed(self._ledger.jobs) if j.dest == task.args["model"]), None)
        model = self._stock.models.get(task.args["model"])
        if result["in_cluster"]:
            if model is not None:
                # The job has ended, or is about to: the version is that of its first end.
                self._agree(model, 1, result, str(task))
        elif task.disturbed is None and not (job is not None and job.cancelled):
            self._ledger.find("failed", f"{task}: not in the cluster: {result['warnings']}")
        else:
            self._ledger.refused[f"train: kept by its notebook, {task.disturbed}"] += 1
            self._ledger.log(f"{task}: {result['warnings']}")

    def _missed_train(self, task: Task, missing: bool) -> None:
        pass  # Its job is followed from the beginning.

    def _did_post_training(self, task: Task, result: Json) -> None:
        self.follow_training(task, result["job"])

    def _missed_post_training(self, task: Task, missing: bool) -> None:
        self.follow_training(task, None)

    # ---- generations

    def _did_generate(self, task: Task, result: Json) -> None:
        self._end_of_generation(task, done=True)

    def _missed_generate(self, task: Task, missing: bool) -> None:
        self._end_of_generation(task, done=False)

    def _end_of_generation(self, task: Task, done: bool) -> None:
        if (model := self._stock.models.get(task.args["model"])) is not None:
            model.uses -= 1
        if (frame := self._stock.frames.get(task.args["key"])) is not None:
            self._have_read(frame, task.client, may_be_missing=not done)

    def _did_post_generation(self, task: Task, result: Json) -> None:
        self._follow_generation(task, result["job"])

    def _missed_post_generation(self, task: Task, missing: bool) -> None:
        self._follow_generation(task, None)

    def _follow_generation(self, task: Task, key: str | None) -> None:
        def ended(job: Job) -> None:
            self._end_of_generation(task, done=job.status == "DONE")

        self._jobs.follow(Job(task.args["key"], "generation", None, key), ended)

    # ---- H2O's own

    def _did_others(self, task: Task, result: Json) -> None:
        if (frame := self._stock.frames.get(task.args["frame"])) is not None:
            frame.uses -= 1

    def _missed_others(self, task: Task, missing: bool) -> None:
        self._did_others(task, {})
        self._stock.queue({"do": "remove", "key": task.args["key"]}, may_be_missing=True)
