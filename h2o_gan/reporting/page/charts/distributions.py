"""Distributions of columns, overlaid for several tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from h2o_gan.reporting.page.charts import axes, svg
from h2o_gan.reporting.page.charts.series import looks

__all__ = ["draw_distribution"]

_WIDTH, _HEIGHT = 290, 164
_TOP, _BASE, _AXIS = 6, 142, 157
_MOST_LEVELS, _MOST_SPIKES = 8, 4
_GUTTER = 108  # of the levels' labels
_SPIKES_LEFT = 208


def draw_distribution(block: Mapping[str, Any], key: str) -> str:
    """The SVG image of a distribution block.

    Args:
        block: in its JSON form.
        key: an identifier that is unique in the page.
    """
    styles = looks([series["name"] for series in block["series"]])
    spikes = block["spikes"]
    bins = _bins(block)
    if not bins:
        rows = [*_levels(block), *((name, shares) for name, shares in spikes)]
        height, parts = _bars(rows, styles)
        return svg.drawing(key, block["title"], block["caption"], (_WIDTH, height), parts)
    right = _SPIKES_LEFT - 16 if spikes else _WIDTH - 8
    across = axes.Scale(bins[0][0], bins[-1][1], 6, right)
    parts = _histogram(block, bins, styles, across)
    parts.append(svg.element("path", d=f"M2 {_BASE}H{svg.compact(right + 4)}", css="axis"))
    if not block["numeric"]:
        ticks = [(index + 0.5, text) for index, text in enumerate(block["labels"])]
    elif block["time"]:
        ticks = axes.date_ticks(across.low, across.high, 2 if spikes else 3)
    else:
        ticks = axes.number_ticks(across.low, across.high, 3 if spikes else 4)
    parts += _ticks(ticks, across, _BASE, right + 6)
    if spikes:
        top = max((share or 0 for _, shares in spikes for share in shares), default=0)
        parts += _spikes(spikes, styles, top)
    return svg.drawing(key, block["title"], block["caption"], (_WIDTH, _HEIGHT), parts)


def _bins(block: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Ends of each bin; none where they can't be drawn, or where all of it lies in the spikes.

    Single numbers that are too many for rows of bars get bins of the same width.
    """
    edges = block["edges"]
    if not block["numeric"]:
        values = block["labels"]
        if len(values) <= _MOST_LEVELS or not all(map(_is_number, values[:-1])):
            return []
        edges = range(len(values) + 1)
    if len(edges) < 2 or any(edge is None for edge in edges) or edges[-1] <= edges[0]:
        return []
    if not any(share for series in block["series"] for share in series["y"]):
        return []
    return list(pairwise(edges))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _levels(block: Mapping[str, Any]) -> list[tuple[str, list[float | None]]]:
    if block["numeric"]:
        return []
    return [
        (text, [series["y"][index] if index < len(series["y"]) else None
                for series in block["series"]])
        for index, text in enumerate(block["labels"])
    ]  # fmt: skip


def _histogram(
    block: Mapping[str, Any],
    bins: Sequence[tuple[float, float]],
    styles: Sequence[str],
    across: axes.Scale,
) -> list[str]:
    # Bins without a width count as a thousandth of the range: their density would have no end.
    extent = bins[-1][1] - bins[0][0]
    widths = [max((high - low) / extent, 1e-3) for low, high in bins]
    densities = [
        [None if share is None else share / width
         for share, width in zip(series["y"], widths, strict=False)]
        for series in block["series"]
    ]  # fmt: skip
    top = axes.extent(density for line in densities for density in line)
    up = axes.Scale(0, max(top[1], 1e-300) if top else 1.0, _BASE, _TOP)
    parts = []
    for index, (line, style) in enumerate(zip(densities, styles, strict=True)):
        steps = _steps(line, bins, across, up)
        if index == 0:
            parts.append(svg.element("path", d=steps, css=f"area {style}"))
        parts.append(svg.element("path", d=steps, css=f"line {style}"))
    return parts


def _steps(
    line: Sequence[float | None],
    bins: Sequence[tuple[float, float]],
    across: axes.Scale,
    up: axes.Scale,
) -> str:
    """A line of steps that begins and ends at the base, and is interrupted at gaps."""
    commands = []
    is_open = False
    for density, (low, high) in zip(line, bins, strict=False):
        if density is None:
            if is_open:
                commands.append(f"V{_BASE}")
            is_open = False
            continue
        if not is_open:
            commands.append(f"M{svg.compact(across(low))} {_BASE}")
        commands.append(f"V{svg.compact(up(density))}H{svg.compact(across(high))}")
        is_open = True
    if is_open:
        commands.append(f"V{_BASE}")
    return "".join(commands)


def _ticks(
    ticks: Sequence[axes.Tick], across: axes.Scale, base: float, right: float, left: float = 0.0
) -> list[str]:
    """Ticks below an axis; labels that would leave the image or meet another are left out."""
    parts = []
    reached = left - 4
    for value, text in ticks:
        x = across(value)
        parts.append(svg.element("path", d=f"M{svg.compact(x)} {svg.compact(base)}v3", css="axis"))
        half = len(text) * 2.9
        at, anchor = x, "middle"
        if x - half < left:
            at, anchor = left, "start"
        elif x + half > right:
            at, anchor = right, "end"
        begin = {"start": at, "middle": at - half, "end": at - 2 * half}[anchor]
        if begin < reached + 4:
            continue
        reached = begin + 2 * half
        parts.append(svg.label(at, base + 15, text, "tick", anchor))
    return parts


def _spikes(
    spikes: Sequence[tuple[str, Sequence[float]]], styles: Sequence[str], top: float
) -> list[str]:
    """Single values and missing cells at the right, with a scale of their own."""
    across = axes.Scale(0, top or 1.0, _SPIKES_LEFT, _WIDTH - 8)
    parts = [svg.element("path", d=f"M{_SPIKES_LEFT - 6} {_TOP}V{_BASE}", css="rule")]
    drawn = spikes[:_MOST_SPIKES]
    for index, (name, shares) in enumerate(drawn):
        y = _TOP + 10 + index * 32
        share = f"{shares[0]:.0%}" if shares and shares[0] is not None else ""
        room = _WIDTH - 8 - _SPIKES_LEFT - len(share) * 6 - 4
        parts.append(svg.label(_SPIKES_LEFT, y, svg.fitted(name, room), "name"))
        parts.append(svg.label(_WIDTH - 4, y, share, "tick", "end"))
        parts += _bar(shares, styles, across, y + 10, 7)
    if len(spikes) > len(drawn):
        rest = f"and {len(spikes) - len(drawn)} more"
        parts.append(svg.label(_SPIKES_LEFT, _BASE + 2, rest, "tick"))
    return parts


def _bars(
    rows: Sequence[tuple[str, Sequence[float | None]]], styles: Sequence[str]
) -> tuple[float, list[str]]:
    """The height, and bars of the levels: the first series as bars, the others as marks on them."""
    if not rows:
        return 60, [svg.label(_WIDTH / 2, 30, "nothing to draw", "tick", "middle")]
    most = _MOST_LEVELS if len(rows) <= _MOST_LEVELS else _MOST_LEVELS - 1
    drawn = rows[:most]
    hidden = len(rows) - len(drawn)
    top = axes.extent(share for _, shares in drawn for share in shares)
    across = axes.Scale(0, (top[1] if top else 0) * 1.02 or 1.0, _GUTTER, _WIDTH - 10)
    pitch = min(24.0, (_BASE - _TOP) / (len(drawn) + bool(hidden)))
    base = _TOP + pitch * (len(drawn) + bool(hidden))
    parts = []
    for index, (name, shares) in enumerate(drawn):
        y = _TOP + pitch * (index + 0.5)
        text = svg.fitted(name, _GUTTER - 10)
        parts.append(svg.label(_GUTTER - 7, y + 3.6, text, "name", "end"))
        parts += _bar(shares, styles, across, y, min(pitch - 6, 11))
    if hidden:
        y = _TOP + pitch * (len(drawn) + 0.5)
        parts.append(svg.label(_GUTTER - 7, y + 3.6, f"and {hidden} more", "tick", "end"))
    parts.append(svg.element("path", d=f"M{_GUTTER} {_TOP}V{svg.compact(base)}", css="axis"))
    ticks = axes.share_ticks(0, across.high, 3)
    parts += _ticks(ticks, across, base, _WIDTH - 2, _GUTTER - 12)
    return base + _HEIGHT - _BASE, parts


def _bar(
    shares: Sequence[float | None],
    styles: Sequence[str],
    across: axes.Scale,
    y: float,
    thickness: float,
) -> list[str]:
    parts = []
    for index, (share, style) in enumerate(zip(shares, styles, strict=False)):
        if share is None:
            continue
        x = across(share)
        if index == 0:
            parts.append(
                svg.element(
                    "rect",
                    x=across.start,
                    y=y - thickness / 2,
                    width=max(x - across.start, 0.3),
                    height=thickness,
                    css=f"bar {style}",
                )
            )
        else:
            parts.append(svg.marker(style, x, y, 3))
    return parts
