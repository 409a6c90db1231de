"""From a stream of rows to a model: reading, checks, and the choice of networks."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from h2o_gan.engine.encoding import Encoder, TableEncoder
from h2o_gan.engine.events import Listener
from h2o_gan.engine.images import PixelEncoder
from h2o_gan.engine.latent_model import LatentModel
from h2o_gan.engine.latent_training import LatentTraining
from h2o_gan.engine.loop import NO_MODEL, Training, TrainingDiverged
from h2o_gan.engine.model import Model
from h2o_gan.engine.schema import TEXT_KINDS, kind_of
from h2o_gan.engine.table_model import TableModel
from h2o_gan.engine.table_training import TableTraining
from h2o_gan.parameters import Parameters

__all__ = ["TrainingDiverged", "fit", "resolve_device"]


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
    ignored = [n for n, kind in (parameters.column_types or {}).items() if kind == "ignore"]
    table = table.drop_columns([name for name in ignored if name in table.column_names])
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
    run: Training
    if isinstance(encoder, TableEncoder) and not parameters.is_latent:
        assert checkpoint is None or isinstance(checkpoint, TableModel)
        run = TableTraining(encoder, codes, weights, held_out, parameters, device, checkpoint)
    else:
        assert checkpoint is None or isinstance(checkpoint, LatentModel)
        run = LatentTraining(encoder, codes, weights, held_out, parameters, device, checkpoint)
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


def _read(batches: pa.RecordBatchReader, stop: threading.Event) -> pa.Table:
    """All rows, unless `stop` is set meanwhile."""
    read = []
    for batch in batches:
        if stop.is_set():
            raise KeyboardInterrupt(NO_MODEL)
        read.append(batch)
    return pa.Table.from_batches(read, batches.schema)


def _fit_encoder(
    table: pa.Table, weights: npt.NDArray[np.float64] | None, parameters: Parameters
) -> Encoder:
    pixels = PixelEncoder.fit(table)
    if pixels is not None:
        return pixels
    return TableEncoder.fit(table, weights, parameters.ignore_const_cols, parameters.column_types)


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
    if isinstance(checkpoint, LatentModel) != (
        parameters.is_latent or isinstance(checkpoint.encoder, PixelEncoder)
    ):
        raise ValueError(
            "checkpoint was trained with another architecture, "
            f"{'mlp' if isinstance(checkpoint, LatentModel) else 'columns'}: set architecture to "
            "it, or train without checkpoint."
        )
    names = [column.name for column in checkpoint.encoder.columns]
    found = [
        field.name
        for field in table.schema
        if field.name in names or kind_of(field.type) not in TEXT_KINDS
    ]
    if found != names:
        different = sorted(set(names) ^ set(found)) or ["their order"]
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
    if parameters.epochs is not None and parameters.epochs <= checkpoint.epoch:
        raise ValueError(
            f"epochs={parameters.epochs} counts the checkpoint's {checkpoint.epoch} epochs in: "
            f"set epochs above {checkpoint.epoch}."
        )
