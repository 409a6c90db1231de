"""Generators and critics: torch modules that take plain sizes and know nothing of columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from h2o_gan.engine.mlp.expansion import Span
from h2o_gan.parameters import DEFAULT_HIDDEN, Parameters

__all__ = ["MLP", "build_critic", "build_generator", "initialize", "start_at_marginals"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
}
_DEFAULT_ACTIVATION = "leaky_relu"


class MLP(nn.Sequential):
    """Linear layers with an activation between them: (rows, inputs) to (rows, outputs), raw."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: str) -> None:
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [nn.Linear(inputs, size), _ACTIVATIONS[activation]()]
            inputs = size
        super().__init__(*layers, nn.Linear(inputs, outputs))


def build_generator(parameters: Parameters, width: int) -> nn.Module:
    """The generator: latent (rows, latent) to raw outputs (rows, width)."""
    return _mlp(parameters.generator_architecture, parameters.resolved_latent_size, width)


def build_critic(parameters: Parameters, width: int) -> nn.Module:
    """The critic: rows as (rows, width) to one score each, (rows, 1)."""
    return _mlp(parameters.discriminator_architecture, width, 1)


def initialize(network: nn.Module, generator: torch.Generator) -> None:
    """Fill the linear layers as torch does by default (Kaiming uniform), from `generator` alone."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)


def start_at_marginals(generator: nn.Module, spans: Sequence[Span]) -> None:
    """Set the last bias so that an untrained generator already draws choices at their shares."""
    last = [module for module in generator.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        for span in spans:
            if span.activation == "softmax":
                shares = torch.tensor(span.shares).clamp_min(1e-6)
                last.bias[span.start : span.start + span.width] = shares.log()


def _mlp(architecture: Mapping[str, Any] | None, inputs: int, outputs: int) -> MLP:
    architecture = architecture or {}
    hidden = architecture.get("hidden_dim", DEFAULT_HIDDEN)
    if isinstance(hidden, int):
        hidden = [hidden]
    return MLP(inputs, hidden, outputs, architecture.get("activation", _DEFAULT_ACTIVATION))
