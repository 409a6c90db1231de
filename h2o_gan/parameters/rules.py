"""Checks inside a dict or a list of one parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .limits import (
    ACTIVATIONS,
    COLUMN_TYPES,
    LEAST_SIDE,
    MOST_LAYERS,
    MOST_SIDE,
    MOST_UNITS,
    NETWORK_KEYS,
)

__all__ = [
    "check_architecture",
    "check_column_types",
    "check_contamination",
    "check_image_shape",
    "joined_lines",
    "split_lines",
]

_QUOTED = r"""'[^']*'|"[^"]*"|`[^`]*`"""
_SEPARATED = re.compile(rf"(?:{_QUOTED}|[^;\n])+")
_LINES = re.compile(rf"(?:{_QUOTED}|[^\n])+")


def check_column_types(types: Mapping[str, str] | None) -> None:
    """Check the values of ``column_types``.

    Raises:
        ValueError: an unknown word.
    """
    for name, wanted in (types or {}).items():
        if wanted not in COLUMN_TYPES:
            raise ValueError(
                f"column_types[{name!r}]={wanted!r} is not known; use one of "
                f"{', '.join(COLUMN_TYPES)}."
            )


def check_contamination(share: float) -> None:
    """Check that ``contamination`` is -1 or a share.

    Raises:
        ValueError: it lies between.
    """
    if share < 0 and share != -1:
        raise ValueError(f"contamination must be -1 or from 0 to 0.5, not {share!r}.")


def check_architecture(which: str, architecture: Mapping[str, Any] | None) -> None:
    """Check the keys and values of a network's dict.

    Args:
        which: ``generator_architecture`` or ``discriminator_architecture``.
        architecture: its value.

    Raises:
        ValueError: an unknown key, or a value that does not fit it.
    """
    if architecture is None:
        return
    for key, value in architecture.items():
        if key not in NETWORK_KEYS:
            raise ValueError(f"{which} has an unknown key {key!r}; use {', '.join(NETWORK_KEYS)}.")
        if key == "activation":
            if value not in ACTIVATIONS:
                raise ValueError(
                    f"{which}['activation']={value!r} is not known; "
                    f"use one of {', '.join(ACTIVATIONS)}."
                )
            continue
        sizes = value if key == "hidden_dim" and isinstance(value, list | tuple) else [value]
        if len(sizes) > MOST_LAYERS:
            raise ValueError(f"{which}['hidden_dim'] has more than {MOST_LAYERS} layers.")
        for size in sizes:
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_UNITS:
                raise ValueError(
                    f"{which}[{key!r}] must be a whole number from 1 to {MOST_UNITS:,}"
                    f"{' or a list of them' if key == 'hidden_dim' else ''}, not {value!r}."
                )
    if which == "discriminator_architecture" and architecture.get("output_dim", 1) != 1:
        raise ValueError(
            "discriminator_architecture['output_dim'] must be 1: the discriminator gives one "
            f"score a row, not {architecture['output_dim']}."
        )


def check_image_shape(shape: Sequence[int]) -> None:
    """Check ``image_shape``.

    Raises:
        ValueError: not (height, width) or (height, width, 1 or 3), or a side out of bounds.
    """
    sizes = tuple(shape)
    if (
        len(sizes) not in (2, 3)
        or any(isinstance(size, bool) or not isinstance(size, int) for size in sizes)
        or not all(LEAST_SIDE <= size <= MOST_SIDE for size in sizes[:2])
        or sizes[2:] not in ((), (1,), (3,))
    ):
        raise ValueError(
            f"image_shape={sizes!r} must be (height, width) or (height, width, 3), "
            f"sides from {LEAST_SIDE} to {MOST_SIDE} pixels."
        )


def split_lines(name: str, value: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Split text into the texts between ; and line breaks that are not in quotes.

    Args:
        name: of the parameter.
        value: a text, or a list of such texts.

    Returns:
        The texts without spaces around them; None for no text.

    Raises:
        TypeError: a text of the list is not one.
    """
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else list(value)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{name} must be text or a list of texts, not {text!r}.")
    if not isinstance(value, str):  # one text of a list may have several lines
        texts = [_in_one_line(text) for text in texts]
    parts = [part.strip() for text in texts for part in _SEPARATED.findall(text)]
    return tuple(part for part in parts if part) or None


def joined_lines(value: Sequence[str] | str) -> str:
    """The texts of a list as one text; :func:`split_lines` is the inverse.

    Line breaks separate the texts of one text, but not a text of a list: there they become spaces,
    but for those in quotes.
    """
    return value if isinstance(value, str) else "; ".join(map(_in_one_line, value))


def _in_one_line(text: str) -> str:
    return " ".join(line.strip("\r") for line in _LINES.findall(text))
