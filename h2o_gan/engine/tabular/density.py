"""How probable rows of a table are, and which columns make a row odd.

The generator's likelihood is of ranks and choices. It becomes a density of values with each
column's marginal density, which reaches beyond the training range (see
:mod:`h2o_gan.engine.data.densities`): by Sklar's theorem (1959) a joint density is the product of
the marginal densities and of a copula, which is the likelihood of the ranks over that of
independent ranks.

The surprise of a value is its negative log density by itself, less the evidence of other columns:
by how much those raise the log density, once given all of them and once given those before it.
The first part finds values that are odd alone, the second broken relations. Four things make the
sum over columns a better measure of oddness than the negative log density of the row:

- A small table does not determine the relations well. Evidence counts as far as it holds on rows
  that training has not seen.
- A value that fits well cannot make up for others that do not: evidence for a value is capped a
  little above its mean.
- Columns with heavy tails, whose surprise varies most, do not drown the others: the first part is
  divided by the square root of its standard deviation over training rows.
- The critic's log ratio counts, once for each kind of evidence. It belongs to the row as a whole
  and is divided among the learned columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from h2o_gan.engine.data.densities import log_share
from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.overflow import broken_rows, computed_values
from h2o_gan.engine.data.relations.rules import Formula, Unique
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.model import score_quantiles
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.sampling import RejectionSampler

__all__ = ["RowDensities", "Surprise", "TableDensity"]

_UNKNOWN_WEIGHT = 0.5  # of evidence in models of files that do not have it
_RATIO_WEIGHT = 2.0
_MARGIN = 0.5  # nats by which evidence for a value may exceed its mean
_LEAST_DEVIATION = 0.2  # nats of surprise; columns that nearly always have one value have less
_BLOCK_CELLS, _MAX_BLOCK = 2**18, 4096  # tokens, and rows, at a time
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class RowDensities:
    """What a model says of rows.

    Attributes:
        columns: (rows, codecs) float64, the log density, in nats, of each column's value given
            those before it.
        marginals: (rows, codecs) float64, log densities of values by themselves.
        evidence: (rows, codecs) float64, log densities given the columns before, and given all
            others, each less that of the value by itself; 0 for codecs that are not learned.
        ratio: (rows, codecs) float64, the critic's log ratio in equal parts of the learned codecs.
    """

    columns: Array = field(repr=False)
    marginals: Array = field(repr=False)
    evidence: Array = field(repr=False)
    ratio: Array = field(repr=False)

    @property
    def log_density(self) -> Array:
        """(rows,) float64, by generator and critic, in nats."""
        density: Array = self.columns.sum(1) + self.ratio.sum(1)
        return density


@dataclass(frozen=True)
class Surprise:
    """How rows are compared with training rows.

    Attributes:
        weight: of evidence, 0 to 1.
        scales: (codecs,) float64, positive, what log densities of values by themselves are divided
            by.
        caps: (codecs,) float64, the largest evidence.
        means: (codecs,) float64, mean surprise of training rows.
        quantiles: (n,) float64, ascending: quantiles of the anomaly scores of training rows.
    """

    weight: float
    scales: Array = field(repr=False)
    caps: Array = field(repr=False)
    means: Array = field(repr=False)
    quantiles: Array = field(repr=False)

    @classmethod
    def fit(cls, train: RowDensities, held_out: RowDensities | None = None) -> Surprise:
        """Fit to training rows.

        Args:
            train: of training rows.
            held_out: of rows that the generator was not trained on, of which there may be none;
                None where they are not known.
        """
        gain = train.evidence.mean(0)
        weight = _UNKNOWN_WEIGHT
        if held_out is not None:
            unseen = held_out.evidence.mean(0) if len(held_out.evidence) else np.zeros(len(gain))
            holds = unseen.sum() / gain.sum() if gain.sum() > 0 else 0.0
            weight = float(np.clip(holds, 0.0, 1.0))
            gain = unseen
        scales = np.sqrt(np.maximum(train.marginals.std(0), _LEAST_DEVIATION))
        caps = np.maximum(gain, 0.0) + _MARGIN
        plain = cls(weight, scales, caps, np.zeros(len(caps)), np.zeros(1))
        surprise = plain.shares(train)
        means = surprise.mean(0)
        return cls(weight, scales, caps, means, score_quantiles((surprise - means).sum(1)))

    def shares(self, rows: RowDensities) -> Array:
        """The shares of columns in the anomaly scores of rows, (rows, codecs) float64."""
        evidence = self.weight * np.minimum(rows.evidence, self.caps)
        ratio = _RATIO_WEIGHT * rows.ratio
        shares: Array = -(rows.marginals / self.scales + evidence + ratio) - self.means
        return shares


class TableDensity:
    """The density of a table's rows.

    Args:
        encoder: of the table.
        layout: codes <-> tokens.
        generator: of the model.
        sampler: the critic, or None.
        order: the tokens in the order that the generator knows best.
        device: of the networks.
        missing_is_unknown: whether a missing cell says nothing of its row.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        layout: RowLayout,
        generator: AutoregressiveGenerator,
        sampler: RejectionSampler | None,
        order: Sequence[int],
        device: torch.device,
        missing_is_unknown: bool = False,
    ) -> None:
        self._encoder, self._layout = encoder, layout
        self._missing_is_unknown = missing_is_unknown
        self._generator, self._sampler = generator, sampler
        self._order = torch.tensor(order, device=device)
        self._tables = layout.tables(device)
        self._device = device
        self._learned = [encoder.codecs.index(codec) for codec in encoder.learned]
        columns = [token.column for token in generator.tokens]
        self._column_of = np.array(columns)

    def of_table(self, table: pa.Table) -> RowDensities:
        """The densities of rows.

        Args:
            table: rows with the columns of all codecs but identifiers.
        """
        rows = self._layout.rows
        marginals = np.zeros((table.num_rows, len(self._encoder.codecs)))
        related = self._encoder.relations.indices(table)
        for index, codec in enumerate(self._encoder.codecs):
            names = [column.name for column in codec.columns]
            if set(names) <= set(table.column_names):
                values = [table.column(name) for name in names]
                marginals[:, index] = codec.log_marginal(values, rows, related.get(names[0]))
                if self._missing_is_unknown:
                    for column in values:
                        marginals[column.is_null(nan_is_null=True).to_numpy(), index] = 0.0
        self._add_broken_rules(table, marginals)
        return self._of(self._encoder.encode(table), marginals)

    def of_codes(self, codes: Tensor) -> RowDensities:
        """The densities of rows that were encoded.

        Args:
            codes: (rows, learned codecs) integers; negative for unknown.
        """
        marginals = np.zeros((len(codes), len(self._encoder.codecs)))
        middle = np.full(len(codes), 0.5)
        for index, codec, column in zip(
            self._learned, self._encoder.learned, codes.cpu().numpy().T, strict=True
        ):
            # Missing values of columns that never miss any have no code to decode.
            known = np.where(column < 0, 0, column).astype(np.int64)
            arrays = [pa.chunked_array([array]) for array in codec.decode(known, middle)]
            relations = codec.related_codes
            related = np.where(np.isin(column, relations), column - relations.start, -1)
            logs = codec.log_marginal(
                arrays, self._layout.rows, related.astype(np.int64) if codec.related else None
            )
            odd = 0.0 if self._missing_is_unknown else log_share(0.0, self._layout.rows)
            marginals[:, index] = np.where(column < 0, odd, logs)
        return self._of(codes, marginals)

    def _add_broken_rules(self, table: pa.Table, marginals: Array) -> None:
        """Count rows that break what holds in all training rows as less than one of those."""
        index_of = {
            column.name: index
            for index, codec in enumerate(self._encoder.codecs)
            for column in codec.columns
        }
        unseen = log_share(0.0, self._layout.rows)
        computed = self._encoder.relations.always
        # Identifiers, which nothing is learned of, need not be there.
        present = {*table.column_names}
        for name, relation in computed.items():
            if not {*relation.formula.columns} <= present:
                continue
            broken = broken_rows(relation.formula, table)
            if not broken.any():
                continue
            value, missing = numbers_of(table.column(name))
            wanted, unknown = numbers_of(computed_values(relation.formula, table)[0])
            distance = np.abs(value.astype(np.float64) - wanted) / max(
                relation.high - relation.low, 1e-300
            )
            distance = np.where(missing | unknown, 0.0, np.nan_to_num(distance))
            marginals[broken, index_of[name]] += (unseen - np.log1p(distance))[broken]
        for rule in self._encoder.rules:
            # Whether values are unique, single rows do not tell.
            if isinstance(rule, Unique) or (
                isinstance(rule, Formula) and rule.column.name in computed
            ):
                continue
            if not {*rule.columns} <= present:
                continue
            broken = broken_rows(rule, table)
            for name in rule.columns:  # two of them may share a codec
                marginals[broken, index_of[name]] += unseen / len(rule.columns)

    @torch.no_grad()
    def _of(self, codes: Tensor, marginals: Array) -> RowDensities:
        evidence, ratio = np.zeros(marginals.shape), np.zeros(marginals.shape)
        columns = marginals.copy()
        size = max(min(_BLOCK_CELLS // max(len(self._generator.tokens), 1), _MAX_BLOCK), 64)
        for start in range(0, len(codes), size):
            block = slice(start, start + size)
            part = codes[block].to(self._device)
            values, active = self._tables.expand(part, None)
            alone = self._log_alone(values, active)
            given_before = self._generator.log_likelihood(values, active, self._order) - alone
            given_others = self._generator.log_conditionals(values, active) - alone
            given_both = given_before + given_others
            derived = self._log_derived(part.cpu().numpy())
            columns[block, self._learned] += self._by_column(given_before) + derived
            evidence[block, self._learned] = self._by_column(given_both) + 2 * derived
            if self._sampler is not None:
                of_rows = self._sampler.log_ratio(values, active).cpu().double().numpy()
                ratio[block, self._learned] = of_rows[:, None] / len(self._learned)
        return RowDensities(columns, marginals, evidence, ratio)

    def _by_column(self, of_tokens: Tensor) -> Array:
        """(rows, learned) sums over the tokens of each column, of (tokens, rows)."""
        # On the CPU: MPS has no doubles, and sums by index are not deterministic on CUDA.
        sums = np.zeros((len(self._learned), of_tokens.shape[1]))
        np.add.at(sums, self._column_of, of_tokens.cpu().double().numpy())
        found: Array = sums.T
        return found

    def _log_alone(self, values: Tensor, active: Tensor) -> Tensor:
        """(tokens, rows) log probability of tokens that do not depend on other columns."""
        logs = []
        for index, token in enumerate(self._generator.tokens):
            column = values[:, index]
            if token.ranks is not None:
                logs.append(torch.zeros_like(column))
            elif token.is_number:
                logs.append(-0.5 * column.square() - _HALF_LOG_TWO_PI)
            else:
                shares = torch.from_numpy(token.shares).to(column).clamp_min(1e-9).log()
                choice = column.long()
                if token.is_second:
                    logs.append(shares[values[:, index - 1].long(), choice])
                else:
                    logs.append(shares[choice])
        return torch.stack(logs) * active.T

    def _log_derived(self, codes: Array) -> Array:
        """(rows, learned) log probability of columns that follow from others, over that alone."""
        logs = np.zeros(codes.shape)
        for dependency in self._layout.dependencies:
            column, source = (
                self._layout.columns[at] for at in (dependency.token, dependency.source)
            )
            choice = column.choices_of(codes[:, dependency.token])
            given = source.choices_of(codes[:, dependency.source])
            known = (choice >= 0) & (given >= 0)
            agrees = dependency.table[given] == choice
            shares = column.tokens[0].shares[choice]
            rows = self._layout.rows
            ratio = np.where(agrees, 0.0, log_share(0.0, rows)) - log_share(shares, rows)
            logs[known, dependency.token] = ratio[known]
        return logs
