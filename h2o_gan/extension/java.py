"""Generates the Java of the parameters, from their declarations and the templates beside this file.

:mod:`h2o_gan.extension.build` compiles what :func:`sources` returns together with ``src``. The
generated files are not kept; ``python -m h2o_gan.extension.java FOLDER`` writes them for readers.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

_FOLDER = Path(__file__).parent
_TEMPLATES = _FOLDER / "templates"
_FRAMES = ("training_frame", "validation_frame")
"""Parameters of H2O's own that are no parameter of the Python class; they follow model_id."""
_HELP_WIDTH = 88


def _load_parameters() -> Any:
    """The package h2o_gan.parameters, without h2o_gan, which may not be installed yet."""
    name = "_h2o_gan_parameters"
    if name not in sys.modules:
        folder = _FOLDER.parent / "parameters"
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # Its own files find it there, and each other.
        spec.loader.exec_module(module)
    return sys.modules[name]


parameters = _load_parameters()


@dataclasses.dataclass(frozen=True)
class _Field:
    """A parameter, as its field in Java.

    Attributes:
        name: of the parameter.
        default: in Python.
        rule: its declaration.
    """

    name: str
    default: Any
    rule: Any

    @property
    def java(self) -> str:
        """Name of the field in H2O's class of parameters."""
        return f"_{self.name}"

    @property
    def enum(self) -> str | None:
        """Name of the enum of its choices, or None."""
        return self.name.title().replace("_", "") if self.words else None

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the cluster takes; none where it takes any text."""
        words: tuple[str, ...] = self.rule.cluster_choices or self.rule.words
        return words

    @property
    def is_number(self) -> bool:
        return self.rule.type.java in ("int", "long", "double")

    @property
    def absent(self) -> str | None:
        """The number that stands for an absent value, or None."""
        if not self.is_number or self.default is not None:
            return None
        rule = self.rule
        return _number(rule.above if rule.above is not None else rule.minimum - 1)

    @property
    def help(self) -> str:
        """What Flow shows: two lines at most."""
        text: str = self.rule.text
        if self.absent is not None:
            return f"{text} {self.absent} = automatic."
        return f"{text} Empty: {self.rule.absent}." if self.rule.absent else text


def _fields() -> list[_Field]:
    return [
        _Field(field.name, field.default, parameters.declaration_of(field))
        for declared in (parameters.Parameters, parameters.ClusterParameters)
        for field in dataclasses.fields(declared)
    ]


def sources() -> dict[str, str]:
    """The generated files: text by path below the root of the sources."""
    fields = _fields()
    own = [field for field in fields if not field.rule.of_h2o]
    names = [field.name for field in fields]
    names[1:1] = _FRAMES
    parts = {
        "DeclaredParameters": {
            "enums": "\n\n".join(_enum(field) for field in own if field.enum),
            "fields": "\n".join(
                # H2O's class has a seed already; its schema has none.
                _declaration(field)
                for field in own
                if field.rule.type != parameters.SEED
            ),
            "checks": _block(line for field in fields for line in _checks(field)),
            "writes": _block(line for field in fields for line in _writes(field)),
        },
        "GANV3": {
            "names": "\n".join(f'      "{name}",' for name in names),
            "fields": "\n\n".join(_schema(field) for field in own),
            "help": "\n".join(_help(field) for field in fields if field.rule.own_help),
        },
        "Limits": {"constants": "\n".join(_constants())},
    }
    return {
        path.relative_to(_TEMPLATES).as_posix(): Template(path.read_text("utf-8")).substitute(
            parts[path.stem]
        )
        for path in sorted(_TEMPLATES.rglob("*.java"))
    }


def _block(lines: Iterator[str]) -> str:
    return textwrap.indent("\n".join(lines), "    ")


def _enum(field: _Field) -> str:
    return (
        f"  /** Choices of {field.name}. */\n"
        f"  public enum {field.enum} {{ {', '.join(field.words)} }}"
    )


def _declaration(field: _Field) -> str:
    default = None if field.absent == "0" else field.absent
    if field.enum:
        default = f"{field.enum}.{field.default}"
    elif field.default is not None:
        default = _literal(field.default)
    kind = field.enum or field.rule.type.java
    return f"  public {kind} {field.java}{'' if default is None else f' = {default}'};"


def _checks(field: _Field) -> Iterator[str]:
    rule, name = field.rule, field.name
    if rule.pattern is not None and not field.enum:
        value = "modelId" if name == "model_id" else field.java
        regex, words = map(_literal, rule.pattern)
        yield f'check.matches("{name}", {value}, {regex},'
        yield f"    {words});"
    if not field.is_number or not rule.checked_in_cluster:
        return
    bounds = (("atLeast", rule.minimum), ("above", rule.above), ("atMost", rule.maximum))
    calls = [
        f'check.{verb}("{name}", {field.java}, {_number(bound)});'
        for verb, bound in bounds
        if bound is not None
    ]
    if rule.type.java == "double" and rule.maximum is None:
        calls.append(f'check.finite("{name}", {field.java});')
    yield from _if_given(field, calls)


def _writes(field: _Field) -> Iterator[str]:
    if not field.rule.sent:
        return
    value = f"{field.java}.name()" if field.enum else field.java
    verb = {"Key": "key", "boolean": "flag", "long": "seed", "int": "number", "double": "number"}
    method = verb.get(field.rule.type.java, "text")
    if field.rule.type == parameters.JSON:
        method = "json"
    elif field.rule.type.java.endswith("[]"):
        method = "list"
    yield from _if_given(field, [f'json.{method}("{field.name}", {value});'])


def _if_given(field: _Field, calls: list[str]) -> Iterator[str]:
    """The calls, only where the value is not the number for an absent one."""
    if field.absent is None or not calls:
        yield from calls
        return
    yield f"if ({field.java} != {field.absent}) {{"
    yield from (f"  {call}" for call in calls)
    yield "}"


def _schema(field: _Field) -> str:
    attributes = [
        f"help = {_text(field.help)}",
        "direction = API.Direction.INOUT",
        f"level = API.Level.{field.rule.level}",
    ]
    if field.words:
        attributes.append(f"values = {{{', '.join(map(_literal, field.words))}}}")
    if field.rule.gridable:
        attributes.append("gridable = true")
    kind = f"DeclaredParameters.{field.enum}" if field.enum else field.rule.type.java
    joined = ",\n        ".join(attributes)
    return f"    @API(\n        {joined})\n    public {kind} {field.name};"


def _help(field: _Field) -> str:
    return f'    help.put(\n        "{field.name}",\n        {_text(field.help)});'


def _text(text: str) -> str:
    """A text as literals of one line each."""
    lines = textwrap.wrap(text, _HELP_WIDTH, drop_whitespace=False, break_on_hyphens=False)
    return "\n            + ".join(map(_literal, lines))


def _constants() -> Iterator[str]:
    limits = parameters.limits
    for name in ("ACTIVATIONS", "COLUMN_TYPES", "NETWORK_KEYS", "NETWORK_SIZES"):
        words = ", ".join(map(_literal, getattr(limits, name)))
        yield f"  static final List<String> {name} ="
        yield f"      Arrays.asList({words});"
    numbers = {
        name: getattr(limits, name)
        for name in ("MOST_LAYERS", "MOST_UNITS", "LEAST_SIDE", "MOST_SIDE", "IMAGE_START")
    }
    numbers["MOST_WEIGHTS"] = limits.MOST_WEIGHTS
    for architecture in ("convolutional", "mlp"):
        default = parameters.default_for("latent_size", architecture)
        numbers[f"{architecture.upper()}_LATENT_SIZE"] = default
    for name, value in numbers.items():
        yield f"  static final int {name} = {value};"
    hidden = ", ".join(map(str, limits.DEFAULT_HIDDEN))
    yield f"  static final List<Integer> DEFAULT_HIDDEN = Arrays.asList({hidden});"
    yield (
        "  static final DeclaredParameters.LossFunction RATIO_LOSS ="
        f" DeclaredParameters.LossFunction.{limits.RATIO_LOSS};"
    )


def _number(value: float) -> str:
    """A number as both languages write it, whole ones without a point."""
    return repr(int(value)) if value == int(value) else repr(value)


def _literal(value: Any) -> str:
    """A literal of Java."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)


def write(folder: Path) -> None:
    """Write the generated files below a folder."""
    for path, text in sources().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
