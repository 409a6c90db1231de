"""The parts of a training step: seed streams, gradients, optimizers, schedules, EMA."""

from __future__ import annotations

import enum
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "BestWeights",
    "Stream",
    "adam",
    "cosine",
    "gradient_step",
    "linear_decay",
    "load_optimizer_state",
    "rng_of",
    "set_rate",
    "update_ema",
    "warm_up",
]

_FUSED_DEVICES = ("cpu", "cuda")
_LEAST_RATE = 0.01  # of the full one: the last steps still learn


class Stream(enum.IntEnum):
    """Independent streams of random numbers of one training."""

    WEIGHTS = 0
    STEPS = 1
    SCORES = 2
    REAL_SCORES = 3
    ROW_WEIGHTS = 4
    ORDERS = 5
    CRITIC = 6
    CRITIC_WEIGHTS = 7
    PREVIEWS = 8
    FLOW_ROWS = 9
    CRITIC_ROW_WEIGHTS = 10


def rng_of(
    seed: int, stream: Stream, step: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Create the random number generator of one stream.

    Args:
        seed: of the training.
        stream: the purpose of the numbers.
        step: first step of the run, so that a continued run draws new numbers.
        device: of the numbers.
    """
    sequence = np.random.SeedSequence([seed, int(stream), step])
    state = int(sequence.generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state)


def gradient_step(
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    weights: Sequence[Tensor],
    max_norm: float | None = None,
) -> None:
    """Take an optimizer step; gradients are computed for these weights only.

    Args:
        optimizer: of the weights.
        loss: a scalar.
        weights: to update.
        max_norm: the norm of all gradients together is clipped to it; None for no clipping.
    """
    for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = _strided_like(weight, grad)
    if max_norm is not None:
        torch.nn.utils.clip_grad_norm_(weights, max_norm)
    optimizer.step()


def update_ema(ema: list[Tensor], weights: list[Tensor], decay: float, step: int) -> None:
    """Update the exponential moving average of weights.

    The decay is at most (1 + step) / (10 + step), so that the first steps of a short training
    weigh little.

    Args:
        ema: changed in place.
        weights: of the network in training.
        decay: from 0 to 1.
        step: number of steps so far.
    """
    with torch.no_grad():
        torch._foreach_lerp_(ema, weights, 1 - min(decay, (1 + step) / (10 + step)))


class BestWeights:
    """A copy of the weights that reached the lowest loss on held-out rows.

    Args:
        weights: of the network that is measured; read at each improvement.
        loss: to improve on.
    """

    def __init__(self, weights: Sequence[Tensor], loss: float = math.inf) -> None:
        self._source = list(weights)
        self.loss = loss
        self.weights: list[Tensor] | None = None
        """The copy; None until a loss is lower than the first one."""

    def update(self, loss: float) -> None:
        """Copy the present weights if this loss of theirs is the lowest so far."""
        if loss < self.loss:
            self.loss = loss
            self.weights = [weight.detach().clone() for weight in self._source]

    def restore(self) -> None:
        """Write the best weights into the network; do nothing if there are none."""
        if self.weights is not None:
            with torch.no_grad():
                torch._foreach_copy_(self._source, self.weights)


def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> type[Any]:
    """Derive an optimizer whose methods do not import torch's compiler.

    The decorators of torch's optimizers import ``torch._dynamo`` at the first call, to keep code
    that is compiled away from them. It takes as long as torch itself, and nothing here is compiled.
    """
    names = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(optimizer, name)) for name in names}
    step = torch.no_grad()(inspect.unwrap(optimizer.step))
    return type(optimizer.__name__, (optimizer,), {**methods, "step": step})


_Adam: type[torch.optim.Adam] = _without_compiler(torch.optim.Adam)
_AdamW: type[torch.optim.AdamW] = _without_compiler(torch.optim.AdamW)


def adam(
    weights: Iterable[Tensor],
    rate: float,
    betas: tuple[float, float],
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """An Adam optimizer, or AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with weight decay.

    Args:
        weights: to optimize; all on one device.
        rate: the learning rate.
        betas: decay rates of the first and the second moment.
        weight_decay: decoupled from the gradients; 0 for none.
    """
    weights = list(weights)
    fused = weights[0].device.type in _FUSED_DEVICES
    if weight_decay:
        return _AdamW(weights, lr=rate, betas=betas, weight_decay=weight_decay, fused=fused)
    return _Adam(weights, lr=rate, betas=betas, fused=fused)


def warm_up(done: float, whole: float) -> float:
    """The factor of a linear warm-up, from 0 to 1: `done` of `whole` steps, or shares, are over."""
    return min(1.0, done / whole)


def linear_decay(share: float, decayed: float = 1.0) -> float:
    """The factor of a learning rate that is constant and then falls linearly.

    Args:
        share: of the training that is over, from 0 to 1.
        decayed: the last part of the training, over which the rate falls.
    """
    return min(1.0, max(1 - share, _LEAST_RATE) / decayed)


def cosine(share: float) -> float:
    """The factor of a cosine schedule (Loshchilov & Hutter 2017, arXiv 1608.03983), from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of an optimizer."""
    groups: Iterable[dict[str, Any]] = optimizer.param_groups
    for group in groups:
        group["lr"] = rate


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load an optimizer's moments, but not its settings.

    Args:
        optimizer: changed in place.
        state: state dict of an optimizer of the same weights.
    """
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if moment.shape == weight.shape:
                moments[name] = _strided_like(weight, moment)


def _strided_like(weight: Tensor, values: Tensor) -> Tensor:
    """Values with the strides of a weight, which CUDA's fused optimizers need.

    Convolutions may give gradients in another memory format; files hold moments in one of theirs.
    """
    if values.stride() == weight.stride():
        return values
    return torch.empty_like(weight).copy_(values)
