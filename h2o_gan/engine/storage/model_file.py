"""A model as a file: a zip of one JSON document and some safetensors.

Nothing in it is unpickled or executed. Weights are stored, not compressed, and compressed entries
are bounded, so a file cannot expand to much more than its size. Every tensor must have the shape
that the JSON implies, so a file cannot claim memory that it does not fill.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from typing import IO, Any

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Damaged, ModelFileError
from h2o_gan.engine.families import family_of_kind
from h2o_gan.engine.model import RUNNING, Model, ModelParts
from h2o_gan.engine.storage.atomic import atomic_write
from h2o_gan.engine.storage.entries import (
    COLUMNS,
    ENCODER,
    MANIFEST,
    MAX_DEFLATED_BYTES,
    MAX_MANIFEST_BYTES,
    TRAINING,
    WEIGHTS,
    parsed,
    read_entries,
)
from h2o_gan.engine.storage.manifest import check_manifest
from h2o_gan.engine.storage.packing import pack, unpack
from h2o_gan.parameters import Parameters

__all__ = ["FORMAT_VERSION", "dump", "load", "save"]

FORMAT_VERSION = 3

_FORMAT = "h2o_gan model"
_LOCAL_PARAMETERS = (
    "checkpoint",
    "export_checkpoints_dir",
    "image_root",
)  # of the machine that trains
_ENCODERS: dict[str, Any] = {"table": TableEncoder, "pixels": PixelEncoder}
_OF_TRAINING = re.compile(r"(last|best)_\w+\.|\w+_optimizer\.")
_FORMER_PARAMETERS = {"critic_epochs": "discriminator_epochs"}
_FORMER_COLUMNS = {
    "critic_loss": "discriminator_loss",
    "critic_held_out_loss": "discriminator_held_out_loss",
}
"""Names in older files, of parameters and of columns of the history, and what they are now."""
_RULES = "rules."  # begins the names of the arrays of rules
_NUMBERS = ("epoch", "step", "seconds", "stopped_by", "rows", "batch_size")


def save(model: Model, path: str | os.PathLike[str], *, for_training: bool = True) -> None:
    """Write a model to a file, completely or not at all.

    Args:
        model: to write.
        path: of the file.
        for_training: whether to include the state of training, so that training can continue.
            Without it the file is about a third as large; its samples are the same.

    Raises:
        OSError: the path cannot be written.
        ValueError: the model has more levels than a file can hold.
    """
    with atomic_write(path) as file:
        dump(model, file, for_training=for_training)


def dump(model: Model, file: IO[bytes], *, for_training: bool = True) -> None:
    """Write a model to an open file.

    Args:
        model: to write.
        file: open for binary writing; may be in memory.
        for_training: see :func:`save`.

    Raises:
        ValueError: the model has more levels than a file can hold.
    """
    manifest = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "parameters": {
            f.name: getattr(model.parameters, f.name)
            for f in fields(Parameters)
            if f.name not in _LOCAL_PARAMETERS
        },
        "model": {"kind": model.kind, **model.to_json()},
        "encoder": model.encoder.to_json(),
        "history": model.history,
        "began_at": list(model.began_at),
        **{name: getattr(model, name) for name in _NUMBERS},
    }
    text = json.dumps(manifest, allow_nan=False).encode()
    if len(text) > MAX_MANIFEST_BYTES:
        raise ValueError(
            f"the model's columns, levels and history take {len(text):,} bytes, more than the "
            f"{MAX_MANIFEST_BYTES:,} of a model file: leave out columns with so many levels."
        )
    tensors = {**model.tensors(), "real_scores": torch.from_numpy(model.real_scores)}
    entries = {MANIFEST: text, COLUMNS: _columns(model), WEIGHTS: _bytes_of(tensors)}
    if for_training and (training := model.training_tensors()):
        entries[TRAINING] = _bytes_of(training)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            # The arrays of columns compress well, weights do not.
            if name == COLUMNS and len(data) <= MAX_DEFLATED_BYTES:
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)


def _bytes_of(tensors: Mapping[str, Tensor]) -> bytes:
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    data: bytes = safetensors.torch.save(whole)
    return data


def _columns(model: Model) -> bytes:
    """The arrays of all columns' codecs, of rules, and of the learned columns' tokens."""
    codecs: list[dict[str, Any]] = [{} for _ in model.encoder.to_json()["columns"]]
    rules = {}
    for name, array in model.encoder.arrays().items():
        if name.startswith(_RULES):
            rules[name] = array
        else:
            index, _, array_name = name.partition(".")
            codecs[int(index)][array_name] = array
    packed = {f"codec.{name}": array for name, array in pack(codecs).items()} | rules
    packed.update({f"tokens.{name}": a for name, a in pack(model.token_arrays()).items()})
    # Of an array whose memory has another order, safetensors writes the memory.
    whole = {name: np.ascontiguousarray(array) for name, array in packed.items()}
    data: bytes = safetensors.numpy.save(whole)
    return data


def load(path: str | os.PathLike[str] | IO[bytes]) -> Model:
    """Read a model from a file.

    Args:
        path: of the file, or an open file, which may be in memory.

    Raises:
        ModelFileError: the file is not a valid model file, or one of a newer version.
        OSError: the path cannot be read.
    """
    # Nothing else is caught: a bug of ours must not be reported as a damaged file.
    try:
        entries = read_entries(path)
        manifest = parsed(entries[MANIFEST])
        _check_format(manifest)
        check_manifest(manifest)
        tensors = safetensors.torch.load(entries[WEIGHTS])
        if TRAINING in entries:
            training = safetensors.torch.load(entries[TRAINING])
            if any(not _OF_TRAINING.match(name) for name in training):
                raise Damaged(f"its entry {TRAINING} has other tensors than those of training")
            tensors.update(training)
        if manifest["format_version"] < 3:
            return _restore(manifest, tensors, _arrays(entries, ENCODER), None)
        return _restore(manifest, tensors, *_parted(manifest, _arrays(entries, COLUMNS)))
    except (Damaged, safetensors.SafetensorError) as error:
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else "the file"
        raise ModelFileError(
            f"{name} is not a valid h2o_gan model file: {error!s:.300}."
        ) from error


def _arrays(entries: Mapping[str, bytes], name: str) -> dict[str, Any]:
    if name not in entries:
        raise Damaged(f"it has no entry {name}")
    arrays: dict[str, Any] = safetensors.numpy.load(entries[name])
    return arrays


def _parted(
    manifest: Mapping[str, Any], arrays: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The arrays of codecs and rules, named as an encoder names them, and of tokens by column."""

    def below(prefix: str) -> dict[str, Any]:
        start = f"{prefix}."
        return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}

    model = manifest.get("model")
    if model is None:
        raise Damaged("it has no model")
    learned = family_of_kind(model["kind"]).model.token_columns(model)
    codecs = unpack(below("codec"), len(manifest["encoder"]["columns"]))
    tokens = unpack(below("tokens"), learned)
    named = {f"{i}.{name}": a for i, codec in enumerate(codecs) for name, a in codec.items()}
    rules = manifest["encoder"].get("rules", [])
    known = {f"{_RULES}{index}" for index in range(len(rules) if isinstance(rules, list) else 0)}
    for name, array in arrays.items():
        if name.startswith(_RULES):
            if name.rpartition(".")[0] not in known:
                raise Damaged(f"it has arrays {name!r:.50} of a rule that it does not have")
            named[name] = array
    return named, tokens


def _check_format(manifest: Any) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise Damaged("it is not an h2o_gan model")
    version = manifest.get("format_version")
    if type(version) is not int or version < 1:
        raise Damaged("it has no format version")
    if version > FORMAT_VERSION:
        raise Damaged(
            f"it is of format {version}, newer than the {FORMAT_VERSION} read here: upgrade h2o_gan"
        )


def _restore(
    manifest: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    arrays: Mapping[str, Any],
    tokens: list[dict[str, Any]] | None,
) -> Model:
    encoder: Encoder = _ENCODERS[manifest["encoder"]["encoder"]].restore(
        manifest["encoder"], arrays
    )
    history = [_renamed(row, _FORMER_COLUMNS) for row in manifest["history"]]
    # Only a training that is not finished may have no scoring yet.
    if not history and manifest["stopped_by"] != RUNNING:
        raise Damaged("its history has no scoring")
    epoch, step, seconds = manifest.get("began_at", (0, 0, 0.0))
    data = manifest.get("model", {"kind": "latent"})  # the only kind of format 1
    common = {
        "parameters": _parameters(manifest["parameters"]),
        "encoder": encoder,
        "real_scores": _real_scores(tensors),
        "history": history,
        "began_at": (int(epoch), int(step), float(seconds)),
        **{name: manifest[name] for name in _NUMBERS},
    }
    return family_of_kind(data["kind"]).model.restore(ModelParts(data, tensors, tokens, common))


def _parameters(given: Mapping[str, Any]) -> Parameters:
    given = _renamed(given, _FORMER_PARAMETERS)
    known = {f.name for f in fields(Parameters)} - set(_LOCAL_PARAMETERS)
    unknown = set(given) - known
    if unknown:
        raise Damaged(f"it has unknown parameters: {', '.join(sorted(unknown)):.100}")
    try:
        return Parameters(**given)
    except (TypeError, ValueError) as error:  # about unfit values
        raise Damaged(str(error)) from error


def _renamed(given: Mapping[str, Any], former: Mapping[str, str]) -> dict[str, Any]:
    """`given` with today's names."""
    return {former.get(name, name): value for name, value in given.items()}


def _real_scores(tensors: Mapping[str, Tensor]) -> Any:
    scores = tensors.get("real_scores", tensors.get("critic_scores"))
    if (
        scores is None
        or scores.ndim != 1
        or not 2 <= len(scores) <= 2**20
        or scores.dtype != torch.float64
        or not bool(scores.isfinite().all())
    ):
        raise Damaged("its scores of real rows are not valid")
    return scores.numpy()
