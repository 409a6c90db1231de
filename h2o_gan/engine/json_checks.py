"""Checks of JSON from files that may be hostile, before anything is made of it.

A check takes a value and its name, and raises :class:`~h2o_gan.engine.exceptions.Damaged`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from h2o_gan.engine.exceptions import Damaged

__all__ = [
    "Check",
    "anything",
    "dict_of",
    "flag",
    "list_of",
    "number",
    "one_of",
    "optional",
    "record",
    "scalar",
    "text",
    "whole",
]

Check = Callable[[Any, str], None]

_MAX_WHOLE = 2**53  # the largest integer up to which doubles are exact


def _damaged(value: Any, what: str) -> Damaged:
    return Damaged(f"{what} is {value!r:.50}")


def text(value: Any, what: str) -> None:
    """Check that a value is text."""
    if not isinstance(value, str):
        raise _damaged(value, what)


def flag(value: Any, what: str) -> None:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        raise _damaged(value, what)


def scalar(value: Any, what: str) -> None:
    """Check that a value is a number, text or null."""
    if value is not None and type(value) not in (int, float, str):
        raise _damaged(value, what)


def anything(value: Any, what: str) -> None:
    """Accept any value: it is checked elsewhere."""


def whole(low: int, high: int = _MAX_WHOLE) -> Check:
    """A check of integers, both bounds included."""

    def check(value: Any, what: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise _damaged(value, what)

    return check


def number(low: float, high: float) -> Check:
    """A check of numbers, both bounds included."""

    def check(value: Any, what: str) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            raise _damaged(value, what)

    return check


def one_of(*words: Any) -> Check:
    """A check of text that is one of some words."""

    def check(value: Any, what: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise _damaged(value, what)

    return check


def optional(item: Check) -> Check:
    """A check that lets null pass."""

    def check(value: Any, what: str) -> None:
        if value is not None:
            item(value, what)

    return check


def list_of(item: Check, least: int = 0, most: int = 2**26) -> Check:
    """A check of arrays: their length, and each item."""

    def check(value: Any, what: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _damaged(value, what)
        for value_ in value:
            item(value_, what)

    return check


def dict_of(item: Check) -> Check:
    """A check of objects: each value."""

    def check(value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise _damaged(value, what)
        for value_ in value.values():
            item(value_, what)

    return check


def record(required: Mapping[str, Check], others: Mapping[str, Check] | None = None) -> Check:
    """A check of an object: required keys, and others that may be absent."""

    def check(value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise _damaged(value, what)
        for name, item in required.items():
            if name not in value:
                raise Damaged(f"{what} has no {name}")
            item(value[name], f"{what}: {name}")
        for name, item in (others or {}).items():
            if name in value:
                item(value[name], f"{what}: {name}")

    return check
