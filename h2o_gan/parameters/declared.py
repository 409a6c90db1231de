"""The parameters themselves, in the order in which Flow shows them."""

from __future__ import annotations

import copy
import dataclasses
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .declaration import (
    FLAG,
    JSON,
    LINES,
    MODEL,
    NAMES,
    NUMBER,
    PATH,
    SEED,
    SIZES,
    TEXT,
    WHOLE,
    ByRows,
    check,
    declaration_of,
    parameter,
)
from .limits import (
    ARCHITECTURES,
    CONSTRAINT_ERRORS,
    DEFAULT_HIDDEN,
    DEVICES,
    IMAGE_ERRORS,
    IMAGE_START,
    LEAST_SIDE,
    LOSS_ALIASES,
    LOSS_FUNCTIONS,
    MISSING_VALUES,
    MOST_SIDE,
    MOST_UNITS,
    MOST_WEIGHTS,
    RATIO_LOSS,
)
from .rules import (
    check_architecture,
    check_column_types,
    check_contamination,
    check_image_shape,
    split_lines,
)

__all__ = [
    "JSON_PARAMETERS",
    "LINES_PARAMETERS",
    "ClusterParameters",
    "Parameters",
    "check_weights",
    "default_for",
    "documentation",
]

_CHOSEN = "chosen from the number of rows"
_NETWORKS = ("generator_architecture", "discriminator_architecture")
_IMAGE_ONLY = ("image_shape", "image_column", "image_root")


@dataclass(frozen=True)
class Parameters:
    """A checked, immutable set of parameters.

    Raises:
        TypeError: a value is of the wrong type.
        ValueError: a value is out of bounds, an unknown word or contradicts another.
    """

    model_id: str | None = parameter(
        None,
        TEXT,
        "Name of the model. When absent: a new name.",
        group="data",
        pattern=(r"[^/\\\x00]+", "must be a name without slashes: it names files too"),
        of_h2o=True,
        sent=False,
    )
    response_column: str | None = parameter(
        None,
        TEXT,
        "Column that matters most: the one that models trained on generated rows are to predict. "
        "Of images it is the label.",
        details="Set by train(y=...). In a table it is generated last, given all other columns.",
        group="data",
        of_h2o=True,
        own_help=True,
    )
    ignored_columns: list[str] | None = parameter(
        None, NAMES, "Names of columns to leave out of the model.", group="data", of_h2o=True
    )
    ignore_const_cols: bool = parameter(
        True,
        FLAG,
        "Keep constant columns out of the networks. Generated rows have them all the same.",
        group="data",
        of_h2o=True,
        own_help=True,
    )
    weights_column: str | None = parameter(
        None,
        TEXT,
        "Column of row weights, none negative. Training draws each row in proportion to its "
        "weight. Generated rows do not have the column.",
        group="data",
        of_h2o=True,
        own_help=True,
    )
    column_types: Mapping[str, str] | None = parameter(
        None,
        JSON,
        'Types of columns where those found are wrong, such as {"zip": "categorical"}: numeric, '
        "categorical, identifier, coordinates or ignore.",
        details="The model's column summary shows the found types. identifier: new values in the "
        "format of the old. coordinates: latitude and longitude, two columns.",
        group="data",
        gridable=True,
    )
    missing_values_handling: str = parameter(
        "value",
        TEXT,
        "What a missing cell of a table is. value: a value of its column, generated at its real "
        "rate. unknown: generated rows have no missing cells.",
        details="From a cell that is unknown nothing is learned; unknown needs architecture "
        "columns and is best for impute() and predict_column() where cells are missing at random.",
        group="data",
        choices=MISSING_VALUES,
        gridable=True,
    )
    relations: bool = parameter(
        True,
        FLAG,
        "For tables: find formulas (totals, differences, equal columns), orders, and columns that "
        "are missing together, and keep them in generated rows.",
        group="data",
        gridable=True,
    )
    ignored_relations: Sequence[str] | str | None = parameter(
        None,
        LINES,
        "Found relations not to keep, as the model's table of relations shows them: a list, or "
        "text with ; between them.",
        group="data",
        level="expert",
    )
    constraints: Sequence[str] | str | None = parameter(
        None,
        LINES,
        "Rules that every generated row keeps, with ; between them: total = price * quantity; "
        "start <= end; unique(order_id); city, country.",
        details="A list is taken as well.",
        group="data",
    )
    constraint_errors: str = parameter(
        "raise",
        TEXT,
        "What to do if training rows break a rule of constraints: raise an error that counts them, "
        "or drop those rows.",
        group="data",
        choices=CONSTRAINT_ERRORS,
    )
    architecture: str = parameter(
        "auto",
        TEXT,
        "Networks: columns for tables, convolutional for images, mlp for either. auto: the fitting "
        "one, or mlp where a parameter of mlp is given.",
        details="columns: the generator samples a row column by column, and a discriminator of "
        "whole rows accepts or rejects it. mlp: the generator maps a latent vector to a row in one "
        "pass. Parameters of mlp are generator_architecture, discriminator_architecture, another "
        "loss_function and, for tables, latent_size.",
        group="networks",
        choices=ARCHITECTURES,
        level="critical",
        gridable=True,
    )
    epochs: int | None = parameter(
        None,
        WHOLE,
        "Number of passes over the training rows.",
        group="training",
        minimum=1,
        absent={"columns": _CHOSEN, "convolutional": _CHOSEN, "mlp": 100},
        level="critical",
        gridable=True,
    )
    seed: int = parameter(
        -1,
        SEED,
        "Random seed. -1 draws one, which is stored in the model.",
        group="training",
        minimum=-1,
        maximum=2**63 - 1,
        level="critical",
        gridable=True,
        # H2O draws seeds itself where none is given, negative ones too.
        checked_in_cluster=False,
    )
    max_runtime_secs: float = parameter(
        0.0,
        NUMBER,
        "Maximum training time in seconds; the model trained until then is kept. 0 for no limit.",
        group="stopping",
        minimum=0,
        of_h2o=True,
    )
    image_shape: Sequence[int] | None = parameter(
        None,
        SIZES,
        "Height and width of images, or height, width and 3 for colour; "
        f"{LEAST_SIDE} to {MOST_SIDE} pixels a side.",
        group="images",
        absent="the square that the pixel columns form",
        level="expert",
    )
    image_column: str | None = parameter(
        None,
        TEXT,
        "Column with paths of image files. Each image is rotated by its EXIF data, then scaled and "
        "cropped around its middle to image_shape.",
        group="images",
        level="expert",
    )
    image_root: str | os.PathLike[str] | None = parameter(
        None,
        PATH,
        "Folder that contains all files of image_column. Files outside it are not opened.",
        group="images",
        level="expert",
    )
    image_errors: str = parameter(
        "raise",
        TEXT,
        "What to do with image files that cannot be read: raise an error that lists them, or skip "
        "their rows with a warning.",
        group="images",
        choices=IMAGE_ERRORS,
        level="expert",
    )
    generator_architecture: Mapping[str, Any] | None = parameter(
        None,
        JSON,
        "Generator of architecture mlp: any of input_dim, hidden_dim, output_dim and activation, "
        'such as {"hidden_dim": [128, 64]}.',
        details="input_dim is the length of the latent vector, hidden_dim the units of the hidden "
        "layers, an int or a list, output_dim the number of columns.",
        group="networks",
        level="expert",
        gridable=True,
    )
    discriminator_architecture: Mapping[str, Any] | None = parameter(
        None,
        JSON,
        "Discriminator of architecture mlp: any of input_dim, hidden_dim, output_dim and "
        'activation, such as {"hidden_dim": [128, 64]}.',
        details="input_dim is the number of columns, hidden_dim the units of the hidden layers, an "
        "int or a list, output_dim 1.",
        group="networks",
        level="expert",
        gridable=True,
    )
    latent_size: int | None = parameter(
        None,
        WHOLE,
        "Length of the generator's latent vector; the same as input_dim of generator_architecture.",
        group="networks",
        minimum=1,
        maximum=MOST_UNITS,
        absent={"convolutional": 64, "mlp": 128},
        level="expert",
        gridable=True,
    )
    loss_function: str = parameter(
        "relativistic",
        TEXT,
        "Adversarial loss of architecture mlp; the others have relativistic.",
        details="relativistic: pairing loss with R1 and R2 penalties; mse or lsgan: least squares; "
        "bce or non_saturating: cross entropy; hinge; wasserstein, with gradient penalty.",
        group="objective",
        level="expert",
        choices=LOSS_FUNCTIONS,
        aliases=LOSS_ALIASES,
        gridable=True,
    )
    gradient_penalty: float | None = parameter(
        None,
        NUMBER,
        "Weight of the discriminator's gradient penalty; 0 for no penalty.",
        group="objective",
        minimum=0,
        absent={"columns": 0.05, "convolutional": 0.1, "mlp": "the default of the loss_function"},
        level="expert",
        gridable=True,
    )
    discriminator_epochs: int | None = parameter(
        None,
        WHOLE,
        "Number of passes of the discriminator of architecture columns over the rows, after those "
        "of the generator; 0 for no discriminator.",
        group="training",
        minimum=0,
        absent="as many as 500 steps take",
        gridable=True,
    )
    batch_size: int | None = parameter(
        None,
        WHOLE,
        "Number of rows in a training step.",
        group="training",
        minimum=1,
        absent=_CHOSEN,
        gridable=True,
    )
    generator_learning_rate: float | None = parameter(
        None,
        NUMBER,
        "Learning rate of the generator's Adam optimizer.",
        group="training",
        above=0,
        absent={"columns": ByRows(4e-3, 1.5e-3, 1000), "convolutional": 5e-4, "mlp": 2e-4},
        level="expert",
        gridable=True,
    )
    discriminator_learning_rate: float | None = parameter(
        None,
        NUMBER,
        "Learning rate of the discriminator's Adam optimizer.",
        group="training",
        above=0,
        absent={"columns": 2e-3, "convolutional": 5e-4, "mlp": 2e-4},
        level="expert",
        gridable=True,
    )
    ema_decay: float | None = parameter(
        None,
        NUMBER,
        "Decay per step of the moving average (EMA) of the generator's weights, which draws rows; "
        "0: the last weights do.",
        group="training",
        minimum=0,
        maximum=0.999999,
        absent={"columns": 0.998, "convolutional": 0.998, "mlp": 0.999},
        level="expert",
        gridable=True,
    )
    contamination: float = parameter(
        -1.0,
        NUMBER,
        "Share of anomalies among the training rows, 0 to 0.5. Predictions then have a column "
        "predict, 1 for anomalies. -1: they have none.",
        details="The rows that score highest are the anomalies.",
        group="stopping",
        minimum=-1,
        maximum=0.5,
        level="expert",
    )
    device: str = parameter(
        "auto",
        TEXT,
        "Device to train on: auto (a GPU if there is one), cpu, cuda or mps.",
        details="Python also takes cuda:1, a GPU by its number on this machine. Workers are "
        "started with a number of their own.",
        group="training",
        pattern=(
            "auto|(cpu|mps)(:0)?|cuda(:[0-9]{1,3})?",
            "is not known; use auto, cpu, cuda, cuda:1 or mps",
        ),
        cluster_choices=DEVICES,
    )
    stopping_rounds: int = parameter(
        0,
        WHOLE,
        "Stop when the moving average of this many scores no longer improves; 0 never stops. "
        "Scores are of the validation frame, or of held-out rows.",
        details="A score is the sliced Wasserstein distance or, for architecture columns, the "
        "negative log likelihood.",
        group="stopping",
        minimum=0,
        of_h2o=True,
        own_help=True,
    )
    stopping_tolerance: float = parameter(
        1e-3,
        NUMBER,
        "Smallest relative improvement that counts for stopping_rounds.",
        group="stopping",
        minimum=0,
        maximum=1,
        of_h2o=True,
        own_help=True,
    )
    score_each_iteration: bool = parameter(
        False,
        FLAG,
        "Score after every epoch. Otherwise training scores at most about 100 times in all.",
        group="stopping",
        of_h2o=True,
    )
    checkpoint: Any = parameter(
        None,
        MODEL,
        "Earlier model to continue: an estimator, its model_id or the path of a saved model. "
        "epochs then counts the earlier epochs too.",
        group="stopping",
        of_h2o=True,
    )
    export_checkpoints_dir: str | os.PathLike[str] | None = parameter(
        None,
        PATH,
        "Folder to write the model file to at every scoring.",
        group="stopping",
        of_h2o=True,
        sent=False,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            check(field, value)
            aliases = declaration_of(field).aliases
            if aliases:
                self._set(field.name, aliases.get(value, value))
        check_column_types(self.column_types)
        for name in LINES_PARAMETERS:
            self._set(name, split_lines(name, getattr(self, name)))
        check_contamination(self.contamination)
        for which in _NETWORKS:
            check_architecture(which, getattr(self, which))
        for name in JSON_PARAMETERS:
            # A copy: what the caller does to the dict later must not reach a trained model.
            self._set(name, copy.deepcopy(getattr(self, name)))
        self._check_choice_of_networks()
        self._check_images()
        self._check_constraints()
        latent = (self.generator_architecture or {}).get("input_dim")
        if None not in (latent, self.latent_size) and latent != self.latent_size:
            raise ValueError(
                f"latent_size={self.latent_size} and generator_architecture['input_dim']={latent} "
                "are the same thing: give one of them, or the same number twice."
            )
        check_weights(self)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def resolved_latent_size(self) -> int:
        """Length of the latent vector of architecture mlp, whichever parameter gives it."""
        if self.latent_size is not None:
            return self.latent_size
        given = self.generator_architecture or {}
        return int(given.get("input_dim", default_for("latent_size", "mlp")))

    @property
    def has_images(self) -> bool:
        """Whether the parameters say that the data are images; without, the data may say so."""
        return self.architecture == "convolutional" or any(
            getattr(self, name) is not None for name in _IMAGE_ONLY
        )

    @property
    def can_be_columns(self) -> bool:
        """Whether the parameters leave room for architecture columns; the data may not."""
        return not self.has_images and self.networks_for(images=False) == "columns"

    def resolved(self, name: str, architecture: str, rows: int | None = None) -> Any:
        """The value of a parameter or, where it is absent, the default of an architecture.

        Args:
            name: of the parameter.
            architecture: columns, convolutional or mlp.
            rows: number of training rows, for defaults that depend on it.

        Returns:
            The value; None where the training computes the default.
        """
        value = getattr(self, name)
        return default_for(name, architecture, rows) if value is None else value

    def networks_for(self, images: bool) -> str:
        """The architecture for a table or for images: columns, convolutional or mlp."""
        if self.architecture != "auto":
            return self.architecture
        if self.loss_function != RATIO_LOSS or any(getattr(self, name) for name in _NETWORKS):
            return "mlp"
        if images:
            return "convolutional"
        return "columns" if self.latent_size is None else "mlp"

    def _check_choice_of_networks(self) -> None:
        given = [name for name in _NETWORKS if getattr(self, name) is not None]
        if self.loss_function != RATIO_LOSS:
            given.append("loss_function")
        if self.architecture == "columns" and self.latent_size is not None:
            given.append("latent_size")
        if self.architecture in ("columns", "convolutional") and given:
            name = given[0]
            raise ValueError(
                f"{name}={getattr(self, name)!r} is for architecture='mlp', not "
                f"{self.architecture!r}: leave one of them out."
            )
        if self.missing_values_handling == "unknown" and not self.can_be_columns:
            raise ValueError(
                "missing_values_handling='unknown' needs architecture='columns', which is for "
                "tables: leave it out, or the parameters of other networks and of images."
            )

    def _check_constraints(self) -> None:
        if self.constraints and not self.can_be_columns:
            raise ValueError(
                "constraints are for tables of architecture='columns': leave them out, or the "
                "parameters that select another architecture."
            )

    def _check_images(self) -> None:
        given = [name for name in _IMAGE_ONLY if getattr(self, name) is not None]
        if self.architecture == "columns" and given:
            raise ValueError(
                f"{given[0]} is for images, architecture='columns' for tables: leave one of them "
                "out."
            )
        # A saved model has its image_column but no folder, which means nothing on another machine.
        # Training asks for the folder.
        if self.image_root is not None and self.image_column is None:
            raise ValueError(
                "image_root is given without image_column: name the column of paths, or leave "
                "image_root out."
            )
        if self.image_column is not None and self.image_shape is None:
            raise ValueError(
                "image_shape is missing: the size that the files of image_column are scaled to, "
                "for instance (64, 64, 3)."
            )
        if self.image_shape is not None:
            self._set("image_shape", tuple(self.image_shape))
            check_image_shape(self.image_shape)

    def replace(self, **changes: Any) -> Parameters:
        """A copy with some values changed; all values are checked again."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class ClusterParameters:
    """Parameters of a job that only the cluster has: those of Flow, R and REST."""

    generate_rows: int = parameter(
        0,
        WHOLE,
        "Number of rows to generate into a new frame once the model is trained; 0 for none.",
        group="cluster",
        minimum=0,
        maximum=2**31 - 1,
        level="critical",
        sent=False,
    )
    generated_frame: str | None = parameter(
        None,
        TEXT,
        "Key of the frame of generated rows.",
        group="cluster",
        absent="named after the model",
        level="critical",
        sent=False,
    )
    report: bool = parameter(
        False,
        FLAG,
        "Whether to report on rows of the trained model: how good, useful and private they are.",
        details="It stands beside unseen real rows: those of the validation frame, or those that "
        "were held out from training.",
        group="cluster",
    )
    wait_for_worker_secs: float = parameter(
        300.0,
        NUMBER,
        "Seconds that the job waits for a worker (h2o-gan worker) before it fails.",
        group="cluster",
        minimum=0,
        sent=False,
    )
    worker: str | None = parameter(
        None,
        TEXT,
        "Name of the only worker that may take the job.",
        group="cluster",
        absent="any worker",
        level="expert",
        sent=False,
    )


_FIELDS = {field.name: field for field in dataclasses.fields(Parameters)}
JSON_PARAMETERS = tuple(
    name for name, field in _FIELDS.items() if declaration_of(field).type is JSON
)
"""Parameters that are dicts, which a cluster keeps as text."""

LINES_PARAMETERS = tuple(
    name for name, field in _FIELDS.items() if declaration_of(field).type is LINES
)
"""Parameters that are lists of texts, which a cluster keeps as one text."""


def default_for(name: str, architecture: str, rows: int | None = None) -> Any:
    """What a parameter is where it is absent, for an architecture.

    Args:
        name: of the parameter.
        architecture: columns, convolutional or mlp.
        rows: number of training rows, for defaults that depend on it; many when None.

    Returns:
        The default; None where the training computes it.
    """
    absent = declaration_of(_FIELDS[name]).absent
    value = absent.get(architecture) if isinstance(absent, Mapping) else absent
    if isinstance(value, ByRows):
        return value.few if rows is not None and rows < value.fewer_than else value.many
    return None if isinstance(value, str) else value


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

    Args:
        parameters: of the training.
        columns: width of an encoded row, or None if the data are not known yet.

    Raises:
        ValueError: a network has more; the message begins with the parameter to blame.
    """
    if parameters.has_images and parameters.networks_for(images=True) == "convolutional":
        latent = parameters.resolved("latent_size", "convolutional")
        _refuse_weights("latent_size", latent, (latent + 1) * IMAGE_START)
    if parameters.networks_for(images=False) != "mlp":
        return
    latent = parameters.resolved_latent_size
    for which, key in zip(_NETWORKS, ("output_dim", "input_dim"), strict=True):
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


def documentation(width: int) -> str:
    """The parameters as the ``Args`` section of a docstring, in the order of their declaration.

    Args:
        width: of the lines, in characters.
    """
    lines = ["Args:"]
    for name, field in _FIELDS.items():
        default = "" if field.default is None else f" Defaults to ``{field.default!r}``."
        text = f"{name}: {declaration_of(field).help}{default}"
        lines.append(textwrap.fill(text, width, initial_indent=" " * 4, subsequent_indent=" " * 8))
    return "\n".join(lines)
