"""Numbers, times and foreign texts, as readers see them."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["Anchors", "cell", "cut", "moment", "number", "pieces", "plain", "sentence"]

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def plain(value: object) -> str:
    """The text of a value, without characters that HTML and UTF-8 do not allow."""
    return _UNPRINTABLE.sub("\ufffd", str(value))


def cut(value: object, most: int = 80) -> str:
    """The text of a value, of at most `most` characters."""
    text = plain(value)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def pieces(name: object, most: int = 28) -> list[str]:
    """A name, cut to `most` characters, in pieces between which a line may break."""
    return re.findall(r"[^_.\-/ ]*[_.\-/ ]*", cut(name, most))[:-1]


def sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    text = plain(text)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def number(value: float | None, unit: str = "number") -> str:
    """A number with its unit; a dash where there is none.

    Args:
        value: the number.
        unit: "share" of 1 (as a percentage), "auc", "whole", "seconds", "count" or "number".
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{_minus(_share(value * 100))}%"
    if unit == "auc":
        return _minus(f"{value:.3f}")
    if unit == "seconds":
        return f"{_minus(f'{value:,.1f}')} s"
    if unit == "whole":
        return _minus(f"{value:,.0f}")
    if float(value).is_integer() and abs(value) < 1e15:
        return _minus(f"{value:,.0f}")
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return _minus(f"{value:.2e}")
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return _minus(f"{value:,.{decimals}f}")


def _share(percent: float) -> str:
    """A percentage, with more digits near its ends, where they matter."""
    size = abs(percent)
    if size in (0, 100):
        return f"{percent:.0f}"
    if 0.1 <= size <= 99.9:
        return f"{percent:.1f}"
    if 0.01 <= size <= 99.99:
        return f"{percent:.2f}"
    return f"{percent:.3g}" if size < 1 else f"{percent:.3f}"


def _minus(text: str) -> str:
    """The text with the minus sign that is as wide as digits."""
    return "\u2212" + text[1:] if text.startswith("-") else text


def cell(value: Any, kind: str = "string", name: str = "") -> str:
    """A cell of a table, or a value of the report's identity.

    Args:
        value: of any type that JSON has.
        kind: type of the column.
        name: of the value; seeds and identifiers are not grouped by thousands.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(member) for member in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(key)}: {cell(member)}" for key, member in value.items())
    if isinstance(value, (int, float)):
        if kind != "string":
            return number(value, kind)
        if isinstance(value, int) and (
            abs(value) < 10_000 or re.search(r"seed|\bid\b", name.lower())
        ):
            return _minus(str(value))
        return number(value)
    return plain(value)


def moment(text: str) -> str:
    """A time of day in ISO 8601 as people write it; the text itself where it is none."""
    try:
        time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return plain(text)
    zone = time.tzname() or ""
    return f"{time.day} {time:%B %Y, %H:%M} {zone}".strip()


class Anchors:
    """Identifiers in the page by names, each only once: "at-", then letters, digits and dashes."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        """The identifier of a name; the same for the same name."""
        if name not in self._known:
            stem = "at-" + re.sub("[^a-z0-9]+", "-", name.lower())[:60].strip("-")
            made, count = stem, 1
            while made in self._taken:
                count += 1
                made = f"{stem}-{count}"
            self._taken.add(made)
            self._known[name] = made
        return self._known[name]
