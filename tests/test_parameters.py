"""The one declaration of the parameters."""

import dataclasses
import re
from pathlib import Path

import pytest

from h2o_gan.engine.mlp.networks import _ACTIVATIONS
from h2o_gan.engine.training.objectives import OBJECTIVES
from h2o_gan.parameters import (
    ACTIVATIONS,
    LOSS_ALIASES,
    LOSS_FUNCTIONS,
    Parameters,
    cluster_form,
    declaration_of,
    documentation,
)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
        ({"epochs": -3}, ValueError, "epochs must be at least 1"),
        ({"epochs": 2.5}, TypeError, "epochs must be of type int, not float"),
        ({"epochs": True}, TypeError, "epochs must be of type int, not bool"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"latent_size": 0}, ValueError, "latent_size must be at least 1"),
        ({"seed": -2}, ValueError, "seed must be at least -1"),
        ({"generator_learning_rate": 0}, ValueError, "must be greater than 0"),
        ({"generator_learning_rate": float("nan")}, ValueError, "must be greater than 0"),
        ({"max_runtime_secs": float("inf")}, ValueError, "max_runtime_secs must be finite"),
        ({"ema_decay": 1.0}, ValueError, "ema_decay must be at most"),
        ({"device": "tpu"}, ValueError, "device='tpu' is not known; use auto, cpu, cuda, cuda:1"),
        ({"stopping_tolerance": 2}, ValueError, "stopping_tolerance must be at most 1"),
        ({"loss_function": "mae"}, ValueError, "loss_function='mae' is not known; use one of.*mse"),
        ({"model_id": "../escaped"}, ValueError, "model_id='../escaped' must be a name"),
        ({"ignore_const_cols": 1}, TypeError, "ignore_const_cols must be of type bool"),
        ({"ignored_columns": "ID"}, TypeError, "ignored_columns must be of type list"),
        ({"generator_architecture": [128]}, TypeError, "generator_architecture must be"),
        (
            {"generator_architecture": {"hiden_dim": 3}},
            ValueError,
            "generator_architecture has an unknown key 'hiden_dim'; use input_dim, hidden_dim",
        ),
        (
            {"discriminator_architecture": {"activation": "swoosh"}},
            ValueError,
            r"discriminator_architecture\['activation'\]='swoosh' is not known",
        ),
        (
            {"generator_architecture": {"hidden_dim": [64, 0]}},
            ValueError,
            r"generator_architecture\['hidden_dim'\] must be a whole number",
        ),
        (
            {"generator_architecture": {"input_dim": 12.0}},
            ValueError,
            r"generator_architecture\['input_dim'\] must be a whole number",
        ),
        (
            {"discriminator_architecture": {"output_dim": 2}},
            ValueError,
            r"discriminator_architecture\['output_dim'\] must be 1",
        ),
        ({"relations": 1}, TypeError, "relations must be of type bool"),
        ({"constraints": {"a": "b"}}, TypeError, "constraints must be of type list or tuple or"),
        ({"constraints": ["a = b", 3]}, TypeError, "must be text or a list of texts, not 3"),
        ({"constraint_errors": "skip"}, ValueError, "constraint_errors='skip' is not known"),
        (
            {"constraints": "a = b", "architecture": "mlp"},
            ValueError,
            "constraints are for tables of architecture='columns'",
        ),
        (
            {"latent_size": 5, "generator_architecture": {"input_dim": 6}},
            ValueError,
            "latent_size=5 and generator_architecture.*=6 are the same thing",
        ),
    ],
)
def test_unfit_values_are_named_with_the_cure(changes, error, message):
    with pytest.raises(error, match=message):
        Parameters(**changes)


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        (["a = b", " c > 0 "], ("a = b", "c > 0")),
        ("a = b; c > 0\nd < 3;", ("a = b", "c > 0", "d < 3")),
        (["a = b; c > 0"], ("a = b", "c > 0")),
        ("town = 'a; b'; `x; y` = \"z; u\"", ("town = 'a; b'", '`x; y` = "z; u"')),
        ("; ", None),
        ([], None),
        (None, None),
    ],
)
def test_rules_are_a_list_or_text_with_semicolons(given, rules):
    for name in ("constraints", "ignored_relations"):
        found = getattr(Parameters(**{name: given}), name)
        assert found == rules
        if found is not None:  # what the cluster gets
            assert getattr(Parameters(**{name: cluster_form(name, found)}), name) == rules


def test_line_breaks_in_a_rule_of_a_list_are_spaces():
    rules = ["total =\n  price * count", "price > 0"]
    text = cluster_form("constraints", rules)
    assert text == "total =   price * count; price > 0"
    assert Parameters(constraints=text).constraints == Parameters(constraints=rules).constraints
    # A level may have a line break of its own.
    level = ["town = 'Bad\nIschl'\n  or town = 'Linz'", "`a\nb` > 0"]
    text = cluster_form("constraints", level)
    assert text == "town = 'Bad\nIschl'   or town = 'Linz'; `a\nb` > 0"
    assert Parameters(constraints=text).constraints == Parameters(constraints=level).constraints
    two_rules = "a = b\nc > 0"
    assert cluster_form("constraints", two_rules) == two_rules


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("column_types", {"zip": "numeric"}, '{"zip": "numeric"}'),
        ("column_types", '{"zip": "numeric"}', '{"zip": "numeric"}'),
        ("column_types", None, None),
        ("constraints", None, None),
        ("image_shape", (8, 8), [8, 8]),
        ("image_root", Path("images"), "images"),
        ("epochs", 3, 3),
        ("device", "cuda:1", "cuda"),
        ("device", "tpu:1", "tpu:1"),
        ("nfolds", 0, 0),  # H2O's own
    ],
)
def test_a_cluster_gets_texts_numbers_and_lists(name, value, form):
    assert cluster_form(name, value) == form


def test_the_latent_size_may_be_said_either_way():
    assert Parameters(latent_size=7).resolved_latent_size == 7
    assert Parameters(generator_architecture={"input_dim": 9}).resolved_latent_size == 9
    assert Parameters().resolved_latent_size == 128


def test_every_word_offered_is_implemented():
    assert set(ACTIVATIONS) == set(_ACTIVATIONS)
    assert set(LOSS_FUNCTIONS) == set(OBJECTIVES)


def test_every_parameter_is_documented():
    text = " ".join(documentation(92).split())
    for field in dataclasses.fields(Parameters):
        rule = declaration_of(field)
        assert f" {field.name}: {rule.help}" in text
        assert rule.help.endswith(".") and rule.group
        assert all(len(sentence.split()) <= 42 for sentence in rule.text.split(". "))


def test_the_readme_names_every_parameter_in_its_table():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    section = readme.partition("\n## Parameters\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    named = set(re.findall(r"`(\w+)`", "\n".join(rows)))
    assert {field.name for field in dataclasses.fields(Parameters)} <= named


def test_the_help_says_the_defaults_of_each_architecture():
    fields = {field.name: field for field in dataclasses.fields(Parameters)}
    assert declaration_of(fields["generator_learning_rate"]).help.endswith(
        "When absent, for architecture columns: 0.004 (0.0015 for fewer than 1,000 rows); "
        "convolutional: 0.0005; mlp: 0.0002."
    )
    assert (
        "columns and convolutional: 0.998; mlp: 0.999." in declaration_of(fields["ema_decay"]).help
    )


def test_an_absent_value_is_the_default_of_the_architecture():
    parameters = Parameters(discriminator_learning_rate=0.1)
    assert parameters.resolved("generator_learning_rate", "columns") == 4e-3
    assert parameters.resolved("generator_learning_rate", "columns", 1000) == 4e-3
    assert parameters.resolved("generator_learning_rate", "columns", 999) == 1.5e-3
    assert parameters.resolved("discriminator_learning_rate", "mlp") == 0.1
    assert parameters.resolved("epochs", "mlp") == 100
    assert parameters.resolved("epochs", "columns") is None  # the training computes it
    assert Parameters(ema_decay=0).resolved("ema_decay", "mlp") == 0


def test_papers_names_of_losses_stand_for_ours():
    assert Parameters(loss_function="lsgan") == Parameters(loss_function="mse")
    assert Parameters(loss_function="non_saturating").loss_function == "bce"
    assert set(LOSS_ALIASES.values()) <= set(LOSS_FUNCTIONS)
    with pytest.raises(ValueError, match="hinge, wasserstein, lsgan, non_saturating"):
        Parameters(loss_function="gan")
