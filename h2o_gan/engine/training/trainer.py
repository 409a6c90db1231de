"""The training loop of all families: batches, time limit, losses, history, early stopping.

There is no data loader and no Python per row: a batch is an index into one compact tensor, and
losses stay on the device between checks.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from h2o_gan.engine.events import Listener, Progress, Scored
from h2o_gan.engine.exceptions import TrainingDiverged, TrainingStopped
from h2o_gan.engine.model import RUNNING, Model
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.optim import (
    Stream,
    rng_of,
)
from h2o_gan.engine.training.scoring import EarlyStopping
from h2o_gan.notices import warn
from h2o_gan.parameters import Parameters

__all__ = ["Trainer"]

_CHECK_EVERY = 200  # steps: each check of the losses waits for the device
_MIN_THREADED_PRODUCT = 2**27  # multiplications
_REPORT_EVERY = 0.1  # seconds


class Trainer(ABC):
    """One training run; families of models fill in the networks and the step.

    Args:
        codes: integers (rows, code columns), the encoded rows to learn from.
        weights: float64 (rows,) non-negative row weights, or None.
        rows: number of rows of the data, held-out ones included.
        parameters: of the training.
        device: to train on.
        checkpoint: the model to continue, or None. A snapshot of an unfinished run is resumed with
            that run's schedule, up to its planned last epoch.
    """

    scorings = 100
    """Approximate number of scorings of a run."""
    loop_share = 1.0
    """Share of the time limit for the loop; the rest is for :meth:`finalize`."""
    metric = ""
    """Column of the history that early stopping uses; that of a validation frame has priority."""
    architecture: ClassVar[str]
    """Name of the family, which decides defaults of parameters."""
    hint = ""
    """Advice for a user whose training diverges."""

    def __init__(
        self,
        codes: Tensor,
        weights: npt.NDArray[np.float64] | None,
        rows: int,
        parameters: Parameters,
        device: torch.device,
        checkpoint: Model | None,
    ) -> None:
        self.parameters = parameters
        self.rows = rows
        self.device = device
        self.seed = parameters.seed if parameters.seed >= 0 else secrets.randbits(62)
        self.codes = codes.to(device)
        self.weights = None if weights is None else torch.tensor(weights)
        self.ema_decay: float = self.resolved("ema_decay")
        self.batch = self._batch_size(self.default_batch(len(codes)))
        self.steps_per_epoch = max(len(codes) // self.batch, 1)
        earlier = checkpoint.step if checkpoint else 0
        # A continued run needs new random numbers: the first run's would repeat its batches.
        self.rng = rng_of(self.seed, Stream.STEPS, earlier, device=device)
        self._weight_rng = rng_of(self.seed, Stream.ROW_WEIGHTS, earlier)
        self.detect: Callable[[Model], Mapping[str, float | None]] | None = None
        """Scores samples of the trained model, for the last row of the history."""
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, float | None]] = []
        self._resumed: Model | None = None
        if checkpoint is not None:
            self.epoch, self.step = checkpoint.epoch, checkpoint.step
            self.seconds, self.history = checkpoint.seconds, list(checkpoint.history)
            self._resumed = checkpoint if checkpoint.stopped_by == RUNNING else None
        self.began_at = self.epoch, self.step, self.seconds
        if self._resumed is not None:
            self.began_at = self._resumed.began_at
        self.first_epoch = self.began_at[0]
        self._losses = Losses(device)

    # ---- for families of models to fill in

    @staticmethod
    @abstractmethod
    def default_batch(rows: int) -> int:
        """The default number of rows of a step, for data with so many rows."""

    @abstractmethod
    def last_epoch(self) -> int:
        """The epoch to train to, those of a checkpoint included."""

    @abstractmethod
    def networks(self) -> Mapping[str, list[Tensor]]:
        """The weights that training changes, by network; EMAs are among them."""

    @abstractmethod
    def schedule(self, share: float) -> None:
        """Set the learning rates when this share of the training is over, from 0 to 1."""

    @abstractmethod
    def train_step(self, rows: Tensor, losses: Losses) -> None:
        """Take one step.

        Args:
            rows: int64 (batch,) row numbers.
            losses: to add the losses to.
        """

    @abstractmethod
    def score(self) -> dict[str, float | None]:
        """Compute the scores for the history, without drawing from the training's generators."""

    def adapt(self, row: Mapping[str, float | None]) -> None:  # noqa: B027 (most adapt to nothing)
        """Adapt the training to its scores; called at the epochs of :meth:`is_scored`.

        Args:
            row: of the history, which it is not in yet.
        """

    def is_scored(self, epoch: int) -> bool:
        """Whether training is scored after an epoch, with or without score_each_iteration."""
        every = math.ceil((self.last_epoch() - self.first_epoch) / self.scorings)
        return (epoch - self.first_epoch) % max(every, 1) == 0

    @abstractmethod
    def to_model(self, stopped_by: str = RUNNING) -> Model:
        """Make a model of the present weights.

        Args:
            stopped_by: why the training ended.
        """

    @abstractmethod
    def reset_optimizers(self) -> None:
        """Create new optimizers; their moments are useless after a divergence."""

    def finalize(self, emit: Listener, stop: threading.Event) -> dict[str, float | None] | None:
        """Do the work that follows the last step of a run that was not interrupted.

        Args:
            emit: receives progress.
            stop: when set, return None soon.

        Returns:
            Columns for the last row of the history; None if `stop` was set before the end.
        """
        return {}

    # ---- the loop

    def run(self, emit: Listener, stop: threading.Event) -> Model:
        """Train until the last epoch, a limit, early stopping, a divergence or a stop.

        Args:
            emit: receives the events.
            stop: when set, the run ends after the current step.

        Returns:
            The model; its `stopped_by` says why the run ended.

        Raises:
            TrainingStopped: `stop` was set before the first step.
            TrainingDiverged: the losses were not finite before there were good weights.
        """
        parameters = self.parameters
        self._began = time.perf_counter() - (self.seconds - self.began_at[2])
        self.limit = parameters.max_runtime_secs or math.inf
        limit = self.limit * self.loop_share
        end = self.last_epoch()
        total = (end - self.first_epoch) * self.steps_per_epoch
        early = EarlyStopping(parameters.stopping_rounds, parameters.stopping_tolerance)
        if self._resumed:
            for row in self.history:
                # Rows of an earlier model, which this run began with, are not part of it.
                if (row.get("epoch") or 0) > self.first_epoch:
                    self._should_stop(early, row)
        losses = self._losses
        # Weights are known to be good only after the next check of the losses.
        good: dict[str, list[Tensor]] | None = None
        latest: dict[str, list[Tensor]] | None = None
        stopped_by = None
        first_step, reported_at = self.step, 0.0
        skipped = self._steps_into_epoch()
        emit(Progress(0.0))
        if self._resumed is not None and self.epoch >= end:
            return self._finish_resumed(emit, stop)
        while stopped_by is None and self.epoch < end:
            before = (self.epoch - self.first_epoch) * self.steps_per_epoch
            for index, rows in enumerate(self._batches()):
                if index < skipped:
                    continue
                elapsed, done = self.elapsed(), self.step - first_step
                if stop.is_set():
                    stopped_by = "interrupted"
                    break
                if done and elapsed > limit:  # after one step at least, so that there is a model
                    stopped_by = "max_runtime_secs"
                    break
                share = max((before + index) / total, elapsed / limit)
                if elapsed - reported_at > _REPORT_EVERY:
                    reported_at = elapsed
                    emit(Progress(share * self.loop_share, self.unfinished if done else None))
                self.schedule(share)
                self.train_step(rows, losses)
                if (done + 1) % _CHECK_EVERY == 0 or index + 1 == self.steps_per_epoch:
                    if not losses.check():
                        stopped_by = "diverged"
                        break
                    good, latest = latest, self._copy_weights(good)
            else:
                self.epoch += 1
            skipped = 0
            done = self.step - first_step
            self._count_seconds()
            if stopped_by is not None and not losses.check():
                stopped_by = "diverged"  # also after the last check
            if stopped_by == "diverged":
                self._restore_weights(good, losses)
            last = stopped_by is not None or self.epoch == end
            usual = stopped_by is None and self.is_scored(self.epoch)
            if done and (last or usual or parameters.score_each_iteration):
                row = {**self._counts(), **losses.means(), **self.score()}
                if usual and not last:
                    self.adapt(row)
                if self._should_stop(early, row) and not last:
                    stopped_by, last = "stopping_rounds", True
                if last and stopped_by != "interrupted":
                    stopped_by = self._finalize(row, emit, stop) or stopped_by
                self.history.append(row)
                emit(Scored(row, self.to_model))
        if self.step == first_step:
            raise TrainingStopped
        emit(Progress(1.0))
        return self.to_model(stopped_by or "epochs")

    def model_state(self, stopped_by: str) -> dict[str, Any]:
        """The attributes that models of all families share, for :meth:`to_model`."""
        return {
            "parameters": self.parameters.replace(seed=self.seed),
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "began_at": self.began_at,
            "history": [dict(row) for row in self.history],
            "stopped_by": stopped_by,
            "rows": self.rows,
            "batch_size": self.batch,
        }

    def unfinished(self) -> Model | None:
        """Make a model during training, or None if the weights have just diverged.

        This does not change the training: nothing is drawn from its generators.
        """
        weights = [weight for of in self.networks().values() for weight in of]
        if not self._losses.are_good() or not all(bool(w.isfinite().all()) for w in weights):
            return None
        self._count_seconds()
        return self.to_model()

    def _finalize(
        self, row: dict[str, float | None], emit: Listener, stop: threading.Event
    ) -> str | None:
        """Finalize the run and complete its last row; "interrupted" if that was stopped."""
        added = self.finalize(emit, stop)
        if added is not None and self.detect is not None and not stop.is_set():
            added = {**added, **self.detect(self.to_model())}
        self._count_seconds()
        row |= {**(added or {}), "seconds": round(self.seconds, 3)}
        return "interrupted" if added is None else None

    def _finish_resumed(self, emit: Listener, stop: threading.Event) -> Model:
        """Finalize a run whose steps were all taken before it was resumed."""
        assert self._resumed is not None
        if self.history and self.history[-1].get("step") == self.step:
            return dataclasses.replace(self._resumed, stopped_by="epochs")
        row = {**self._counts(), **self._losses.means(), **self.score()}
        stopped_by = self._finalize(row, emit, stop)
        self.history.append(row)
        emit(Scored(row, self.to_model))
        emit(Progress(1.0))
        return self.to_model(stopped_by or "epochs")

    def _steps_into_epoch(self) -> int:
        """The number of steps of the present epoch taken before the run was resumed."""
        epochs = self.epoch - self.first_epoch
        steps = self.step - self.began_at[1] - epochs * self.steps_per_epoch
        return min(max(steps, 0), self.steps_per_epoch - 1)

    def _count_seconds(self) -> None:
        self.seconds = self.began_at[2] + self.elapsed()

    def _should_stop(self, early: EarlyStopping, row: Mapping[str, float | None]) -> bool:
        metric = row.get(f"validation_{self.metric}", row.get(self.metric))
        return metric is not None and early.update(metric)

    def elapsed(self) -> float:
        """Seconds since the run began, those before it was resumed included."""
        return time.perf_counter() - self._began

    def _counts(self) -> dict[str, float | None]:
        return {"epoch": self.epoch, "step": self.step, "seconds": round(self.seconds, 3)}

    @contextmanager
    def tuned_torch(self) -> Iterator[None]:
        """Adapt PyTorch's process-wide settings to this training, and restore them afterwards."""
        precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
        if self.device.type == "cuda":
            # TF32: ten bits of mantissa are enough for a noisy gradient.
            torch.set_float32_matmul_precision("high")
        elif self._largest_product() < _MIN_THREADED_PRODUCT:
            # Products this small are slower with threads: up to four times the time of one thread
            # where other processes use the same cores.
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(precision)
            torch.set_num_threads(threads)

    def _largest_product(self) -> int:
        """The number of multiplications in the largest matrix product of a step."""
        weights = [weight for of in self.networks().values() for weight in of]
        return 2 * self.batch * max(weight.numel() for weight in weights)

    def _batches(self) -> Iterator[Tensor]:
        """Row numbers (batch,) of an epoch's batches: a permutation, or draws by weight."""
        if self.weights is None:
            order = torch.randperm(len(self.codes), generator=self.rng, device=self.device)
        else:
            draws = self.draw_by_weight(len(self.codes), self._weight_rng)
            order = draws.to(self.device)
        for step in range(self.steps_per_epoch):
            yield order[step * self.batch : (step + 1) * self.batch]

    def reference_rows(self, held_out: Tensor | None, metric: str, most: int) -> dict[str, Tensor]:
        """The codes of fixed rows to score against, by the name of the score.

        Args:
            held_out: codes of a validation frame, or None.
            metric: name of the score on training rows; ``validation_{metric}`` is the other one.
            most: largest number of rows of each.

        Returns:
            Integers (rows, code columns) for each score.
        """
        rng = rng_of(self.seed, Stream.REAL_SCORES)
        references = {metric: self.codes}
        if held_out is not None:
            references[f"validation_{metric}"] = held_out.to(self.device)
        for name, codes in references.items():
            if name == metric and self.weights is not None:
                picked = self.draw_by_weight(most, rng)
            else:
                picked = torch.randperm(len(codes), generator=rng)[:most]
            references[name] = codes[picked.to(self.device)]
        return references

    def draw_by_weight(self, rows: int, rng: torch.Generator) -> Tensor:
        """Draw rows in proportion to their weights.

        Args:
            rows: how many.
            rng: on the CPU.

        Returns:
            int64 (rows,) row numbers on the CPU.
        """
        assert self.weights is not None
        total = self.weights.cumsum(0)
        draws = torch.rand(rows, generator=rng, dtype=total.dtype) * total[-1]
        return torch.searchsorted(total, draws, right=True).clamp_(max=len(total) - 1)

    def resolved(self, name: str) -> Any:
        """The value of a parameter, or this family's default for so many rows."""
        return self.parameters.resolved(name, self.architecture, self.rows)

    def _batch_size(self, default: int) -> int:
        rows, asked = len(self.codes), self.parameters.batch_size
        if asked is None:
            return min(default, rows)
        if asked > rows:
            warn(f"batch_size={asked} is larger than the data: {rows} rows are used a step.")
        return min(asked, rows)

    def _copy_weights(self, into: dict[str, list[Tensor]] | None) -> dict[str, list[Tensor]]:
        weights = self.networks()
        with torch.no_grad():
            if into is None:
                return {name: [w.detach().clone() for w in of] for name, of in weights.items()}
            for name, of in weights.items():
                torch._foreach_copy_(into[name], of)
        return into

    def _restore_weights(self, good: dict[str, list[Tensor]] | None, losses: Losses) -> None:
        if good is None:
            raise TrainingDiverged(
                f"the losses are not finite by step {self.step} ({losses.summary()}): nothing was "
                f"learned. {self.hint}"
            )
        with torch.no_grad():
            for name, of in self.networks().items():
                torch._foreach_copy_(of, good[name])
        self.reset_optimizers()
        warn(
            f"training stopped at step {self.step}, epoch {self.epoch + 1}: the losses exploded "
            f"({losses.summary()}). The model keeps the last good weights. {self.hint}"
        )
