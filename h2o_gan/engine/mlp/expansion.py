"""Codes as what one-pass networks see, and their outputs as codes again.

In memory a row is a few integer codes. One-hot vectors and scaling exist only inside a training
step, on the device. The networks learn their shape from :class:`Span` and never ask what a column
is; that idea is CTGAN's (Xu et al. 2019, arXiv 1907.00503).
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

__all__ = ["Expansion", "PixelExpansion", "Span", "TableExpansion", "expansion_of", "width_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Span:
    """Neighbouring outputs of the generator that belong together.

    ``activation`` is "tanh" (each output a place in [-1, 1]) or "softmax" (one choice among
    ``width``, whose real shares are ``shares``).
    """

    column: str
    start: int
    width: int
    activation: str
    shares: tuple[float, ...] = ()


class Expansion(Protocol):
    """The part of an encoding that runs on the device, inside the step.

    Attributes:
        spans: of the networks' outputs, in order.
        width: number of these outputs.
    """

    @property
    def spans(self) -> tuple[Span, ...]: ...

    @property
    def width(self) -> int: ...

    def expand(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes (rows, columns) to what the critic sees, float32 (rows, width).

        Where a code leaves room, the place in it is drawn with `generator`, or is its middle.
        """

    def activate(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """The generator's raw outputs (rows, width) to what the critic sees, differentiably."""

    def harden(self, raw: Tensor, generator: torch.Generator | None) -> Tensor:
        """Raw outputs to float64 (rows, columns) for :meth:`Encoder.decode`.

        Choices are drawn with `generator`; the likeliest are taken where it is None.
        """


class TableExpansion:
    """Expands codes and activates outputs for all columns at once, with no loop over rows."""

    TEMPERATURE = 0.2
    """Of the Gumbel-softmax relaxation (Jang et al. 2017, arXiv 1611.01144)."""

    def __init__(self, codecs: Sequence[LearnedCodec], device: torch.device) -> None:
        self.spans = spans = tuple(_spans(codecs))
        self.width = self._width = sum(span.width for span in spans)
        self._columns = len(codecs)
        self._device = device
        choice_of: dict[int, Span] = {}
        place_of: dict[int, Span] = {}
        by_name = {codec.columns[0].name: place for place, codec in enumerate(codecs)}
        for span in spans:
            target = choice_of if span.activation == "softmax" else place_of
            target[by_name[span.column]] = span

        def index(values: Sequence[int] | Array) -> Tensor:
            return torch.as_tensor(np.asarray(values, np.int64), device=device)

        # Numbers: for code c of a column, entry offset + c + 1 holds the start and the length of
        # the code's stretch of [-1, 1]; entry 0 is UNKNOWN's, the last one is missing's.
        numbers = [place for place in range(len(codecs)) if place in place_of]
        starts: list[Array] = []
        lengths: list[Array] = []
        offsets: list[int] = []
        missing: list[int] = []
        filled = 0
        for place in numbers:
            quantiles = codecs[place].quantiles
            assert quantiles is not None
            cumulative = quantiles.cumulative
            offsets.append(filled + 1)
            filled += len(cumulative) + 1
            missing.append(len(quantiles))
            starts.append(np.concatenate([[0.0], cumulative[:-1] * 2 - 1, [-1.0]]))
            lengths.append(np.concatenate([[0.0], np.diff(cumulative) * 2, [2.0]]))
        self._numbers = index(numbers)
        self._number_outputs = index([place_of[place].start for place in numbers])
        self._offsets = index(offsets)
        self._missing = index(missing)
        self._starts = _float(starts, device)
        self._lengths = _float(lengths, device)

        # Choices: of levels by their code, or of present against missing beside a number.
        self._level_columns = index([p for p in choice_of if p not in place_of])
        self._level_starts = index([choice_of[p].start for p in choice_of if p not in place_of])
        flags = [p for p in choice_of if p in place_of]
        self._flag_columns = index([numbers.index(p) for p in flags])
        self._flag_starts = index([choice_of[p].start for p in flags])
        self._choices = _ChoiceGroups([choice_of[p] for p in choice_of], self._width, device)
        self._choice_columns = index(list(choice_of))
        self._choice_is_flag = torch.as_tensor(
            [p in place_of for p in choice_of], dtype=torch.bool, device=device
        )
        order = torch.cat([self._number_outputs, self._choices.outputs])
        self._order = torch.argsort(order)

    def expand(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes (rows, columns) to float32 (rows, width): places in [-1, 1] and one-hot choices.

        A place is drawn evenly within its bin, or is its middle. An unknown level is all zeros.
        """
        codes = codes.long()
        rows = len(codes)
        number_codes = codes[:, self._numbers]
        entries = number_codes + self._offsets
        if generator is None:
            noise = torch.full(entries.shape, 0.5, device=self._device)
        else:
            noise = torch.rand(entries.shape, generator=generator, device=self._device)
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

    def activate(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """Raw outputs to what the critic sees: tanh, and Gumbel-softmax for choices."""
        pieces = [torch.tanh(raw[:, self._number_outputs])]
        pieces += self._choices.soft(raw, generator, self.TEMPERATURE)
        return torch.cat(pieces, 1)[:, self._order]

    def harden(self, raw: Tensor, generator: torch.Generator | None) -> Tensor:
        """Raw outputs to float64 (rows, columns): a code, or a place in [0, 1], or NaN."""
        hard = torch.empty(len(raw), self._columns, dtype=torch.float64, device=self._device)
        hard[:, self._numbers] = (torch.tanh(raw[:, self._number_outputs]).double() + 1) / 2
        codes = self._choices.draw(raw, generator)
        levels, flags = ~self._choice_is_flag, self._choice_is_flag
        hard[:, self._choice_columns[levels]] = codes[:, levels].double()
        flagged = self._choice_columns[flags]
        hard[:, flagged] = torch.where(codes[:, flags] == 1, torch.nan, hard[:, flagged])
        return hard


class _ChoiceGroups:
    """Softmax spans in groups of like width, so that a few padded tensors serve them all."""

    def __init__(self, spans: Sequence[Span], width: int, device: torch.device) -> None:
        groups: dict[int, list[int]] = {}
        for place, span in enumerate(spans):
            groups.setdefault(max(span.width - 1, 1).bit_length(), []).append(place)
        self._groups: list[tuple[Tensor, Tensor]] = []
        outputs: list[Array] = []
        members: list[int] = []
        for places in groups.values():
            widest = max(spans[place].width for place in places)
            index = np.full((len(places), widest), width, np.int64)
            for row, place in enumerate(places):
                span = spans[place]
                index[row, : span.width] = np.arange(span.start, span.start + span.width)
            real = np.flatnonzero(index.ravel() < width)
            self._groups.append(
                (torch.as_tensor(index, device=device), torch.as_tensor(real, device=device))
            )
            outputs.append(index.ravel()[real])
            members += places
        self.outputs = torch.as_tensor(
            np.concatenate([np.zeros(0, np.int64), *outputs]), device=device
        )
        self._unsort = torch.as_tensor(np.argsort(np.asarray(members, np.int64)), device=device)

    def soft(self, raw: Tensor, generator: torch.Generator, temperature: float) -> list[Tensor]:
        """Relaxed one-hot draws, each (rows, outputs of a group), in the order of ``outputs``."""
        padded = torch.nn.functional.pad(raw, (0, 1), value=-torch.inf)
        pieces = []
        for index, real in self._groups:
            logits = padded[:, index]
            noisy = (logits + _gumbel(logits.shape, generator, raw.device)) / temperature
            pieces.append(torch.softmax(noisy, -1).flatten(1)[:, real])
        return pieces

    def draw(self, raw: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes (rows, spans), in the order the spans were given in."""
        padded = torch.nn.functional.pad(raw, (0, 1), value=-torch.inf)
        codes = [torch.zeros(len(raw), 0, dtype=torch.int64, device=raw.device)]
        for index, _ in self._groups:
            logits = padded[:, index]
            if generator is not None:
                logits = logits + _gumbel(logits.shape, generator, raw.device)
            codes.append(logits.argmax(-1))
        return torch.cat(codes, 1)[:, self._unsort]


def _gumbel(shape: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    """Standard Gumbel noise."""
    noise = torch.empty(shape, device=device).exponential_(generator=generator)
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


class PixelExpansion:
    """Scales uint8 pixels to [-1, 1] and back, for networks of flat rows."""

    def __init__(self, encoder: PixelEncoder) -> None:
        self.width = encoder.width
        self.spans = (Span(encoder.pixels[0].name, 0, self.width, "tanh"),)
        self._scale = 2.0 / encoder.levels

    def expand(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        """uint8 (rows, pixels) to float32 in [-1, 1]."""
        return codes.float().mul_(self._scale).sub_(1.0)

    def activate(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """Raw outputs to [-1, 1]."""
        return torch.tanh(raw)

    def harden(self, raw: Tensor, generator: torch.Generator | None) -> Tensor:
        """Raw outputs to intensities, float64 in [0, 1]."""
        return (torch.tanh(raw).double() + 1) / 2


def width_of(encoder: Encoder) -> int:
    """Number of outputs for an encoder's codes; see :func:`expansion_of`."""
    if isinstance(encoder, TableEncoder):
        return sum(span.width for span in _spans(encoder.learned))
    if isinstance(encoder, PixelEncoder):
        return encoder.width
    raise TypeError(f"no expansion for a {type(encoder).__name__}")


def expansion_of(encoder: Encoder, device: torch.device) -> Expansion:
    """The expansion of an encoder's codes, on a device.

    Raises:
        TypeError: these networks have none for such an encoder.
    """
    if isinstance(encoder, TableEncoder):
        return TableExpansion(encoder.learned, device)
    if isinstance(encoder, PixelEncoder):
        return PixelExpansion(encoder)
    raise TypeError(f"no expansion for a {type(encoder).__name__}")
