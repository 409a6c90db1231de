"""What a parameter is: type, bounds, default and help; and the check of a value."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "FLAG",
    "JSON",
    "LINES",
    "MODEL",
    "NAMES",
    "NUMBER",
    "PATH",
    "SEED",
    "SIZES",
    "TEXT",
    "WHOLE",
    "ByRows",
    "Declaration",
    "Type",
    "check",
    "declaration_of",
    "parameter",
]


@dataclass(frozen=True)
class Type:
    """The type of a parameter.

    Attributes:
        python: classes of a value.
        java: type of the field in the cluster.
    """

    python: tuple[type, ...]
    java: str


TEXT = Type((str,), "String")
PATH = Type((str, os.PathLike), "String")
NAMES = Type((list, tuple), "String[]")
SIZES = Type((list, tuple), "int[]")
WHOLE = Type((int,), "int")
NUMBER = Type((int, float), "double")
FLAG = Type((bool,), "boolean")
SEED = Type((int,), "long")
"""A seed of random numbers, below 2**63."""
JSON = Type((Mapping,), "String")
"""A dict; the cluster keeps it as text."""
LINES = Type((list, tuple, str), "String")
"""Several texts: a list, or one text with ; or line breaks between them. The cluster keeps the
latter."""
MODEL = Type((object,), "Key")
"""A model, or a name of one; the engine checks it."""


@dataclass(frozen=True)
class ByRows:
    """A default that depends on the number of rows.

    Attributes:
        many: the default.
        few: the default for fewer rows than ``fewer_than``.
        fewer_than: a number of rows.
    """

    many: float
    few: float
    fewer_than: int

    def __str__(self) -> str:
        return f"{self.many} ({self.few} for fewer than {self.fewer_than:,} rows)"


@dataclass(frozen=True)
class Declaration:
    """All that is known of a parameter but its name and default, which the field has.

    Attributes:
        type: its type.
        text: what it does, for users, in two lines of Flow's form at most.
        details: what users may want to know besides; the documentation has it, Flow's form not.
        group: the part of the documentation that lists it.
        choices: the words that it takes, or None.
        aliases: further words, and the choice that each stands for.
        minimum, maximum: bounds of a number, both allowed.
        above: a lower bound that is not allowed itself.
        pattern: a regular expression, the same in Python and Java, and what to tell of a text that
            does not match it, or None.
        absent: of a parameter whose default is None: what is used then, in words, or by
            architecture. A value there may be a number, a :class:`ByRows`, or words for what the
            training computes.
        level: where Flow shows it: critical, secondary or expert.
        gridable: whether a grid may search over it.
        of_h2o: whether H2O declares it for every algorithm. Its field, place and help in the
            cluster are H2O's; the bounds here hold there too.
        own_help: of a parameter of H2O: whether the help from here replaces H2O's, which does not
            fit.
        cluster_choices: of a text: the words that the cluster takes, or None for any text.
        sent: whether a job carries it from the cluster to a worker.
        checked_in_cluster: whether a value out of bounds is refused there too.
    """

    type: Type
    text: str
    group: str
    details: str = ""
    choices: tuple[str, ...] | None = None
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    pattern: tuple[str, str] | None = None
    absent: str | Mapping[str, Any] | None = None
    level: str = "secondary"
    gridable: bool = False
    of_h2o: bool = False
    own_help: bool = False
    cluster_choices: tuple[str, ...] | None = None
    sent: bool = True
    checked_in_cluster: bool = True

    @property
    def help(self) -> str:
        """The text, the details, and what an absent value stands for."""
        text = f"{self.text} {self.details}".strip()
        if self.absent is None:
            return text
        if isinstance(self.absent, str):
            return f"{text} When absent: {self.absent}."
        by_value: dict[str, list[str]] = {}
        for architecture, value in self.absent.items():
            by_value.setdefault(str(value), []).append(architecture)
        parts = [f"{' and '.join(names)}: {value}" for value, names in by_value.items()]
        return f"{text} When absent, for architecture {'; '.join(parts)}."

    @property
    def words(self) -> tuple[str, ...]:
        """The choices and their aliases."""
        return (*(self.choices or ()), *self.aliases)


def parameter(default: Any, type: Type, text: str, *, group: str, **more: Any) -> Any:
    """A dataclass field with a :class:`Declaration`, whose further attributes `more` gives."""
    declaration = Declaration(type, text, group, **more)
    return dataclasses.field(default=default, metadata={"declaration": declaration})


def declaration_of(field: dataclasses.Field[Any]) -> Declaration:
    """The declaration of a field that :func:`parameter` made."""
    declaration: Declaration = field.metadata["declaration"]
    return declaration


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Check a value of one parameter by itself.

    Raises:
        TypeError: the value is of another type.
        ValueError: it is out of bounds or an unknown word.
    """
    name, rule = field.name, declaration_of(field)
    if (value is None and field.default is None) or rule.type is MODEL:
        return
    types = rule.type.python
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if not fits:
        names = " or ".join(dict.fromkeys(kind.__name__ for kind in types))
        raise TypeError(f"{name} must be of type {names}, not {type(value).__name__}: {value!r}.")
    if rule.choices and value not in rule.words:
        raise ValueError(f"{name}={value!r} is not known; use one of {', '.join(rule.words)}.")
    if rule.minimum is not None and not value >= rule.minimum:
        raise ValueError(f"{name} must be at least {rule.minimum}, not {value!r}.")
    if rule.above is not None and not value > rule.above:
        raise ValueError(f"{name} must be greater than {rule.above}, not {value!r}.")
    if rule.maximum is not None and not value <= rule.maximum:
        raise ValueError(f"{name} must be at most {rule.maximum}, not {value!r}.")
    if isinstance(value, float) and value == float("inf"):
        raise ValueError(f"{name} must be finite, not {value!r}.")
    if rule.pattern is not None and not re.fullmatch(rule.pattern[0], value):
        raise ValueError(f"{name}={value!r} {rule.pattern[1]}.")
