"""Elements of SVG, with every text escaped, and texts that fit a width."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable

from h2o_gan.reporting.page.formats import plain

__all__ = ["compact", "drawing", "element", "fitted", "label", "marker", "path"]

_TEXT_PIXELS = 10.5
_CHARACTER = 0.56  # mean width of a character, in units of the font's size
_WIDE = 1.05


def compact(value: float) -> str:
    """A coordinate with one decimal, or none."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def element(tag: str, *children: str, **attributes: str | float | None) -> str:
    """The markup of an element.

    Args:
        tag: its name.
        children: markup inside.
        attributes: texts are escaped; None leaves one out; `css` is the class, and underscores
            become dashes.
    """
    parts = [f"<{tag}"]
    for name, value in attributes.items():
        if value is None or value == "":
            continue
        text = compact(value) if isinstance(value, (int, float)) else html.escape(plain(value))
        parts.append(f' {"class" if name == "css" else name.replace("_", "-")}="{text}"')
    inside = "".join(children)
    parts.append(f">{inside}</{tag}>" if inside else "/>")
    return "".join(parts)


def label(x: float, y: float, text: str, css: str = "", anchor: str = "start") -> str:
    """A line of text that begins, is centred or ends at a point."""
    if anchor != "start":
        css = f"{css} {anchor}".strip()
    return element("text", html.escape(plain(text)), x=x, y=y, css=css)


def drawing(
    key: str, title: str, caption: str, size: tuple[float, float], parts: Iterable[str]
) -> str:
    """An SVG image with a title and a description for readers who do not see it.

    Args:
        key: an identifier that is unique in the page.
        title: of the image.
        caption: the description; may be empty.
        size: width and height in pixels.
        parts: markup.
    """
    width, height = size
    names = element("title", html.escape(plain(title)[:300]), id=f"{key}-title")
    ids = f"{key}-title"
    if caption:
        names += element("desc", html.escape(plain(caption)), id=f"{key}-text")
        ids += f" {key}-text"
    return element(
        "svg",
        names,
        *parts,
        viewBox=f"0 0 {compact(width)} {compact(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=ids,
        css="chart",
    )


def path(points: Iterable[tuple[float, float] | None]) -> str:
    """Commands of a line through points; None interrupts it."""
    commands: list[str] = []
    pen = "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        commands.append(f"{pen}{compact(point[0])} {compact(point[1])}")
        pen = "L"
    return "".join(commands)


def marker(kind: str, x: float, y: float, radius: float = 3.6) -> str:
    """The symbol of a series at a point: a disc, a diamond or a ring."""
    if kind == "unseen":
        r = compact(radius * 1.25)
        shape = f"M{compact(x)} {compact(y - radius * 1.25)}l{r} {r}l-{r} {r}l-{r} -{r}z"
        return element("path", d=shape, css="mark hollow unseen")
    hollow = "" if kind in ("synthetic", "real") else " hollow"
    return element("circle", cx=x, cy=y, r=radius, css=f"mark{hollow} {kind}")


def fitted(text: str, width: float, size: float = _TEXT_PIXELS) -> str:
    """The text, cut to a width in pixels."""
    text = plain(text)[:400]
    room = width / size
    used = 0.0
    for index, character in enumerate(text):
        wide = unicodedata.east_asian_width(character) in "WF"
        used += _WIDE if wide else _CHARACTER
        if used > room:
            return f"{text[: max(1, index - 1)].rstrip()}…"
    return text
