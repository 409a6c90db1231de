"""Models as files of the user's."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from h2o.exceptions import H2OValueError

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = ["MODEL_SUFFIX", "read_model", "write_model"]

MODEL_SUFFIX = ".zip"
_H2O_MAGIC = b"\x1c\xed"
"""The first bytes of a binary model that H2O's own functions wrote."""


def write_model(
    model: Model, path: str | os.PathLike[str], force: bool, for_training: bool
) -> Path:
    """Write a model to a file.

    Args:
        model: the model; its model_id names the file where `path` is a folder.
        path: the file, or a folder.
        force: whether to overwrite a file.
        for_training: whether the file can be a checkpoint.

    Returns:
        The file's absolute path.

    Raises:
        H2OValueError: the file exists, or can't be written there.
    """
    from h2o_gan import engine

    target = Path(path).expanduser()
    if target.is_dir():
        target /= f"{model.parameters.model_id}{MODEL_SUFFIX}"
    if target.exists() and not force:
        raise H2OValueError(f"{target} exists: give another path, or force=True.")
    try:
        engine.save(model, target, for_training=for_training)
    except OSError as error:
        raise H2OValueError(f"the model can't be written to {target}: {error}") from error
    return target.absolute()


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read what :func:`write_model` wrote. Nothing in the file is executed.

    Raises:
        h2o_gan.engine.ModelFileError: the file is damaged, foreign, hostile or of a newer version.
        OSError: the file can't be read.
    """
    from h2o_gan import engine

    with suppress(OSError), open(path, "rb") as file:
        if Path(path).is_file() and file.read(2) == _H2O_MAGIC:
            raise engine.ModelFileError(
                f"{os.fspath(path)} is a model that h2o.save_model or download_model wrote: "
                f"h2o.load_model({os.fspath(path)!r}) loads it, h2o.upload_model where the cluster "
                "is on another machine."
            )
    return engine.load(path)
