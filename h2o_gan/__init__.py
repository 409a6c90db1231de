"""h2o_gan: generative adversarial networks that are native to an H2O-3 cluster.

Importing it makes ``from h2o.estimators.gans import GANEstimator``, ``h2o.GANEstimator`` and
``h2o.estimators.create_estimator("gan")`` work. :mod:`h2o_gan.engine` also works where h2o is not
installed, for example on a machine with a GPU.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from h2o_gan.version import __version__

__all__ = ["GANEstimator", "H2OGANEstimator", "__version__", "init", "load_model", "report"]

if TYPE_CHECKING or importlib.util.find_spec("h2o") is not None:
    from h2o_gan.cluster.launch import init
    from h2o_gan.estimator.gan import GANEstimator, H2OGANEstimator, load_model
    from h2o_gan.estimator.registration import register
    from h2o_gan.estimator.report import report

    register()
else:

    def __getattr__(name: str) -> object:
        if name in __all__:
            raise ImportError(f"h2o_gan.{name} needs the h2o package: pip install h2o")
        raise AttributeError(f"module 'h2o_gan' has no attribute {name!r}")
