"""Invents tasks for the clients, and judges their answers."""

from __future__ import annotations

import queue
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from soaking import tables
from soaking.client import SAMPLE_ROWS, SAMPLE_SEED
from soaking.jobs import Jobs
from soaking.ledger import Frame, Job, Ledger, Model, Task
from soaking.processes import Client

__all__ = ["Work"]

_TRAINING_FRAMES, _MODELS = 3, 5
_JOBS = 4
"""As many jobs of the REST clients wait or run at a time at most."""
_WAIT_S = 600
_SETTLE_S = 20.0
_TRIES = 4
_LOST = "the cluster was lost"
_LIMITS = {"train": 300.0, "others": 200.0}

Json = dict[str, Any]


class Work:
    """What the clients do, and what the cluster holds because of it.

    Args:
        ledger: the books.
        jobs: follows the cluster's jobs.
        chance: all choices are its.
        patience: all limits are so many times as long.
    """

    def __init__(self, ledger: Ledger, jobs: Jobs, chance: random.Random, patience: float) -> None:
        self._ledger, self._jobs, self._chance = ledger, jobs, chance
        self._patience = patience
        self.answers: queue.SimpleQueue[tuple[str, Json]] = queue.SimpleQueue()
        self.frames: dict[str, Frame] = {}
        self.models: dict[str, Model] = {}
        self.running: dict[int, Task] = {}
        self.backlog: deque[Task] = deque()
        self.open = True
        """Whether new tasks are invented."""
        self._samples: dict[tuple[Any, ...], str] = {}
        self._number = 0
        self._uneasy_until = 0.0

    # ---- handing out

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, or being done, any more."""
        return not (self.running or self.backlog or len(self._jobs))

    def step(self, clients: dict[str, Client]) -> list[Client]:
        """Take in the answers, and give each idle client something to do.

        Returns:
            Clients whose tasks hang.
        """
        while True:
            try:
                name, answer = self.answers.get_nowait()
            except queue.Empty:
                break
            self._answered(clients.get(name), answer)
        self._jobs.step()
        for client in clients.values():
            if client.alive and not client.paused and client.task is None:
                alone = sum(other.role == client.role for other in clients.values()) == 1
                task = self._next(client, alone)
                if task is not None:
                    self._give(client, task)
        now = time.monotonic()
        late = [task for task in self.running.values() if now - task.begun > task.limit]
        for task in late:
            self._ledger.find("hung", f"{task}: no answer in {now - task.begun:.0f} s")
        return [clients[task.client] for task in late if task.client in clients]

    def _next(self, client: Client, alone: bool) -> Task | None:
        now = time.monotonic()
        for task in self.backlog:
            fits = task.role in (None, client.role) and (alone or task.not_by != client.name)
            if fits and task.after <= now:
                self.backlog.remove(task)
                return task
        if not self.open or len(self.backlog) > 15:
            return None
        return self._invented(client.role)

    def _give(self, client: Client, task: Task) -> None:
        now = time.monotonic()
        task.client, task.begun, task.tries = client.name, now, task.tries + 1
        task.limit = self._patience * _LIMITS.get(task.do, 180.0)
        task.disturbed = "a node was paused" if now < self._uneasy_until else None
        if task.disturbed:
            task.limit += 60
        self.running[task.number] = task
        if task.do == "train":
            self.follow_training(task, None, client.name)
        client.give(task.number, task.args)

    def queue(self, args: Json, **more: Any) -> Task:
        """Something for the next client that is free."""
        task = self._task(args, **more)
        self.backlog.append(task)
        return task

    def _task(self, args: Json, **more: Any) -> Task:
        self._number += 1
        return Task(self._number, args, **more)

    # ---- disturbances

    def client_disturbed(self, client: Client, seconds: float) -> None:
        """A client was paused; or killed, where the seconds are 0."""
        task = self.running.get(client.task or 0)
        if task is not None:
            task.disturbed = "it was paused" if seconds else "it was killed"
            task.limit += 2 * seconds + 30
        for job in self._jobs.alive():
            if job.owner == client.name:
                job.owner_disturbed = True
                job.limit += 2 * seconds + 60

    def nodes_disturbed(self, seconds: float) -> None:
        """A node is paused for so many seconds."""
        self._uneasy_until = time.monotonic() + seconds + 30
        for task in self.running.values():
            task.disturbed = "a node was paused"
            task.limit += 2 * seconds + 60
        self._jobs.disturbed(seconds)

    def cluster_lost(self, seconds: float) -> None:
        """The cluster is no more; whoever does something hears of it within so many seconds."""
        now = time.monotonic()
        for task in self.running.values():
            task.disturbed = _LOST
            rest = task.args.get("parameters", {}).get("max_runtime_secs", 0)
            task.limit = now - task.begun + self._patience * (seconds + rest)
        self.forget()

    def forget(self) -> None:
        """There is nothing more in the cluster, and nothing to do."""
        self._jobs.forget()
        self.backlog.clear()
        self.frames.clear()
        self.models.clear()

    def client_gone(self, client: Client, why: str) -> None:
        """A client has ended; what it was doing has failed."""
        if client.task is not None and (task := self.running.pop(client.task, None)) is not None:
            task.disturbed = task.disturbed or why
            self._failed(task, "Killed", why)
        client.task = None

    # ---- new tasks

    def _invented(self, role: str) -> Task | None:
        training = [f for f in self.frames.values() if f.training and f.ready]
        models = [m for m in self.models.values() if m.ready]
        choices: dict[Callable[[], Task | None], float] = {self._write: 3}
        if sum(f.training for f in self.frames.values()) < _TRAINING_FRAMES:
            choices = {self._write_training: 1}
        elif role == "notebook":
            if training and len(self.models) < _MODELS + 2:
                choices[self._train] = 3
            if models:
                choices[self._generate] = 4
        else:
            if training:
                choices[self._others] = 1
            if len(self._jobs) < _JOBS:
                if training and len(self.models) < _MODELS + 2:
                    choices[self._post_training] = 3
                if models:
                    choices[self._post_generation] = 4
                if any(self._free_to_go_on(m) for m in models):
                    choices[self._post_continuation] = 1
        if len(models) > _MODELS or len(training) == _TRAINING_FRAMES:
            choices[self._retire] = 1
        make = self._chance.choices(list(choices), list(choices.values()))[0]
        return make()

    def _key(self, kind: str) -> str:
        self._number += 1
        return f"soak_{kind}_{self._number}"

    def _write(self) -> Task:
        return self._writing(training=False)

    def _write_training(self) -> Task:
        return self._writing(training=True)

    def _writing(self, training: bool) -> Task:
        seed = self._chance.randrange(2**31)
        frame = Frame(self._key("frame"), "written", seed, training)
        self.frames[frame.key] = frame
        return self._task({"do": "write", "key": frame.key, "seed": seed, "training": training})

    def _parameters(self) -> Json:
        seed = self._chance.randrange(2**31)
        if self._chance.random() < 0.5:
            return {"epochs": self._chance.randint(2, 12), "seed": seed}
        seconds = self._chance.choice([3, 8, 8, 30])  # The longest has checkpoints.
        return {"epochs": 100_000, "max_runtime_secs": seconds, "seed": seed}

    def _new_model(self) -> tuple[Model, Frame]:
        frame = self._chance.choice([f for f in self.frames.values() if f.training and f.ready])
        model = Model(self._key("model"), frame.key, frame.columns)
        self.models[model.id] = model
        return model, frame

    def _train(self) -> Task:
        model, frame = self._new_model()
        frame.uses += 1
        args = {"model": model.id, "frame": frame.key, "parameters": self._parameters()}
        return self._task({"do": "train", **args})

    def _post_training(self) -> Task:
        model, frame = self._new_model()
        frame.uses += 1
        parameters = {**self._parameters(), "wait_for_worker_secs": _WAIT_S}
        args = {"model": model.id, "frame": frame.key, "parameters": parameters}
        return self._task({"do": "post_training", **args})

    def _free_to_go_on(self, model: Model) -> bool:
        return model.ready and not model.uses and model.frame in self.frames

    def _post_continuation(self) -> Task:
        """A training that goes on under the name of the model that it begins from."""
        model = self._chance.choice([m for m in self.models.values() if self._free_to_go_on(m)])
        model.ready = False
        self.frames[model.frame].uses += 1
        parameters: Json = {"epochs": 100_000, "max_runtime_secs": self._chance.choice([3, 8])}
        parameters |= {"checkpoint": model.id, "wait_for_worker_secs": _WAIT_S}
        args = {"model": model.id, "frame": model.frame, "parameters": parameters}
        return self._task({"do": "post_training", **args, "continues": True})

    def _generation(self) -> Json:
        model = self._chance.choice([m for m in self.models.values() if m.ready])
        model.uses += 1
        rows, seed, conditions = SAMPLE_ROWS, SAMPLE_SEED, None
        if self._chance.random() < 0.6:
            rows, seed = self._chance.choice([1, 50, 1000, 20_000]), self._chance.randrange(100)
            if rows <= 50 and self._chance.random() < 0.5:
                conditions = {"colour": "red", "x": {"low": -1.0, "high": 1.0}}
        key = self._key("made")
        sample = (model.id, model.version, rows, seed, str(conditions))
        self.frames[key] = Frame(
            key, "generated", columns=model.columns, rows=rows, conditions=conditions, sample=sample
        )
        return {"model": model.id, "key": key, "rows": rows, "seed": seed, "conditions": conditions}

    def _generate(self) -> Task:
        return self._task({"do": "generate", **self._generation()})

    def _post_generation(self) -> Task:
        more = {"wait_for_worker_secs": _WAIT_S}
        return self._task({"do": "post_generation", **self._generation(), **more})

    def _others(self) -> Task:
        frame = self._chance.choice([f for f in self.frames.values() if f.training and f.ready])
        frame.uses += 1
        return self._task({"do": "others", "frame": frame.key, "key": self._key("gbm")})

    def _retire(self) -> Task | None:
        """Remove the oldest model, or training frame, that nobody uses."""
        models = [m for m in self.models.values() if m.ready and not m.uses]
        if len(models) > _MODELS - 2:
            del self.models[models[0].id]
            return self._task({"do": "remove", "key": models[0].id})
        for frame in self.frames.values():
            if frame.training and frame.ready and not frame.uses:
                del self.frames[frame.key]
                return self._task({"do": "remove", "key": frame.key})
        return None

    def remove_all(self) -> None:
        """Have everything removed that is still there."""
        for key in [*self.models, *self.frames]:
            self.queue({"do": "remove", "key": key}, may_be_missing=True)
        self.models.clear()
        self.frames.clear()

    # ---- answers

    def _answered(self, client: Client | None, answer: Json) -> None:
        task = self.running.pop(answer["number"], None)
        if client is not None and client.task == answer["number"]:
            client.task = None
        if task is None:
            return
        if "error" in answer:
            self._failed(task, answer["error"], answer["message"])
            return
        self._ledger.tasks[task.do] += 1
        if task.disturbed is None:
            self._ledger.seconds.setdefault(task.do, []).append(answer["seconds"])
        if task.disturbed != _LOST:
            getattr(self, f"_did_{task.do}")(task, answer["result"])

    def _failed(self, task: Task, error: str, message: str) -> None:
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
        if task.disturbed != _LOST:
            getattr(self, f"_missed_{task.do}", self._missed)(task, missing)

    def _cancelled(self, task: Task) -> bool:
        model = task.args.get("model")
        return any(job.cancelled and job.dest == model for job in self._ledger.jobs)

    def _missed(self, task: Task, missing: bool) -> None:
        """Try again what changes nothing, or nothing more when done twice."""
        if missing:
            self.frames.pop(task.args.get("key", ""), None)
            self.models.pop(task.args.get("model", ""), None)
        elif task.tries < _TRIES:
            self.backlog.append(task)

    def _did_remove(self, task: Task, result: Json) -> None:
        pass

    def _did_write(self, task: Task, result: Json) -> None:
        frame = self.frames.get(task.args["key"])
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
        frame = self.frames[task.args["key"]]
        self._expected(frame)
        frame.training = False
        self._have_read(frame, task.client, may_be_missing=True)

    def _have_read(self, frame: Frame, but_by: str | None, may_be_missing: bool = False) -> None:
        args = {"do": "read", "key": frame.key, "conditions": frame.conditions}
        if may_be_missing:
            frame.reads = 1
            after = time.monotonic() + _SETTLE_S
            self.queue(args, role="rest", after=after, may_be_missing=True)
            return
        frame.reads = 2
        for role in ("rest", "notebook"):
            self.queue(args, role=role, not_by=but_by)

    def _did_read(self, task: Task, result: Json) -> None:
        frame = self.frames.get(task.args["key"])
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
            del self.frames[frame.key]
            self.queue({"do": "remove", "key": frame.key})

    # ---- trainings

    def follow_training(self, task: Task, key: str | None, owner: str | None = None) -> Job:
        """Watch the job of a training; its model can be used when it has ended."""
        continues = task.args.get("continues", False)
        kind = "continuation" if continues else "notebook training" if owner else "training"
        model = self.models[task.args["model"]]
        frame = self.frames.get(task.args["frame"])

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
                self.models.pop(model.id, None)
                if job.status != "NONE":
                    self.queue({"do": "remove", "key": model.id}, may_be_missing=True)

        job = Job(model.id, kind, owner, key)
        job.owner_disturbed = task.disturbed is not None
        job.runtime = task.args["parameters"].get("max_runtime_secs", 0)
        return self._jobs.follow(job, ended)

    def _have_checked(self, model: Model, missing: bool) -> None:
        model.uses += 1 if missing else 2
        for role in ("rest",) if missing else ("rest", "notebook"):
            args = {"do": "check_model", "model": model.id, "version": model.version}
            self.queue(args, role=role, may_be_missing=missing)

    def _agree(self, model: Model, version: int, result: Json, who: str) -> None:
        """All samples of one size and seed of a model are the same."""
        self._ledger.checked["model"] += 1
        sample = (model.id, version, SAMPLE_ROWS, SAMPLE_SEED, "None")
        if self._samples.setdefault(sample, result["digest"]) != result["digest"]:
            self._ledger.find("wrong", f"{model.id}: other rows than in its first sample, {who}")
        if model.columns is not None and result["columns"] != model.columns:
            self._ledger.find("wrong", f"{model.id}: columns {result['columns']}, {who}")

    def _did_check_model(self, task: Task, result: Json) -> None:
        model = self.models.get(task.args["model"])
        if model is not None:
            model.uses -= 1
            self._agree(model, task.args["version"], result, str(task))
            model.ready = True

    def _did_train(self, task: Task, result: Json) -> None:
        job = next((j for j in reversed(self._ledger.jobs) if j.dest == task.args["model"]), None)
        model = self.models.get(task.args["model"])
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
        if (model := self.models.get(task.args["model"])) is not None:
            model.uses -= 1
        if (frame := self.frames.get(task.args["key"])) is not None:
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
        if (frame := self.frames.get(task.args["frame"])) is not None:
            frame.uses -= 1

    def _missed_others(self, task: Task, missing: bool) -> None:
        self._did_others(task, {})
        self.queue({"do": "remove", "key": task.args["key"]}, may_be_missing=True)
