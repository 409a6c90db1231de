"""Codes as features of multilayer perceptrons, and their outputs as codes again.

In memory a row is a few integer codes. One-hot vectors and scaling exist only inside a training
step, on the device. The networks take their shape from :class:`Span` and never depend on the type
of a column; that idea is CTGAN's (Xu et al. 2019, arXiv 1907.00503).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.protocol import LearnedCodec
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.data.table_encoder import TableEncoder

__all__ = [
    "FeatureTransform",
    "PixelFeatures",
    "Span",
    "TableFeatures",
    "feature_transform",
    "width_of",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Span:
    """Adjacent outputs of the generator that belong together.

    Attributes:
        column: name of the column.
        start: index of the first output.
        width: number of outputs.
        activation: "tanh" for positions in [-1, 1], or "softmax" for one choice among `width`.
        shares: real shares of the choices; empty for "tanh".
    """

    column: str
    start: int
    width: int
    activation: str
    shares: tuple[float, ...] = ()


class FeatureTransform(Protocol):
    """The part of an encoding that runs on the device, inside the step."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans of the networks' outputs, in order."""

    @property
    def width(self) -> int:
        """The number of outputs."""

    def expand(self, codes: Tensor, rng: torch.Generator | None) -> Tensor:
        """Convert codes to the critic's input.

        Args:
            codes: integers (rows, columns).
            rng: draws the position of a value within its code's interval; None for the middle.

        Returns:
            float32 (rows, width).
        """

    def relax(self, raw: Tensor, rng: torch.Generator) -> Tensor:
        """Convert the generator's raw outputs to the critic's input, differentiably.

        Args:
            raw: float32 (rows, width).
            rng: draws the choices.

        Returns:
            float32 (rows, width).
        """

    def discretize(self, raw: Tensor, rng: torch.Generator | None) -> Tensor:
        """Convert the generator's raw outputs to input of :meth:`Encoder.decode`.

        Args:
            raw: float32 (rows, width).
            rng: draws the choices; None for the likeliest ones.

        Returns:
            float64 (rows, columns).
        """


class TableFeatures:
    """The features of a table, computed for all columns at once.

    Args:
        codecs: of the columns.
        device: of the tensors.
    """

    TEMPERATURE = 0.2
    """Of the Gumbel-softmax relaxation (Jang et al. 2017, arXiv 1611.01144)."""

    def __init__(self, codecs: Sequence[LearnedCodec], device: torch.device) -> None:
        self.spans = spans = tuple(_spans(codecs))
        self.width = self._width = sum(span.width for span in spans)
        self._columns = len(codecs)
        self._device = device
        choice_of: dict[int, Span] = {}
        number_of: dict[int, Span] = {}
        by_name = {codec.columns[0].name: index for index, codec in enumerate(codecs)}
        for span in spans:
            target = choice_of if span.activation == "softmax" else number_of
            target[by_name[span.column]] = span

        def indices(values: Sequence[int] | Array) -> Tensor:
            return torch.as_tensor(np.asarray(values, np.int64), device=device)

        # Numbers: for code c of a column, entry offset + c + 1 holds the start and the length of
        # the code's interval in [-1, 1]; entry 0 is that of UNKNOWN, the last one of missing.
        numbers = [column for column in range(len(codecs)) if column in number_of]
        starts: list[Array] = []
        lengths: list[Array] = []
        offsets: list[int] = []
        missing: list[int] = []
        filled = 0
        for column in numbers:
            quantiles = codecs[column].quantiles
            assert quantiles is not None
            cumulative = quantiles.cumulative
            offsets.append(filled + 1)
            filled += len(cumulative) + 1
            missing.append(len(quantiles))
            starts.append(np.concatenate([[0.0], cumulative[:-1] * 2 - 1, [-1.0]]))
            lengths.append(np.concatenate([[0.0], np.diff(cumulative) * 2, [2.0]]))
        self._numbers = indices(numbers)
        self._number_outputs = indices([number_of[column].start for column in numbers])
        self._offsets = indices(offsets)
        self._missing = indices(missing)
        self._starts = _float(starts, device)
        self._lengths = _float(lengths, device)

        # Choices: of levels by their code, or of present against missing beside a number.
        self._level_columns = indices([p for p in choice_of if p not in number_of])
        self._level_starts = indices([choice_of[p].start for p in choice_of if p not in number_of])
        flags = [p for p in choice_of if p in number_of]
        self._flag_columns = indices([numbers.index(p) for p in flags])
        self._flag_starts = indices([choice_of[p].start for p in flags])
        self._choices = _ChoiceGroups([choice_of[p] for p in choice_of], self._width, device)
        self._choice_columns = indices(list(choice_of))
        self._choice_is_flag = torch.as_tensor(
            [p in number_of for p in choice_of], dtype=torch.bool, device=device
        )
        order = torch.cat([self._number_outputs, self._choices.outputs])
        self._order = torch.argsort(order)

    def expand(self, codes: Tensor, rng: torch.Generator | None) -> Tensor:
        """Convert codes to positions in [-1, 1] and one-hot choices.

        Args:
            codes: integers (rows, columns); an unknown level becomes zeros.
            rng: draws positions uniformly within their bins; None for the middle.

        Returns:
            float32 (rows, width).
        """
        codes = codes.long()
        rows = len(codes)
        number_codes = codes[:, self._numbers]
        entries = number_codes + self._offsets
        if rng is None:
            noise = torch.full(entries.shape, 0.5, device=self._device)
        else:
            noise = torch.rand(entries.shape, generator=rng, device=self._device)
        level_codes = codes[:, self._level_columns]
        chosen = torch.cat(
            [
                torch.where(level_codes < 0, self._width, level_codes + self._level_starts),
                self._flag_starts + (number_codes == self._missing)[:, self._flag_columns].long(),
            ],
            1,
        )
        out = torch.zeros(rows, self._width + 1, device=self._device)
        out.scatter_(1, chosen, 1.0)
        out[:, self._number_outputs] = torch.addcmul(
            self._starts[entries], self._lengths[entries], noise
        )
        return out[:, : self._width]

    def relax(self, raw: Tensor, rng: torch.Generator) -> Tensor:
        """Apply tanh to numbers and Gumbel-softmax to choices; float32 (rows, width) each."""
        pieces = [torch.tanh(raw[:, self._number_outputs])]
        pieces += self._choices.soft(raw, rng, self.TEMPERATURE)
        return torch.cat(pieces, 1)[:, self._order]

    def discretize(self, raw: Tensor, rng: torch.Generator | None) -> Tensor:
        """Convert raw outputs to codes, positions in [0, 1], or NaN for missing.

        Args:
            raw: float32 (rows, width).
            rng: draws the choices; None for the likeliest ones.

        Returns:
            float64 (rows, columns).
        """
        out = torch.empty(len(raw), self._columns, dtype=torch.float64, device=self._device)
        out[:, self._numbers] = (torch.tanh(raw[:, self._number_outputs]).double() + 1) / 2
        codes = self._choices.draw(raw, rng)
        levels, flags = ~self._choice_is_flag, self._choice_is_flag
        out[:, self._choice_columns[levels]] = codes[:, levels].double()
        flagged = self._choice_columns[flags]
        out[:, flagged] = torch.where(codes[:, flags] == 1, torch.nan, out[:, flagged])
        return out


class _ChoiceGroups:
    """Softmax spans in groups of similar width, each computed as one padded tensor."""

    def __init__(self, spans: Sequence[Span], width: int, device: torch.device) -> None:
        groups: dict[int, list[int]] = {}
        for number, span in enumerate(spans):
            groups.setdefault(max(span.width - 1, 1).bit_length(), []).append(number)
        self._groups: list[tuple[Tensor, Tensor]] = []
        outputs: list[Array] = []
        members: list[int] = []
        for numbers in groups.values():
            widest = max(spans[number].width for number in numbers)
            index = np.full((len(numbers), widest), width, np.int64)
            for row, number in enumerate(numbers):
                span = spans[number]
                index[row, : span.width] = np.arange(span.start, span.start + span.width)
            real = np.flatnonzero(index.ravel() < width)
            self._groups.append(
                (torch.as_tensor(index, device=device), torch.as_tensor(real, device=device))
            )
            outputs.append(index.ravel()[real])
            members += numbers
        self.outputs = torch.as_tensor(
            np.concatenate([np.zeros(0, np.int64), *outputs]), device=device
        )
        self._unsort = torch.as_tensor(np.argsort(np.asarray(members, np.int64)), device=device)

    def soft(self, raw: Tensor, rng: torch.Generator, temperature: float) -> list[Tensor]:
        """Relaxed one-hot draws, float32 (rows, outputs of a group) each, in order of `outputs`."""
        padded = torch.nn.functional.pad(raw, (0, 1), value=-torch.inf)
        pieces = []
        for index, real in self._groups:
            logits = padded[:, index]
            noisy = (logits + _gumbel(logits.shape, rng, raw.device)) / temperature
            pieces.append(torch.softmax(noisy, -1).flatten(1)[:, real])
        return pieces

    def draw(self, raw: Tensor, rng: torch.Generator | None) -> Tensor:
        """Codes, int64 (rows, spans), in the order of the constructor's spans."""
        padded = torch.nn.functional.pad(raw, (0, 1), value=-torch.inf)
        codes = [torch.zeros(len(raw), 0, dtype=torch.int64, device=raw.device)]
        for index, _ in self._groups:
            logits = padded[:, index]
            if rng is not None:
                logits = logits + _gumbel(logits.shape, rng, raw.device)
            codes.append(logits.argmax(-1))
        return torch.cat(codes, 1)[:, self._unsort]


def _gumbel(shape: torch.Size, rng: torch.Generator, device: torch.device) -> Tensor:
    """Standard Gumbel noise."""
    noise = torch.empty(shape, device=device).exponential_(generator=rng)
    return -noise.clamp_min_(1e-30).log_()


def _spans(codecs: Sequence[LearnedCodec]) -> list[Span]:
    spans: list[Span] = []
    start = 0

    def add(column: Column, width: int, activation: str, shares: tuple[float, ...] = ()) -> None:
        nonlocal start
        spans.append(Span(column.name, start, width, activation, shares))
        start += width

    for codec in codecs:
        column = codec.columns[0]
        if codec.quantiles is None:
            add(column, codec.width, "softmax", tuple(codec.shares.tolist()))
            continue
        add(column, 1, "tanh")
        if codec.has_missing:
            missing = float(codec.shares[-1])
            add(column, 2, "softmax", (1 - missing, missing))
    return spans


def _float(parts: list[Array], device: torch.device) -> Tensor:
    return torch.as_tensor(
        np.concatenate([np.zeros(0), *parts]), dtype=torch.float32, device=device
    )


class PixelFeatures:
    """The features of pixels: their values in [-1, 1].

    Args:
        encoder: of the pixels.
    """

    def __init__(self, encoder: PixelEncoder) -> None:
        self.width = encoder.width
        self.spans = (Span(encoder.pixels[0].name, 0, self.width, "tanh"),)
        self._scale = 2.0 / encoder.levels

    def expand(self, codes: Tensor, rng: torch.Generator | None) -> Tensor:
        """Scale uint8 codes (rows, pixels) to float32 in [-1, 1]."""
        return codes.float().mul_(self._scale).sub_(1.0)

    def relax(self, raw: Tensor, rng: torch.Generator) -> Tensor:
        """Apply tanh; float32 (rows, pixels)."""
        return torch.tanh(raw)

    def discretize(self, raw: Tensor, rng: torch.Generator | None) -> Tensor:
        """Convert raw outputs to intensities, float64 (rows, pixels) in [0, 1]."""
        return (torch.tanh(raw).double() + 1) / 2


def width_of(encoder: Encoder) -> int:
    """The number of features of an encoder's codes; see :func:`feature_transform`.

    Args:
        encoder: of a table or of pixels.

    Raises:
        TypeError: the mlp family has no features for such an encoder.
    """
    if isinstance(encoder, TableEncoder):
        return sum(span.width for span in _spans(encoder.learned))
    if isinstance(encoder, PixelEncoder):
        return encoder.width
    raise TypeError(f"the mlp family has no features for a {type(encoder).__name__}")


def feature_transform(encoder: Encoder, device: torch.device) -> FeatureTransform:
    """The transform between an encoder's codes and features, on a device.

    Args:
        encoder: of a table or of pixels.
        device: of the tensors.

    Raises:
        TypeError: the mlp family has no features for such an encoder.
    """
    if isinstance(encoder, TableEncoder):
        return TableFeatures(encoder.learned, device)
    if isinstance(encoder, PixelEncoder):
        return PixelFeatures(encoder)
    raise TypeError(f"the mlp family has no features for a {type(encoder).__name__}")
