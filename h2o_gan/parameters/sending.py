"""The form in which a cluster takes and keeps the values of parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from .declared import JSON_PARAMETERS, LINES_PARAMETERS
from .limits import DEVICES
from .rules import joined_lines

__all__ = ["cluster_form"]


def cluster_form(name: str, value: Any) -> Any:
    """A parameter's value as H2O's client can send it.

    Args:
        name: of the parameter. Others than those of a GAN keep their value.
        value: of the parameter; None stays None.

    Returns:
        Dicts as text in JSON, rules as one text, paths as text, tuples as lists, and a device
        without its number, which is one of this machine.
    """
    if name in JSON_PARAMETERS and isinstance(value, Mapping):
        return json.dumps(dict(value))
    if name in LINES_PARAMETERS and value is not None:
        return joined_lines(value)
    if name == "device" and isinstance(value, str):
        kind = value.partition(":")[0]
        return kind if kind in DEVICES else value
    if isinstance(value, tuple):
        return list(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value
