"""Columns from others: the distribution of a column's values given the known cells of a row.

Three ways, from the quickest to the most general:

- The network of a column gives it from the known cells at once, in any order (see
  :mod:`h2o_gan.engine.tabular.generator`). Choices are enumerated; a number is a mixture of
  normals, of which each component is cut into parts of equal probability.
- Where all other cells are known, each of those values completes the row. Its weight is then
  corrected by the density of the whole row in the usual order, times the critic's ratio, over the
  network's: for a column that is one choice the probabilities are those of the model exactly.
- Where others are not known either, those are drawn, for each of the values, and weighted in the
  same way; or rows are drawn whole: self-normalised importance sampling (Robert & Casella 2004).

Shapes: B rows, T tokens of a row, A values, K tokens of a column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from h2o_gan.engine.data.protocol import ColumnTokens
from h2o_gan.engine.data.schema import Array, Column
from h2o_gan.engine.estimates import Estimate, numbers_in
from h2o_gan.engine.tabular.bounds import Bounds
from h2o_gan.engine.tabular.completion import Drawn
from h2o_gan.engine.tabular.drawing import draw_rows, placed_ranks, presence
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, log_normal_mixture
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.sampling import Given, RejectionSampler

__all__ = ["Predictor"]

_PARTS = 16  # of equal probability, into which a component of a mixture is cut
_FEW_PARTS = 4  # the same where each of them completes a row
_PLACES = 32  # uniforms at which a choice that stands for several values is decoded
_MOST_COMPLETED = 128  # values, for which rows are completed
_COMPLETED_ROWS = 4096  # at a time


@dataclass(frozen=True)
class _Candidates:
    """Values of a column's tokens, and how likely they are.

    Attributes:
        tokens: (B or 1, A, K) float32; 1 where all rows have the same.
        weights: (B, A) float32 probabilities within the bounds of choices.
        logs: (B, A) float32 log probabilities (densities, for numbers) without the bounds.
    """

    tokens: Tensor
    weights: Tensor
    logs: Tensor


@dataclass(frozen=True)
class Predictor:
    """Estimates of columns by a generator and a critic.

    Attributes:
        layout: of the rows.
        generator: of the model.
        sampler: the critic, or None.
        usual_order: the tokens in the order of training.
    """

    layout: RowLayout
    generator: AutoregressiveGenerator
    sampler: RejectionSampler | None
    usual_order: Sequence[int]

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.generator.parameters()).device

    @torch.no_grad()
    def summaries(self, given: Given) -> Tensor:
        """(B, R) what the networks see of the known cells."""
        return self.generator.summarize(given.values, given.active & given.known)

    def is_whole(self, given: Given) -> Tensor:
        """(B,) bool, whether rows have at most one column whose cell is not known."""
        unknown = [~given.known[:, span.start : span.stop].all(1) for span in self._spans()]
        return torch.stack(unknown, 1).sum(1) <= 1

    @torch.no_grad()
    def from_network(
        self,
        column: Column,
        given: Given,
        summaries: Tensor,
        bounds: Mapping[int, Bounds],
        complete: bool,
        rng: torch.Generator | None = None,
        draws: int = 0,
    ) -> Estimate | None:
        """Estimate a column by its networks.

        Args:
            column: of a learned codec.
            given: what is known of the rows.
            summaries: of these rows.
            bounds: what choices may be; numbers have none where cells are given or missing.
            complete: whether the estimate is corrected by the density of whole rows.
            rng: draws the other cells that are not known; None where all are known.
            draws: of each row, spread over the values of the column, where `rng` is given.

        Returns:
            The estimate. None if the column is neither drawn itself nor follows from one choice, or
            has too many values to complete rows with each of them.
        """
        index = self.layout.index_of(column.name)
        assert index is not None
        dependency = self.layout.source_of(index)
        source = index if dependency is None else dependency.source
        if source not in self.layout.spans:
            return None
        span = self.layout.spans[source]
        if complete and not self._is_short(span):
            return None
        active = given.active & given.known
        given = replace(given, values=torch.where(active, given.values, 0.0), active=active)
        parts = _FEW_PARTS if complete else _PARTS
        found = self._candidates(span, given, summaries, bounds, parts)
        if complete:
            found = self._completed(span, given, found, bounds, rng, draws)
        if dependency is not None:
            found = self._where_known(span, given, found)
            choices = torch.from_numpy(dependency.table)[found.tokens[0, :, 0].long().cpu()]
            found = replace(found, tokens=choices[None, :, None].to(found.tokens))
        return _decoded(self.layout.columns[index], column, found)

    @torch.no_grad()
    def from_draws(
        self,
        columns: Sequence[Column],
        given: Given,
        bounds: Mapping[int, Bounds],
        completed: Callable[[Array, Array], Drawn],
        rng: torch.Generator,
        draws: int,
    ) -> dict[str, Estimate]:
        """Estimate columns by weighted draws of the rows.

        Draws that break a rule have no weight, unless all of a row do.

        Args:
            columns: of the model.
            given: what is known of the rows.
            bounds: what tokens may be.
            completed: rows of drawn tokens, (n, tokens) float64, with the index of each one's row
                in `given`, (n,).
            rng: draws the rows.
            draws: of each row.

        Returns:
            Estimates by name.
        """
        rows, device = len(given), given.values.device
        order = torch.tensor(self.usual_order, device=device)
        found: dict[str, list[Array]] = {column.name: [] for column in columns}
        logs = []
        at_once = max(_COMPLETED_ROWS // max(rows, 1), 1)
        for start in range(0, draws, at_once):
            copies = min(at_once, draws - start)
            # One copy of all rows after the other.
            again = torch.arange(rows, device=device).repeat(copies)
            wanted = given.take(again)
            values, active, log_drawn = draw_rows(
                self.generator,
                wanted.values,
                wanted.active,
                wanted.known,
                self.usual_order,
                rng,
                {token: bound.take(again) for token, bound in bounds.items()},
            )
            weight = (self._density(values, active, order) - log_drawn).double().cpu().numpy()
            drawn = completed(values.cpu().double().numpy(), again.cpu().numpy())
            weight[drawn.broken] = -np.inf
            logs.append(weight.reshape(copies, rows))
            for column in columns:
                numbers = numbers_in(drawn.arrays[column.name], column)
                found[column.name].append(numbers.reshape(copies, rows))
        log_weights = np.nan_to_num(np.concatenate(logs).T, nan=-np.inf)
        most = log_weights.max(1, keepdims=True)
        weights = np.exp(log_weights - np.where(np.isfinite(most), most, 0.0))
        return {
            column.name: Estimate.of(column, np.concatenate(found[column.name]).T, weights)
            for column in columns
        }

    def _spans(self) -> list[range]:
        return list(self.layout.spans.values())

    def _is_short(self, span: range) -> bool:
        """Whether a column has few enough values to complete rows with each of them."""
        count = 0
        for token in span:
            kind = self.generator.tokens[token]
            if kind.is_second:
                return False
            if kind.ranks is None:
                count += kind.size or _FEW_PARTS * self.generator.sizes.components
        return count <= _MOST_COMPLETED

    def _candidates(
        self,
        span: range,
        given: Given,
        summaries: Tensor,
        bounds: Mapping[int, Bounds],
        parts: int,
    ) -> _Candidates:
        """The values of a column by its networks alone."""
        generator, first, values = self.generator, span.start, given.values
        token = generator.tokens[first]
        if token.is_number:
            output = generator.output(first, summaries, values)
            mixture = generator.mixture_of(first, output, values, given.active)
            return _numbers(mixture, parts)
        logs = torch.log_softmax(generator.output(first, summaries, values), -1)
        bound = bounds.get(first, Bounds())
        weights = logs.exp() if bound.mask is None else logs.exp() * bound.mask
        choices = torch.arange(token.size, device=values.device)
        found = _Candidates(choices[None, :, None].to(values.dtype), weights, logs)
        if len(span) > 1 and generator.tokens[first + 1].is_second:
            found = self._pairs(first, found, values, summaries, bounds)
        placed = [index for index in span if generator.tokens[index].ranks is not None]
        if placed:
            return self._with_places(placed, found)
        if len(span) == 1 or generator.tokens[first + 1].is_second:
            return found
        last = torch.full_like(values[:, first], token.size - 1)
        after = summaries + generator.contribution(first, last)
        output = generator.output(first + 1, after, values)
        mixture = generator.mixture_of(first + 1, output, values, given.active)
        return _with_numbers(found, _numbers(mixture, parts))

    def _pairs(
        self,
        first: int,
        found: _Candidates,
        values: Tensor,
        summaries: Tensor,
        bounds: Mapping[int, Bounds],
    ) -> _Candidates:
        """Both choices of a pair, from the first."""
        generator, bound = self.generator, bounds.get(first + 1, Bounds())
        size = generator.tokens[first + 1].size
        values = values.clone()
        logs, weights = [], []
        for choice in range(generator.tokens[first].size):
            values[:, first] = choice
            after = summaries + generator.contribution(first, values[:, first])
            second = torch.log_softmax(generator.output(first + 1, after, values), -1)
            mask = bound.mask_after(values[:, first].long())
            shares = second.exp() if mask is None else second.exp() * mask
            logs.append(found.logs[:, choice, None] + second)
            weights.append(found.weights[:, choice, None] * shares)
        at = torch.arange(size, device=values.device, dtype=values.dtype)
        tokens = torch.cartesian_prod(found.tokens[0, :, 0], at)
        return _Candidates(tokens[None], torch.cat(weights, 1), torch.cat(logs, 1))

    def _with_places(self, placed: Sequence[int], found: _Candidates) -> _Candidates:
        """Placed numbers in the middle of the ranks that choices leave them."""
        tokens = [found.tokens]
        for index in placed:
            start, length = placed_ranks(self.generator.tokens[index], found.tokens[0]).unbind(-1)
            middle = (start + length / 2).clamp(1e-6, 1 - 1e-6)
            score = torch.special.ndtri(middle).nan_to_num(nan=0.0)
            tokens.append(score[None, :, None])
        return replace(found, tokens=torch.cat(tokens, -1))

    def _completed(
        self,
        span: range,
        given: Given,
        found: _Candidates,
        bounds: Mapping[int, Bounds],
        rng: torch.Generator | None,
        draws: int,
    ) -> _Candidates:
        """The weights corrected by the density of whole rows, over what else is not known."""
        order = torch.tensor(self.usual_order, device=given.values.device)
        count = found.weights.shape[1]
        copies = 1 if rng is None else -(-draws // count)
        weights = found.weights.clone()
        present = self._present(span, found)
        size = max(_COMPLETED_ROWS // (count * copies), 1)
        for start in range(0, len(given), size):
            part = torch.arange(start, min(start + size, len(given)), device=order.device)
            again = part.repeat_interleave(count * copies)
            rows = given.take(again)
            values, active, known = rows.values.clone(), rows.active.clone(), rows.known.clone()
            tokens = found.tokens if len(found.tokens) == 1 else found.tokens[part]
            shape = (len(part), count, copies)
            own = tokens[:, :, None].expand(*shape, len(span)).flatten(0, 2)
            values[:, span.start : span.stop] = own
            active[:, span.start : span.stop] = (
                present[None, :, None].expand(*shape, len(span)).flatten(0, 2)
            )
            log_drawn = torch.zeros(len(again), device=order.device)
            if rng is not None:
                known[:, span.start : span.stop] = True
                limits = {token: bound.take(again) for token, bound in bounds.items()}
                values, active, log_drawn = draw_rows(
                    self.generator, values, active, known, self.usual_order, rng, limits
                )
            score = (self._density(values, active, order) - log_drawn).reshape(shape)
            ratio = score.logsumexp(-1) - found.logs[part]
            ratio = torch.where(found.weights[part] > 0, ratio, -torch.inf)
            top = ratio.max(1, keepdim=True).values.nan_to_num(neginf=0.0)
            weights[part] = found.weights[part] * torch.exp(ratio - top)
        return replace(found, weights=weights)

    def _present(self, span: range, found: _Candidates) -> Tensor:
        """(A, K) bool, which tokens candidates have."""
        own = self.generator.tokens[span.start : span.stop]
        choices = found.tokens[0]  # the same in all rows, which differ in numbers only
        present = torch.ones(choices.shape, dtype=torch.bool, device=choices.device)
        for at in range(len(own)):
            mask = presence(own, at, choices)
            if mask is not None:
                present[:, at] = mask
        return present

    def _where_known(self, span: range, given: Given, found: _Candidates) -> _Candidates:
        """All weight on the source's choice in rows where that one is known."""
        known = given.known[:, span.start] & given.active[:, span.start]
        chosen = given.values[:, span.start, None] == found.tokens[:, :, 0]
        return replace(found, weights=torch.where(known[:, None], chosen.float(), found.weights))

    def _density(self, values: Tensor, active: Tensor, order: Tensor) -> Tensor:
        """(B,) log density of whole rows, up to a constant."""
        score = self.generator.log_likelihood(values, active, order).sum(0)
        return score if self.sampler is None else score + self.sampler.log_ratio(values, active)


def _numbers(mixture: tuple[Tensor, Tensor, Tensor], parts: int) -> _Candidates:
    """Numbers at the means of equally probable parts of each component, (B, components * parts)."""
    weight, mean, log_sd = mixture
    middles = _middles(parts).to(mean)
    numbers = (mean[..., None] + log_sd.exp()[..., None] * middles).flatten(1)
    weights = torch.softmax(weight, -1).repeat_interleave(parts, -1) / parts
    logs = log_normal_mixture(weight[:, None], mean[:, None], log_sd[:, None], numbers)
    return _Candidates(numbers[..., None], weights, logs)


def _middles(parts: int) -> Tensor:
    """(parts,) the means of the parts of a standard normal that have equal probabilities."""
    edges = torch.special.ndtri(torch.linspace(0, 1, parts + 1, dtype=torch.float64))
    density = torch.exp(-0.5 * edges.square()) / math.sqrt(2 * math.pi)
    return (density[:-1] - density[1:]) * parts


def _with_numbers(choices: _Candidates, numbers: _Candidates) -> _Candidates:
    """Choices but the last, and the last with each of the numbers."""
    rows, count, _ = numbers.tokens.shape
    tokens = choices.tokens.new_zeros(rows, choices.tokens.shape[1] - 1 + count, 2)
    spikes = tokens.shape[1] - count
    tokens[:, :spikes, 0] = choices.tokens[:, :-1, 0]
    tokens[:, spikes:, 0] = choices.tokens[:, -1:, 0]
    tokens[:, spikes:, 1] = numbers.tokens[..., 0]
    weights = torch.cat([choices.weights[:, :-1], choices.weights[:, -1:] * numbers.weights], 1)
    logs = torch.cat([choices.logs[:, :-1], choices.logs[:, -1:] + numbers.logs], 1)
    return _Candidates(tokens, weights, logs)


def _decoded(tokens_of: ColumnTokens, column: Column, found: _Candidates) -> Estimate:
    """The estimate of one of a codec's columns."""
    at = [c.name for c in tokens_of.codec.columns].index(column.name)
    tokens = found.tokens.cpu().double().numpy()
    weights = found.weights.cpu().double().numpy()
    rows, count, width = tokens.shape
    if rows > 1:  # each row has its own values
        arrays = tokens_of.decode(tokens.reshape(-1, width), np.full(rows * count, 0.5))
        return Estimate.of(column, numbers_in(arrays[at], column).reshape(rows, count), weights)
    # The same values for all rows. A choice may stand for several, by the uniform.
    uniforms = (np.arange(_PLACES) + 0.5) / _PLACES
    arrays = tokens_of.decode(np.repeat(tokens[0], _PLACES, 0), np.tile(uniforms, count))
    values = numbers_in(arrays[at], column)
    missing = np.isnan(values)
    owner = np.repeat(np.arange(count), _PLACES)
    keys = np.stack([owner, missing, np.where(missing, 0.0, values)], 1)
    distinct, counts = np.unique(keys, axis=0, return_counts=True)
    owners = distinct[:, 0].astype(np.int64)
    values = np.where(distinct[:, 1] > 0, np.nan, distinct[:, 2])
    return Estimate.of(column, values[None], weights[:, owners] * (counts / _PLACES))
