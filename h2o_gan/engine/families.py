"""The registry of families of models: a new one is a folder beside the others and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from h2o_gan.engine.image.model import ImageModel
from h2o_gan.engine.image.trainer import ImageTrainer
from h2o_gan.engine.mlp.model import LatentModel
from h2o_gan.engine.mlp.trainer import LatentTrainer
from h2o_gan.engine.model import Model
from h2o_gan.engine.tabular.model import TableModel
from h2o_gan.engine.tabular.trainer import TableTrainer

__all__ = ["FAMILIES", "Family", "family_of_kind"]


@dataclass(frozen=True)
class Family:
    """One family of models.

    Attributes:
        model: its class of models. ``model.architecture`` is the parameter that selects the
            family, ``model.kind`` its name in model files, ``model.supports`` the options of
            samples that it supports.
        trainer: its class of trainers, a :class:`~h2o_gan.engine.training.trainer.Trainer`.
    """

    model: type[Model]
    trainer: Any


FAMILIES = {
    family.model.architecture: family
    for family in (
        Family(TableModel, TableTrainer),
        Family(ImageModel, ImageTrainer),
        Family(LatentModel, LatentTrainer),
    )
}
"""The families by architecture."""


def family_of_kind(kind: str) -> Family:
    """The family with this name in model files.

    Args:
        kind: the name.

    Raises:
        KeyError: there is no such family.
    """
    return {family.model.kind: family for family in FAMILIES.values()}[kind]
