"""What help(), notebooks and scikit-learn see of the estimator's parameters."""

import dataclasses
import inspect
import pydoc

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from h2o_gan import H2OGANEstimator
from h2o_gan.parameters import Parameters, declaration_of

FIELDS = dataclasses.fields(Parameters)


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell()
    shell.user_ns.update(H2OGANEstimator=H2OGANEstimator, gan=H2OGANEstimator())
    return shell


def test_the_signature_has_every_parameter_with_type_and_default():
    signature = inspect.signature(H2OGANEstimator)
    assert list(signature.parameters) == [field.name for field in FIELDS]
    for field in FIELDS:
        parameter = signature.parameters[field.name]
        assert parameter.default == field.default
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert signature.parameters["epochs"].annotation == int | None
    assert "loss_function: str = 'relativistic'" in str(signature)


def test_parameters_are_properties_with_help():
    documentation = " ".join(inspect.getdoc(H2OGANEstimator).split())
    for field in FIELDS:
        found = inspect.getattr_static(H2OGANEstimator, field.name)
        assert isinstance(found, property), field.name
        assert f"{field.name}: {declaration_of(field).help}" in documentation
        if field.name == "model_id":  # It is H2O's own property.
            continue
        text = " ".join(found.__doc__.split())
        assert text.startswith(declaration_of(field).help), field.name
        assert f"Type: ``{field.type}``, defaults to ``{field.default!r}``." in text
        for choice in declaration_of(field).words:
            assert f"``{choice}``" in text
    gan = H2OGANEstimator(epochs=3)
    gan.epochs = 4
    assert gan.epochs == 4 and gan.get_params()["epochs"] == 4
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        gan.epochs = 0
    assert gan.epochs == 4


@pytest.mark.parametrize("use_jedi", [True, False])
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("H2OGANEstimator(generator_learning", "generator_learning_rate="),
        ("H2OGANEstimator(epochs=3, stopping_ro", "stopping_rounds="),
        ("gan.generator_arch", "generator_architecture"),
    ],
)
def test_a_notebook_completes_parameters(shell, use_jedi, line, wanted):
    shell.Completer.use_jedi = use_jedi
    with provisionalcompleter():
        found = [c.text.lstrip(".") for c in shell.Completer.completions(line, len(line))]
    assert wanted in found


def test_help_and_the_question_mark_show_them(shell):
    page = pydoc.render_doc(H2OGANEstimator, renderer=pydoc.plaintext)
    assert "Number of passes over the training rows" in page
    assert "epochs: int | None = None" in page
    shown = shell.inspector.info(H2OGANEstimator, oname="H2OGANEstimator")
    assert "epochs: int | None = None" in (shown["definition"] or shown["init_definition"])
