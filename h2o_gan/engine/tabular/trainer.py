"""Training of a table's GAN: a generator by likelihood, then a critic of whole rows.

The generator is trained in the table's order of columns, the order of generation. Every few steps
it is trained in a random order instead, so that it can condition on any columns.

Cells that are unknown are neither learned nor given to the networks: the likelihood of a row is
that of its other cells, which is all there is to learn where cells are missing at random (Rubin
1976). The orders are then random in every step, which suits rows with any cells known. There is no
critic where cells are unknown, because that one compares whole rows.

The critic is trained after the generator: see :mod:`h2o_gan.engine.tabular.critic_trainer`.
"""

from __future__ import annotations

import copy
import itertools
import math
import threading
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.device import copied, on_cpu
from h2o_gan.engine.events import Listener, Progress
from h2o_gan.engine.model import RUNNING, score_quantiles
from h2o_gan.engine.tabular.critic_trainer import Clock, CriticTrainer, Rows
from h2o_gan.engine.tabular.density import Surprise, TableDensity
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Sizes
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.model import CRITIC_SIZES, TableModel
from h2o_gan.engine.tabular.sampling import RejectionSampler
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.optim import (
    BestWeights,
    Stream,
    adam,
    cosine,
    gradient_step,
    load_optimizer_state,
    rng_of,
    set_rate,
    update_ema,
    warm_up,
)
from h2o_gan.engine.training.split import FEWEST_ROWS, split_rows
from h2o_gan.engine.training.trainer import Trainer
from h2o_gan.parameters import Parameters

__all__ = ["TableTrainer"]

_WEIGHT_DECAY = 0.05
_SMALL_TABLE = 2500  # rows
_DROPOUT, _MAX_DROPOUT, _DROPOUT_ROWS = 0.2, 0.5, 20_000
_DROPOUT_STEP = 0.1  # whenever the held-out loss rises
_MAX_GRAD_NORM = 5.0
_WARM_UP = 0.1  # of the training
_RANDOM_ORDER_EVERY = 8  # steps
_STEPS_ROWS = 20_000
_STEPS, _STEPS_POWER = 1700, 0.5
_SMALL_STEPS, _SMALL_STEPS_POWER = 1000, 0.25  # of small tables
_MIN_STEPS, _MAX_STEPS = 250, 4000
_MAX_SCORED = 2048  # rows
_SCORED_SEED = 20  # draws the scored rows' positions within their bins
_MIN_WEIGHTS, _WEIGHTS_A_ROW = 1_750_000, 1000
_NARROWEST = Sizes(features=2, summary=16, hidden=4)

_CRITIC_STEPS = 500
_CRITIC_SHARE = 0.25  # of the time


class TableTrainer(Trainer):
    """One run: the generator's training by likelihood, then the critic's.

    Args:
        encoder: of the table.
        codes: integers (rows, learned columns).
        weights: float64 (rows,) row weights, or None.
        held_out: codes of a validation frame, or None.
        parameters: of the training.
        device: to train on.
        checkpoint: an earlier model to continue, or None.
    """

    architecture = TableModel.architecture
    scorings = 20
    loop_share = 1 - _CRITIC_SHARE
    metric = "held_out_loss"
    hint = "Lower generator_learning_rate."

    def __init__(
        self,
        encoder: TableEncoder,
        codes: Tensor,
        weights: npt.NDArray[np.float64] | None,
        held_out: Tensor | None,
        parameters: Parameters,
        device: torch.device,
        checkpoint: TableModel | None,
    ) -> None:
        layout = RowLayout.fit(encoder.learned, codes) if checkpoint is None else checkpoint.layout
        train, held_out_rows = split_rows(len(codes), FEWEST_ROWS["columns"], weights)
        super().__init__(
            codes[train],
            None if weights is None else weights[train.numpy()],
            len(codes),
            parameters,
            device,
            checkpoint,
        )
        self.encoder, self.layout, self._rows = encoder, layout, len(codes)
        self.tables = layout.tables(device)
        name = parameters.response_column
        response = None if name is None else layout.index_of(name)
        self.order = layout.order(last=[] if response not in layout.spans else [response])
        self._order = torch.tensor(self.order, device=device)
        self._order_rng = rng_of(self.seed, Stream.ORDERS, self.step)
        self._unknown = parameters.missing_values_handling == "unknown"
        self._rate: float = self.resolved("generator_learning_rate")
        self.sizes = (
            sizes_of(len(layout.tokens), len(codes)) if checkpoint is None else checkpoint.sizes
        )
        self.critic_sizes = (
            critic_sizes_of(len(layout.tokens), len(codes))
            if checkpoint is None
            else checkpoint.critic_sizes
        )

        start = rng_of(self.seed, Stream.WEIGHTS)
        self.generator = AutoregressiveGenerator(
            layout.tokens, self.sizes, self._dropout(), layout.crosses, layout.anchors
        )
        self.generator.initialize(start)
        if checkpoint is not None:
            self.generator.load_state_dict(checkpoint.last_generator)
        self.ema = copy.deepcopy(self.generator).requires_grad_(False)
        if checkpoint is not None:
            self.ema.load_state_dict(checkpoint.generator.state_dict())
        self.generator.to(device)
        self.ema.to(device)
        # Tables without numbers, or without choices, have networks with empty weights.
        self._weights: list[Tensor] = [w for w in self.generator.parameters() if w.numel()]
        self._ema_weights: list[Tensor] = [w for w in self.ema.parameters() if w.numel()]
        self.reset_optimizers()
        if checkpoint is not None:
            load_optimizer_state(self.optimizer, checkpoint.generator_optimizer)
        self._held_out = codes[held_out_rows][:_MAX_SCORED].to(device)
        fixed = torch.Generator(device).manual_seed(_SCORED_SEED)
        self._references: dict[str, tuple[Tensor, Tensor]] = {}
        for name, rows in (
            ("held_out_loss", self._held_out if len(held_out_rows) else None),
            ("validation_held_out_loss", held_out),
        ):
            if rows is not None:
                picked = rows[:_MAX_SCORED].to(device)
                self._references[name] = self.tables.expand(picked, fixed)
        self._best = BestWeights(self._ema_weights)
        if checkpoint is not None and self._resumed is checkpoint and checkpoint.best_generator:
            assert checkpoint.best_loss is not None
            # Empty weights are not in the lists of weights.
            best = [w for w in checkpoint.best_generator.values() if w.numel()]
            self._best.loss, self._best.weights = checkpoint.best_loss, [w.to(device) for w in best]
        # Not by the validation frame, nor at further scorings: they change nothing that is learned.
        self._best_adapted = BestWeights(self._ema_weights)
        if held_out is None:
            self._best_adapted.loss = self._best.loss
            self._best_adapted.weights = self._best.weights
        self._acceptance: RejectionSampler | None = None

    @staticmethod
    @override
    def default_batch(rows: int) -> int:
        return 1 << int(math.log2(min(max(rows / 16, 32), 256)))

    @override
    def last_epoch(self) -> int:
        epochs: int | None = self.parameters.epochs
        if epochs is not None:
            return epochs
        rows = len(self.codes) / _STEPS_ROWS
        wanted: float = max(_STEPS * rows**_STEPS_POWER, _SMALL_STEPS * rows**_SMALL_STEPS_POWER)
        steps = min(max(wanted, _MIN_STEPS), _MAX_STEPS)
        return self.first_epoch + math.ceil(steps / self.steps_per_epoch)

    @override
    def networks(self) -> Mapping[str, list[Tensor]]:
        return {"generator": self._weights, "ema": self._ema_weights}

    @override
    def schedule(self, share: float) -> None:
        warm = warm_up(share + 1e-3, _WARM_UP)
        set_rate(self.optimizer, self._rate * warm * cosine(share))

    @override
    def train_step(self, rows: Tensor, losses: Losses) -> None:
        values, active = self.tables.expand(self.codes[rows], self.rng)
        order = self._order
        if self._unknown or self.step % _RANDOM_ORDER_EVERY == 1:
            order = torch.tensor(self.layout.random_order(self._order_rng), device=self.device)
        logs = self.generator.log_likelihood(values, active, order, self.rng)
        loss = -logs.sum(0).mean()
        gradient_step(self.optimizer, loss, self._weights, _MAX_GRAD_NORM)
        self.step += 1
        if self._unknown or order is self._order:
            losses.add_generator(loss)
        update_ema(self._ema_weights, self._weights, self.ema_decay, self.step)

    @torch.no_grad()
    @override
    def score(self) -> dict[str, float | None]:
        row: dict[str, float | None] = {}
        for name, (values, active) in self._references.items():
            logs = self.ema.log_likelihood(values, active, self._order)
            row[name] = -float(logs.sum(0).mean())
        loss = row.get("validation_held_out_loss", row.get("held_out_loss"))
        if loss is not None:
            self._best.update(loss)
        return row

    @torch.no_grad()
    @override
    def adapt(self, row: Mapping[str, float | None]) -> None:
        """Continue from the best weights, with more dropout, if the held-out loss has risen."""
        loss = row.get("held_out_loss")
        if loss is None:
            return
        self._best_adapted.update(loss)
        if loss > self._best_adapted.loss:
            self._best_adapted.restore()
            torch._foreach_copy_(self._weights, self._ema_weights)
        self.generator.dropout = self._dropout(row)

    @override
    def finalize(self, emit: Listener, stop: threading.Event) -> dict[str, float | None] | None:
        """Restore the best generator, and train the critic against it."""
        self._best.restore()
        epochs = self.parameters.discriminator_epochs
        steps = _CRITIC_STEPS if epochs is None else epochs * self.steps_per_epoch
        if not steps or (self._unknown and bool((self.codes < 0).any())):
            return {}
        trainer = CriticTrainer(
            tokens=self.layout.tokens,
            sizes=self.critic_sizes,
            generator=self.ema,
            order=self.order,
            rows=len(self.codes),
            real=self._real_rows(),
            held_out=self._references.get("held_out_loss"),
            parameters=self.parameters,
            batch=self.batch,
            seed=self.seed,
            step=self.step,
            device=self.device,
        )

        def progress(share: float) -> None:
            # A run that is resumed from such a model begins with the critic.
            emit(Progress(1 - _CRITIC_SHARE * (1 - share), self.unfinished))

        done = trainer.run(steps, Clock(self.elapsed, self.limit), progress, stop)
        if done is None:
            return None
        row, self._acceptance = done
        return row

    def _real_rows(self) -> Callable[[int, torch.Generator], Rows]:
        """A function that draws real rows for the critic."""
        # Draws by weight are made on the CPU; elsewhere steps need a second generator for them.
        weighted = rng_of(self.seed, Stream.CRITIC_ROW_WEIGHTS, self.step)

        def draw(rows: int, rng: torch.Generator) -> Rows:
            if self.weights is None:
                picked = torch.randint(len(self.codes), (rows,), generator=rng, device=self.device)
            else:
                on_cpu_too = rng.device.type == "cpu"
                picked = self.draw_by_weight(rows, rng if on_cpu_too else weighted)
            return self.tables.expand(self.codes[picked.to(self.device)], rng)

        return draw

    @override
    def to_model(self, stopped_by: str = RUNNING) -> TableModel:
        acceptance = self._acceptance
        rng = rng_of(self.seed, Stream.REAL_SCORES)
        if self.weights is not None:
            picked = self.draw_by_weight(_MAX_SCORED, rng)
        else:
            picked = torch.randperm(len(self.codes), generator=rng)[:_MAX_SCORED]
        real = self.codes[picked.to(self.device)]
        density = TableDensity(
            self.encoder,
            self.layout,
            self.ema,
            acceptance,
            self.order,
            self.device,
            self._unknown,
        )
        rated = density.of_codes(real)
        held_out = density.of_codes(self._held_out)
        best = None
        if stopped_by == RUNNING and self._best.weights is not None:
            weights = iter(self._best.weights)
            state = self.ema.state_dict()
            best = copied({name: next(weights) if w.numel() else w for name, w in state.items()})
        return TableModel(
            encoder=self.encoder,
            layout=self.layout,
            generator=on_cpu(self.ema),
            sizes=self.sizes,
            critic=on_cpu(acceptance.critic) if acceptance else None,
            critic_sizes=self.critic_sizes,
            shift=acceptance.shift if acceptance else 0.0,
            clip=acceptance.clip if acceptance else 0.0,
            last_generator=copied(self.generator.state_dict()),
            generator_optimizer=copied(self.optimizer.state_dict()),
            best_generator=best,
            best_loss=None if best is None else self._best.loss,
            real_scores=score_quantiles(rated.log_density),
            surprise=Surprise.fit(rated, held_out),
            **self.model_state(stopped_by),
        )

    def _dropout(self, scored: Mapping[str, float | None] | None = None) -> float:
        """The probability of dropout: higher for small tables, and after each rise of the loss.

        What a table needs shows only in training: where networks learn rows by heart, the loss of
        held-out rows rises. Training then goes on from the best weights, with more dropout (as
        augmentation adapts in Karras et al. 2020, arXiv 2006.06676). Only scorings at
        the usual epochs count: further ones, and a validation frame, change nothing that is
        learned.

        Args:
            scored: a row of the history that is not in it yet.
        """
        share = math.log(_DROPOUT_ROWS / self._rows) / math.log(_DROPOUT_ROWS / _SMALL_TABLE)
        start = _DROPOUT + (_MAX_DROPOUT - _DROPOUT) * min(max(share, 0.0), 1.0)
        known = []
        for row in (*self.history, scored or {}):
            loss = row.get("held_out_loss")
            epoch = int(row.get("epoch") or 0)
            if loss is not None and (epoch <= self.first_epoch or self.is_scored(epoch)):
                known.append(loss)
        lowest = itertools.accumulate(known, min)
        rises = sum(loss > low for loss, low in zip(known, lowest, strict=True))
        return min(start + _DROPOUT_STEP * rises, _MAX_DROPOUT)

    @override
    def reset_optimizers(self) -> None:
        self.optimizer = adam(self.generator.parameters(), self._rate, (0.9, 0.98), _WEIGHT_DECAY)


def _most_weights(rows: int) -> int:
    """The largest number of weights for so many rows; tens of columns stay far below it."""
    return _MIN_WEIGHTS + _WEIGHTS_A_ROW * rows


def sizes_of(tokens: int, rows: int) -> Sizes:
    """The sizes of the generator: smaller for small tables, against overfitting, and for wide ones.

    Widths are halved until the networks of all tokens have no more weights than the rows allow.

    Args:
        tokens: number of tokens of a row.
        rows: number of rows of the data.
    """
    sizes = _usual_sizes(tokens, rows)
    while tokens * sizes.weights > _most_weights(rows) and sizes != _NARROWEST:
        sizes = Sizes(
            features=max(sizes.features // 2, _NARROWEST.features),
            summary=max(sizes.summary // 2, _NARROWEST.summary),
            hidden=max(sizes.hidden // 2, _NARROWEST.hidden),
        )
    return sizes


def critic_sizes_of(tokens: int, rows: int) -> tuple[int, int]:
    """The critic's features of a token and its hidden units, by the rule of :func:`sizes_of`.

    Args:
        tokens: number of tokens of a row.
        rows: number of rows of the data.
    """
    features, hidden = CRITIC_SIZES
    while tokens * features * (25 + hidden) > _most_weights(rows) and features > 1:
        features, hidden = features // 2, hidden // 2
    return features, hidden


def _usual_sizes(tokens: int, rows: int) -> Sizes:
    if rows < _SMALL_TABLE:
        return Sizes(features=16, summary=64, hidden=32)
    if tokens <= 40:
        return Sizes(features=32, summary=128, hidden=96)
    return Sizes(features=16, summary=128, hidden=96 if tokens <= 80 else 64)
