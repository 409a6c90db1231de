"""Lines over a common axis, and groups of horizontal bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from h2o_gan.reporting.page.charts import axes, svg
from h2o_gan.reporting.page.charts.series import looks
from h2o_gan.reporting.page.formats import number

__all__ = ["draw_curves"]

_WIDTH, _HEIGHT = 460, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 448, 10, 272
_GUTTER, _BARS_RIGHT = 146, 412  # between labels and numbers
_MOST_BARS = 30


def draw_curves(block: Mapping[str, Any], key: str) -> str:
    """The SVG image of a curves block: lines, or bars where it says so.

    Args:
        block: in its JSON form.
        key: an identifier that is unique in the page.
    """
    styles = looks([series["name"] for series in block["series"]])
    size, parts = (_bars if block["bars"] else _lines)(block, styles)
    return svg.drawing(key, block["title"], block["caption"], size, parts)


def _lines(
    block: Mapping[str, Any], styles: Sequence[str]
) -> tuple[tuple[float, float], list[str]]:
    across, up = _plane(block)
    parts = []
    for value, text in axes.number_ticks(up.low, up.high, 5):
        y = svg.compact(up(value))
        parts.append(svg.element("path", d=f"M{_LEFT} {y}H{_RIGHT}", css="rule"))
        parts.append(svg.label(_LEFT - 7, up(value) + 3.6, text, "tick", "end"))
    for value, text in axes.number_ticks(across.low, across.high, 5):
        x = svg.compact(across(value))
        parts.append(svg.element("path", d=f"M{x} {_BOTTOM}v4", css="axis"))
        parts.append(svg.label(across(value), _BOTTOM + 17, text, "tick", "middle"))
    parts.append(svg.element("path", d=f"M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}", css="axis"))
    if block["diagonal"]:
        ends = svg.path([(across(0), up(0)), (across(1), up(1))])
        parts.append(svg.element("path", d=ends, css="chance"))
    for series, style in zip(block["series"], styles, strict=True):
        points = [
            None if y is None or x is None else (across(x), up(y))
            for x, y in zip(series["x"], series["y"], strict=False)
        ]
        parts.append(svg.element("path", d=svg.path(points), css=f"line {style}"))
    middle = (_TOP + _BOTTOM) / 2
    parts.append(
        svg.label(
            (_LEFT + _RIGHT) / 2,
            _HEIGHT - 10,
            svg.fitted(block["x_label"], 390),
            "axis-name",
            "middle",
        )
    )
    parts.append(
        svg.element(
            "g",
            svg.label(0, 0, svg.fitted(block["y_label"], 250), "axis-name", "middle"),
            transform=f"translate(13 {svg.compact(middle)})rotate(-90)",
        )
    )
    return (_WIDTH, _HEIGHT), parts


def _plane(block: Mapping[str, Any]) -> tuple[axes.Scale, axes.Scale]:
    """Scales of both axes: the unit square where chance is drawn, else what the lines need."""
    if block["diagonal"]:
        return axes.Scale(0, 1, _LEFT, _RIGHT), axes.Scale(0, 1, _BOTTOM, _TOP)
    x = axes.extent(x for series in block["series"] for x in series["x"]) or (0.0, 1.0)
    y = axes.extent(y for series in block["series"] for y in series["y"]) or (0.0, 1.0)
    margin = (y[1] - y[0]) * 0.06 or abs(y[1]) * 0.05 or 1.0
    low = max(y[0] - margin, 0.0) if y[0] >= 0 else y[0] - margin
    high = min(y[1] + margin, 1.0) if y[1] <= 1 else y[1] + margin
    low, high = (low, high) if high > low else (low - margin, high + margin)
    return axes.Scale(x[0], x[1], _LEFT, _RIGHT), axes.Scale(low, high, _BOTTOM, _TOP)


def _bars(block: Mapping[str, Any], styles: Sequence[str]) -> tuple[tuple[float, float], list[str]]:
    labels = block["labels"][:_MOST_BARS]
    hidden = len(block["labels"]) - len(labels)
    count = max(len(block["series"]), 1)
    thick = 11.0 if count < 3 else 9.0
    pitch = count * (thick + 1.5) + 9
    top = 6.0
    base = top + pitch * len(labels) + (16 if hidden else 0)
    values = [value for series in block["series"] for value in series["y"][: len(labels)]]
    low, high = axes.extent([*values, 0.0]) or (0.0, 1.0)
    across = axes.Scale(low, high if high > low else low + 1, _GUTTER, _BARS_RIGHT)
    parts = []
    for value, text in axes.number_ticks(across.low, across.high, 5):
        x = svg.compact(across(value))
        parts.append(svg.element("path", d=f"M{x} {top}V{svg.compact(base + 4)}", css="rule"))
        parts.append(svg.label(across(value), base + 17, text, "tick", "middle"))
    zero = across(0)
    for index, name in enumerate(labels):
        start = top + pitch * index + 4.5
        middle = start + (pitch - 9) / 2
        parts.append(
            svg.label(_GUTTER - 8, middle + 4, svg.fitted(name, _GUTTER - 14, 12), "name", "end")
        )
        for place, (series, style) in enumerate(zip(block["series"], styles, strict=True)):
            share = series["y"][index] if index < len(series["y"]) else None
            if share is None:
                continue
            begin, end = sorted((zero, across(share)))
            y = start + place * (thick + 1.5)
            parts.append(
                svg.element(
                    "rect",
                    x=begin,
                    y=y,
                    width=max(end - begin, 0.6),
                    height=thick,
                    css=f"solid {style}",
                )
            )
            parts.append(svg.label(end + 4, y + thick - 1.5, number(share), "number"))
    if hidden:
        parts.append(svg.label(_GUTTER - 8, base - 4, f"and {hidden} more", "tick", "end"))
    line = f"M{svg.compact(zero)} {top}V{svg.compact(base)}"
    parts.append(svg.element("path", d=line, css="axis"))
    name = svg.fitted(block["x_label"], _BARS_RIGHT - _GUTTER)
    parts.append(svg.label((_GUTTER + _BARS_RIGHT) / 2, base + 34, name, "axis-name", "middle"))
    return (_WIDTH, base + 42), parts
