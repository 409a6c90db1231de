"""Checks inside a dict or a list of one parameter."""

from __future__ import annotations

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

__all__ = ["check_architecture", "check_column_types", "check_image_shape"]


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
