"""The registry of families."""

import pytest

from h2o_gan.engine.families import FAMILIES, family_of_kind
from h2o_gan.engine.model import Model
from h2o_gan.engine.training.trainer import Trainer
from h2o_gan.parameters import ARCHITECTURES


def test_every_architecture_has_a_family():
    assert set(FAMILIES) == set(ARCHITECTURES) - {"auto"}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_family_is_complete(architecture):
    family = FAMILIES[architecture]
    assert issubclass(family.model, Model) and issubclass(family.trainer, Trainer)
    assert family.model.architecture == architecture
    assert not family.model.__abstractmethods__ and not family.trainer.__abstractmethods__
    assert family.trainer.metric and family.trainer.hint.endswith(".")
    assert family_of_kind(family.model.kind) is family


def test_an_unknown_family_is_an_error():
    with pytest.raises(KeyError):
        family_of_kind("diffusion")
