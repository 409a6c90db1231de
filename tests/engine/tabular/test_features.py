"""Features of tokens: embeddings of choices, piecewise linear encodings of numbers."""

import numpy as np
import pytest
import torch

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.features import TokenFeatures


def choice(size):
    return Token(0, size, np.full(size, 1 / size))


def number():
    return Token(0, 0, np.zeros(0))


def features_of(*tokens, size=4, knots=8):
    features = TokenFeatures(tokens, size, knots)
    features.initialize(torch.Generator().manual_seed(0))
    return features


@pytest.fixture
def mixed():
    """Three rows of a number, a choice of two, a number and a choice of three."""
    features = features_of(number(), choice(2), number(), choice(3))
    values = torch.tensor([[0.5, 1, -1.0, 2], [-2.0, 0, 0.1, 0], [0.0, 1, 3.0, 1]])
    return features, values


def test_tokens_are_in_their_order_whatever_their_type(mixed):
    features, values = mixed
    active = torch.ones(3, 4, dtype=torch.bool)
    out = features(values, active)
    assert out.shape == (4, 3, 4)
    for token in range(4):
        alone = features.of_token(token, values[:, token], active[:, token])
        assert torch.allclose(out[token], alone, atol=1e-6), token


def test_a_token_without_a_value_has_no_features(mixed):
    features, values = mixed
    active = torch.tensor([[1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 1, 0]], dtype=torch.bool)
    out = features(values, active)
    assert torch.equal(out.abs().sum(2).T > 0, active)
    assert torch.equal(features.of_token(1, values[:, 1], active[:, 1])[0], torch.zeros(4))


def test_choices_have_their_own_rows(mixed):
    features, values = mixed
    out = features(values, torch.ones(3, 4, dtype=torch.bool))
    levels = features.levels_of(3, 3)
    assert levels.shape == (3, 4)
    assert torch.equal(out[3], levels[values[:, 3].long()])
    assert torch.equal(out[1], features.levels_of(1, 2)[values[:, 1].long()])
    assert len({tuple(row.tolist()) for row in features.levels}) == 5


def test_numbers_are_piecewise_linear_between_normal_quantiles():
    features = features_of(number(), knots=4)
    knots = torch.tensor([-3.5, -0.67449, 0.0, 0.67449, 3.5])
    assert torch.allclose(features._knots, knots, atol=1e-4)
    lines = features.lines[0].detach()
    inside = features._encoded(torch.tensor([(knots[1] + knots[2]) / 2]))[0]
    assert torch.allclose(inside, torch.tensor([knots[1] / 4, 1, 0.5, 0, 0]), atol=1e-4)
    beyond = features._encoded(torch.tensor([9.0]))[0]
    assert beyond.tolist() == pytest.approx([4.5, 1, 1, 1, 1])
    value = features(torch.tensor([[9.0]]), torch.ones(1, 1, dtype=torch.bool))
    assert torch.allclose(value[0, 0], beyond @ lines, atol=1e-5)


@pytest.mark.parametrize("tokens", [(choice(2), choice(3)), (number(), number())])
def test_one_type_of_token_is_enough(tokens):
    features = features_of(*tokens)
    out = features(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool))
    assert out.shape == (2, 2, 4) and not torch.equal(out[0], out[1])


def test_networks_on_the_meta_device_have_their_shapes():
    """A model file is checked against such networks."""
    with torch.device("meta"):
        features = TokenFeatures([number(), choice(2)], 4, 8)
    assert features.levels.shape == (2, 4) and features.lines.shape == (1, 9, 4)
