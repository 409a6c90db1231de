"""Networks of the mlp family: sizes, initial weights and the start at real shares."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from h2o_gan.engine.mlp.features import Span
from h2o_gan.engine.mlp.networks import (
    MLP,
    build_critic,
    build_generator,
    initialize,
    start_at_marginals,
)
from h2o_gan.parameters import Parameters


def widths(network):
    return [
        (layer.in_features, layer.out_features)
        for layer in network.modules()
        if isinstance(layer, nn.Linear)
    ]


@pytest.mark.parametrize(("hidden", "layers"), [(9, [9]), ([9, 7], [9, 7])])
def test_architectures_are_the_users(hidden, layers):
    given = {"hidden_dim": hidden, "activation": "tanh"}
    parameters = Parameters(
        generator_architecture=given, discriminator_architecture=given, latent_size=5
    )
    sizes = [5, *layers, 11]
    assert widths(build_generator(parameters, 11)) == list(pairwise(sizes))
    sizes = [11, *layers, 1]
    critic = build_critic(parameters, 11)
    assert widths(critic) == list(pairwise(sizes))
    assert sum(isinstance(layer, nn.Tanh) for layer in critic) == len(layers)


def test_outputs_have_no_activation():
    network = MLP(2, [3], 4, "relu")
    assert isinstance(network[-1], nn.Linear) and network(torch.randn(5, 2)).shape == (5, 4)


def test_initial_weights_depend_on_the_generator_of_numbers_alone():
    weights = []
    for global_seed, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(global_seed)
        network = MLP(50, [400], 3, "relu")
        initialize(network, torch.Generator().manual_seed(seed))
        weights.append(network[0].weight.detach())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    # PyTorch's default for linear layers: uniform with this bound.
    bound = 1 / math.sqrt(50)
    assert 0.99 * bound < weights[0].abs().max() <= bound
    assert weights[0].std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_choices_start_at_their_real_shares():
    spans = [Span("a", 0, 1, "tanh"), Span("b", 1, 3, "softmax", (0.7, 0.3, 0.0))]
    generator = MLP(2, [3], 4, "relu")
    before = generator[-1].bias[0].item()
    start_at_marginals(generator, spans)
    bias = generator[-1].bias.detach()
    assert torch.allclose(torch.softmax(bias[1:], 0), torch.tensor([0.7, 0.3, 0.0]), atol=1e-5)
    assert bias[0] == before and torch.isfinite(bias).all()
