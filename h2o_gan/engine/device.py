"""The device to train on, and to draw samples on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["copied", "on_cpu", "resolve_device", "sampling_device"]

Network = TypeVar("Network", bound=nn.Module)


def resolve_device(name: str) -> torch.device:
    """The torch device of a ``device`` parameter.

    Raises:
        ValueError: an unknown name, or a device that is not there.
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
    """Where samples are drawn. Not MPS: places in a distribution are float64, which it lacks."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_cpu(network: Network) -> Network:
    """A copy that is not trained any more."""
    return copy.deepcopy(network).cpu().requires_grad_(False).eval()


def copied(state: Any) -> Any:
    """A deep copy of a state dict with its tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().clone().cpu()
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [copied(value) for value in state]
    return state
