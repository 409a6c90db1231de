"""Checkpoints: finds the model that training continues, and exports models while it trains."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2o.exceptions import H2OValueError

from h2o_gan.cluster import rest
from h2o_gan.cluster.jobs.client import JobClient
from h2o_gan.cluster.jobs.training import fetch_model
from h2o_gan.estimator.saving import MODEL_SUFFIX
from h2o_gan.estimator.trained import TrainedModel
from h2o_gan.notices import warn

if TYPE_CHECKING:
    from h2o_gan.engine.events import Scored
    from h2o_gan.engine.model import Model

__all__ = ["export_checkpoint", "fetch", "find_checkpoint", "remember"]

_by_id: weakref.WeakValueDictionary[str, TrainedModel] = weakref.WeakValueDictionary()


def remember(model_id: str, estimator: TrainedModel) -> None:
    """Let :func:`find_checkpoint` find an estimator by its model_id while it is in use."""
    _by_id[model_id] = estimator


def fetch(model_id: str) -> Model:
    """Read a model out of the connected cluster, which has the extension.

    Raises:
        H2OValueError: there is no such GAN, or it is being trained.
        H2OConnectionError: the cluster does not answer.
    """
    return fetch_model(JobClient(rest.connection(), "reader"), model_id)


def find_checkpoint(checkpoint: Any) -> Model:
    """The model that a parameter ``checkpoint`` means.

    Args:
        checkpoint: an estimator, the model_id of one of this session or of the cluster, or the
            path of a saved model.

    Raises:
        H2OValueError: there is no such model, or the estimator is not trained.
        h2o_gan.engine.ModelFileError: the file is damaged.
    """
    if isinstance(checkpoint, TrainedModel):
        return checkpoint.engine_model
    if isinstance(checkpoint, str) and checkpoint in _by_id:
        return _by_id[checkpoint].engine_model
    if isinstance(checkpoint, str | os.PathLike) and Path(checkpoint).is_file():
        from h2o_gan import engine

        return engine.load(checkpoint)
    if isinstance(checkpoint, str) and rest.extension():
        with suppress(H2OValueError):
            return fetch(checkpoint)
    raise H2OValueError(
        f"checkpoint={checkpoint!r} is neither a trained H2OGANEstimator, nor the model_id of one "
        "in this session or in the cluster, nor a file."
    )


def export_checkpoint(event: Scored, folder: Path, model_id: str) -> None:
    """Write the model of a scoring to `folder`, as ``<model_id>.epoch_00012.zip``.

    Where it can't be written there is a RuntimeWarning: a full disk must not end hours of training.
    """
    from h2o_gan import engine

    path = folder / f"{model_id}.epoch_{event.row['epoch']:05d}{MODEL_SUFFIX}"
    try:
        engine.save(event.snapshot(), path)
    except OSError as error:
        warn(f"checkpoint {path} was not written: {error}")
