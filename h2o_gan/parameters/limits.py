"""Words and bounds that several parameters, or rules over several parameters, share.

The extension's Java reads the same values: see ``h2o_gan/extension/java.py``.
"""

from __future__ import annotations

ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus")
ARCHITECTURES = ("auto", "columns", "convolutional", "mlp")
COLUMN_TYPES = ("numeric", "categorical", "identifier", "coordinates", "ignore")
CONSTRAINT_ERRORS = ("raise", "drop")
DEVICES = ("auto", "cpu", "cuda", "mps")
"""Devices that exist on more machines than one: no cuda:1."""
IMAGE_ERRORS = ("raise", "skip")
MISSING_VALUES = ("value", "unknown")
LOSS_FUNCTIONS = ("relativistic", "mse", "bce", "hinge", "wasserstein")
LOSS_ALIASES = {"lsgan": "mse", "non_saturating": "bce"}
"""Further names of loss functions, as papers have them."""
RATIO_LOSS = "relativistic"
"""The loss whose optimal discriminator is a log density ratio: architectures columns and
convolutional need it."""

IMPUTATION_METHODS = ("draw", "mean", "mode")
"""The methods of ``impute()``."""
QUANTILES = (0.1, 0.5, 0.9)
"""The quantiles of ``predict_column()`` where none are asked for."""
MOST_DRAWS = 10_000
"""Draws of a row behind an estimate."""

NETWORK_SIZES = ("input_dim", "hidden_dim", "output_dim")
NETWORK_KEYS = (*NETWORK_SIZES, "activation")
"""Keys of ``generator_architecture`` and ``discriminator_architecture``."""
MOST_LAYERS = 100
MOST_UNITS = 1_000_000
"""Units of a layer."""
DEFAULT_HIDDEN = (256, 256)
"""Units of the hidden layers of architecture mlp."""

LEAST_SIDE, MOST_SIDE = 8, 128
"""Sides of an image, in pixels."""
IMAGE_START = 8192
"""Outputs of an image generator's first layer: 128 channels of 8 x 8."""

MOST_WEIGHTS = 70_000_000
"""Weights of a network beyond which a training is refused. A model file has room for seven copies
of them: the averages and the optimizers' moments are in it too."""
