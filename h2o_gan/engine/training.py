"""The training loop: data on the device, two steps, a running mean, and when to stop.

There is no loader and no Python per row: a batch is an index into one compact tensor, and losses
stay on the device until they are looked at.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from h2o_gan.engine.encoding import Encoder, TableEncoder
from h2o_gan.engine.events import Listener, Progress, Scored
from h2o_gan.engine.images import PixelEncoder
from h2o_gan.engine.model import Model
from h2o_gan.engine.networks import build_critic, build_generator, initialize, start_at_marginals
from h2o_gan.engine.objectives import OBJECTIVES, Objective
from h2o_gan.engine.schema import kind_of
from h2o_gan.engine.scoring import EarlyStopping, sliced_wasserstein
from h2o_gan.parameters import Parameters

__all__ = ["TrainingDiverged", "fit", "resolve_device"]

_CHECK_STEPS = 200  # steps between two looks at the losses: each look waits for the device
_EXPLODED = 1e6  # scores and losses of rows in [-1, 1] have no business up here
_SCORED_ROWS = 2048
_SCORINGS = 100
_NO_MODEL = "stopped before the first training step: there is no model."
_THREADED_PRODUCT = 2**27
_DECAYED_PART = 0.3  # of the training: learning rates fall to zero over it


class TrainingDiverged(RuntimeError):
    """The losses became NaN or exploded before anything useful was learned."""


def fit(
    batches: pa.RecordBatchReader,
    parameters: Parameters,
    *,
    validation: pa.RecordBatchReader | None = None,
    checkpoint: Model | None = None,
    on_event: Listener | None = None,
    stop: threading.Event | None = None,
) -> Model:
    """Train a GAN on a stream of rows.

    Args:
        batches: the rows; columns are numbers, times or dictionaries, nulls where values miss.
            The column named by ``parameters.weights_column`` gives the row weights.
        parameters: what to train and how.
        validation: rows with the same columns, scored beside the training rows.
        checkpoint: an earlier model of the same columns and networks to go on from.
        on_event: called with each :data:`~h2o_gan.engine.events.Event`, in this thread.
        stop: set it, from any thread, to end training after the current step.

    Returns:
        The model. Its ``stopped_by`` says what ended the training: "epochs", "max_runtime_secs",
        "stopping_rounds", "interrupted" or "diverged". In the last case the weights are the last
        good ones and a RuntimeWarning says what to change.

    Raises:
        ValueError: the rows and the parameters do not fit each other.
        TypeError: a column of a type that can't be learned.
        TrainingDiverged: the losses were NaN from the start.
        KeyboardInterrupt: `stop` was set before the first step.
    """
    device = resolve_device(parameters.device)
    stop = stop or threading.Event()
    table = _read(batches, stop)
    table, weights = _split_weights(table, parameters.weights_column)
    if table.num_rows == 0:
        raise ValueError("the training data have no rows.")
    if checkpoint is None:
        encoder = _fit_encoder(table, weights, parameters)
        _check_widths(parameters, encoder)
    else:
        encoder = checkpoint.encoder
        _check_checkpoint(checkpoint, table, parameters)
    codes = encoder.encode(table)
    held_out = None
    if validation is not None:
        rows = _read(validation, stop)
        held_out = encoder.encode(rows) if rows.num_rows else None
    del table
    run = _Training(encoder, codes, weights, held_out, parameters, device, checkpoint)
    with run.tuned_torch():
        return run.run(on_event or (lambda event: None), stop)


def resolve_device(name: str) -> torch.device:
    """The torch device of a ``device`` parameter.

    Raises:
        ValueError: an unknown name, or a device that is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device={name!r} is not known; use auto, cpu, cuda, cuda:1 or mps.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={name!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices. "
            "Use device='auto' or 'cpu'."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device='mps' is not there. Use device='auto' or 'cpu'.")
    return device


class _Training:
    """One run: everything that changes from step to step."""

    def __init__(
        self,
        encoder: Encoder,
        codes: Tensor,
        weights: npt.NDArray[np.float64] | None,
        held_out: Tensor | None,
        parameters: Parameters,
        device: torch.device,
        checkpoint: Model | None,
    ) -> None:
        self.parameters = parameters
        self.encoder = encoder
        self.device = device
        self.seed = parameters.seed if parameters.seed >= 0 else secrets.randbits(62)
        self.codes = codes.to(device)
        self.weights = None if weights is None else torch.tensor(weights)
        self.expansion = encoder.expansion(device)
        game = OBJECTIVES[parameters.loss_function]
        penalty = parameters.gradient_penalty
        if penalty is None and isinstance(encoder, PixelEncoder):
            penalty = game.pixel_penalty
        self.objective: Objective = game(penalty)
        self.batch = self._batch_size()
        self.steps_per_epoch = max(len(codes) // self.batch, 1)
        earlier = checkpoint.step if checkpoint else 0
        # A continued run draws new numbers: repeating the first run's would repeat its batches.
        self.random = torch.Generator(device).manual_seed(_derive(self.seed, 1, earlier))
        self._weighted_random = torch.Generator().manual_seed(_derive(self.seed, 4, earlier))

        self.generator = build_generator(parameters, encoder.width)
        self.critic = build_critic(parameters, encoder.width)
        start = torch.Generator().manual_seed(_derive(self.seed, 0, 0))
        initialize(self.generator, start)
        initialize(self.critic, start)
        start_at_marginals(self.generator, encoder.spans)
        self.average = build_generator(parameters, encoder.width).requires_grad_(False)
        self.average.load_state_dict(self.generator.state_dict())
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, float | None]] = []
        if checkpoint is not None:
            self.generator.load_state_dict(checkpoint.last_generator)
            self.critic.load_state_dict(checkpoint.critic.state_dict())
            self.average.load_state_dict(checkpoint.generator.state_dict())
            self.epoch, self.step = checkpoint.epoch, checkpoint.step
            self.seconds, self.history = checkpoint.seconds, list(checkpoint.history)
        for network in (self.generator, self.critic, self.average):
            network.to(device)
        self.generator_optimizer = self._adam(self.generator, parameters.generator_learning_rate)
        self.critic_optimizer = self._adam(self.critic, parameters.discriminator_learning_rate)
        if checkpoint is not None:
            _load_memory(self.generator_optimizer, checkpoint.generator_optimizer)
            _load_memory(self.critic_optimizer, checkpoint.critic_optimizer)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._average_weights: list[Tensor] = list(self.average.parameters())
        self._references = self._reference_rows(self.codes, held_out)

    def run(self, tell: Listener, stop: threading.Event) -> Model:
        """Train until something ends it."""
        parameters = self.parameters
        first_epoch, began = self.epoch, time.perf_counter()
        earlier_seconds = self.seconds
        limit = parameters.max_runtime_secs or math.inf
        epochs = parameters.epochs - first_epoch
        total = epochs * self.steps_per_epoch
        score_every = 1 if parameters.score_each_iteration else math.ceil(epochs / _SCORINGS)
        early = EarlyStopping(parameters.stopping_rounds, parameters.stopping_tolerance)
        losses = _Losses(self.device)
        # The weights after a look at the losses are good only once the next look says so.
        good: dict[str, list[Tensor]] | None = None
        latest: dict[str, list[Tensor]] | None = None
        stopped_by = None
        done, told = 0, 0.0
        tell(Progress(0.0))
        while stopped_by is None and self.epoch < parameters.epochs:
            for rows in self._batches():
                elapsed = time.perf_counter() - began
                if stop.is_set():
                    stopped_by = "interrupted"
                    break
                if done and elapsed > limit:  # one step at least: some model is better than none
                    stopped_by = "max_runtime_secs"
                    break
                share = max(done / total, elapsed / limit)
                if elapsed - told > 0.1:
                    told = elapsed
                    tell(Progress(share))
                self._schedule(share)
                self._one_step(rows, losses)
                done += 1
                if done % _CHECK_STEPS == 0 or done % self.steps_per_epoch == 0:
                    if not losses.check():
                        stopped_by = "diverged"
                        break
                    good, latest = latest, self._copy_weights(good)
            else:
                self.epoch += 1
            self.seconds = earlier_seconds + time.perf_counter() - began
            if stopped_by is not None and not losses.check():
                stopped_by = "diverged"  # also between the last look and an early end
            if stopped_by == "diverged":
                self._restore_weights(good, losses)
            last = stopped_by is not None or self.epoch == parameters.epochs
            if done and (last or (self.epoch - first_epoch) % score_every == 0):
                row = self._score(losses)
                self.history.append(row)
                metric = row.get("validation_sliced_wasserstein", row["sliced_wasserstein"])
                if metric is not None and early.update(metric) and not last:
                    stopped_by = "stopping_rounds"
                tell(Scored(row, self._snapshot))
        if not done:
            raise KeyboardInterrupt(_NO_MODEL)
        tell(Progress(1.0))
        return self._snapshot(stopped_by or "epochs")

    @contextmanager
    def tuned_torch(self) -> Iterator[None]:
        """Torch's process-wide settings as this training wants them, put back afterwards."""
        precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
        if self.device.type == "cuda":
            # TF32 products: ten bits of mantissa are plenty for a GAN's step.
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
        weights = (*self._generator_weights, *self._critic_weights)
        return 2 * self.batch * max(weight.numel() for weight in weights)

    def _one_step(self, rows: Tensor, losses: _Losses) -> None:
        """One step of the critic and, every ``critic_steps``, one of the generator."""
        real = self.expansion.expand(self.codes[rows], self.random)
        with torch.no_grad():
            fake = self._generate(len(rows))
        loss = self.objective.critic_loss(self.critic, real, fake)
        _descend(self.critic_optimizer, loss, self._critic_weights)
        losses.add_critic(loss)
        self.step += 1
        if self.step % self.objective.critic_steps:
            return
        fake = self._generate(len(rows))
        loss = self.objective.generator_loss(self.critic, real.detach(), fake)
        _descend(self.generator_optimizer, loss, self._generator_weights)
        losses.add_generator(loss)
        # The mean starts short, or the first steps would haunt a short training.
        updates = self.step // self.objective.critic_steps
        decay = min(self.parameters.ema_decay, (1 + updates) / (10 + updates))
        with torch.no_grad():
            torch._foreach_lerp_(self._average_weights, self._generator_weights, 1 - decay)

    def _generate(self, rows: int, network: nn.Module | None = None) -> Tensor:
        latent = torch.randn(
            rows,
            self.parameters.resolved_latent_size,
            generator=self.random,
            device=self.device,
        )
        return self.expansion.activate((network or self.generator)(latent), self.random)

    def _batches(self) -> Iterator[Tensor]:
        """Row numbers of an epoch's batches: a shuffle, or draws by weight."""
        if self.weights is None:
            order = torch.randperm(len(self.codes), generator=self.random, device=self.device)
        else:
            draws = self._draw_by_weight(len(self.codes), self._weighted_random)
            order = draws.to(self.device)
        for step in range(self.steps_per_epoch):
            yield order[step * self.batch : (step + 1) * self.batch]

    def _draw_by_weight(self, rows: int, random: torch.Generator) -> Tensor:
        assert self.weights is not None
        total = self.weights.cumsum(0)
        draws = torch.rand(rows, generator=random, dtype=total.dtype) * total[-1]
        return torch.searchsorted(total, draws, right=True).clamp_(max=len(total) - 1)

    def _schedule(self, share: float) -> None:
        factor = min(1.0, max(1 - share, 0.01) / _DECAYED_PART)
        for optimizer, rate in (
            (self.generator_optimizer, self.parameters.generator_learning_rate),
            (self.critic_optimizer, self.parameters.discriminator_learning_rate),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def _score(self, losses: _Losses) -> dict[str, float | None]:
        """A row of the history; its randomness is its own, so scoring changes no training."""
        training_random = self.random
        self.random = torch.Generator(self.device).manual_seed(_derive(self.seed, 2, 0))
        row: dict[str, float | None] = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": round(self.seconds, 3),
            **losses.means(),
        }
        with torch.no_grad():
            for name, codes in self._references.items():
                real = self.expansion.expand(codes, self.random)
                fake = self._generate(len(codes), self.average)
                row[name] = sliced_wasserstein(real, fake, self.random)
        self.random = training_random
        return row

    def _snapshot(self, stopped_by: str = "running") -> Model:
        return Model.of_training(
            parameters=self.parameters.replace(seed=self.seed),
            encoder=self.encoder,
            generator=self.average,
            last_generator=self.generator,
            critic=self.critic,
            generator_optimizer=self.generator_optimizer,
            critic_optimizer=self.critic_optimizer,
            epoch=self.epoch,
            step=self.step,
            seconds=self.seconds,
            history=self.history,
            stopped_by=stopped_by,
            rows=len(self.codes),
            batch_size=self.batch,
            real=self._references["sliced_wasserstein"],
        )

    def _reference_rows(self, codes: Tensor, held_out: Tensor | None) -> dict[str, Tensor]:
        """Fixed rows to score against."""
        random = torch.Generator().manual_seed(_derive(self.seed, 3, 0))
        references = {"sliced_wasserstein": codes}
        if held_out is not None:
            references["validation_sliced_wasserstein"] = held_out.to(self.device)
        for name, rows in references.items():
            if name == "sliced_wasserstein" and self.weights is not None:
                picked = self._draw_by_weight(_SCORED_ROWS, random)
            else:
                picked = torch.randperm(len(rows), generator=random)[:_SCORED_ROWS]
            references[name] = rows[picked.to(self.device)]
        return references

    def _batch_size(self) -> int:
        rows, asked = len(self.codes), self.parameters.batch_size
        if asked is None:
            return min(1 << int(math.log2(min(max(rows / 64, 32), 512))), rows)
        if asked > rows:
            warnings.warn(
                f"batch_size={asked} is larger than the data: {rows} rows are used a step.",
                RuntimeWarning,
                stacklevel=2,
            )
        return min(asked, rows)

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(),
            lr=rate,
            betas=self.objective.betas,
            fused=self.device.type in ("cpu", "cuda"),
        )

    def _copy_weights(self, into: dict[str, list[Tensor]] | None) -> dict[str, list[Tensor]]:
        weights = {
            "generator": self._generator_weights,
            "critic": self._critic_weights,
            "average": self._average_weights,
        }
        with torch.no_grad():
            if into is None:
                return {name: [w.clone() for w in of] for name, of in weights.items()}
            for name, of in weights.items():
                torch._foreach_copy_(into[name], of)
        return into

    def _restore_weights(self, good: dict[str, list[Tensor]] | None, losses: _Losses) -> None:
        cure = (
            "Lower generator_learning_rate and discriminator_learning_rate, raise "
            "gradient_penalty, or try loss_function='relativistic'."
        )
        if good is None:
            raise TrainingDiverged(
                f"the losses are not finite by step {self.step} ({losses.words()}): nothing was "
                f"learned. {cure}"
            )
        with torch.no_grad():
            torch._foreach_copy_(self._generator_weights, good["generator"])
            torch._foreach_copy_(self._critic_weights, good["critic"])
            torch._foreach_copy_(self._average_weights, good["average"])
        # Adam's memory of the explosion must not outlive it in a continued training.
        self.generator_optimizer = self._adam(
            self.generator, self.parameters.generator_learning_rate
        )
        self.critic_optimizer = self._adam(self.critic, self.parameters.discriminator_learning_rate)
        warnings.warn(
            f"training stopped at step {self.step}, epoch {self.epoch + 1}: the losses exploded "
            f"({losses.words()}). The model keeps the last good weights. {cure}",
            RuntimeWarning,
            stacklevel=2,
        )


class _Losses:
    """Sums of losses that stay on the device until asked for."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(2, device=device)
        self._counts = [0, 0]
        self._means: list[float | None] = [None, None]

    def add_critic(self, loss: Tensor) -> None:
        self._sums[0] += loss.detach()
        self._counts[0] += 1

    def add_generator(self, loss: Tensor) -> None:
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

    def means(self) -> dict[str, float | None]:
        """The means at the last check, None where not finite."""
        if any(self._counts):
            self.check()
        values = [m if m is not None and math.isfinite(m) else None for m in self._means]
        return {"critic_loss": values[0], "generator_loss": values[1]}

    def words(self) -> str:
        critic, generator = (math.nan if mean is None else mean for mean in self._means)
        return f"critic {critic:.3g}, generator {generator:.3g}"


def _load_memory(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Adam's moments from an earlier training; its settings stay this training's own."""
    own = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["state"], "param_groups": own})


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor, weights: list[Tensor]) -> None:
    """One step down `loss`. Only these weights' gradients are computed, not all networks'."""
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimizer.step()


def _read(batches: pa.RecordBatchReader, stop: threading.Event) -> pa.Table:
    """All rows, unless `stop` is set meanwhile."""
    read = []
    for batch in batches:
        if stop.is_set():
            raise KeyboardInterrupt(_NO_MODEL)
        read.append(batch)
    return pa.Table.from_batches(read, batches.schema)


def _fit_encoder(
    table: pa.Table, weights: npt.NDArray[np.float64] | None, parameters: Parameters
) -> Encoder:
    pixels = PixelEncoder.fit(table)
    if pixels is not None:
        return pixels
    return TableEncoder.fit(table, weights, parameters.ignore_const_cols)


def _split_weights(
    table: pa.Table, name: str | None
) -> tuple[pa.Table, npt.NDArray[np.float64] | None]:
    if name is None:
        return table, None
    weights = table.column(name).cast(pa.float64()).fill_null(0.0).to_numpy()
    if not np.all(np.isfinite(weights)) or weights.min(initial=0) < 0:
        raise ValueError(f"weights_column {name!r} has negative or infinite weights.")
    if not weights.any():
        raise ValueError(f"weights_column {name!r} is zero in every row.")
    return table.drop_columns([name]), weights


def _check_widths(parameters: Parameters, encoder: Encoder) -> None:
    columns, width = len(encoder.columns), encoder.width
    for which, key in (
        ("generator_architecture", "output_dim"),
        ("discriminator_architecture", "input_dim"),
    ):
        asked = (getattr(parameters, which) or {}).get(key)
        if asked is not None and asked not in (columns, width):
            raise ValueError(
                f"{which}[{key!r}]={asked} does not match the data, which have {columns} columns: "
                f"use {columns}, or leave it out."
            )


def _check_checkpoint(checkpoint: Model, table: pa.Table, parameters: Parameters) -> None:
    names = [column.name for column in checkpoint.encoder.columns]
    if table.column_names != names:
        different = sorted(set(names) ^ set(table.column_names)) or ["their order"]
        raise ValueError(
            "checkpoint was trained on other columns; the difference is "
            f"{', '.join(different[:10])}. Train on the same columns, or without checkpoint."
        )
    for column in checkpoint.encoder.columns:
        kind = kind_of(table.schema.field(column.name).type)
        if kind != column.kind and not {kind, column.kind} <= {"int", "real"}:
            raise ValueError(
                f"checkpoint was trained with column {column.name!r} as {column.kind}, not {kind}: "
                "convert it, or train without checkpoint."
            )
    for name in (
        "generator_architecture",
        "discriminator_architecture",
        "loss_function",
        "resolved_latent_size",
    ):
        now, then = getattr(parameters, name), getattr(checkpoint.parameters, name)
        if now != then:
            raise ValueError(
                f"checkpoint was trained with {name.removeprefix('resolved_')}={then!r}, not "
                f"{now!r}: use the same, or train without checkpoint."
            )
    if parameters.epochs <= checkpoint.epoch:
        raise ValueError(
            f"epochs={parameters.epochs} counts the checkpoint's {checkpoint.epoch} epochs in: "
            f"set epochs above {checkpoint.epoch}."
        )


def _derive(seed: int, purpose: int, position: int) -> int:
    """An independent stream's seed."""
    return int(np.random.SeedSequence([seed, purpose, position]).generate_state(1, np.uint64)[0])
