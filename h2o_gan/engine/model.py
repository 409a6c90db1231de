"""The base of all models: samples, scores and the parts of a model file."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor, nn

from h2o_gan.engine.arguments import check_method, check_rows_and_seed, check_table_and_seed
from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.preparation import encode_rows
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.estimates import check_quantiles
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named
from h2o_gan.notices import listed
from h2o_gan.parameters import Parameters
from h2o_gan.parameters.limits import QUANTILES

__all__ = [
    "RUNNING",
    "Model",
    "ModelParts",
    "Ratings",
    "score_quantiles",
]

Array = npt.NDArray[Any]

RUNNING = "running"
"""The `stopped_by` of a model that was made during training."""
_QUANTILES = 1001
_ANSWER = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Ratings:
    """How odd rows are.

    Attributes:
        anomaly_score: (rows,) float64, higher for odder rows.
        score: (rows,) float64, higher for more realistic rows; see :attr:`Model.score_name`.
        shares: (rows, scored columns) float64, whose sums are the anomaly scores; None for families
            that do not support "per_feature".
    """

    anomaly_score: Array = field(repr=False)
    score: Array = field(repr=False)
    shares: Array | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class Model(ABC):
    """A trained model. Its networks are on the CPU.

    Attributes:
        parameters: of the training, the seed filled in.
        encoder: converts tables to codes and back.
        real_scores: float64 (1001,) quantiles of the scores of real rows, ascending.
        epoch: epochs trained, those of a checkpoint included.
        step: steps trained, those of a checkpoint included.
        seconds: time trained, that of a checkpoint included.
        began_at: epoch, step and seconds where the last run began; zeros without a checkpoint.
        history: one dict for each scoring.
        stopped_by: why the training ended.
        rows: number of training rows.
        batch_size: rows of a step.
        last_generator: state dict of the generator itself, not its EMA, for further training;
            empty if the file was saved without it.
        generator_optimizer: state dict of the generator's Adam, for further training.
    """

    kind: ClassVar[str]
    """Name of the family in a model file."""
    architecture: ClassVar[str]
    """Value of the parameter ``architecture`` that selects the family."""
    optimizers: ClassVar[tuple[str, ...]] = ("generator_optimizer", "critic_optimizer")
    """Names of the attributes that are state dicts of optimizers."""
    score_name: ClassVar[str] = "discriminator_score"
    """Column of :meth:`anomalies` with the score of a row."""
    supports: ClassVar[frozenset[str]] = frozenset()
    """Supported options of samples (:meth:`SampleOptions.given`), "imputation", "prediction of
    columns", "log densities" and "per_feature"."""

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
    def scored_columns(self) -> Sequence[Column]:
        """The columns that scores depend on: all but identifiers of rows."""
        treated = self.describe()
        identifiers = {row["column"] for row in treated if row["treated_as"] == "identifier"}
        return [column for column in self.columns if column.name not in identifiers]

    def describe(self) -> list[dict[str, Any]]:
        """How each column is treated: dicts of column, type, treated_as, values and missing."""
        return self.encoder.describe()

    def relations(self) -> list[dict[str, Any]]:
        """What holds between columns of the training rows, and in samples.

        Returns:
            A dict for each formula or rule: ``relation``, its text; ``kind``, one of formula,
            condition, unique and combinations; ``share`` of the training rows in which it holds, 1
            where it holds in every generated row too; and ``origin``, declared or found. Those that
            the user declared come first, and formulas before rules, by their share.
        """
        declared = set(self.parameters.constraints or ())
        rows = [
            {**row, "origin": "declared" if row["relation"] in declared else "found"}
            for row in self.encoder.describe_relations()
        ]
        return sorted(
            rows,
            key=lambda row: (row["origin"] == "found", row["kind"] != "formula", -row["share"]),
        )

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

        Rows are generated in blocks while the reader is read, so memory does not grow with `rows`.
        The same seed gives the same rows on the same machine.

        Args:
            rows: number of rows, at least 1.
            seed: 0 or more; None for different rows each time.
            conditions: see :class:`~h2o_gan.engine.options.SampleOptions`.
            balance: see :class:`~h2o_gan.engine.options.SampleOptions`.
            temperature: see :class:`~h2o_gan.engine.options.SampleOptions`.

        Returns:
            A reader of rows with the training columns.

        Raises:
            ValueError: an argument is out of bounds or not supported by this family, or no row
                can meet the conditions.
            TypeError: an argument has the wrong type.
        """
        check_rows_and_seed(rows, seed)
        options = SampleOptions(conditions, balance, temperature)
        self.require(*options.given())
        return self._sample(int(rows), seed, options)

    @abstractmethod
    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        """Draw rows; the arguments have been checked."""

    def require(self, *needs: str) -> None:
        """Check that this family of models supports some options.

        Args:
            *needs: names of options, see :attr:`supports`.

        Raises:
            ValueError: an option is not supported.
        """
        unfit = [need for need in needs if need not in self.supports]
        if unfit:
            other = "columns" if self.encoder.image_shape is None else "convolutional"
            raise ValueError(
                f"{', '.join(unfit)}: a model of architecture {self.architecture!r} does not "
                f"support it; one of {other!r} does."
            )

    def impute(
        self,
        table: pa.Table,
        seed: int | None = None,
        *,
        method: str = "draw",
        draws: int | None = None,
    ) -> pa.RecordBatchReader:
        """Fill missing cells of a table from the model, given the rest of their row.

        Observed cells do not change. Columns that were empty in training stay empty, and so do
        cells that a rule allows no value: with ``end is missing or status != 'open'``, the end of
        an open order.

        Args:
            table: rows with the training columns.
            seed: 0 or more. None for different values each time; for estimates, which hardly depend
                on it, the same each time.
            method: "draw" for draws from the model; "mean" for the means of numbers and times,
                rounded as the column is; "mode" for the most probable value. The estimate of a
                level is the most probable one in both.
            draws: of each row behind an estimate: weighted by the density of whole rows. 0 for
                none: the networks of the columns then give the estimates at once. None chooses:
                none for models that treat missing values as unknown; for others none where only
                one cell of a row is missing, whose probabilities follow from the density of whole
                rows exactly, else 32.

        Returns:
            A reader of the filled rows.

        Raises:
            ValueError: this family of models does not impute, or an argument does not fit.
            TypeError: `draws` is not a whole number.
        """
        self.require("imputation")
        check_method(method, draws)
        check_table_and_seed(table, seed)
        return self._impute(table, seed, method, draws)

    def _impute(
        self, table: pa.Table, seed: int | None, method: str, draws: int | None
    ) -> pa.RecordBatchReader:
        """Fill missing cells; the arguments have been checked."""
        raise NotImplementedError

    def predict_column(
        self,
        table: pa.Table,
        column: str,
        seed: int | None = None,
        *,
        draws: int | None = None,
        quantiles: Sequence[float] = QUANTILES,
    ) -> pa.RecordBatchReader:
        """Predict a column from any others.

        Args:
            table: rows with some of the training columns. Missing cells and missing columns are
                not known: the prediction is the mean over what they may be. `column` itself is
                not used.
            column: name of the column to predict.
            seed: of the draws; None for the same ones each time.
            draws: as of :meth:`impute`.
            quantiles: those wanted of a number or time.

        Returns:
            A reader of one row for each row. For levels ``predict``, the most probable one, and the
            probability of each, named as H2O's classifiers name them: by the level, with a ``p``
            before whole numbers. For numbers ``predict``, the mean, and quantiles as ``q0.1``;
            for times the same as times.

        Raises:
            ValueError: this family of models does not predict columns, or an argument does not fit.
            TypeError: an argument has the wrong type.
        """
        self.require("prediction of columns")
        check_method("mean", draws)
        check_table_and_seed(table, seed)
        names = [own.name for own in self.columns]
        if column not in names:
            raise ValueError(f"the model has no column {column!r}; it has {listed(names)}.")
        return self._predict_column(table, column, seed, draws, check_quantiles(quantiles))

    def _predict_column(
        self,
        table: pa.Table,
        column: str,
        seed: int | None,
        draws: int | None,
        quantiles: tuple[float, ...],
    ) -> pa.RecordBatchReader:
        """Predict a column; the arguments have been checked."""
        raise NotImplementedError

    # ---- latent vectors and images, for the families that have them

    @property
    def latent_size(self) -> int | None:
        """Length of a latent vector; None where rows are no function of one."""
        return None

    def map_latents(self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Array:
        """The rows that latent vectors stand for.

        Args:
            latents: (n, latent_size), or one vector as (latent_size,) or (latent_size, 1).
            labels: (n,) a label for each, where the model has labels.

        Returns:
            (n, columns) in the data's own scale: float64 where all columns are numbers, else
            objects (levels as str, times as datetime64[ms], None for missing). For images the
            pixels alone.

        Raises:
            ValueError: the model has no latent vectors, or these do not fit it.
        """
        raise ValueError(
            "this model has no latent vectors: generate(n) draws rows. Train with "
            "architecture='mlp' for a generator that turns latent vectors into rows."
        )

    @property
    def training_previews(self) -> Mapping[int, npt.NDArray[np.uint8]]:
        """Images of the same latent vectors at scorings, in order, by epoch; empty without them.

        They are uint8 (n, height, width) or, with colours, (n, height, width, 3); with labels, one
        class after the other.
        """
        return {}

    def images(
        self,
        count: int,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | None = None,
        balance: str | None = None,
    ) -> npt.NDArray[np.uint8]:
        """The images of :meth:`sample`, which see for the arguments.

        Returns:
            uint8 (count, height, width) or, with colours, (count, height, width, 3); 255 is the
            largest value of the training data, 0 the smallest.

        Raises:
            ValueError, TypeError: as :meth:`sample`, or the model is of a table.
        """
        encoder = self._pixels()
        rows = self.sample(count, seed, conditions=conditions, balance=balance).read_all()
        values = [rows.column(pixel.name).to_numpy() for pixel in encoder.pixels]
        return encoder.bytes_of_values(np.stack(values, 1).astype(np.float64))

    def images_of_latents(
        self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.uint8]:
        """:meth:`map_latents` as images; see :meth:`images` for the result."""
        return self._pixels().bytes_of_values(self.map_latents(latents, labels))

    def images_of_rows(self, table: pa.Table) -> npt.NDArray[np.uint8]:
        """Rows as images; see :meth:`codes_of` for the rows and :meth:`images` for the result."""
        return self._pixels().bytes_of_codes(self.codes_of(table))

    def _pixels(self) -> PixelEncoder:
        if not isinstance(self.encoder, PixelEncoder):
            raise ValueError(
                "this model was trained on a table, not on images: generate(n) draws rows."
            )
        return self.encoder

    # ---- what is usual

    @abstractmethod
    def scores(self, table: pa.Table) -> Array:
        """Score rows, higher for more realistic ones.

        Args:
            table: rows with the model's columns, or with paths of image files.

        Returns:
            float64 (rows,).
        """

    def log_densities(self, table: pa.Table) -> dict[str, Array]:
        """The parts of the log density of rows, whose sum it is.

        Args:
            table: rows with the model's columns.

        Returns:
            (rows,) float64 by name: that of each column given those before it, in nats, and that of
            the discriminator, the last. Columns that share a codec are one part, with both names.

        Raises:
            ValueError: this family of models has none.
        """
        self.require("log densities")
        raise NotImplementedError

    def codes_of(self, table: pa.Table) -> Tensor:
        """Encode rows.

        Args:
            table: rows with the model's columns, or with paths of image files.

        Returns:
            Integer codes (rows, code columns), see the encoder's `encode`.

        Raises:
            ValueError: an image file cannot be read.
        """
        parameters = self.parameters
        if parameters.image_column not in table.column_names:
            return self.encoder.encode(table)
        strict = parameters.replace(image_errors="raise")
        return encode_rows(self.encoder, table, strict, threading.Event())[0]

    def rate(self, table: pa.Table) -> Ratings:
        """Rate how odd rows are.

        Here the anomaly score is the inverse of the score: the median score of training rows, less
        the row's score.

        Args:
            table: rows with :attr:`scored_columns`, or with paths of image files.
        """
        scores = self.scores(table)
        return Ratings(float(np.median(self.real_scores)) - scores, scores)

    @property
    def anomaly_quantiles(self) -> Array:
        """Quantiles of the anomaly scores of training rows, (n,) float64, ascending."""
        quantiles: Array = np.median(self.real_scores) - self.real_scores[::-1]
        return quantiles

    def anomaly_threshold(self, contamination: float) -> float:
        """The anomaly score that a share of the training rows exceeds.

        Args:
            contamination: the share, 0 to 0.5.
        """
        quantiles = self.anomaly_quantiles
        shares = np.linspace(0, 1, len(quantiles))
        return float(np.interp(1 - contamination, shares, quantiles))

    def anomalies(self, batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Score rows by how odd they are.

        Args:
            batches: rows with :attr:`scored_columns`, or with paths of image files.

        Returns:
            One row for each row: ``predict``, an enum, 1 for the rows whose score is above that of
            the share `contamination` of the training rows, only where that parameter is set;
            ``anomaly_score``, float64, higher for odder rows; and the score itself, float64, named
            :attr:`score_name`, higher for more realistic ones.
        """
        contamination = self.parameters.contamination
        names = ["anomaly_score", self.score_name]
        fields = [pa.field(name, pa.float64()) for name in names]
        threshold = None
        if contamination >= 0:
            threshold = self.anomaly_threshold(contamination)
            fields.insert(0, pa.field("predict", _ANSWER))

        def arrays(table: pa.Table) -> list[pa.Array]:
            ratings = self.rate(table)
            found = [pa.array(ratings.anomaly_score), pa.array(ratings.score)]
            if threshold is not None:
                answers = pa.array((ratings.anomaly_score > threshold).astype(np.int32))
                found.insert(0, pa.DictionaryArray.from_arrays(answers, pa.array(["0", "1"])))
            return found

        return _mapped(batches, pa.schema(fields), arrays)

    def anomaly_scores(self, batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The column ``anomaly_score`` of :meth:`anomalies` alone; takes the same rows."""
        schema = pa.schema([("anomaly_score", pa.float64())])
        return _mapped(batches, schema, lambda table: [pa.array(self.rate(table).anomaly_score)])

    def anomaly_shares(self, batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The share of each column in the anomaly scores of rows.

        Args:
            batches: rows with :attr:`scored_columns`.

        Returns:
            One row for each row, with a float64 column for each of :attr:`scored_columns`. The sum
            of a row is its ``anomaly_score``.

        Raises:
            ValueError: this family of models has no shares of columns.
        """
        self.require("per_feature")
        schema = pa.schema([(column.name, pa.float64()) for column in self.scored_columns])

        def arrays(table: pa.Table) -> list[pa.Array]:
            shares = self.rate(table).shares
            assert shares is not None, "the family supports shares"
            return [pa.array(column) for column in shares.T]

        return _mapped(batches, schema, arrays)

    # ---- as a file

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that sampling and scoring need, by name."""

    def training_tensors(self) -> dict[str, Tensor]:
        """The tensors that only further training needs; empty if they were not saved."""
        if not self.can_continue:
            return {}
        optimizers = {name: getattr(self, name) for name in self.optimizers}
        return named({"last_generator": self.last_generator}, optimizers)

    @property
    def can_continue(self) -> bool:
        """Whether training can continue: the model has the state of its training."""
        return bool(self.last_generator)

    def check_can_continue(self) -> None:
        """Check that training can continue.

        Raises:
            ValueError: the model was saved without the state of its training.
        """
        if not self.can_continue:
            raise ValueError(
                "checkpoint was saved without the state of its training: save the model again with "
                "for_training=True, or leave checkpoint out."
            )

    def as_unfinished(self) -> Model:
        """The model of an interrupted training, to be resumed up to its planned last epoch.

        The last scoring is of an interrupted epoch, which the resumed training does again.
        """
        return replace(self, stopped_by=RUNNING, history=self.history[:-1])

    def token_arrays(self) -> list[Mapping[str, Array]]:
        """The arrays of each learned column's tokens; empty for families without tokens."""
        return []

    @classmethod
    def token_columns(cls, data: Mapping[str, Any]) -> int:
        """The number of columns that :meth:`token_arrays` has arrays of.

        Args:
            data: from :meth:`to_json`.
        """
        return 0

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The attributes of this family as JSON types."""

    @classmethod
    @abstractmethod
    def restore(cls, parts: ModelParts) -> Model:
        """Rebuild a model from :meth:`to_json`, :meth:`tensors` and :meth:`training_tensors`.

        Args:
            parts: of a model file.

        Raises:
            Damaged: the parts do not fit each other.
        """


def _mapped(
    batches: pa.RecordBatchReader, schema: pa.Schema, arrays: Callable[[pa.Table], list[pa.Array]]
) -> pa.RecordBatchReader:
    """The rows that `arrays` makes of each batch."""

    def mapped() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                made = arrays(pa.Table.from_batches([batch]))
                yield pa.RecordBatch.from_arrays(made, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, mapped())


@dataclass(frozen=True)
class ModelParts:
    """The parts of a model in a model file.

    Attributes:
        data: from :meth:`Model.to_json`.
        tensors: from :meth:`Model.tensors` and, if saved, :meth:`Model.training_tensors`.
        tokens: from :meth:`Model.token_arrays`; None for formats 1 and 2, which lack them.
        common: attributes of :class:`Model` itself, without the state of training.
    """

    data: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    tokens: Sequence[Mapping[str, Array]] | None
    common: Mapping[str, Any]


def score_quantiles(scores: Array) -> Array:
    """The quantiles of scores (n,) that :attr:`Model.real_scores` consists of, float64 (1001,)."""
    return np.quantile(scores, np.linspace(0, 1, _QUANTILES))
