"""Invents tasks for the clients, by rng."""

from __future__ import annotations

import random
from collections.abc import Callable

from soaking.client import SAMPLE_ROWS, SAMPLE_SEED
from soaking.jobs import Jobs
from soaking.ledger import Frame, Model, Task
from soaking.stock import Json, Stock

__all__ = ["Inventor"]

_TRAINING_FRAMES, _MODELS = 3, 5
_JOBS = 4
"""At most so many jobs of the REST clients wait or run at a time."""
_WAIT_S = 600


class Inventor:
    """Makes new tasks out of what the cluster holds.

    Args:
        stock: what the cluster holds.
        jobs: the jobs that have not ended.
        rng: makes all choices.
    """

    def __init__(self, stock: Stock, jobs: Jobs, rng: random.Random) -> None:
        self._stock, self._jobs, self._rng = stock, jobs, rng

    def invent(self, role: str) -> Task | None:
        """Return a task for a client of a role; None where the choice is of nothing to do."""
        training = [f for f in self._stock.frames.values() if f.training and f.ready]
        models = [m for m in self._stock.models.values() if m.ready]
        choices: dict[Callable[[], Task | None], float] = {self._write: 3}
        if sum(f.training for f in self._stock.frames.values()) < _TRAINING_FRAMES:
            choices = {self._write_training: 1}
        elif role == "notebook":
            if training and len(self._stock.models) < _MODELS + 2:
                choices[self._train] = 3
            if models:
                choices[self._generate] = 4
        else:
            if training:
                choices[self._others] = 1
            if len(self._jobs) < _JOBS:
                if training and len(self._stock.models) < _MODELS + 2:
                    choices[self._post_training] = 3
                if models:
                    choices[self._post_generation] = 4
                if any(self._free_to_go_on(m) for m in models):
                    choices[self._post_continuation] = 1
        if len(models) > _MODELS or len(training) == _TRAINING_FRAMES:
            choices[self._retire] = 1
        make = self._rng.choices(list(choices), list(choices.values()))[0]
        return make()

    def _write(self) -> Task:
        return self._writing(training=False)

    def _write_training(self) -> Task:
        return self._writing(training=True)

    def _writing(self, training: bool) -> Task:
        seed = self._rng.randrange(2**31)
        frame = Frame(self._stock.key("frame"), "written", seed, training)
        self._stock.frames[frame.key] = frame
        return self._stock.task(
            {"do": "write", "key": frame.key, "seed": seed, "training": training}
        )

    def _parameters(self) -> Json:
        seed = self._rng.randrange(2**31)
        if self._rng.random() < 0.5:
            return {"epochs": self._rng.randint(2, 12), "seed": seed}
        seconds = self._rng.choice([3, 8, 8, 30])  # The longest has checkpoints.
        return {"epochs": 100_000, "max_runtime_secs": seconds, "seed": seed}

    def _new_model(self) -> tuple[Model, Frame]:
        frame = self._rng.choice([f for f in self._stock.frames.values() if f.training and f.ready])
        model = Model(self._stock.key("model"), frame.key, frame.columns)
        self._stock.models[model.id] = model
        return model, frame

    def _train(self) -> Task:
        model, frame = self._new_model()
        frame.uses += 1
        args = {"model": model.id, "frame": frame.key, "parameters": self._parameters()}
        return self._stock.task({"do": "train", **args})

    def _post_training(self) -> Task:
        model, frame = self._new_model()
        frame.uses += 1
        parameters = {**self._parameters(), "wait_for_worker_secs": _WAIT_S}
        args = {"model": model.id, "frame": frame.key, "parameters": parameters}
        return self._stock.task({"do": "post_training", **args})

    def _free_to_go_on(self, model: Model) -> bool:
        return model.ready and not model.uses and model.frame in self._stock.frames

    def _post_continuation(self) -> Task:
        """A training that goes on under the name of the model that it begins from."""
        model = self._rng.choice([m for m in self._stock.models.values() if self._free_to_go_on(m)])
        model.ready = False
        self._stock.frames[model.frame].uses += 1
        parameters: Json = {"epochs": 100_000, "max_runtime_secs": self._rng.choice([3, 8])}
        parameters |= {"checkpoint": model.id, "wait_for_worker_secs": _WAIT_S}
        args = {"model": model.id, "frame": model.frame, "parameters": parameters}
        return self._stock.task({"do": "post_training", **args, "continues": True})

    def _generation(self) -> Json:
        model = self._rng.choice([m for m in self._stock.models.values() if m.ready])
        model.uses += 1
        rows, seed, conditions = SAMPLE_ROWS, SAMPLE_SEED, None
        if self._rng.random() < 0.6:
            rows, seed = self._rng.choice([1, 50, 1000, 20_000]), self._rng.randrange(100)
            if rows <= 50 and self._rng.random() < 0.5:
                conditions = {"colour": "red", "x": {"low": -1.0, "high": 1.0}}
        key = self._stock.key("made")
        sample = (model.id, model.version, rows, seed, str(conditions))
        self._stock.frames[key] = Frame(
            key, "generated", columns=model.columns, rows=rows, conditions=conditions, sample=sample
        )
        return {"model": model.id, "key": key, "rows": rows, "seed": seed, "conditions": conditions}

    def _generate(self) -> Task:
        return self._stock.task({"do": "generate", **self._generation()})

    def _post_generation(self) -> Task:
        more = {"wait_for_worker_secs": _WAIT_S}
        return self._stock.task({"do": "post_generation", **self._generation(), **more})

    def _others(self) -> Task:
        frame = self._rng.choice([f for f in self._stock.frames.values() if f.training and f.ready])
        frame.uses += 1
        return self._stock.task({"do": "others", "frame": frame.key, "key": self._stock.key("gbm")})

    def _retire(self) -> Task | None:
        """Remove the oldest model, or training frame, that nobody uses."""
        models = [m for m in self._stock.models.values() if m.ready and not m.uses]
        if len(models) > _MODELS - 2:
            del self._stock.models[models[0].id]
            return self._stock.task({"do": "remove", "key": models[0].id})
        for frame in self._stock.frames.values():
            if frame.training and frame.ready and not frame.uses:
                del self._stock.frames[frame.key]
                return self._stock.task({"do": "remove", "key": frame.key})
        return None
