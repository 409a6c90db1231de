"""Docstrings name objects as ``:class:`~package.Class` ``; the site shows them as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:py:)?[a-z]+:`(~?)([^`]+)`")
_LITERAL = re.compile(r"::(?=\s*$)", re.MULTILINE)


class PlainRoles(Extension):
    """Rewrites roles and literal blocks of docstrings to Markdown."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of one object, before it is parsed."""
        if obj.docstring is not None:
            text = _ROLE.sub(_code, obj.docstring.value)
            obj.docstring.value = _LITERAL.sub(":", text)


def _code(role: re.Match[str]) -> str:
    is_short, name = role.groups()
    return f"`{name.rsplit('.', 1)[-1] if is_short else name}`"
