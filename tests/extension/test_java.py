"""The Java that is generated from the declarations of parameters."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from h2o_gan.extension import java
from h2o_gan.parameters import ClusterParameters, Parameters

SOURCES = java.sources()
SCHEMA, FIELDS, LIMITS = (
    SOURCES[f"hex/gan/{name}.java"] for name in ("GANV3", "DeclaredParameters", "Limits")
)


def one_more(**rule) -> dict[str, str]:
    """The sources where one more parameter is declared, a whole number."""
    declaration = java.parameters.declaration
    field = declaration.parameter(None, declaration.WHOLE, "Help.", group="cluster", **rule)
    declared = dataclasses.make_dataclass(
        "Declared", [("new_one", object, field)], bases=(java.parameters.ClusterParameters,),
        frozen=True,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(java.parameters, "ClusterParameters", declared)
        return java.sources()


def test_every_parameter_is_in_the_schema_in_its_order():
    names = [f.name for d in (Parameters, ClusterParameters) for f in dataclasses.fields(d)]
    shown = [line.strip(' ",') for line in SCHEMA.splitlines() if line.startswith('      "')]
    assert shown == [names[0], "training_frame", "validation_frame", *names[1:]]


def test_a_new_parameter_is_one_declaration():
    new = one_more(minimum=1, maximum=9, absent={"mlp": 3}, level="expert", gridable=True)
    schema, fields = new["hex/gan/GANV3.java"], new["hex/gan/DeclaredParameters.java"]
    assert '"new_one",' in schema
    assert 'help = "Help. 0 = automatic."' in schema
    assert "level = API.Level.expert,\n        gridable = true)\n    public int new_one;" in schema
    assert "public int _new_one;" in fields
    assert (
        "    if (_new_one != 0) {\n"
        '      check.atLeast("new_one", _new_one, 1);\n'
        '      check.atMost("new_one", _new_one, 9);\n'
        "    }" in fields
    )
    assert 'json.number("new_one", _new_one);' in fields


@pytest.mark.parametrize(
    ("rule", "absent"), [({"minimum": 1}, 0), ({"minimum": 0}, -1), ({"above": 0}, 0)]
)
def test_a_number_below_the_range_stands_for_an_absent_value(rule, absent):
    assert f"if (_new_one != {absent}) {{" in one_more(**rule)["hex/gan/DeclaredParameters.java"]


def test_fields_of_h2o_are_checked_and_not_declared_again():
    assert 'check.atLeast("stopping_rounds", _stopping_rounds, 0);' in FIELDS
    assert "_stopping_rounds;" not in FIELDS
    assert "score_each_iteration;" not in SCHEMA
    assert "_seed =" not in FIELDS and "public long seed;" in SCHEMA


def test_help_of_h2o_that_does_not_fit_is_replaced():
    text = SCHEMA.partition('    help.put(\n        "stopping_rounds",\n')[2]
    assert text.startswith('        "Stop when the moving average of this many scores')
    assert "stopping_rounds;" not in SCHEMA  # A field that hides H2O's would lose values.
    assert 'export_checkpoints_dir",\n' not in SCHEMA.partition("help()")[2]


def test_the_form_of_flow_shows_choices_and_two_lines_of_help():
    fields = {field.name: field for field in java._fields()}
    assert max(len(f.help) for f in fields.values() if not f.rule.of_h2o or f.rule.own_help) <= 146
    assert fields["image_shape"].help.endswith(" Empty: the square that the pixel columns form.")
    assert "public enum Device { auto, cpu, cuda, mps }" in FIELDS
    for name, field in fields.items():
        if name.startswith("image_") or (" mlp" in field.rule.text and name != "architecture"):
            assert field.rule.level == "expert", name


def test_texts_are_escaped():
    assert java._literal('a "b" \\ c') == '"a \\"b\\" \\\\ c"'
    assert "${" not in "".join(SOURCES.values())
    assert "MOST_SIDE = 128;" in LIMITS


def test_it_needs_nothing_of_the_package(tmp_path: Path) -> None:
    """It runs before anything is installed, and gives the same then."""
    subprocess.run([sys.executable, "-I", "-S", java.__file__, str(tmp_path)], check=True)
    assert {path: (tmp_path / path).read_text() for path in SOURCES} == SOURCES
