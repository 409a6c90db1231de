"""The devices for training and for sampling, and copies of networks on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["copied", "on_cpu", "resolve_device", "sampling_device"]

Network = TypeVar("Network", bound=nn.Module)


def resolve_device(name: str) -> torch.device:
    """The PyTorch device for a value of the parameter ``device``.

    Args:
        name: "auto", "cpu", "cuda", "cuda:1" and so on, or "mps".

    Raises:
        ValueError: the name is unknown, or the machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device={name!r} is not known; use auto, cpu, cuda, cuda:1 or mps.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={name!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices. "
            "Use device='auto' or 'cpu'."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device='mps' is not there. Use device='auto' or 'cpu'.")
    return device


def sampling_device() -> torch.device:
    """The device for sampling: CUDA or the CPU, as sampling needs float64, which MPS lacks."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_cpu(network: Network) -> Network:
    """A copy of a network on the CPU, in evaluation mode and without gradients."""
    return copy.deepcopy(network).cpu().requires_grad_(False).eval()


def copied(state: Any) -> Any:
    """A deep copy of a state dict, its tensors on the CPU and without gradients."""
    if isinstance(state, Tensor):
        return state.detach().clone().cpu()
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [copied(value) for value in state]
    return state
