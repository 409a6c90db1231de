"""Training on a stream of rows: checks of the data, the choice of a family, and the run."""

from __future__ import annotations

import os
import tempfile
import threading

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.preparation import encode_rows, filter_rows, fit_encoder, read_rows
from h2o_gan.engine.data.schema import TEXT_KINDS, kind_of
from h2o_gan.engine.device import resolve_device
from h2o_gan.engine.events import Listener, Message
from h2o_gan.engine.exceptions import TrainingDiverged
from h2o_gan.engine.families import FAMILIES
from h2o_gan.engine.mlp.features import width_of
from h2o_gan.engine.model import RUNNING, Model
from h2o_gan.engine.training.detection import Detector, picked_rows
from h2o_gan.notices import listed
from h2o_gan.parameters import Parameters, check_weights

__all__ = ["TrainingDiverged", "fit"]


def fit(
    batches: pa.RecordBatchReader,
    parameters: Parameters,
    *,
    validation: pa.RecordBatchReader | None = None,
    checkpoint: Model | None = None,
    on_event: Listener | None = None,
    stop: threading.Event | None = None,
) -> Model:
    """Train a model on a stream of rows.

    Args:
        batches: the rows. Columns are numbers, times, texts or dictionaries, with nulls for missing
            values. The column ``parameters.weights_column`` has the row weights.
        parameters: of the training.
        validation: rows with the same columns, which are scored but not trained on.
        checkpoint: an earlier model of the same columns and networks to continue, for the default
            number of epochs or up to ``parameters.epochs``. A snapshot of an unfinished run is
            resumed with that run's schedule, up to its planned last epoch.
        on_event: called with each :data:`~h2o_gan.engine.events.Event`, in this thread.
        stop: when set, from any thread, training ends after the current step.

    Returns:
        The model. Its ``stopped_by`` says why the training ended: "epochs", "max_runtime_secs",
        "stopping_rounds", "interrupted" or "diverged". After "diverged" it has the last good
        weights, and a RuntimeWarning says which parameters to change.

    Raises:
        ValueError: the rows and the parameters do not fit each other.
        TypeError: a column has a type that is not supported.
        TrainingDiverged: the losses were not finite before there were good weights.
        TrainingStopped: `stop` was set before the first step.
    """
    _allow_full_disk()
    device = resolve_device(parameters.device)
    stop = stop or threading.Event()
    emit = on_event or (lambda event: None)
    if checkpoint is not None:
        checkpoint.check_can_continue()
    table, weights = read_rows(batches, parameters, stop)
    table, weights, rules = filter_rows(table, weights, parameters)
    if checkpoint is None:
        encoder = fit_encoder(table, weights, parameters, rules)
        _check_widths(parameters, encoder)
    else:
        encoder = checkpoint.encoder
        _check_checkpoint(checkpoint, table, parameters)
    if isinstance(encoder, PixelEncoder):
        emit(Message(f"The rows are treated as {encoder.summary}."))
    codes, was_read = encode_rows(encoder, table, parameters, stop)
    if weights is not None and was_read is not None:
        weights = weights[was_read]
    real = _real_rows(encoder, table, codes, weights, was_read)
    del table
    held_out = unseen = None
    if validation is not None:
        rows, _ = read_rows(validation, parameters.replace(weights_column=None), stop)
        held_out, found = encode_rows(encoder, rows, parameters, stop)
        unseen = _real_rows(encoder, rows, held_out, None, found)
        del rows
    trainer = FAMILIES[parameters.networks_for(isinstance(encoder, PixelEncoder))].trainer
    run = trainer(encoder, codes, weights, held_out, parameters, device, checkpoint)
    run.detect = Detector(real, unseen)
    with run.tuned_torch():
        model: Model = run.run(emit, stop)
    return model


def _real_rows(
    encoder: Encoder,
    table: pa.Table,
    codes: torch.Tensor,
    weights: npt.NDArray[np.float64] | None,
    was_read: npt.NDArray[np.bool_] | None,
) -> pa.Table:
    """Some rows of `table` for the detector; of image files, their pixels."""
    picked = picked_rows(len(codes), weights)
    if was_read is None or not isinstance(encoder, PixelEncoder):
        return table.take(picked)
    return pa.Table.from_batches([encoder.decode_codes(codes[torch.from_numpy(picked)])])


def _allow_full_disk() -> None:
    """Let training run where no temporary folder can be written.

    PyTorch asks for a folder for compiled code with the first optimizer. It fails if there is
    none, although nothing is compiled here.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.abspath(os.sep))


def _check_widths(parameters: Parameters, encoder: Encoder) -> None:
    columns, width = len(encoder.columns), width_of(encoder)
    check_weights(parameters, width)
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
    images = isinstance(checkpoint.encoder, PixelEncoder)
    if checkpoint.architecture != parameters.networks_for(images):
        raise ValueError(
            f"checkpoint was trained with another architecture, {checkpoint.architecture}: set "
            "architecture to it, or train without checkpoint."
        )
    if parameters.image_column is not None:
        _check_image_checkpoint(checkpoint, table, parameters)
    else:
        _check_columns(checkpoint, table)
    for name in (
        "generator_architecture",
        "discriminator_architecture",
        "loss_function",
        "missing_values_handling",
        "resolved_latent_size",
        "constraints",
        "ignored_relations",
        "relations",
    ):
        now, then = getattr(parameters, name), getattr(checkpoint.parameters, name)
        if now != then:
            raise ValueError(
                f"checkpoint was trained with {name.removeprefix('resolved_')}={then!r}, not "
                f"{now!r}: use the same, or train without checkpoint."
            )
    over = parameters.epochs is not None and parameters.epochs <= checkpoint.epoch
    if over and checkpoint.stopped_by != RUNNING:
        raise ValueError(
            f"epochs={parameters.epochs} includes the {checkpoint.epoch} epochs of the checkpoint: "
            f"set epochs above {checkpoint.epoch}."
        )


def _check_image_checkpoint(checkpoint: Model, table: pa.Table, parameters: Parameters) -> None:
    encoder = checkpoint.encoder
    label = parameters.response_column
    labels = None if label is None else table.column(label)
    then = encoder.to_json()
    now = PixelEncoder.of_files(parameters.image_shape or (), label, labels).to_json()
    different = [name for name in ("shape", "low", "high") if now[name] != then[name]]
    if bool(now["labels"]) != bool(then["labels"]) or (
        now["labels"] and not set(now["labels"]["classes"]) <= set(then["labels"]["classes"])
    ):
        different.append("labels")
    if different:
        raise ValueError(
            f"checkpoint was trained on other images; the difference is in {different[0]}. Train "
            "on the same kind of images, or without checkpoint."
        )


def _check_columns(checkpoint: Model, table: pa.Table) -> None:
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
            f"{listed(different, show=str)}. Train on the same columns, or without checkpoint."
        )
    for column in checkpoint.encoder.columns:
        kind = kind_of(table.schema.field(column.name).type)
        if kind != column.kind and not {kind, column.kind} <= {"int", "real"}:
            raise ValueError(
                f"checkpoint was trained with column {column.name!r} as {column.kind}, not {kind}: "
                "convert it, or train without checkpoint."
            )
