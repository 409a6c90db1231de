"""Tensors of a model file back to networks and optimisers, once they are seen to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["network_of", "optimizer_of", "optimizer_tensors"]

Network = TypeVar("Network", bound=nn.Module)


def network_of(build: Callable[[], Network], name: str, tensors: Mapping[str, Tensor]) -> Network:
    """The network that `build` makes, with the tensors named ``name.*`` for weights.

    Raises:
        ValueError: their names, shapes or types are not the network's.
    """
    with torch.device("meta"):  # shapes without memory, until they are seen to fit
        network = build()
    state = _below(name, tensors)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if wanted != found or any(value.dtype != torch.float32 for value in state.values()):
        raise ValueError(f"the weights of its {name} do not fit its architecture.")
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


def optimizer_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The moments in an Adam's state dict, by name."""
    return {
        f"{place}.{name}": value
        for place, entry in state["state"].items()
        for name, value in entry.items()
    }


def optimizer_of(name: str, network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The state dict of an Adam over `network`; its rates are set anew by whoever trains.

    Raises:
        ValueError: the tensors named ``name.*`` are not its moments.
    """
    weights = list(network.parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _below(name, tensors).items():
        place, _, entry = key.partition(".")
        shape = () if entry == "step" else tuple(weights[int(place)].shape)
        if entry not in ("step", "exp_avg", "exp_avg_sq") or tuple(value.shape) != shape:
            raise ValueError(f"its {name} does not fit its networks.")
        state.setdefault(int(place), {})[entry] = value
    group = torch.optim.Adam(weights).state_dict()["param_groups"][0]
    return {"state": state, "param_groups": [group]}


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
