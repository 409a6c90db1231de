"""A figure on a line: the value with its interval, what it compares with, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from h2o_gan.reporting.page.charts import axes, svg
from h2o_gan.reporting.page.formats import number

__all__ = ["draw_figure"]

_WIDTH, _HEIGHT = 270, 44
_LEFT, _RIGHT = 12, 258
_LINE, _BAND, _TEXT = 13, 24, 41
_FAR = 8  # how far beyond the other values independent columns may stretch the line


def draw_figure(figure: Mapping[str, Any], key: str) -> str:
    """The SVG image of a figure; empty without a value.

    Args:
        figure: in its JSON form.
        key: an identifier that is unique in the page.
    """
    value = figure["value"]
    if value is None:
        return ""
    low, high, is_far = _domain(figure)
    scale = axes.Scale(low, high, _LEFT, _RIGHT)
    unit = figure["unit"]
    parts = [svg.element("path", d=f"M{_LEFT} {_LINE}H{_RIGHT}", css="rule")]
    parts += _bands(figure, scale)
    ticks = (axes.share_ticks if unit == "share" else axes.number_ticks)(low, high, 4)
    for position, text in ticks:
        x = scale(position)
        parts.append(svg.element("path", d=f"M{svg.compact(x)} {_BAND + 3}v4", css="rule"))
        parts.append(svg.label(x, _TEXT, text, "tick", "middle"))
    if figure["low"] is not None and figure["high"] is not None:
        start, end = scale(figure["low"]), scale(figure["high"])
        parts.append(
            svg.element(
                "path",
                d=f"M{svg.compact(start)} {_LINE}H{svg.compact(max(end, start + 0.5))}",
                css="interval synthetic",
            )
        )
    independent, reference = figure["independent"], figure["reference"]
    if independent is not None:
        parts.append(svg.marker("independent", scale(independent), _LINE))
        if is_far:
            x, way = (_RIGHT + 6, 4) if independent > value else (_LEFT - 6, -4)
            parts.append(svg.element("path", d=f"M{x} {_LINE - 4}l{way} 4l{-way} 4", css="arrow"))
    parts.append(svg.marker("synthetic", scale(value), _LINE, 4.2))
    if reference is not None:
        parts.append(svg.marker("unseen", scale(reference), _LINE, 3.8))
    return svg.drawing(key, figure["title"], _description(figure), (_WIDTH, _HEIGHT), parts)


def _domain(figure: Mapping[str, Any]) -> tuple[float, float, bool]:
    """Ends of the line, and whether independent columns lie beyond."""
    names = ("value", "low", "high", "reference")
    near = axes.extent([*(figure[name] for name in names), *figure["limits"]])
    assert near is not None
    low, high = near
    is_far = False
    if (other := figure["independent"]) is not None:
        reach = max(high - low, 1e-3 if figure["unit"] in ("share", "auc") else 1e-9) * _FAR
        is_far = not low - reach <= other <= high + reach
        if not is_far:
            low, high = min(low, other), max(high, other)
    least = 0.02 if figure["unit"] in ("share", "auc") else max(abs(high) * 0.02, 1e-9)
    margin = max((high - low) * 0.12, (least - (high - low)) / 2)
    low, high = low - margin, high + margin
    if figure["unit"] in ("share", "auc"):
        low, high = max(low, 0.0), min(high, 1.0)
    elif near[0] >= 0:
        low = max(low, 0.0)
    return low, high, is_far


def _bands(figure: Mapping[str, Any], scale: axes.Scale) -> list[str]:
    """Ranges of the verdicts below the line: the better, the thicker."""
    if len(figure["limits"]) != 2:
        return []
    good, fair = figure["limits"]
    if figure["best"] == "half":
        edges = sorted((1 - fair, 1 - good, good, fair))
        words = ["poor", "fair", "good", "fair", "poor"]
    else:
        edges = sorted((good, fair))
        words = ["good", "fair", "poor"] if good <= fair else ["poor", "fair", "good"]
    ends = [scale.start, *(scale(edge) for edge in edges), scale.end]
    parts = []
    for (start, end), word in zip(pairwise(ends), words, strict=True):
        if end - start < 0.5:
            continue
        line = f"M{svg.compact(start)} {_BAND}H{svg.compact(end - 1)}"
        parts.append(svg.element("path", d=line, css=f"band {word}"))
    return parts


def _description(figure: Mapping[str, Any]) -> str:
    unit = figure["unit"]
    parts = [f"Synthetic rows {number(figure['value'], unit)}"]
    if figure["low"] is not None and figure["high"] is not None:
        ends = f"{number(figure['low'], unit)} to {number(figure['high'], unit)}"
        parts.append(f"95% interval {ends}")
    for name, words in (("reference", "unseen real rows"), ("independent", "independent columns")):
        if figure[name] is not None:
            parts.append(f"{words} {number(figure[name], unit)}")
    return f"{', '.join(parts)}."
