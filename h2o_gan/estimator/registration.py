"""Registers the GAN with the h2o package, under the names that H2O's users expect."""

from __future__ import annotations

import functools
import json
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import h2o
import h2o.estimators
from h2o.exceptions import H2OResponseError, H2OServerError, H2OValueError
from h2o.grid import H2OGridSearch
from h2o.utils.shared_utils import stringify_dict_as_map

from h2o_gan.estimator.gan import GANEstimator, H2OGANEstimator
from h2o_gan.parameters import JSON_PARAMETERS, cluster_form

__all__ = ["register"]

_MODULE = "h2o.estimators.gans"
_FOREIGN_FILE = "magic number 0x1CED"


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
    _patch_grid_search()
    for name in ("load_model", "upload_model"):
        setattr(h2o, name, _with_hint(getattr(h2o, name)))


class H2OGANGridSearch:
    """Methods of a grid of GANs besides those of every grid: none."""


def _patch_grid_search() -> None:
    """Let H2OGridSearch build GANs and show them.

    It knows a fixed list of model categories, and sends dicts in a form that is not JSON, which the
    extension's parameters are.
    """
    metrics_class_of, build = H2OGridSearch._metrics_class, H2OGridSearch.build_model

    def metrics_class(model_json: Mapping[str, Any]) -> Any:
        if model_json["algo"] == H2OGANEstimator.algo:
            return H2OGANGridSearch
        return metrics_class_of(model_json)

    @functools.wraps(build)
    def build_model(self: H2OGridSearch, algo_params: dict[str, Any]) -> Any:
        if self.model.algo == H2OGANEstimator.algo:
            algo_params = {name: cluster_form(name, v) for name, v in algo_params.items()}
            choices = {
                name: [_as_text(name, value) for value in values]
                for name, values in (self.hyper_params or {}).items()
            }
            algo_params["hyper_parameters"] = stringify_dict_as_map(choices)
        return build(self, algo_params)

    H2OGridSearch._metrics_class = staticmethod(metrics_class)
    H2OGridSearch.build_model = build_model


def _as_text(name: str, value: Any) -> Any:
    """A value of a grid's hyperparameter, in a form that H2O writes as JSON."""
    form = cluster_form(name, value)
    # H2O writes texts without quotes, and takes single words so; JSON in JSON needs its own.
    return json.dumps(form) if name in JSON_PARAMETERS and form is not None else form


def _with_hint(load: Callable[..., Any]) -> Callable[..., Any]:
    """H2O's function to load a model, with an error that helps with files of this package."""

    @functools.wraps(load)
    def loaded(path: str) -> Any:
        try:
            return load(path)
        except (H2OResponseError, H2OServerError) as error:
            if _FOREIGN_FILE not in str(error):
                raise
            raise H2OValueError(
                f"{path} is not a model that h2o.save_model wrote. If the save() of an "
                f"H2OGANEstimator wrote it, h2o_gan.load_model({path!r}) loads it."
            ) from error

    return loaded
