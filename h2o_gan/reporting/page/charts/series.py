"""How series look: a class of the style sheet for each, so that colours follow the theme."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["looks"]

_OTHERS = ("both", "independent", "fifth", "sixth", "real", "synthetic", "unseen")


def looks(names: Sequence[str]) -> list[str]:
    """The class of each series: by what its name says, and different while there are any left.

    Args:
        names: of the series of one chart.

    Returns:
        "real", "synthetic", "unseen", "independent", "both" or another.
    """
    chosen: list[str] = []
    for name in names:
        wanted = _meaning(name)
        if wanted is None or wanted in chosen:
            wanted = next((look for look in _OTHERS if look not in chosen), "sixth")
        chosen.append(wanted)
    return chosen


def _meaning(name: str) -> str | None:
    words = set(re.findall("[a-z]+", name.lower()[:80]))
    real, synthetic = bool(words & {"real", "training"}), "synthetic" in words
    if "both" in words or (real and synthetic):
        return "both"
    if "unseen" in words or "control" in words:
        return "unseen"
    if "independent" in words:
        return "independent"
    if synthetic:
        return "synthetic"
    return "real" if real else None
