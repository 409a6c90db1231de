"""One declaration serves Python and the cluster: the same parameters, words and verdicts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import h2o
import pytest
import requests

from h2o_gan import extension
from h2o_gan.parameters import ClusterParameters, Parameters, declaration_of
from h2o_gan.parameters.declaration import JSON, NUMBER, SEED, SIZES, WHOLE, check

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]

FIELDS = {
    field.name: field
    for declared in (Parameters, ClusterParameters)
    for field in dataclasses.fields(declared)
}
FRAMES = {"training_frame", "validation_frame"}
NEEDED = {
    "image_column": {"image_shape": [8, 8]},
    "image_root": {"image_shape": [8, 8], "image_column": "path"},
}
"""What a parameter can't be without."""


def unfit(field: dataclasses.Field[Any]) -> Iterator[Any]:
    """Values that the declaration excludes; the REST API has a number of its own for None."""
    rule = declaration_of(field)
    if rule.choices:
        yield "guess"
    if rule.pattern:
        yield "no/slashes"
    if rule.type == JSON:
        yield from ({"x": "guess"}, {"activation": "step"}, {"hidden_dim": [8, 0]})
    if rule.type == SIZES:
        yield from ([8], [8, 800], [8, 8, 2], [7, 8])
    if rule.type in (WHOLE, SEED, NUMBER):
        yield "guess"
        if rule.checked_in_cluster:
            yield (rule.minimum if rule.above is None else rule.above) - 2
        if rule.maximum is not None:
            yield rule.maximum + 1
    if rule.type in (WHOLE, SEED):
        yield 1.5
    if rule.type == NUMBER:
        yield from (-0.5, float("nan"), float("inf"))


def fit(field: dataclasses.Field[Any]) -> Iterator[Any]:
    """Values at the bounds, and every word."""
    rule = declaration_of(field)
    yield from rule.words
    if rule.minimum is not None:
        yield rule.minimum
    if rule.above is not None:
        yield rule.above + 1e-9
    if rule.maximum is not None and field.name != "latent_size":  # Its networks are too large.
        yield rule.maximum
    if rule.pattern:
        yield "cpu"
    if rule.type == SIZES:
        yield from ([8, 128], [8, 8, 3], [8, 8, 1])
    if rule.type == JSON:
        yield {}


def python_says(name: str, value: Any, **more: Any) -> str | None:
    """The error of the Python class, or None."""
    try:
        if name in ClusterParameters.__dataclass_fields__:
            check(FIELDS[name], value)
        else:
            Parameters(**{name: value, **NEEDED.get(name, {}), **more})
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def cluster_says(name: str, value: Any, **more: Any) -> str | None:
    """The error of the REST API, or None; nothing is trained, so that no frame is missed."""
    given = {name: value, **NEEDED.get(name, {}), **more}
    data = {
        key: json.dumps(part) if isinstance(part, list | dict) else part
        for key, part in given.items()
    }
    url = f"{h2o.connection().base_url}/3/ModelBuilders/gan/parameters"
    answer = requests.post(url, data=data, timeout=60).json()
    if "messages" not in answer:
        return str(answer["msg"])
    errors = [
        message["message"]
        for message in answer["messages"]
        if message["message_type"] == "ERRR" and message["field_name"] != "training_frame"
    ]
    return "; ".join(errors) or None


# H2O itself replaces slashes in the name of a model.
@pytest.mark.parametrize("name", [name for name in FIELDS if name != "model_id"])
def test_both_refuse_the_same_values(name: str) -> None:
    for value in unfit(FIELDS[name]):
        said, answered = python_says(name, value), cluster_says(name, value)
        assert said is not None, f"Python takes {name}={value!r}"
        assert answered is not None, f"the cluster takes {name}={value!r}"
        if isinstance(value, int):
            assert said in answered or "cannot convert" in answered


@pytest.mark.parametrize("name", FIELDS)
def test_both_take_the_same_values(name: str) -> None:
    for value in fit(FIELDS[name]):
        assert (python_says(name, value), cluster_says(name, value)) == (None, None), value


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({}, True),
        ({"architecture": "columns"}, True),
        ({"architecture": "auto", "generator_architecture": {}}, True),
        ({"architecture": "mlp"}, False),
        ({"loss_function": "bce"}, False),
        ({"latent_size": 8}, False),
        ({"generator_architecture": {"hidden_dim": 8}}, False),
        ({"architecture": "convolutional"}, False),
        ({"image_shape": [8, 8]}, False),
    ],
)
@pytest.mark.parametrize(
    ("name", "value"), [("constraints", "a = b; c > 0"), ("missing_values_handling", "unknown")]
)
def test_both_ask_of_tables_only_what_tables_can_do(
    name: str, value: str, more: dict[str, Any], fits: bool
) -> None:
    said, answered = python_says(name, value, **more), cluster_says(name, value, **more)
    assert (said is None, answered is None) == (fits, fits)
    if not fits:
        words = str(said).replace("=", " ").replace("'", "")
        assert words.startswith(name) and words in str(answered)


def test_both_take_no_rule_for_other_networks() -> None:
    more = {"architecture": "mlp"}
    assert python_says("constraints", " ;\n", **more) is None
    assert cluster_says("constraints", " ;\n", **more) is None


def test_what_the_check_leaves_out() -> None:
    """All but words without a pattern, flags and names has a value that is refused."""
    free = {name for name, field in FIELDS.items() if not list(unfit(field))}
    assert free == {
        "response_column", "ignored_columns", "ignore_const_cols", "weights_column",
        "image_column", "image_root", "score_each_iteration", "checkpoint",
        "export_checkpoints_dir", "worker", "generated_frame", "relations", "ignored_relations",
        "constraints", "report",
    }  # fmt: skip


def test_the_cluster_shows_the_declarations() -> None:
    builder = h2o.api("GET /3/ModelBuilders/gan")["model_builders"]["gan"]
    declared = {entry["name"]: entry for entry in builder["parameters"]}
    names = list(declared)
    assert set(names) == set(FIELDS) | FRAMES
    assert [name for name in names if name not in FRAMES] == list(FIELDS)
    for name, field in FIELDS.items():
        entry, rule = declared[name], declaration_of(field)
        if not rule.of_h2o:
            assert (entry["level"], entry["gridable"]) == (rule.level, rule.gridable), name
        if not rule.of_h2o or rule.own_help:
            assert entry["help"].startswith(rule.text), name
        if words := rule.cluster_choices or rule.words:
            assert (entry["type"], entry["values"]) == ("enum", list(words)), name
        default = entry["default_value"]
        if field.default is None:
            assert default in (None, 0, -1), name
            assert default in (None, "") or entry["help"].endswith(f" {default:g} = automatic.")
        else:
            assert default == field.default, name
