"""Makes the GAN known to the h2o package, under the names H2O's users expect."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Any

import h2o
import h2o.estimators
from h2o.grid import H2OGridSearch

from h2o_gan.estimator import GANEstimator, H2OGANEstimator

__all__ = ["register"]

_MODULE = "h2o.estimators.gans"


def register() -> None:
    """Add ``h2o.estimators.gans``, ``h2o.GANEstimator`` and the algorithm "gan" to h2o."""
    module = types.ModuleType(_MODULE, "Generative adversarial networks, by h2o_gan.")
    names = {"GANEstimator": GANEstimator, "H2OGANEstimator": H2OGANEstimator}
    for name, value in names.items():
        setattr(module, name, value)
        setattr(h2o, name, value)
        setattr(h2o.estimators, name, value)
    sys.modules[_MODULE] = module
    h2o.estimators.gans = module
    h2o.estimators._estimator_cls_by_algo_[H2OGANEstimator.algo] = H2OGANEstimator
    _teach_grids()


class H2OGANGridSearch:
    """What a grid of GANs can do beside what every grid can: nothing."""


def _teach_grids() -> None:
    """H2OGridSearch knows its kinds of models by heart, and raises where it has built another."""
    known = H2OGridSearch._metrics_class

    def metrics_class(model_json: Mapping[str, Any]) -> Any:
        if model_json["algo"] == H2OGANEstimator.algo:
            return H2OGANGridSearch
        return known(model_json)

    H2OGridSearch._metrics_class = staticmethod(metrics_class)
