"""Gives the estimator what :class:`~h2o_gan.parameters.Parameters` declares.

The constructor's signature, a documented property for each parameter and the docstring all come
from there, so that ``help()``, ``?`` and a notebook's completion show every parameter.
"""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterable
from typing import Any

from h2o.exceptions import H2OTypeError

from h2o_gan.estimator.unsupported import unknown_parameter
from h2o_gan.parameters import Parameters, declaration_of, documentation

__all__ = ["DEFAULTS", "check_names", "declare_parameters"]

_FIELDS = dataclasses.fields(Parameters)
DEFAULTS = {field.name: field.default for field in _FIELDS}
"""Every parameter's default, in the order of declaration."""
_WIDTH = 92


def check_names(names: Iterable[str]) -> None:
    """Check that parameters exist.

    Raises:
        H2OTypeError: one does not; the message names a similar one.
    """
    for name in names:
        if name not in DEFAULTS:
            raise H2OTypeError(message=unknown_parameter(name, "H2OGANEstimator", tuple(DEFAULTS)))


def declare_parameters(cls: type[Any]) -> None:
    """Add a signature, a property for each parameter, and their documentation to the class.

    Args:
        cls: an estimator with ``get_params`` and ``set_params``. Properties that it defines itself
            stay.
    """
    hints = typing.get_type_hints(Parameters)
    arguments = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in _FIELDS
    ]
    cls.__signature__ = inspect.Signature(arguments)
    for field in _FIELDS:
        if field.name not in vars(cls):
            setattr(cls, field.name, _property(field, hints[field.name]))
    cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{documentation(_WIDTH)}"


def _property(field: dataclasses.Field[Any], hint: Any) -> property:
    name = field.name

    def get(self: Any) -> Any:
        return self.get_params()[name]

    def put(self: Any, value: Any) -> None:
        self.set_params(**{name: value})

    get.__annotations__["return"] = hint
    get.__name__ = put.__name__ = name
    return property(get, put, doc=_documentation(field))


def _documentation(field: dataclasses.Field[Any]) -> str:
    """The docstring of a parameter's property: help, type, bounds and default."""
    rule = declaration_of(field)
    bounds = []
    if rule.choices:
        bounds.append(f"One of {', '.join(f'``{word}``' for word in rule.words)}.")
    if rule.minimum is not None:
        bounds.append(f"At least {rule.minimum}.")
    if rule.above is not None:
        bounds.append(f"Above {rule.above}.")
    if rule.maximum is not None:
        bounds.append(f"At most {rule.maximum}.")
    facts = [f"Type: ``{field.type}``, defaults to ``{field.default!r}``.", *bounds]
    return f"{textwrap.fill(rule.help, _WIDTH)}\n\n{textwrap.fill(' '.join(facts), _WIDTH)}"
