"""Tensors of a model file back to networks and optimisers, once they are seen to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from h2o_gan.engine.exceptions import Damaged

__all__ = ["network_of", "optimizer_of", "optimizer_tensors"]

Network = TypeVar("Network", bound=nn.Module)

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_LARGEST = 1e12  # of a weight: products of larger ones are soon infinite


def network_of(build: Callable[[], Network], name: str, tensors: Mapping[str, Tensor]) -> Network:
    """The network that `build` makes, with the tensors named ``name.*`` for weights.

    Raises:
        Damaged: their names, shapes or types are not the network's, or they are not finite.
    """
    with torch.device("meta"):  # shapes without memory, until they are seen to fit
        network = build()
    state = _below(name, tensors)
    if any(value.dtype != torch.float32 for value in state.values()):
        raise Damaged(f"the weights of its {name} are not single precision")
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if wanted != found:
        raise Damaged(f"the weights of its {name} do not fit its architecture")
    if not all(bool((value.abs() < _LARGEST).all()) for value in state.values()):
        raise Damaged(f"the weights of its {name} are not finite")
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
        Damaged: the tensors named ``name.*`` are not its moments.
    """
    weights = list(network.parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _below(name, tensors).items():
        place, _, entry = key.partition(".")
        known = place.isascii() and place.isdecimal() and len(place) < 10
        if not known or int(place) >= len(weights) or entry not in _MOMENTS:
            raise Damaged(f"its {name} does not fit its networks")
        shape = () if entry == "step" else tuple(weights[int(place)].shape)
        if tuple(value.shape) != shape or value.dtype != torch.float32:
            raise Damaged(f"its {name} does not fit its networks")
        state.setdefault(int(place), {})[entry] = value
    if any(len(entry) != len(_MOMENTS) for entry in state.values()):
        raise Damaged(f"its {name} is not whole")
    group = torch.optim.Adam(weights).state_dict()["param_groups"][0]
    return {"state": state, "param_groups": [group]}


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
