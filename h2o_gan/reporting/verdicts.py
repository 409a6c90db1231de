"""Verdicts: where a figure counts as good, fair or poor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from h2o_gan.reporting.document import Figure, Verdict

__all__ = ["Threshold", "judged", "judged_beyond_chance"]


@dataclass(frozen=True)
class Threshold:
    """Limits of the verdicts on a figure.

    Attributes:
        good: the last value that is good.
        fair: the last value that is fair; all others are poor.
        of: what the limits apply to: the "value"; the "excess", value less reference (reference
            less value where high is best); or the "way": 0 where independent columns are, 1 where
            unseen real rows are.
        least: of a way, the least length. Where unseen rows are hardly better than independent
            columns, or by chance worse, the difference of both says nothing of other rows.
    """

    good: float
    fair: float
    of: Literal["value", "excess", "way"] = "value"
    least: float = 0.0

    def text(self, best: str, unit: str = "number") -> str:
        """The limits in words."""
        share = unit == "share"
        good, fair = (
            f"{end * 100:.3g}" if share else f"{end:.3g}" for end in (self.good, self.fair)
        )
        if self.of == "way":
            return (
                f"good from {self.good:.0%}, fair from {self.fair:.0%} of the way from independent "
                "columns to unseen real rows"
                + (f", which counts as at least {self.least:g}" if self.least else "")
            )
        if self.of == "excess":
            side = "below" if best == "high" else "above"
            points = "percentage points " if share else ""
            return f"good up to {good}, fair up to {fair} {points}{side} unseen real rows"
        if share:
            good, fair = f"{good}%", f"{fair}%"
        if best == "half":
            return f"good up to {good}, fair up to {fair} away from {'50%' if share else '0.5'}"
        word = "from" if best == "high" else "up to"
        return f"good {word} {good}, fair {word} {fair}"


def judged(figure: Figure, threshold: Threshold) -> Figure:
    """The figure with its verdict and the threshold behind it.

    A figure without a value, or without the reference that the threshold needs, gets no verdict.
    """
    measure = _measure(figure, threshold)
    if measure is None:
        return figure
    verdict: Verdict
    if measure <= 0:
        verdict = "good"
    else:
        verdict = "fair" if measure <= abs(threshold.fair - threshold.good) else "poor"
    return replace(
        figure,
        verdict=verdict,
        threshold=threshold.text(figure.best, figure.unit),
        limits=tuple(_limit(figure, threshold, end) for end in (threshold.good, threshold.fair)),
    )


def _limit(figure: Figure, threshold: Threshold, end: float) -> float:
    """The value of the figure at an end of the threshold."""
    if threshold.of == "value":
        return 0.5 + end if figure.best == "half" else end
    assert figure.reference is not None
    if threshold.of == "excess":
        return figure.reference + (-end if figure.best == "high" else end)
    way = _way(figure, threshold)
    assert way is not None
    return figure.reference - (1 - end) * way


def judged_beyond_chance(figure: Figure, threshold: Threshold, chance: float) -> Figure:
    """The figure with its verdict, which is good too where chance alone explains the value.

    There is no verdict where chance reaches values that are poor: the rows are too few for one.

    Args:
        figure: the figure.
        threshold: the limits.
        chance: the worst value that chance still explains.
    """
    found = judged(figure, threshold)
    if found.value is None or found.verdict is None:
        return found
    word = "from" if figure.best == "high" else "up to"
    shown = f"{chance * 100:.3g}%" if figure.unit == "share" else f"{chance:.3g}"
    text = f"{found.threshold}; good too {word} {shown}, which chance explains"
    end = 0.5 + abs(chance - 0.5) if figure.best == "half" else chance
    worst = min if figure.best == "high" else max
    found = replace(
        found, threshold=text, limits=tuple(worst(limit, end) for limit in found.limits)
    )
    if found.verdict == "good" or _is_worse(figure.value or 0.0, chance, figure.best):
        return found
    if judged(replace(figure, value=chance), threshold).verdict == "poor":
        return replace(found, verdict=None, threshold=f"{text}: too few rows for a verdict")
    return replace(found, verdict="good")


def _is_worse(value: float, other: float, best: str) -> bool:
    """Whether a value is worse than another."""
    if best == "half":
        return abs(value - 0.5) > abs(other - 0.5)
    return value < other if best == "high" else value > other


def _measure(figure: Figure, threshold: Threshold) -> float | None:
    """How far the figure is beyond the limit of good; None where that can't be told."""
    value, reference = figure.value, figure.reference
    if value is None:
        return None
    if threshold.of == "value":
        if figure.best == "half":
            return abs(value - 0.5) - threshold.good
        return threshold.good - value if figure.best == "high" else value - threshold.good
    if reference is None:
        return None
    if threshold.of == "excess":
        worse = reference - value if figure.best == "high" else value - reference
        return worse - threshold.good
    way = _way(figure, threshold)
    return None if way is None else threshold.good - (1 - (reference - value) / way)


def _way(figure: Figure, threshold: Threshold) -> float | None:
    """From independent columns to unseen rows, negative where low is best; None without a way."""
    if figure.reference is None or figure.independent is None:
        return None
    sign = -1.0 if figure.best == "low" else 1.0
    length = max(sign * (figure.reference - figure.independent), threshold.least)
    return sign * length if length > 1e-9 else None
