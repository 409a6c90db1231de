"""Scales and their ticks: numbers, shares and times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Scale", "Tick", "date_ticks", "extent", "number_ticks", "share_ticks"]

Tick = tuple[float, str]

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_CLOCK_STEPS = [
    step * unit
    for unit, steps in {
        _SECOND: (1, 5, 15, 30),
        _MINUTE: (1, 5, 15, 30),
        _HOUR: (1, 3, 6, 12),
        _DAY: (1, 2, 7, 14),
    }.items()
    for step in steps
]
_MONTH_STEPS = [1, 2, 3, 6, *(12 * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))]
_MONTH = 30.4 * _DAY
_YEAR_1, _YEAR_9999 = -6.2e13, 2.5e14  # what Python's datetime reaches
_MONTHS_TO_1970 = 1970 * 12  # of round years


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` onto pixels from `start` to `end`.

    Attributes:
        low: value at the start.
        high: value at the end.
        start: pixel of the start.
        end: pixel of the end.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value; values beyond the scale lie at its ends."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def extent(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The least and the greatest of finite values; None without any."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return (min(known), max(known)) if known else None


def number_ticks(low: float, high: float, count: int = 4) -> list[Tick]:
    """Round numbers between two values, about `count` of them, with their labels."""
    step = _step(low, high, count)
    if step is None:
        return [(low, _tick_text(low, 0.0))]
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last <= first and count < 9:  # one label alone tells no scale
        return number_ticks(low, high, count + 1)
    return [(index * step, _tick_text(index * step, step)) for index in range(first, last + 1)]


def share_ticks(low: float, high: float, count: int = 4) -> list[Tick]:
    """Round percentages between two shares of 1, with their labels."""
    return [(value / 100, f"{text}%") for value, text in number_ticks(low * 100, high * 100, count)]


def date_ticks(low: float, high: float, count: int = 3) -> list[Tick]:
    """Round times between two, in milliseconds since 1970, with labels; the first has the year."""
    target = (high - low) / max(count, 1)
    if not (target > 0 and low > _YEAR_1 and high < _YEAR_9999):
        return number_ticks(low, high, count)
    ticks = _clock_ticks(low, high, target) if target < 20 * _DAY else _months(low, high, target)
    return ticks if len(ticks) > 1 or count > 8 else date_ticks(low, high, count + 1)


def _clock_ticks(low: float, high: float, target: float) -> list[Tick]:
    """Ticks whose distance is some seconds up to some days; the first label has the date."""
    step = next((step for step in _CLOCK_STEPS if step >= target), _CLOCK_STEPS[-1])
    if step >= _DAY:
        form, first_form = "%d %b", "%d %b %Y"
    else:
        form = "%H:%M" if step >= _MINUTE else "%H:%M:%S"
        first_form = f"%d %b, {form}"
    values = [index * step for index in range(math.ceil(low / step), int(high // step) + 1)]
    return [
        (float(value), _date(value, form if index else first_form))
        for index, value in enumerate(values)
    ]


def _months(low: float, high: float, target: float) -> list[Tick]:
    """Ticks at beginnings of months or years."""
    step = next((step for step in _MONTH_STEPS if step * _MONTH >= target), _MONTH_STEPS[-1])
    start, end = (
        int(np.datetime64(int(moment), "ms").astype("datetime64[M]").astype(int)) + _MONTHS_TO_1970
        for moment in (low, high)
    )
    starts = [
        float(np.datetime64(month - _MONTHS_TO_1970, "M").astype("datetime64[ms]").astype(int))
        for month in range(math.ceil(start / step) * step, end + 1, step)
    ]
    form = "%Y" if step % 12 == 0 else "%b %Y"
    return [(value, _date(value, form)) for value in starts if low <= value <= high]


def _date(milliseconds: float, form: str) -> str:
    moment = np.datetime64(int(milliseconds), "ms").item()
    text = str(moment.strftime(form))
    return text.lstrip("0") if form.startswith("%d") else text


def _step(low: float, high: float, count: int) -> float | None:
    """The round distance of ticks; None where the range has no width."""
    span = high - low
    if not math.isfinite(span) or span <= max(max(abs(low), abs(high)) * 1e-12, 1e-290):
        return None
    rough = span / max(count, 1)
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(nice * power for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)


def _tick_text(value: float, step: float) -> str:
    """A tick's label with as many digits as the step needs."""
    if value == 0:
        return "0"
    size = max(abs(value), step)
    if size >= 1e15 or 0 < size < 1e-4:
        text = f"{value:.1e}"
    else:
        scale, suffix = next(
            ((scale, suffix) for scale, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k"))
             if size >= scale),
            (1.0, ""),
        )  # fmt: skip
        scale = 1e3 if suffix == "k" else scale
        decimals = 0 if step <= 0 else max(0, -math.floor(math.log10(step / scale) + 1e-9))
        if step > 0 and round(step / scale * 10**decimals, 6) % 1:
            decimals += 1  # steps of 2.5
        text = f"{value / scale:.{min(decimals, 8)}f}{suffix}"
    return "\u2212" + text[1:] if text.startswith("-") else text
