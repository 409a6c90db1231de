"""Generators and critics of the mlp family: torch modules of plain sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from h2o_gan.engine.mlp.features import Span
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
    """Linear layers with activations between them: float32 (rows, inputs) to (rows, outputs).

    Args:
        inputs: of the first layer.
        hidden: widths of the hidden layers.
        outputs: of the last layer, which has no activation.
        activation: name of the activation.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: str) -> None:
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [nn.Linear(inputs, size), _ACTIVATIONS[activation]()]
            inputs = size
        super().__init__(*layers, nn.Linear(inputs, outputs))


def build_generator(parameters: Parameters, width: int) -> nn.Module:
    """A generator: latents (rows, latent_size) to raw outputs (rows, width), float32."""
    return _mlp(parameters.generator_architecture, parameters.resolved_latent_size, width)


def build_critic(parameters: Parameters, width: int) -> nn.Module:
    """A critic: features (rows, width) to scores (rows, 1), float32."""
    return _mlp(parameters.discriminator_architecture, width, 1)


def initialize(network: nn.Module, rng: torch.Generator) -> None:
    """Initialize linear layers as PyTorch does (Kaiming uniform), but from `rng` alone."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=rng)
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.bias, -bound, bound, generator=rng)


def start_at_marginals(generator: nn.Module, spans: Sequence[Span]) -> None:
    """Set the last bias so that an untrained generator draws choices with their real shares.

    Args:
        generator: changed in place.
        spans: of its outputs.
    """
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
