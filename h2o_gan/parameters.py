"""Every parameter of a GAN, declared once.

The estimator draws its constructor, properties and documentation from these fields, the
command line its defaults, and the engine reads the same frozen object: nothing is written twice.
This module imports neither h2o nor torch.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "COLUMN_TYPES",
    "IMAGE_ERRORS",
    "JSON_PARAMETERS",
    "LOSS_FUNCTIONS",
    "MOST_WEIGHTS",
    "Parameters",
    "check_weights",
    "documentation",
]

ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus")
ARCHITECTURES = ("auto", "columns", "convolutional", "mlp")
COLUMN_TYPES = ("numeric", "categorical", "identifier", "coordinates", "ignore")
LOSS_FUNCTIONS = ("relativistic", "mse", "bce", "hinge", "wasserstein")
_ARCHITECTURE_KEYS = ("input_dim", "hidden_dim", "output_dim", "activation")
IMAGE_ERRORS = ("raise", "skip")
_DICTS = ("generator_architecture", "discriminator_architecture")
JSON_PARAMETERS = ("column_types", *_DICTS)
"""Parameters that are dicts, which a cluster keeps as text."""
_IMAGE_ONLY = ("image_shape", "image_column", "image_root")
_IMAGE_SIDES = 8, 128  # pixels
_RATIOS = ("relativistic",)  # games whose critic, at the optimum, is a log density ratio
_MOST_LAYERS = 100
MOST_WEIGHTS = 70_000_000
"""Weights of a network beyond which a training is refused: seven copies of them, with averages and
the optimizers' moments, are what a model file has room for. See :func:`check_weights`."""
DEFAULT_HIDDEN = (256, 256)
_IMAGE_START = 8192  # outputs of an image generator's first layer: 128 channels of 8 x 8
_NUMBER = (int, float)


def _parameter(
    default: Any,
    help: str,
    *,
    group: str,
    types: tuple[type, ...],
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
) -> Any:
    """A dataclass field that knows its bounds; ``above`` is an exclusive lower bound."""
    metadata = {
        "help": help,
        "group": group,
        "types": types,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Parameters:
    """A checked, immutable set of parameters.

    Raises:
        TypeError: a value is of the wrong type.
        ValueError: a value is out of bounds, an unknown word or contradicts another.
    """

    model_id: str | None = _parameter(
        None, "Name of the model; made up when absent.", group="data", types=(str,)
    )
    ignored_columns: list[str] | None = _parameter(
        None, "Names of columns to leave out of the model.", group="data", types=(list, tuple)
    )
    ignore_const_cols: bool = _parameter(
        True,
        "Keep constant columns out of the networks. Samples carry them all the same.",
        group="data",
        types=(bool,),
    )
    weights_column: str | None = _parameter(
        None,
        "Column of non-negative row weights: a row is drawn for training in proportion to its "
        "weight. It is not a part of the samples.",
        group="data",
        types=(str,),
    )
    response_column: str | None = _parameter(
        None,
        "Column that matters most: it is drawn last, given all others, so that a model trained on "
        "samples predicts it best. Set by train(y=...).",
        group="data",
        types=(str,),
    )
    column_types: Mapping[str, str] | None = _parameter(
        None,
        "What to take columns for where the model summary shows that it guessed wrong: a dict from "
        "names to numeric, categorical, identifier (fresh values of the same look) or ignore.",
        group="data",
        types=(Mapping,),
    )
    architecture: str = _parameter(
        "auto",
        "The networks: columns (a generator that writes a row column by column, and a critic of "
        "whole rows that accepts or refuses rows when they are drawn), convolutional (for images), "
        "mlp (a generator that turns a latent vector into a row in one pass), or auto: mlp where "
        "an architecture or another loss_function is given, and for tables a latent_size; else "
        "convolutional for images and columns for tables.",
        group="networks",
        types=(str,),
        choices=ARCHITECTURES,
    )
    image_shape: Sequence[int] | None = _parameter(
        None,
        "Height and width of images, or height, width and 3 for colours, from 8 to 128 pixels a "
        "side; told from the number of pixel columns where that is a square.",
        group="images",
        types=(list, tuple),
    )
    image_column: str | None = _parameter(
        None,
        "Column of paths of image files. They are turned by their EXIF data, and scaled and "
        "cropped around the middle to image_shape.",
        group="images",
        types=(str,),
    )
    image_root: str | os.PathLike[str] | None = _parameter(
        None,
        "Folder that all files of image_column have to lie in; nothing outside it is opened.",
        group="images",
        types=(str, os.PathLike),
    )
    image_errors: str = _parameter(
        "raise",
        "What to do with image files that can't be read: raise an error that lists them, or skip "
        "their rows with a warning.",
        group="images",
        types=(str,),
        choices=IMAGE_ERRORS,
    )
    generator_architecture: Mapping[str, Any] | None = _parameter(
        None,
        "The generator as a dict: input_dim (size of the latent vector), hidden_dim (an int or a "
        "list, one entry a layer), output_dim (the number of columns), activation. Every key may "
        "be left out.",
        group="networks",
        types=(Mapping,),
    )
    discriminator_architecture: Mapping[str, Any] | None = _parameter(
        None,
        "The discriminator (critic) as a dict: input_dim (the number of columns), hidden_dim, "
        "output_dim (1), activation. Every key may be left out.",
        group="networks",
        types=(Mapping,),
    )
    latent_size: int | None = _parameter(
        None,
        "Length of the generator's random input; when absent the generator's input_dim, 128, or 64 "
        "for architecture convolutional.",
        group="networks",
        types=(int,),
        minimum=1,
        maximum=1_000_000,
    )
    loss_function: str = _parameter(
        "relativistic",
        "The adversarial game: relativistic (pairing loss with R1 and R2 penalties), mse (least "
        "squares), bce (non-saturating cross-entropy), hinge, wasserstein (gradient penalty).",
        group="objective",
        types=(str,),
        choices=LOSS_FUNCTIONS,
    )
    gradient_penalty: float | None = _parameter(
        None,
        "Weight of the critic's gradient penalty; 0 for none; the loss function's own when absent.",
        group="objective",
        types=_NUMBER,
        minimum=0,
    )
    epochs: int | None = _parameter(
        None,
        "How many times to go through the rows; chosen from their number when absent (100 for "
        "architecture mlp).",
        group="training",
        types=(int,),
        minimum=1,
    )
    critic_epochs: int | None = _parameter(
        None,
        "How many times the critic of architecture columns goes through the rows once the "
        "generator is trained; chosen from their number when absent, 0 for no critic.",
        group="training",
        types=(int,),
        minimum=0,
    )
    batch_size: int | None = _parameter(
        None,
        "Rows in a step; chosen from the number of rows when absent.",
        group="training",
        types=(int,),
        minimum=1,
    )
    generator_learning_rate: float | None = _parameter(
        None,
        "Adam's step size for the generator; 2e-4 for architecture mlp and 4e-3 for columns when "
        "absent.",
        group="training",
        types=_NUMBER,
        above=0,
    )
    discriminator_learning_rate: float | None = _parameter(
        None,
        "Adam's step size for the discriminator; 2e-4 for architecture mlp and 2e-3 for columns "
        "when absent.",
        group="training",
        types=_NUMBER,
        above=0,
    )
    ema_decay: float | None = _parameter(
        None,
        "Decay, per step, of the running mean of the generator's weights that samples are drawn "
        "from; 0 for the last weights; 0.999 for architecture mlp and 0.998 for columns when "
        "absent.",
        group="training",
        types=_NUMBER,
        minimum=0,
        maximum=0.999999,
    )
    seed: int = _parameter(
        -1,
        "Seed of all randomness; -1 for a new one, which the trained model then tells.",
        group="training",
        types=(int,),
        minimum=-1,
        maximum=2**63 - 1,
    )
    device: str = _parameter(
        "auto",
        "Where to train: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.",
        group="training",
        types=(str,),
    )
    max_runtime_secs: float = _parameter(
        0.0,
        "Stop training after so many seconds and keep what was learned; 0 for no limit.",
        group="stopping",
        types=_NUMBER,
        minimum=0,
    )
    stopping_rounds: int = _parameter(
        0,
        "Stop when the moving average of this many scorings no longer improves; 0 for never. "
        "Scored is the sliced Wasserstein distance, or for architecture columns the likelihood of "
        "rows held out from training; the validation frame's where one is given.",
        group="stopping",
        types=(int,),
        minimum=0,
    )
    stopping_tolerance: float = _parameter(
        1e-3,
        "Relative improvement that counts as one for stopping_rounds.",
        group="stopping",
        types=_NUMBER,
        minimum=0,
        maximum=1,
    )
    score_each_iteration: bool = _parameter(
        False,
        "Score after every epoch rather than about a hundred times in all.",
        group="stopping",
        types=(bool,),
    )
    checkpoint: Any = _parameter(
        None,
        "An earlier model to continue: an estimator, its model_id, or the path of a saved model. "
        "epochs is then the total, the earlier ones counted in.",
        group="stopping",
        types=(object,),
    )
    export_checkpoints_dir: str | os.PathLike[str] | None = _parameter(
        None,
        "Folder that receives the model, as a file, at every scoring.",
        group="stopping",
        types=(str, os.PathLike),
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        object.__setattr__(self, "column_types", copy.deepcopy(self.column_types))
        for which in ("generator_architecture", "discriminator_architecture"):
            _check_architecture(which, getattr(self, which))
            # A copy: what the caller does to the dict later must not reach a trained model.
            object.__setattr__(self, which, copy.deepcopy(getattr(self, which)))
        if self.model_id is not None and not re.fullmatch(r"[^/\\\0]+", self.model_id):
            raise ValueError(
                f"model_id={self.model_id!r} must be a name without slashes: it names files too."
            )
        _check_column_types(self.column_types)
        self._check_choice_of_networks()
        self._check_images()
        latent = (self.generator_architecture or {}).get("input_dim")
        if None not in (latent, self.latent_size) and latent != self.latent_size:
            raise ValueError(
                f"latent_size={self.latent_size} and generator_architecture['input_dim']={latent} "
                "are the same thing: give one of them, or the same number twice."
            )
        check_weights(self)

    @property
    def resolved_latent_size(self) -> int:
        """Length of the latent vector, whichever parameter said it."""
        if self.latent_size is not None:
            return self.latent_size
        return int((self.generator_architecture or {}).get("input_dim", 128))

    @property
    def has_images(self) -> bool:
        """Whether the parameters say that the data are images. They may be all the same."""
        return self.architecture == "convolutional" or any(
            getattr(self, name) is not None for name in _IMAGE_ONLY
        )

    def networks_for(self, images: bool) -> str:
        """The architecture for a table or for images: columns, convolutional or mlp."""
        if self.architecture != "auto":
            return self.architecture
        if self.loss_function not in _RATIOS or any(getattr(self, name) for name in _DICTS):
            return "mlp"
        if images:
            return "convolutional"
        return "columns" if self.latent_size is None else "mlp"

    def _check_choice_of_networks(self) -> None:
        given = [name for name in _DICTS if getattr(self, name) is not None]
        if self.loss_function not in _RATIOS:
            given.append("loss_function")
        if self.architecture == "columns" and self.latent_size is not None:
            given.append("latent_size")
        if self.architecture in ("columns", "convolutional") and given:
            name = given[0]
            raise ValueError(
                f"{name}={getattr(self, name)!r} is for architecture='mlp', not "
                f"{self.architecture!r}: leave one of them out."
            )

    def _check_images(self) -> None:
        given = [name for name in _IMAGE_ONLY if getattr(self, name) is not None]
        if self.architecture == "columns" and given:
            raise ValueError(
                f"{given[0]} is for images, architecture='columns' for tables: leave one of them "
                "out."
            )
        # A saved model knows its image_column, but no folder: those of one machine mean nothing
        # on another. Training asks for it.
        if self.image_root is not None and self.image_column is None:
            raise ValueError(
                "image_root is given without image_column: name the column of paths, or leave "
                "image_root out."
            )
        if self.image_column is not None and self.image_shape is None:
            raise ValueError(
                "image_shape is missing: the size that the files of image_column are brought to, "
                "for instance (64, 64, 3)."
            )
        if self.image_shape is None:
            return
        least, most = _IMAGE_SIDES
        sizes = tuple(self.image_shape)
        if (
            len(sizes) not in (2, 3)
            or any(isinstance(size, bool) or not isinstance(size, int) for size in sizes)
            or not all(least <= size <= most for size in sizes[:2])
            or sizes[2:] not in ((), (1,), (3,))
        ):
            raise ValueError(
                f"image_shape={self.image_shape!r} must be (height, width) or (height, width, 3), "
                f"sides from {least} to {most} pixels."
            )
        object.__setattr__(self, "image_shape", sizes)

    def replace(self, **changes: Any) -> Parameters:
        """A copy with some values changed, checked anew."""
        return dataclasses.replace(self, **changes)


def check_weights(parameters: Parameters, columns: int | None = None) -> None:
    """Refuse networks too large to train: one rule for notebooks, workers and the cluster.

    Where they are multilayer perceptrons (``networks_for(images=False) == "mlp"``), the layers
    are, for the generator, the latent vector (``resolved_latent_size``), ``hidden_dim`` (an int is
    one layer; 256, 256 when absent) and `columns`; for the discriminator `columns`, ``hidden_dim``
    likewise, and 1. The weights of a network are the sum of ``(inputs + 1) * outputs`` over
    consecutive layers. Where `columns` is not known it is the generator's ``output_dim`` or the
    discriminator's ``input_dim``, or else 1. Where they are for images (``has_images``, and
    ``networks_for(images=True) == "convolutional"``), the weights are ``(latent_size + 1) *
    8192``, ``latent_size`` 64 when absent. No network may have more than 70,000,000.

    Raises:
        ValueError: a network has more; the message begins with the parameter to blame.
    """
    if parameters.has_images and parameters.networks_for(images=True) == "convolutional":
        latent = parameters.latent_size or 64
        _refuse_weights("latent_size", latent, (latent + 1) * _IMAGE_START)
    if parameters.networks_for(images=False) != "mlp":
        return
    latent = parameters.resolved_latent_size
    for which, key in zip(_DICTS, ("output_dim", "input_dim"), strict=True):
        architecture = getattr(parameters, which) or {}
        hidden = architecture.get("hidden_dim", DEFAULT_HIDDEN)
        hidden = [hidden] if isinstance(hidden, int) else list(hidden)
        width = columns or architecture.get(key, 1)
        is_generator = which == "generator_architecture"
        layers = [latent, *hidden, width] if is_generator else [width, *hidden, 1]
        weights = sum((a + 1) * b for a, b in pairwise(layers))
        if is_generator and parameters.latent_size is not None and "hidden_dim" not in architecture:
            _refuse_weights("latent_size", latent, weights)
        _refuse_weights(which, getattr(parameters, which), weights)


def _refuse_weights(name: str, value: Any, weights: int) -> None:
    if weights > MOST_WEIGHTS:
        raise ValueError(
            f"{name}={value!s:.100} makes a network of {weights:,} weights; {MOST_WEIGHTS:,} "
            "are the most."
        )


def documentation() -> str:
    """The parameters as the text of a docstring, in declaration order."""
    lines = []
    for field in dataclasses.fields(Parameters):
        lines.append(f":param {field.name}: {field.metadata['help']}")
        lines.append(f"    Defaults to ``{field.default!r}``.")
    return "\n".join(lines)


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    name, rule = field.name, field.metadata
    if value is None and field.default is None:
        return
    is_bool = isinstance(value, bool)
    if not isinstance(value, rule["types"]) or (is_bool and bool not in rule["types"]):
        if rule["types"] == (object,):
            return
        words = " or ".join(dict.fromkeys(kind.__name__ for kind in rule["types"]))
        raise TypeError(f"{name} must be of type {words}, not {type(value).__name__}: {value!r}.")
    if rule["choices"] and value not in rule["choices"]:
        raise ValueError(f"{name}={value!r} is not known; use one of {', '.join(rule['choices'])}.")
    if rule["minimum"] is not None and not value >= rule["minimum"]:
        raise ValueError(f"{name} must be at least {rule['minimum']}, not {value!r}.")
    if rule["above"] is not None and not value > rule["above"]:
        raise ValueError(f"{name} must be greater than {rule['above']}, not {value!r}.")
    if rule["maximum"] is not None and not value <= rule["maximum"]:
        raise ValueError(f"{name} must be at most {rule['maximum']}, not {value!r}.")
    if isinstance(value, float) and value == float("inf"):
        raise ValueError(f"{name} must be finite.")


def _check_column_types(types: Mapping[str, str] | None) -> None:
    for name, wanted in (types or {}).items():
        if wanted not in COLUMN_TYPES:
            raise ValueError(
                f"column_types[{name!r}]={wanted!r} is not known; use one of "
                f"{', '.join(COLUMN_TYPES)}."
            )


def _check_architecture(which: str, architecture: Mapping[str, Any] | None) -> None:
    if architecture is None:
        return
    for key, value in architecture.items():
        if key not in _ARCHITECTURE_KEYS:
            raise ValueError(
                f"{which} has an unknown key {key!r}; use {', '.join(_ARCHITECTURE_KEYS)}."
            )
        if key == "activation":
            if value not in ACTIVATIONS:
                raise ValueError(
                    f"{which}['activation']={value!r} is not known; "
                    f"use one of {', '.join(ACTIVATIONS)}."
                )
            continue
        sizes = value if key == "hidden_dim" and isinstance(value, list | tuple) else [value]
        if len(sizes) > _MOST_LAYERS:
            raise ValueError(f"{which}['hidden_dim'] has more than {_MOST_LAYERS} layers.")
        for size in sizes:
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 1_000_000:
                raise ValueError(
                    f"{which}[{key!r}] must be a whole number from 1 to 1,000,000"
                    f"{' or a list of them' if key == 'hidden_dim' else ''}, not {value!r}."
                )
    if which == "discriminator_architecture" and architecture.get("output_dim", 1) != 1:
        raise ValueError(
            "discriminator_architecture['output_dim'] must be 1: the discriminator gives one "
            f"score a row, not {architecture['output_dim']}."
        )
