"""Tensors of a model file back to networks and optimisers, once they are seen to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from h2o_gan.engine.exceptions import Damaged

__all__ = ["named", "network_of", "optimizer_of", "resumed"]

Network = TypeVar("Network", bound=nn.Module)

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_LARGEST = 1e12  # of a weight: products of larger ones are soon infinite


def named(
    states: Mapping[str, Mapping[str, Tensor]],
    optimizers: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Tensor]:
    """The tensors of a model file: those of state dicts of networks, and of optimisers.

    Returns:
        The tensors by name, ``generator.project`` for instance.
    """
    parts = {name: _state_tensors(state) for name, state in states.items()}
    for name, state in (optimizers or {}).items():
        parts[name] = _optimizer_tensors(state)
    return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}


def resumed(
    name: str, build: Callable[[], nn.Module], tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state of a network in training, ``last_{name}``, and of its optimiser.

    Both are empty where the file was saved without them.

    Raises:
        Damaged: the tensors do not fit.
    """
    if not any(key.startswith(f"last_{name}.") for key in tensors):
        return {}, {}
    last = network_of(build, f"last_{name}", tensors)
    return last.state_dict(), optimizer_of(f"{name}_optimizer", last, tensors)


def _state_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network's state dict, those of a list as a single flat one.

    ``heads.0``, ``heads.1`` and so on become ``heads``, (numbers,): a network of thousands of
    tokens has thousands of small ones.
    """
    tensors: dict[str, Tensor] = {}
    lists: dict[str, list[Tensor]] = {}
    for name, value in state.items():
        of, _, number = name.rpartition(".")
        if of and number.isdecimal():
            lists.setdefault(of, []).append(value.flatten())
        else:
            tensors[name] = value
    return {**tensors, **{name: torch.cat(values) for name, values in lists.items()}}


def _parted(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of :func:`_state_tensors`, for a network whose state dict is like `wanted`.

    What does not fit is left as it is, for whoever compares the shapes.
    """
    whole = dict(state)
    lists: dict[str, list[str]] = {}
    for name in wanted:
        of, _, number = name.rpartition(".")
        if of in whole and number.isdecimal():
            lists.setdefault(of, []).append(name)
    for of, names in lists.items():
        flat, lengths = whole[of], [wanted[name].numel() for name in names]
        if flat.ndim == 1 and len(flat) == sum(lengths):
            del whole[of]
            for name, part in zip(names, flat.split(lengths), strict=True):  # type: ignore[no-untyped-call]
                whole[name] = part.reshape(wanted[name].shape).clone()
    return whole


def network_of(build: Callable[[], Network], name: str, tensors: Mapping[str, Tensor]) -> Network:
    """The network that `build` makes, with the tensors named ``name.*`` for weights.

    Raises:
        Damaged: their names, shapes or types are not the network's, or they are not finite.
    """
    with torch.device("meta"):  # shapes without memory, until they are seen to fit
        network = build()
    state = _parted(_below(name, tensors), network.state_dict())
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


def _optimizer_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The moments in an Adam's state dict: of all weights that have some, one after the other.

    Returns:
        ``places``, (weights,) int64, which of the network's weights they are; ``step``, (weights,)
        float32; ``exp_avg`` and ``exp_avg_sq``, (numbers,) float32.
    """
    entries = state["state"]
    if not entries:
        return {}
    return {
        "places": torch.tensor(list(entries)),
        "step": torch.stack([entry["step"].float() for entry in entries.values()]),
        **{
            name: torch.cat([entry[name].flatten() for entry in entries.values()])
            for name in _MOMENTS[1:]
        },
    }


def optimizer_of(name: str, network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The state dict of an Adam over `network`; its rates are set anew by whoever trains.

    Raises:
        Damaged: the tensors named ``name.*`` are not its moments.
    """
    weights = list(network.parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _entries(name, _below(name, tensors), weights).items():
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


def _entries(
    name: str, found: Mapping[str, Tensor], weights: list[nn.Parameter]
) -> Mapping[str, Tensor]:
    """The moments by weight, "0.exp_avg" and so on, as files up to format 2 have them."""
    places = found.get("places")
    if places is None:
        return found
    own = [weights[place] for place in places.tolist()] if _are_places(places, weights) else []
    lengths = [weight.numel() for weight in own]
    if not own or set(found) != {"places", *_MOMENTS} or found["step"].shape != places.shape:
        raise Damaged(f"its {name} does not fit its networks")
    entries: dict[str, Tensor] = {}
    for moment in _MOMENTS:
        flat = found[moment]
        if moment != "step" and flat.shape != (sum(lengths),):
            raise Damaged(f"its {name} does not fit its networks")
        parts = flat.unbind() if moment == "step" else flat.split(lengths)  # type: ignore[no-untyped-call]
        for place, weight, part in zip(places.tolist(), own, parts, strict=True):
            shape = () if moment == "step" else weight.shape
            entries[f"{place}.{moment}"] = part.reshape(shape).clone()
    return entries


def _are_places(places: Tensor, weights: list[nn.Parameter]) -> bool:
    whole = places.dtype == torch.int64 and places.ndim == 1 and len(places) <= len(weights)
    return whole and bool(((places >= 0) & (places < len(weights))).all())


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named ``name.*``, without that."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
