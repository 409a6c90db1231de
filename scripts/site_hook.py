"""What the documentation site takes from elsewhere in the repository: pictures, and parameters."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from h2o_gan.parameters import Parameters

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "notebooks" / "images"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README's pictures, and the page of parameters."""
    for path in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"images/{path.name}", abs_src_path=str(path)))
    files.append(File.generated(config, "api/parameters.md", content=parameters_page()))
    return files


def parameters_page() -> str:
    """Every parameter of a GAN, as `h2o_gan.parameters` declares it."""
    lines = [
        "# Parameters",
        "",
        "Parameters of `H2OGANEstimator`, of the algorithm `gan` in Flow, R and REST, and of "
        "`engine.fit`. All have defaults; `None` lets h2o_gan choose by the data.",
    ]
    fields = sorted(dataclasses.fields(Parameters), key=_group)
    for group, members in groupby(fields, key=lambda field: field.metadata["group"]):
        lines += ["", f"## {group.capitalize()}"]
        for field in members:
            lines += ["", f"### `{field.name}` {{ #{field.name} }}", "", field.metadata["help"]]
            lines += ["", f"Default: `{field.default!r}`.{_bounds(field)}"]
    return "\n".join([*lines, ""])


def _group(field: dataclasses.Field[object]) -> int:
    """Position of the field's group, in the order in which groups are first declared."""
    groups = dict.fromkeys(f.metadata["group"] for f in dataclasses.fields(Parameters))
    return list(groups).index(field.metadata["group"])


def _bounds(field: dataclasses.Field[object]) -> str:
    """The values that a parameter takes, as a sentence; empty where its help says all."""
    rule = field.metadata
    if rule["choices"]:
        return f" One of {', '.join(f'`{choice}`' for choice in rule['choices'])}."
    words = {"minimum": "at least", "above": "greater than", "maximum": "at most"}
    bounds = [f"{words[key]} {rule[key]:,}" for key in words if rule[key] is not None]
    return f" A number {', '.join(bounds)}." if bounds else ""
