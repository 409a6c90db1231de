"""A model as a file: a zip of one JSON document and two safetensors.

Nothing in it is ever unpickled or executed. Entries are stored, not compressed, so a file can't
unfold into more than its own size, and every tensor must have the very shape that the networks
described by the JSON have, so a file can't claim memory it does not bring.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor

from h2o_gan.engine.encoding import Encoder, TableEncoder
from h2o_gan.engine.image_model import ImageModel
from h2o_gan.engine.images import PixelEncoder
from h2o_gan.engine.latent_model import LatentModel
from h2o_gan.engine.loop import RUNNING
from h2o_gan.engine.model import Model
from h2o_gan.engine.table_model import TableModel
from h2o_gan.parameters import Parameters

__all__ = ["FORMAT_VERSION", "ModelFileError", "load", "save"]

FORMAT_VERSION = 2

_FORMAT = "h2o_gan model"
_MANIFEST, _WEIGHTS, _ENCODER = "model.json", "weights.safetensors", "encoder.safetensors"
_MOST_MANIFEST_BYTES = 256 * 2**20
_LOCAL_PARAMETERS = (
    "checkpoint",
    "export_checkpoints_dir",
    "image_root",
)  # of no meaning elsewhere
_ENCODERS: dict[str, Any] = {"table": TableEncoder, "pixels": PixelEncoder}
_MODELS: dict[str, type[Model]] = {
    "images": ImageModel,
    "latent": LatentModel,
    "table": TableModel,
}
_NUMBERS = ("epoch", "step", "seconds", "stopped_by", "rows", "batch_size")


class ModelFileError(ValueError):
    """The file is not a model that this version can read."""


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`, whole or not at all.

    Raises:
        OSError: the path can't be written.
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
    tensors = {name: tensor.contiguous() for name, tensor in model.tensors().items()}
    tensors["real_scores"] = torch.from_numpy(model.real_scores)
    target = Path(path)
    handle, temporary = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part", dir=target.parent
    )
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, data in (
                (_MANIFEST, json.dumps(manifest, allow_nan=False).encode()),
                (_WEIGHTS, safetensors.torch.save(tensors)),
                (_ENCODER, safetensors.numpy.save(model.encoder.arrays())),
            ):
                archive.writestr(zipfile.ZipInfo(name), data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model from `path`.

    Raises:
        ModelFileError: the file is damaged, foreign, hostile or of a newer version.
        OSError: the path can't be read.
    """
    try:
        manifest_bytes, weights, encoder_arrays = _entries(path)
        manifest = json.loads(manifest_bytes)
        _check_format(manifest)
        return _restore(
            manifest, safetensors.torch.load(weights), safetensors.numpy.load(encoder_arrays)
        )
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None
    except (
        zipfile.BadZipFile,
        safetensors.SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        EOFError,
        NotImplementedError,
        OverflowError,
        RecursionError,
        RuntimeError,
    ) as error:
        raise ModelFileError(
            f"{os.fspath(path)} is not an undamaged h2o_gan model: {error!s:.300}"
        ) from error


def _entries(path: str | os.PathLike[str]) -> list[bytes]:
    size = os.path.getsize(path)
    with open(path, "rb") as file, _as_damage(), zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        if _MANIFEST not in infos or len(infos) != len(archive.infolist()):
            raise ModelFileError("it is a zip, but not an h2o_gan model.")
        entries = []
        for name in (_MANIFEST, _WEIGHTS, _ENCODER):
            info = infos[name]
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                raise ModelFileError(f"its entry {name} is compressed or lies about its size.")
            if name == _MANIFEST and info.file_size > _MOST_MANIFEST_BYTES:
                raise ModelFileError(f"its entry {name} is too large.")
            entries.append(archive.read(info))
    return entries


@contextmanager
def _as_damage() -> Iterator[None]:
    """A zip whose offsets point nowhere makes the file system complain: that is damage too."""
    try:
        yield
    except OSError as error:
        raise ModelFileError(f"it is damaged ({error}).") from error


def _check_format(manifest: Any) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise ModelFileError("it is not an h2o_gan model.")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise ModelFileError("it has no format version.")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"it is of format {version}, newer than the {FORMAT_VERSION} read here: "
            "upgrade h2o_gan."
        )


def _restore(
    manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], arrays: Mapping[str, Any]
) -> Model:
    known = {f.name for f in fields(Parameters)} - set(_LOCAL_PARAMETERS)
    unknown = set(manifest["parameters"]) - known
    if unknown:
        raise ModelFileError(f"it has unknown parameters: {', '.join(sorted(unknown))}.")
    parameters = Parameters(**manifest["parameters"])
    state = manifest["encoder"]
    encoder: Encoder = _ENCODERS[state["encoder"]].restore(state, arrays)
    history = manifest["history"]
    # A training that goes on may not have come to its first scoring.
    if not isinstance(history, list) or not (history or manifest["stopped_by"] == RUNNING):
        raise ModelFileError("its history is not a list of scorings.")
    numbers = {name: manifest[name] for name in _NUMBERS}
    for name, value in numbers.items():
        kinds = (str,) if name == "stopped_by" else (int, float) if name == "seconds" else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ModelFileError(f"its {name} is {value!r:.50}.")
    data = manifest.get("model", {"kind": "latent"})  # format 1 knew no other kind
    scores = tensors["real_scores" if "real_scores" in tensors else "critic_scores"]
    if scores.ndim != 1 or len(scores) < 2 or scores.dtype != torch.float64:
        raise ModelFileError("its scores of real rows are not a scale.")
    common = {
        "parameters": parameters,
        "encoder": encoder,
        "real_scores": scores.numpy(),
        "history": [_history_row(row) for row in history],
        "began_at": _began_at(manifest.get("began_at", [0, 0, 0.0])),
        **numbers,
    }
    return _MODELS[data["kind"]].restore(data, tensors, common)


def _began_at(value: Any) -> tuple[int, int, float]:
    match value:
        case [int(epoch), int(step), int() | float() as seconds] if min(value) >= 0:
            return epoch, step, float(seconds)
    raise ModelFileError("where its training began is not said in three numbers.")


def _history_row(row: Any) -> dict[str, float | None]:
    if not isinstance(row, dict) or not all(
        value is None or (isinstance(value, int | float) and math.isfinite(value))
        for value in row.values()
    ):
        raise ModelFileError("its history is not a list of numbers.")
    return {str(name): value for name, value in row.items()}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
