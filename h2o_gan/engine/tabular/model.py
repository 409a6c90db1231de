"""A trained GAN of a table: a column-by-column generator and a critic of whole rows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn
from typing_extensions import override

from h2o_gan.engine.arguments import actual_seed
from h2o_gan.engine.blocks import block_seed, in_threads
from h2o_gan.engine.data.protocol import GeneratedCodec
from h2o_gan.engine.data.relations.rules import Unique
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.device import sampling_device
from h2o_gan.engine.estimates import prediction_schema
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.model import Model, ModelParts, Ratings
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.tabular.completion import Completion
from h2o_gan.engine.tabular.conditions import Conditions
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.density import Surprise, TableDensity
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Sizes
from h2o_gan.engine.tabular.imputation import Estimation
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.prediction import Predictor
from h2o_gan.engine.tabular.sampling import RejectionSampler, sample_rows
from h2o_gan.engine.tabular.uniqueness import without_repeats
from h2o_gan.engine.weights import named, network_of, resumed

__all__ = ["CRITIC_SIZES", "TableModel"]

Array = npt.NDArray[Any]

CRITIC_SIZES = (16, 192)
"""The critic's sizes where the table is not very wide."""

# What files up to format 2 were written with and do not say. Never change them.
_FORMAT_2_SIZES = {"knots": 24, "components": 12}
_FORMAT_2_CRITIC_SIZES = (16, 192)

_BLOCK_ROWS = 2048
_BLOCK_CELLS = 2**19
_REFERENCE_ROWS = 2048
_SURPRISE = ("scales", "caps", "means", "quantiles")


@dataclass(frozen=True, eq=False, kw_only=True)
class TableModel(Model):
    """A model that writes rows column by column and knows how likely any row is.

    Attributes:
        layout: codes <-> tokens.
        generator: the running mean of the generator.
        sizes: its widths.
        critic: the critic, or None where there was no time for one.
        critic_sizes: its features of a token, and units of its two hidden layers.
        shift, clip: how the critic's scores become log density ratios.
        best_generator: state of the running mean when held-out rows were most likely, for going on
            with a training that has not ended; None where that has, or nothing was held out.
        best_loss: their negative log likelihood then.
        surprise: what is usual, for anomaly scores; None in models of older files.
    """

    kind = "table"
    architecture = "columns"
    score_name = "log_density"
    optimizers = ("generator_optimizer",)
    supports = frozenset(
        {
            "conditions",
            "conditions by row",
            "balance",
            "temperature",
            "imputation",
            "prediction of columns",
            "log densities",
            "per_feature",
        }
    )

    encoder: TableEncoder
    layout: RowLayout
    generator: AutoregressiveGenerator
    sizes: Sizes
    critic: RowCritic | None
    critic_sizes: tuple[int, int] = CRITIC_SIZES
    shift: float
    clip: float
    best_generator: Mapping[str, Tensor] | None = field(default=None, repr=False)
    best_loss: float | None = None
    surprise: Surprise | None = field(default=None, repr=False)

    @property
    @override
    def networks(self) -> Mapping[str, nn.Module]:
        networks: dict[str, nn.Module] = {"generator": self.generator}
        if self.critic is not None:
            networks["critic"] = self.critic
        return networks

    @override
    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        conditions = options.conditions
        if isinstance(conditions, pa.Table):
            wanted = Conditions.of_rows(self.layout, self.encoder, conditions, fill_missing=False)
        else:
            wanted = Conditions.by_column(self.layout, self.encoder, conditions or {})
        if options.balance is not None:
            wanted = wanted.balanced(self.encoder, options.balance, rows)
        return self._reader(rows, seed, wanted, float(options.temperature))

    @override
    def _impute(
        self, table: pa.Table, seed: int | None, method: str, draws: int | None
    ) -> pa.RecordBatchReader:
        wanted = Conditions.of_rows(self.layout, self.encoder, table, fill_missing=True)
        if method == "draw":
            return self._reader(table.num_rows, seed, wanted, 1.0)
        blocks = self._estimation(table, seed, wanted, draws).filled(method)
        return pa.RecordBatchReader.from_batches(schema_of(list(self.columns)), blocks)

    @override
    def _predict_column(
        self,
        table: pa.Table,
        column: str,
        seed: int | None,
        draws: int | None,
        quantiles: tuple[float, ...],
    ) -> pa.RecordBatchReader:
        if column in self.encoder.generated_names:
            (row,) = (row for row in self.describe() if row["column"] == column)
            raise ValueError(
                f"column {column!r} is treated as {row['treated_as']}, so there is nothing to "
                "predict: name another."
            )
        (own,) = (own for own in self.columns if own.name == column)
        rows = table.num_rows
        if column in table.column_names:
            table = table.drop_columns(column)
        table = table.append_column(column, pa.nulls(rows, own.arrow_type))
        wanted = Conditions.of_rows(
            self.layout, self.encoder, table, fill_missing=True, predicted=column
        )
        blocks = self._estimation(table, seed, wanted, draws).predicted(own, quantiles)
        return pa.RecordBatchReader.from_batches(prediction_schema(own, quantiles), blocks)

    def _estimation(
        self, table: pa.Table, seed: int | None, conditions: Conditions, draws: int | None
    ) -> Estimation:
        device, number = sampling_device(), 0 if seed is None else int(seed)
        if draws is None and self.parameters.missing_values_handling == "unknown":
            draws = 0  # its networks are trained on any cells

        def redraw(rows: Array, identifiers: Mapping[str, pa.Array]) -> pa.Table:
            part = table.take(pa.array(rows))
            for name, values in identifiers.items():
                part = part.drop_columns(name) if name in part.column_names else part
                part = part.append_column(name, values)
            wanted = Conditions.of_rows(self.layout, self.encoder, part, fill_missing=True)
            # Blocks must not share their noise.
            own = block_seed(number, int(rows[0])) >> 2
            return self._reader(len(rows), own, wanted, 1.0).read_all()

        return Estimation(
            encoder=self.encoder,
            predictor=Predictor(
                self.layout,
                copy.deepcopy(self.generator).to(device),
                self._sampler(device),
                self._order(),
            ),
            conditions=conditions,
            completion=Completion(self.encoder, self.layout, conditions, number),
            redraw=redraw,
            rows=table.num_rows,
            seed=number,
            draws=draws,
            block_rows=max(self.block_rows // 4, 64),
        )

    def _reader(
        self, rows: int, seed: int | None, conditions: Conditions, temperature: float
    ) -> pa.RecordBatchReader:
        blocks = self._blocks(rows, actual_seed(seed), conditions, temperature)
        return pa.RecordBatchReader.from_batches(schema_of(list(self.columns)), blocks)

    def _blocks(
        self, rows: int, seed: int, conditions: Conditions, temperature: float
    ) -> Iterator[pa.RecordBatch]:
        device = sampling_device()
        generator = copy.deepcopy(self.generator).to(device)
        sampler = self._sampler(device)
        usual_order, order = self._order(), self._order(conditions.first)
        # Rows with conditions take many candidates: smaller blocks keep a short sample quick.
        size = self.block_rows if conditions.is_empty else max(self.block_rows // 8, 64)

        completion = Completion(self.encoder, self.layout, conditions, seed)

        def batch(block: int, attempt: int = 0) -> pa.RecordBatch:
            start = block * size
            part = [block, attempt] if attempt else [block]
            rng = torch.Generator(device).manual_seed(block_seed(seed, *part))
            decoding = np.random.default_rng([seed, *part])
            given, bounds = conditions.block(start, size, rng, device)

            def draw(owners: Array) -> tuple[Array, Array]:
                taken, limits = given, bounds
                if len(owners) != size or (owners != every).any():
                    picked = torch.from_numpy(owners).to(device)
                    taken = given.take(picked)
                    limits = {token: bound.take(picked) for token, bound in bounds.items()}
                values, _ = sample_rows(
                    generator, sampler, taken, order, usual_order, rng, limits, temperature
                )
                uniforms = decoding.random((len(owners), len(self.layout.codecs)))
                return values.cpu().double().numpy(), uniforms

            # A block is drawn whole even if only its first rows are wanted, so that the rows
            # of a short sample are those of a long one.
            return completion.rows(draw, start, size).slice(0, min(size, rows - start))

        every = np.arange(size)
        batches = in_threads(batch, -(-rows // size), device)
        unique = self.encoder.unique_rules
        if not unique:
            yield from batches
            return

        def again(block: int, attempt: int) -> pa.RecordBatch:
            # In one thread, as all blocks are: another order of sums would round to other rows.
            return next(iter(in_threads(lambda _: batch(block, attempt), 1, device)))

        def given(first: int, count: int, rule: Unique) -> Array:
            masks = conditions.given(np.arange(first, first + count))
            none = np.zeros(count, bool)
            found: Array = np.logical_and.reduce([masks.get(n, none) for n in rule.columns])
            return found

        yield from without_repeats(batches, unique, again, given)

    @property
    def block_rows(self) -> int:
        """Rows of a block: fewer for wide rows, so that a block's memory is bounded."""
        return int(min(_BLOCK_ROWS, max(64, _BLOCK_CELLS // max(len(self.layout.tokens), 1))))

    @property
    def response(self) -> int | None:
        """The index of the response's codec among the learned ones, if it has tokens."""
        name = self.parameters.response_column
        index = None if name is None else self.layout.index_of(name)
        return index if index in self.layout.spans else None

    def _order(self, first: Sequence[int] = ()) -> list[int]:
        """The tokens as they are drawn: these columns first, the response last."""
        response = self.response
        return self.layout.order(first, [] if response is None else [response])

    def _sampler(self, device: torch.device) -> RejectionSampler | None:
        if self.critic is None:
            return None
        return RejectionSampler(copy.deepcopy(self.critic).to(device), self.shift, self.clip)

    @override
    def scores(self, table: pa.Table) -> Array:
        """The log density of each row, (rows,) float64: the generator's, times the critic's ratio.

        The two together are an energy-based model of the rows (Deng et al. 2020, arXiv
        2004.11714). Beyond the training range a value is the less probable the further away it is.
        """
        return self._density.of_table(table).log_density

    @override
    def rate(self, table: pa.Table) -> Ratings:
        """Rate how odd rows are: their surprise, less the mean of that of training rows.

        The surprise of a row is the sum over its columns; see
        :mod:`h2o_gan.engine.tabular.density`. Columns that share a codec have equal shares.
        """
        densities = self._density.of_table(table)
        shares = self._usual.shares(densities)
        column_shares = []
        for column in self.scored_columns:
            index, columns = self._codec_of[column.name]
            column_shares.append(shares[:, index] / columns)
        return Ratings(shares.sum(1), densities.log_density, np.stack(column_shares, 1))

    @property
    @override
    def anomaly_quantiles(self) -> Array:
        return self._usual.quantiles

    @cached_property
    def _density(self) -> TableDensity:
        device = torch.device("cpu")
        return TableDensity(
            self.encoder,
            self.layout,
            self.generator,
            self._sampler(device),
            self._order(),
            device,
            self.parameters.missing_values_handling == "unknown",
        )

    @cached_property
    def _codec_of(self) -> dict[str, tuple[int, int]]:
        """By column, the index of its codec and the number of columns of that."""
        return {
            column.name: (index, len(codec.columns))
            for index, codec in enumerate(self.encoder.codecs)
            for column in codec.columns
        }

    @cached_property
    def _usual(self) -> Surprise:
        """What is usual; for models of older files by samples, which stand for training rows."""
        if self.surprise is not None:
            return self.surprise
        sample = self.sample(_REFERENCE_ROWS, seed=0).read_all()
        return Surprise.fit(self._density.of_table(sample))

    @override
    def log_densities(self, table: pa.Table) -> dict[str, Array]:
        found = self._density.of_table(table)
        parts = {}
        for index, codec in enumerate(self.encoder.codecs):
            values = found.columns[:, index]
            if not isinstance(codec, GeneratedCodec) or values.any():
                parts[" and ".join(column.name for column in codec.columns)] = values
        if self.critic is not None:
            parts["discriminator"] = found.ratio.sum(1)
        return parts

    @override
    def tensors(self) -> dict[str, Tensor]:
        states = {name: network.state_dict() for name, network in self.networks.items()}
        usual = self.surprise
        if usual is None:
            return named(states)
        arrays = {f"surprise.{n}": torch.from_numpy(getattr(usual, n)) for n in _SURPRISE}
        return {**named(states), **arrays}

    @override
    def training_tensors(self) -> dict[str, Tensor]:
        best = {} if self.best_generator is None else {"best_generator": self.best_generator}
        return {**super().training_tensors(), **named(best)} if self.can_continue else {}

    @override
    def token_arrays(self) -> list[Mapping[str, Array]]:
        return [column.arrays() for column in self.layout.columns]

    @classmethod
    @override
    def token_columns(cls, data: Mapping[str, Any]) -> int:
        return len(data["layout"].get("columns", ()))

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "layout": self.layout.to_json(),
            "sizes": asdict(self.sizes),
            "critic_sizes": list(self.critic_sizes),
            "has_critic": self.critic is not None,
            "shift": self.shift,
            "clip": self.clip,
            "best_loss": self.best_loss if self.best_generator else None,
            **({} if self.surprise is None else {"evidence_weight": self.surprise.weight}),
        }

    @classmethod
    @override
    def restore(cls, parts: ModelParts) -> TableModel:
        data, tensors, common = parts.data, parts.tensors, parts.common
        encoder = common["encoder"]
        if not isinstance(encoder, TableEncoder):
            raise Damaged("its encoder is not a table's")
        layout = RowLayout.restore(data["layout"], encoder.learned, parts.tokens)
        stored = {**_FORMAT_2_SIZES, **data["sizes"]}
        sizes = Sizes(**{name: stored[name] for name in asdict(Sizes())})

        def build() -> AutoregressiveGenerator:
            return AutoregressiveGenerator(
                layout.tokens, sizes, crosses=layout.crosses, anchors=layout.anchors
            )

        critic = None
        features, hidden = data.get("critic_sizes", _FORMAT_2_CRITIC_SIZES)
        if data["has_critic"]:
            critic = network_of(
                lambda: RowCritic(layout.tokens, features, hidden, 0.0, sizes.knots),
                "critic",
                tensors,
            )
        surprise = _stored_surprise(data, tensors, len(encoder.codecs))
        last, optimizer = resumed("generator", build, tensors)
        best = None
        if last and data.get("best_loss") is not None:
            best = network_of(build, "best_generator", tensors).state_dict()
        return cls(
            layout=layout,
            generator=network_of(build, "generator", tensors),
            sizes=sizes,
            critic=critic,
            critic_sizes=(features, hidden),
            shift=float(data["shift"]),
            clip=float(data["clip"]),
            last_generator=last,
            generator_optimizer=optimizer,
            best_generator=best,
            best_loss=None if best is None else float(data["best_loss"]),
            surprise=surprise,
            **common,
        )


def _stored_surprise(
    data: Mapping[str, Any], tensors: Mapping[str, Tensor], codecs: int
) -> Surprise | None:
    """What is usual, from a model file; None where the file is older. Raises Damaged."""
    if "evidence_weight" not in data:
        return None
    arrays = {}
    for name in _SURPRISE:
        found = tensors.get(f"surprise.{name}")
        if (
            found is None
            or found.dtype != torch.float64
            or found.ndim != 1
            or (len(found) != codecs if name != "quantiles" else not len(found))
            or not bool(found.isfinite().all())
            or (name == "scales" and not bool((found > 0).all()))
        ):
            raise Damaged(f"its tensor surprise.{name} is not valid")
        arrays[name] = found.numpy()
    return Surprise(float(data["evidence_weight"]), **arrays)
