"""The families of models. A new one is a folder beside the others, and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from h2o_gan.engine.image.model import ImageModel
from h2o_gan.engine.image.trainer import ImageTraining
from h2o_gan.engine.mlp.model import LatentModel
from h2o_gan.engine.mlp.trainer import LatentTraining
from h2o_gan.engine.model import Model
from h2o_gan.engine.tabular.model import TableModel
from h2o_gan.engine.tabular.trainer import TableTraining

__all__ = ["FAMILIES", "Family", "family_of_kind"]


@dataclass(frozen=True)
class Family:
    """One family of models.

    Attributes:
        model: its class; ``model.architecture`` is the parameter that asks for it, ``model.kind``
            its name in a model file, ``model.supports`` the options of samples that it takes.
        training: what trains it.
    """

    model: type[Model]
    training: Any


FAMILIES = {
    family.model.architecture: family
    for family in (
        Family(TableModel, TableTraining),
        Family(ImageModel, ImageTraining),
        Family(LatentModel, LatentTraining),
    )
}
"""The families by architecture."""


def family_of_kind(kind: str) -> Family:
    """The family whose models a file names so.

    Raises:
        KeyError: there is none.
    """
    return {family.model.kind: family for family in FAMILIES.values()}[kind]
