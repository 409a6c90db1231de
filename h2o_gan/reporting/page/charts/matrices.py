"""Matrices as coloured cells: values become degrees of one colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from h2o_gan.reporting.page.charts import axes, svg

__all__ = ["DEGREES", "MOST_LABELS", "draw_matrix", "draw_matrix_legend"]

DEGREES = 10
"""Degrees of the colour, each a class of the style sheet."""
MOST_LABELS = 40
_MOST_COLUMN_LABELS = 24
MOST_COLUMNS = 150
_SIDE = 290.0
_GUTTER = 114.0


def draw_matrix(block: Mapping[str, Any], panel: str, key: str) -> str:
    """The SVG image of one panel of a matrices block.

    Args:
        block: in its JSON form.
        panel: its name.
        key: an identifier that is unique in the page.
    """
    labels = block["labels"][:MOST_COLUMNS]
    count = max(len(labels), 1)
    left = _GUTTER if len(labels) <= MOST_LABELS else 4.0
    foot = 96.0 if len(labels) <= _MOST_COLUMN_LABELS else 4.0
    pitch = _SIDE / count
    low, high = block["ranges"].get(panel) or (0.0, 1.0)
    cells: dict[int, list[str]] = {}
    gaps: list[str] = []
    for row, values in enumerate(block["panels"][panel][:count]):
        y = svg.compact(4 + pitch * (row + 0.5))
        column = 0
        for degree, group in groupby(_degree(value, low, high) for value in values[:count]):
            length = len(list(group))
            x, width = svg.compact(left + pitch * column), svg.compact(pitch * length)
            if degree is None:
                gaps.append(f"M{x} {y}h{width}")
            elif degree:
                cells.setdefault(degree, []).append(f"M{x} {y}h{width}")
            column += length
    frame = svg.element("rect", x=left, y=4, width=_SIDE, height=_SIDE, css="frame")
    # Rows of cells are strokes as thick as a cell: a tenth of the size of as many rectangles.
    strokes = [
        svg.element("path", d="".join(lines), css=_look(degree), stroke_width=f"{pitch:.2f}")
        for degree, lines in sorted(cells.items())
    ]
    if gaps:
        strokes.append(svg.element("path", d="".join(gaps), css="gap"))
    names = _names(labels, pitch, left) if labels else []
    size = (left + _SIDE + 6, _SIDE + 6 + foot)
    title = f"{block['title']}: {panel}"
    return svg.drawing(key, title, block["caption"], size, [*strokes, frame, *names])


def _names(labels: Sequence[str], pitch: float, left: float) -> list[str]:
    """Labels of rows, and of columns where there is room."""
    size = max(min(13.0, pitch * 0.95), 6.0)
    parts = []
    for index, name in enumerate(labels):
        middle = 4 + pitch * (index + 0.5)
        if len(labels) <= MOST_LABELS:
            text = svg.fitted(name, _GUTTER - 8, size)
            parts.append(svg.label(left - 5, middle + size * 0.34, text, "name", "end"))
        if len(labels) <= _MOST_COLUMN_LABELS:
            x, y = svg.compact(left + pitch * (index + 0.5) + size * 0.34), svg.compact(_SIDE + 10)
            text = svg.label(0, 0, svg.fitted(name, 86, size), "name", "end")
            parts.append(svg.element("g", text, transform=f"translate({x} {y})rotate(-90)"))
    return [svg.element("g", *parts, font_size=f"{size:.1f}")] if parts else []


def _degree(value: float | None, low: float, high: float) -> int | None:
    """0 for the faintest colour up to :data:`DEGREES`; below 0 where colours go both ways."""
    if value is None or high <= low:
        return None if value is None else 0
    if low < 0 < high:
        return round(axes.Scale(-high, high, -DEGREES, DEGREES)(value))
    return round(axes.Scale(low, high, 0, DEGREES)(value))


def _look(degree: int) -> str:
    """The class of a degree."""
    return f"heat {'below ' if degree < 0 else ''}d{abs(degree)}"


def draw_matrix_legend(block: Mapping[str, Any], panel: str, key: str) -> str:
    """The SVG image of the colours of a panel, from the least value to the greatest."""
    low, high = block["ranges"].get(panel) or (0.0, 1.0)
    degrees = range(-DEGREES if low < 0 < high else 0, DEGREES + 1)
    left, width = 34.0, 150.0
    step = width / len(degrees)
    parts = [
        svg.element(
            "path",
            d=f"M{svg.compact(left + step * index)} 8h{svg.compact(step)}",
            css=_look(degree),
            stroke_width=10,
        )
        for index, degree in enumerate(degrees)
    ]
    parts.append(svg.element("rect", x=left, y=3, width=width, height=10, css="frame"))
    ends = [f"{end:.3g}".replace("-", "\u2212") for end in (low, high)]
    parts.append(svg.label(left - 5, 11.6, ends[0], "tick", "end"))
    parts.append(svg.label(left + width + 5, 11.6, ends[1], "tick"))
    words = f"Colours go from {ends[0]} to {ends[1]}; the stronger, the further from 0."
    return svg.drawing(key, f"Colours of {panel}", words, (230, 16), parts)
