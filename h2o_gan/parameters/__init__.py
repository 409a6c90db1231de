"""Every parameter of a GAN, declared once.

The estimator takes its constructor, properties and documentation from the declarations here. The
engine reads the same frozen object. The extension's Java (fields, schema, help, checks and JSON) is
generated from them when the jar is built.

To add a parameter:

1. Declare it in :class:`~h2o_gan.parameters.declared.Parameters`; the place there is its place in
   Flow. :class:`~h2o_gan.parameters.declaration.Declaration` explains each argument.
2. Use it: in the engine ``parameters.name``, or ``parameters.resolved("name", architecture)`` where
   the default depends on the architecture.
3. Run ``python -m h2o_gan.extension.build``: REST, Flow, R and grids now have it.

The package imports nothing but Python's standard library, and its own files relatively, because
the build of the extension loads it before h2o_gan is installed.
"""

from . import limits
from .declaration import JSON, SEED, Declaration, declaration_of
from .declared import (
    JSON_PARAMETERS,
    ClusterParameters,
    Parameters,
    check_weights,
    default_for,
    documentation,
)
from .limits import (
    ACTIVATIONS,
    ARCHITECTURES,
    COLUMN_TYPES,
    DEFAULT_HIDDEN,
    IMAGE_ERRORS,
    LOSS_ALIASES,
    LOSS_FUNCTIONS,
    MOST_WEIGHTS,
)
from .sending import cluster_form

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "COLUMN_TYPES",
    "DEFAULT_HIDDEN",
    "IMAGE_ERRORS",
    "JSON",
    "JSON_PARAMETERS",
    "LOSS_ALIASES",
    "LOSS_FUNCTIONS",
    "MOST_WEIGHTS",
    "SEED",
    "ClusterParameters",
    "Declaration",
    "Parameters",
    "check_weights",
    "cluster_form",
    "declaration_of",
    "default_for",
    "documentation",
    "limits",
]
