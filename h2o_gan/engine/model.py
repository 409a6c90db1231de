"""What training leaves behind, whatever the networks: counts, history, samples, opinions."""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor, nn

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.preparation import encode_rows
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named
from h2o_gan.parameters import Parameters

__all__ = ["REALISM_SCHEMA", "Model", "actual_seed", "check_rows_and_seed", "scale_of"]

Array = npt.NDArray[Any]

REALISM_SCHEMA = pa.schema([("realism", pa.float64()), ("critic_score", pa.float64())])
REALISM_POINTS = 1001


@dataclass(frozen=True, eq=False, kw_only=True)
class Model(ABC):
    """A trained model. Its networks are on the CPU.

    Attributes:
        parameters: what it was trained with, the seed filled in.
        encoder: table <-> codes.
        real_scores: ascending quantiles of the scores of real rows.
        epoch, step, seconds: how far training went, earlier runs counted in.
        began_at: those three where the last run began, 0 unless it went on from a finished model.
        history: one dict per scoring.
        stopped_by: what ended the training.
        rows, batch_size: of the training data and of a step.
        last_generator: state of the generator before averaging, for going on with training; empty
            where the file was saved without it.
        generator_optimizer: state of Adam, for the same.
    """

    kind: ClassVar[str]
    """How a model file names the class."""
    architecture: ClassVar[str]
    """The parameter ``architecture`` that makes such a model."""
    optimizers: ClassVar[tuple[str, ...]] = ("generator_optimizer", "critic_optimizer")
    """Attributes that are states of optimisers."""
    supports: ClassVar[frozenset[str]] = frozenset()
    """Which options of samples (:meth:`SampleOptions.given`) it can meet; or "imputation"."""

    parameters: Parameters
    encoder: Encoder
    real_scores: Array = field(repr=False)
    epoch: int
    step: int
    seconds: float
    began_at: tuple[int, int, float] = (0, 0, 0.0)
    history: list[dict[str, float | None]] = field(repr=False)
    stopped_by: str
    rows: int
    batch_size: int
    last_generator: Mapping[str, Tensor] = field(repr=False)
    generator_optimizer: Mapping[str, Any] = field(repr=False)

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of its samples."""
        return self.encoder.columns

    @property
    def judged_columns(self) -> Sequence[Column]:
        """The columns that :meth:`realism` looks at: all but names of rows."""
        fresh = {row["column"] for row in self.describe() if row["treated_as"] == "identifier"}
        return [column for column in self.columns if column.name not in fresh]

    def describe(self) -> list[dict[str, Any]]:
        """What each column was taken for: dicts of column, type, treated_as, values, missing."""
        return self.encoder.describe()

    @property
    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """The generator and, where there is one, the critic."""

    def sample(
        self,
        rows: int,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | pa.Table | None = None,
        balance: str | None = None,
        temperature: float = 1.0,
    ) -> pa.RecordBatchReader:
        """Draw rows.

        They are made while the reader is read, a block at a time: memory does not grow with
        `rows`. The same seed gives the same rows on the same machine.

        Args:
            rows: how many, at least 1.
            seed: 0 or more; None for different rows each time.
            conditions, balance, temperature: see :class:`~h2o_gan.engine.options.SampleOptions`.

        Raises:
            ValueError: an argument is out of bounds, not supported by this family of models, or no
                row can meet the conditions.
            TypeError: an argument is of a wrong type.
        """
        check_rows_and_seed(rows, seed)
        options = SampleOptions(conditions, balance, temperature)
        self.require(*options.given())
        return self._sample(int(rows), seed, options)

    @abstractmethod
    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        """Draw rows; the arguments are checked."""

    def require(self, *needs: str) -> None:
        """Raise ValueError unless this family of models supports all of `needs`."""
        unfit = [need for need in needs if need not in self.supports]
        if unfit:
            raise ValueError(
                f"{', '.join(unfit)}: a model of architecture {self.architecture!r} does not "
                "support it; one of 'columns' does."
            )

    def impute(self, table: pa.Table, seed: int | None = None) -> pa.RecordBatchReader:
        """The rows of `table`, which has the training columns, with missing cells filled.

        What was observed stays untouched; what was missing is drawn from the model, given the rest
        of its row. Columns that were empty in training stay as they are.

        Raises:
            ValueError: this family of models does not impute.
        """
        self.require("imputation")
        raise NotImplementedError

    @abstractmethod
    def scores(self, table: pa.Table) -> Array:
        """(rows,) the raw opinion of each row, float64; higher for rows taken for real."""

    def codes_of(self, table: pa.Table) -> Tensor:
        """The codes of rows with the model's columns, or with paths of image files.

        Raises:
            ValueError: image files can't be read.
        """
        parameters = self.parameters
        if parameters.image_column not in table.column_names:
            return self.encoder.encode(table)
        strict = parameters.replace(image_errors="raise")
        return encode_rows(self.encoder, table, strict, threading.Event())[0]

    def realism(self, batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The critic's opinion of each row, with :data:`REALISM_SCHEMA`.

        ``critic_score`` is the raw score, higher for rows it takes for real; ``realism`` is the
        share of real training rows that score lower, from 0 to 1.
        """
        shares = np.linspace(0, 1, len(self.real_scores))

        def scored() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                if not batch.num_rows:
                    continue
                scores = self.scores(pa.Table.from_batches([batch]))
                realism = np.interp(scores, self.real_scores, shares)
                yield pa.RecordBatch.from_arrays(
                    [pa.array(realism), pa.array(scores)], schema=REALISM_SCHEMA
                )

        return pa.RecordBatchReader.from_batches(REALISM_SCHEMA, scored())

    # ---- as a file

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that sampling and scoring need, by name."""

    def training_tensors(self) -> dict[str, Tensor]:
        """Those that only further training needs; none where a file was saved without them."""
        if not self.can_continue:
            return {}
        optimizers = {name: getattr(self, name) for name in self.optimizers}
        return named({"last_generator": self.last_generator}, optimizers)

    @property
    def can_continue(self) -> bool:
        """Whether training can go on from it: it was not saved without the state of training."""
        return bool(self.last_generator)

    def token_arrays(self) -> list[Mapping[str, Array]]:
        """Arrays of each learned column's tokens, where the model has tokens."""
        return []

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What else the kind of model needs; JSON types."""

    @classmethod
    @abstractmethod
    def restore(cls, parts: ModelParts) -> Model:
        """Inverse of :meth:`to_json`, :meth:`tensors` and :meth:`training_tensors`.

        Raises:
            Damaged: the parts do not fit each other.
        """


@dataclass(frozen=True)
class ModelParts:
    """What a model file says of a model.

    Attributes:
        data: as :meth:`Model.to_json` gives it.
        tensors: for sampling, and for further training where they were not left out.
        tokens: as :meth:`Model.token_arrays` gives it; None for files up to format 2, without them.
        common: attributes of :class:`Model` itself, but for the state of training.
    """

    data: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    tokens: Sequence[Mapping[str, Array]] | None
    common: Mapping[str, Any]


def check_rows_and_seed(rows: int, seed: int | None) -> None:
    """Raise TypeError or ValueError unless these are a row count and a seed."""
    for name, value, least in (("n", rows, 1), ("seed", seed, 0)):
        if value is None and name == "seed":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be a whole number, not {value!r}.")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}.")


def actual_seed(seed: int | None) -> int:
    """The seed itself, or a new one."""
    return secrets.randbits(62) if seed is None else int(seed)


def scale_of(scores: Array) -> Array:
    """Quantiles of real rows' scores, as :attr:`Model.real_scores` has them."""
    return np.quantile(scores, np.linspace(0, 1, REALISM_POINTS))
