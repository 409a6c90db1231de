"""The training loop that all networks share: batches, time, losses, history, when to stop.

There is no loader and no Python per row: a batch is an index into one compact tensor, and losses
stay on the device until they are looked at.
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
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from h2o_gan.engine.events import Listener, Progress, Scored
from h2o_gan.engine.exceptions import TrainingDiverged, TrainingStopped
from h2o_gan.engine.training.optim import (
    Stream,
    rng_of,
)
from h2o_gan.engine.training.scoring import EarlyStopping
from h2o_gan.notices import warn
from h2o_gan.parameters import Parameters

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = ["RUNNING", "Losses", "Training", "split_rows"]

RUNNING = "running"
"""What has stopped a training that a snapshot was made of."""

_CHECK_STEPS = 200  # steps between two looks at the losses: each look waits for the device
_EXPLODED = 1e6  # scores and losses of encoded rows have no business up here
_THREADED_PRODUCT = 2**27
_HELD_OUT, _MOST_HELD_OUT = 0.1, 2048
_SPLIT_SEED = 20  # not the training's: an earlier model must not have learned the held-out rows


class Training(ABC):
    """One run: everything that changes from step to step.

    Args:
        codes: the encoded rows.
        weights: (rows,) non-negative row weights, or None.
        rows: number of rows of the data, held-out ones counted in.
        parameters: what to train and how.
        device: where.
        checkpoint: the model whose counts and history this run continues. A snapshot of a training
            that never ended is taken to that one's end, by its plan of learning rates and time.
    """

    scorings = 100
    """About how often to score."""
    loop_share = 1.0
    """Part of the allowed time that steps may take; the rest is for what follows them."""
    metric = ""
    """Column of the history that early stopping watches; a validation frame's comes first."""
    cure = ""
    """What to tell a user whose losses explode."""

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
        self.batch = self._batch_size(self.default_batch(len(codes)))
        self.steps_per_epoch = max(len(codes) // self.batch, 1)
        earlier = checkpoint.step if checkpoint else 0
        # A continued run draws new numbers: repeating the first run's would repeat its batches.
        self.random = rng_of(self.seed, Stream.STEPS, earlier, device=device)
        self._weighted_random = rng_of(self.seed, Stream.ROW_WEIGHTS, earlier)
        self.detect: Callable[[Model], Mapping[str, float | None]] | None = None
        """What judges the samples of the trained model, for its last row of the history."""
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

    # ---- what a kind of network fills in

    @staticmethod
    @abstractmethod
    def default_batch(rows: int) -> int:
        """Rows in a step where the user gives none."""

    @abstractmethod
    def last_epoch(self) -> int:
        """The epoch to train to, those of a checkpoint counted in."""

    @abstractmethod
    def networks(self) -> Mapping[str, list[Tensor]]:
        """The weights that training changes, running means among them."""

    @abstractmethod
    def schedule(self, share: float) -> None:
        """Set the learning rates for this share of the training, from 0 to 1."""

    @abstractmethod
    def one_step(self, rows: Tensor, losses: Losses) -> None:
        """Learn from these rows, (batch,) row numbers."""

    @abstractmethod
    def score(self) -> dict[str, float | None]:
        """What to add to the history. Its randomness is its own: scoring changes no training."""

    @abstractmethod
    def snapshot(self, stopped_by: str = RUNNING) -> Model:
        """A model of the present weights."""

    @abstractmethod
    def forget(self) -> None:
        """Drop the optimisers' memory: that of an explosion must not outlive it."""

    def conclude(self, tell: Listener, stop: threading.Event) -> dict[str, float | None] | None:
        """What follows the last step, unless training was interrupted; adds to the history.

        None where `stop` came before its end.
        """
        return {}

    # ---- the loop

    def run(self, tell: Listener, stop: threading.Event) -> Model:
        """Train until something ends it."""
        parameters = self.parameters
        self._began = time.perf_counter() - (self.seconds - self.began_at[2])
        self.limit = parameters.max_runtime_secs or math.inf
        limit = self.limit * self.loop_share
        end = self.last_epoch()
        total = (end - self.first_epoch) * self.steps_per_epoch
        score_every = math.ceil((end - self.first_epoch) / self.scorings)
        if parameters.score_each_iteration:
            score_every = 1
        early = EarlyStopping(parameters.stopping_rounds, parameters.stopping_tolerance)
        if self._resumed:
            for row in self.history:
                # Those of an earlier model that this training began with are not its own.
                if (row.get("epoch") or 0) > self.first_epoch:
                    self._is_enough(early, row)
        losses = self._losses
        # The weights after a look at the losses are good only once the next look says so.
        good: dict[str, list[Tensor]] | None = None
        latest: dict[str, list[Tensor]] | None = None
        stopped_by = None
        first_step, told = self.step, 0.0
        skipped = self._steps_into_epoch()
        tell(Progress(0.0))
        if self._resumed is not None and self.epoch >= end:
            return self._finish_resumed(tell, stop)
        while stopped_by is None and self.epoch < end:
            before = (self.epoch - self.first_epoch) * self.steps_per_epoch
            for place, rows in enumerate(self._batches()):
                if place < skipped:
                    continue
                elapsed, done = self.elapsed(), self.step - first_step
                if stop.is_set():
                    stopped_by = "interrupted"
                    break
                if done and elapsed > limit:  # one step at least: some model is better than none
                    stopped_by = "max_runtime_secs"
                    break
                share = max((before + place) / total, elapsed / limit)
                if elapsed - told > 0.1:
                    told = elapsed
                    tell(Progress(share * self.loop_share, self.unfinished if done else None))
                self.schedule(share)
                self.one_step(rows, losses)
                if (done + 1) % _CHECK_STEPS == 0 or place + 1 == self.steps_per_epoch:
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
                stopped_by = "diverged"  # also between the last look and an early end
            if stopped_by == "diverged":
                self._restore_weights(good, losses)
            last = stopped_by is not None or self.epoch == end
            if done and (last or (self.epoch - self.first_epoch) % score_every == 0):
                row = {**self._where(), **losses.means(), **self.score()}
                if self._is_enough(early, row) and not last:
                    stopped_by, last = "stopping_rounds", True
                if last and stopped_by != "interrupted":
                    stopped_by = self._concluded(row, tell, stop) or stopped_by
                self.history.append(row)
                tell(Scored(row, self.snapshot))
        if self.step == first_step:
            raise TrainingStopped
        tell(Progress(1.0))
        return self.snapshot(stopped_by or "epochs")

    def model_state(self, stopped_by: str) -> dict[str, Any]:
        """The attributes that models of all families share, for :meth:`snapshot`."""
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
        """A model of the weights in the middle of training; None where they have just exploded.

        The training goes on as it would have: nothing random is drawn from its streams.
        """
        weights = [weight for of in self.networks().values() for weight in of]
        if not self._losses.are_good() or not all(bool(w.isfinite().all()) for w in weights):
            return None
        self._count_seconds()
        return self.snapshot()

    def _concluded(
        self, row: dict[str, float | None], tell: Listener, stop: threading.Event
    ) -> str | None:
        """Add what follows the last step to a row of the history; what has stopped that, if any."""
        added = self.conclude(tell, stop)
        if added is not None and self.detect is not None and not stop.is_set():
            added = {**added, **self.detect(self.snapshot())}
        self._count_seconds()
        row |= {**(added or {}), "seconds": round(self.seconds, 3)}
        return "interrupted" if added is None else None

    def _finish_resumed(self, tell: Listener, stop: threading.Event) -> Model:
        """What is left of a training whose steps another run has taken."""
        assert self._resumed is not None
        if self.history and self.history[-1].get("step") == self.step:
            return dataclasses.replace(self._resumed, stopped_by="epochs")
        row = {**self._where(), **self._losses.means(), **self.score()}
        stopped_by = self._concluded(row, tell, stop)
        self.history.append(row)
        tell(Scored(row, self.snapshot))
        tell(Progress(1.0))
        return self.snapshot(stopped_by or "epochs")

    def _steps_into_epoch(self) -> int:
        """Steps of the present epoch that a run before this one has taken."""
        epochs = self.epoch - self.first_epoch
        steps = self.step - self.began_at[1] - epochs * self.steps_per_epoch
        return min(max(steps, 0), self.steps_per_epoch - 1)

    def _count_seconds(self) -> None:
        self.seconds = self.began_at[2] + self.elapsed()

    def _is_enough(self, early: EarlyStopping, row: Mapping[str, float | None]) -> bool:
        metric = row.get(f"validation_{self.metric}", row.get(self.metric))
        return metric is not None and early.update(metric)

    def elapsed(self) -> float:
        """Seconds since this run began, those of the processes before this one included."""
        return time.perf_counter() - self._began

    def _where(self) -> dict[str, float | None]:
        return {"epoch": self.epoch, "step": self.step, "seconds": round(self.seconds, 3)}

    @contextmanager
    def tuned_torch(self) -> Iterator[None]:
        """Torch's process-wide settings as this training wants them, put back afterwards."""
        precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
        if self.device.type == "cuda":
            # TF32 products: ten bits of mantissa are plenty for a noisy step.
            torch.set_float32_matmul_precision("high")
        elif self._largest_product() < _THREADED_PRODUCT:
            # Threads cost more than they bring in products this small: up to four times the
            # time of one thread where other processes want the same cores.
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(precision)
            torch.set_num_threads(threads)

    def _largest_product(self) -> int:
        """Multiplications in the largest matrix product of a step."""
        weights = [weight for of in self.networks().values() for weight in of]
        return 2 * self.batch * max(weight.numel() for weight in weights)

    def _batches(self) -> Iterator[Tensor]:
        """Row numbers of an epoch's batches: a shuffle, or draws by weight."""
        if self.weights is None:
            order = torch.randperm(len(self.codes), generator=self.random, device=self.device)
        else:
            draws = self.draw_by_weight(len(self.codes), self._weighted_random)
            order = draws.to(self.device)
        for step in range(self.steps_per_epoch):
            yield order[step * self.batch : (step + 1) * self.batch]

    def reference_rows(self, held_out: Tensor | None, metric: str, most: int) -> dict[str, Tensor]:
        """The codes of fixed rows to score against, by the name of the score.

        Args:
            held_out: codes of a validation frame, or None.
            metric: name of the score on training rows; ``validation_{metric}`` is the other's.
            most: rows of each.
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

    def draw_by_weight(self, rows: int, random: torch.Generator) -> Tensor:
        """Row numbers (rows,), each drawn in proportion to its weight."""
        assert self.weights is not None
        total = self.weights.cumsum(0)
        draws = torch.rand(rows, generator=random, dtype=total.dtype) * total[-1]
        return torch.searchsorted(total, draws, right=True).clamp_(max=len(total) - 1)

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
                f"the losses are not finite by step {self.step} ({losses.words()}): nothing was "
                f"learned. {self.cure}"
            )
        with torch.no_grad():
            for name, of in self.networks().items():
                torch._foreach_copy_(of, good[name])
        self.forget()
        warn(
            f"training stopped at step {self.step}, epoch {self.epoch + 1}: the losses exploded "
            f"({losses.words()}). The model keeps the last good weights. {self.cure}"
        )


class Losses:
    """Sums of losses that stay on the device until asked for."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(2, device=device)
        self._counts = [0, 0]
        self._means: list[float | None] = [None, None]

    def add_critic(self, loss: Tensor) -> None:
        """Count in a step of the critic."""
        self._sums[0] += loss.detach()
        self._counts[0] += 1

    def add_generator(self, loss: Tensor) -> None:
        """Count in a step of the generator."""
        self._sums[1] += loss.detach()
        self._counts[1] += 1

    def check(self) -> bool:
        """Take the means since the last check; False when they are NaN or have exploded."""
        sums = self._sums.tolist()
        for place in range(2):
            if self._counts[place]:
                self._means[place] = sums[place] / self._counts[place]
        self._sums.zero_()
        self._counts = [0, 0]
        return all(mean is None or abs(mean) < _EXPLODED for mean in self._means)

    def are_good(self) -> bool:
        """What :meth:`check` would say, which takes nothing yet."""
        sums = self._sums.tolist()
        pairs = zip(sums, self._counts, strict=True)
        return all(not count or abs(total / count) < _EXPLODED for total, count in pairs)

    def means(self) -> dict[str, float | None]:
        """The means at the last check, None where not finite."""
        if any(self._counts):
            self.check()
        values = [m if m is not None and math.isfinite(m) else None for m in self._means]
        return {"critic_loss": values[0], "generator_loss": values[1]}

    def words(self) -> str:
        """The means in words."""
        names = ("critic", "generator")
        pairs = zip(names, self._means, strict=True)
        return ", ".join(f"{name} {mean:.3g}" for name, mean in pairs if mean is not None)


def split_rows(
    rows: int, fewest: int, weights: npt.NDArray[np.float64] | None = None
) -> tuple[Tensor, Tensor]:
    """Split rows into those to learn from and a few to hold out, the same ones every time.

    Args:
        rows: how many there are.
        fewest: of these, for any to be held out.
        weights: (rows,) row weights; rows are then held out as often as they count.

    Returns:
        int64 row numbers to learn from, ascending, and those held out, of which there may be none.
    """
    if rows < fewest:
        return torch.arange(rows), torch.arange(0)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    count = min(int(rows * _HELD_OUT), _MOST_HELD_OUT)
    held_out, learned = order[:count], order[count:].sort().values
    if weights is None:
        return learned, held_out
    # Rows of weight 0 are no part of the data; the others are judged as often as they count.
    shares = torch.tensor(weights)
    if shares[learned].sum() <= 0 or shares[held_out].sum() <= 0:
        return torch.arange(rows), torch.arange(0)
    rng = torch.Generator().manual_seed(_SPLIT_SEED)
    drawn = torch.multinomial(shares[held_out], count, replacement=True, generator=rng)
    return learned, held_out[drawn]
