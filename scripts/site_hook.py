"""What the documentation site takes from the code: pictures, parameters, abstract methods."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from itertools import groupby
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from h2o_gan.parameters import ClusterParameters, Parameters, declaration_of

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "notebooks" / "images"
_FIELDS = (*dataclasses.fields(Parameters), *dataclasses.fields(ClusterParameters))
_ABSTRACT = re.compile(r"<!-- abstract methods of ([\w.]+) -->")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README's pictures, and the page of parameters."""
    for path in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"images/{path.name}", abs_src_path=str(path)))
    files.append(File.generated(config, "api/parameters.md", content=parameters_page()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace marks by tables of the methods that subclasses have to define."""
    return _ABSTRACT.sub(lambda mark: abstract_methods(mark[1]), markdown)


def abstract_methods(module: str) -> str:
    """A table of the abstract methods of a module's classes, with the first lines of their docs."""
    lines = ["| method | what it does |", "|---|---|"]
    for _, owner in inspect.getmembers(importlib.import_module(module), inspect.isabstract):
        if owner.__module__ != module:
            continue
        for name in vars(owner):
            if name in owner.__abstractmethods__:
                doc = inspect.getdoc(getattr(owner, name)) or ""
                text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", doc.split("\n\n")[0].replace("\n", " "))
                lines.append(f"| `{name}` | {text} |")
    if len(lines) == 2:
        raise ValueError(f"{module} has no abstract class")
    return "\n".join(lines)


def parameters_page() -> str:
    """Every parameter of a GAN, as `h2o_gan.parameters` declares it."""
    lines = [
        "# Parameters",
        "",
        "Parameters of `H2OGANEstimator`, of the algorithm `gan` in Flow, R and REST, and of "
        "`engine.fit`. All have defaults; `None` lets h2o_gan choose by the data. Those of the "
        "last group, cluster, exist in Flow, R and REST only.",
    ]
    fields = sorted(_FIELDS, key=_group)
    for group, members in groupby(fields, key=_group_name):
        lines += ["", f"## {group.capitalize()}"]
        for field in members:
            lines += ["", f"### `{field.name}` {{ #{field.name} }}", "", declaration_of(field).help]
            lines += ["", f"Default: `{field.default!r}`.{_bounds(field)}"]
    return "\n".join([*lines, ""])


def _group_name(field: dataclasses.Field[object]) -> str:
    return declaration_of(field).group


def _group(field: dataclasses.Field[object]) -> int:
    """Position of the field's group, in the order in which groups are first declared."""
    groups = dict.fromkeys(map(_group_name, _FIELDS))
    return list(groups).index(_group_name(field))


def _bounds(field: dataclasses.Field[object]) -> str:
    """The values that a parameter takes, as a sentence; empty where its help says all."""
    rule = declaration_of(field)
    if rule.choices:
        return f" One of {', '.join(f'`{word}`' for word in rule.words)}."
    limits = {"at least": rule.minimum, "greater than": rule.above, "at most": rule.maximum}
    bounds = [f"{words} {limit:,}" for words, limit in limits.items() if limit is not None]
    return f" A number {', '.join(bounds)}." if bounds else ""
