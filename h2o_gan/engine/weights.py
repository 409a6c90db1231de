"""The tensors of networks and optimizers in a model file, and their checks when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from h2o_gan.engine.exceptions import Damaged

__all__ = ["named", "network_of", "optimizer_of", "resumed"]

Network = TypeVar("Network", bound=nn.Module)

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_MAX_WEIGHT = 1e12  # products of larger weights overflow


def named(
    states: Mapping[str, Mapping[str, Tensor]],
    optimizers: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Tensor]:
    """Name the tensors of networks and optimizers for a model file.

    Args:
        states: state dicts by network.
        optimizers: state dicts by optimizer.

    Returns:
        The tensors by name, for instance ``generator.project.weight``.
    """
    parts = {name: _state_tensors(state) for name, state in states.items()}
    for name, state in (optimizers or {}).items():
        parts[name] = _optimizer_tensors(state)
    return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}


def resumed(
    name: str, build: Callable[[], nn.Module], tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the state of a network in training, ``last_{name}``, and of its optimizer.

    Args:
        name: of the network.
        build: makes a network of the same sizes.
        tensors: of the model file.

    Returns:
        Both state dicts; empty if the file was saved without them.

    Raises:
        Damaged: the tensors do not fit.
    """
    if not any(key.startswith(f"last_{name}.") for key in tensors):
        return {}, {}
    last = network_of(build, f"last_{name}", tensors)
    return last.state_dict(), optimizer_of(f"{name}_optimizer", last, tensors)


def _state_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network's state dict, those of a list concatenated.

    ``heads.0``, ``heads.1`` and so on become ``heads``, (numbers,): a network of thousands of
    tokens has thousands of small tensors.
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


def _split_lists(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of :func:`_state_tensors`, for a network whose state dict is like `wanted`.

    A tensor of another length stays as it is; the comparison of shapes then refuses it.
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
    """Build a network with the tensors named ``name.*`` as its weights.

    Args:
        build: makes a network of the right sizes.
        name: of the network.
        tensors: of the model file.

    Raises:
        Damaged: names, shapes or types do not fit, or a weight is not finite.
    """
    with torch.device("meta"):  # no memory is taken before the shapes are checked
        network = build()
    state = _split_lists(_below(name, tensors), network.state_dict())
    if any(value.dtype != torch.float32 for value in state.values()):
        raise Damaged(f"the weights of its {name} are not single precision")
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if wanted != found:
        raise Damaged(f"the weights of its {name} do not fit its architecture")
    if not all(bool((value.abs() < _MAX_WEIGHT).all()) for value in state.values()):
        raise Damaged(f"the weights of its {name} are not finite")
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


def _optimizer_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The moments in an Adam's state dict, concatenated over all weights that have some.

    Returns:
        ``places``, int64 (weights,), indices among the network's weights; ``step``, float32
        (weights,); ``exp_avg`` and ``exp_avg_sq``, float32 (numbers,).
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
    """Read the moments of an Adam; its settings are not stored.

    No optimizer is made, for that takes PyTorch a second and a half in a new process.

    Args:
        name: of the optimizer.
        network: whose weights it optimizes.
        tensors: of the model file.

    Raises:
        Damaged: the tensors named ``name.*`` are not moments of these weights.
    """
    weights = list(network.parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _entries(name, _below(name, tensors), weights).items():
        number, _, entry = key.partition(".")
        is_index = number.isascii() and number.isdecimal() and len(number) < 10
        if not is_index or int(number) >= len(weights) or entry not in _MOMENTS:
            raise Damaged(f"its {name} does not fit its networks")
        shape = () if entry == "step" else tuple(weights[int(number)].shape)
        if tuple(value.shape) != shape or value.dtype != torch.float32:
            raise Damaged(f"its {name} does not fit its networks")
        state.setdefault(int(number), {})[entry] = value
    if any(len(entry) != len(_MOMENTS) for entry in state.values()):
        raise Damaged(f"its {name} is not whole")
    return {"state": state}


def _entries(
    name: str, found: Mapping[str, Tensor], weights: list[nn.Parameter]
) -> Mapping[str, Tensor]:
    """The moments by weight, "0.exp_avg" and so on, as formats 1 and 2 have them."""
    indices = found.get("places")
    if indices is None:
        return found
    are_valid = _are_indices(indices, weights)
    optimized = [weights[index] for index in indices.tolist()] if are_valid else []
    lengths = [weight.numel() for weight in optimized]
    if not optimized or set(found) != {"places", *_MOMENTS} or found["step"].shape != indices.shape:
        raise Damaged(f"its {name} does not fit its networks")
    entries: dict[str, Tensor] = {}
    for moment in _MOMENTS:
        flat = found[moment]
        if moment != "step" and flat.shape != (sum(lengths),):
            raise Damaged(f"its {name} does not fit its networks")
        parts = flat.unbind() if moment == "step" else flat.split(lengths)  # type: ignore[no-untyped-call]
        for index, weight, part in zip(indices.tolist(), optimized, parts, strict=True):
            shape = () if moment == "step" else weight.shape
            entries[f"{index}.{moment}"] = part.reshape(shape).clone()
    return entries


def _are_indices(indices: Tensor, weights: list[nn.Parameter]) -> bool:
    fits = indices.dtype == torch.int64 and indices.ndim == 1 and len(indices) <= len(weights)
    return fits and bool(((indices >= 0) & (indices < len(weights))).all())


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named ``name.*``, by the rest of their names."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
