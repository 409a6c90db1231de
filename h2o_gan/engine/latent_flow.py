"""Where the codes of images lie: an invertible network from random vectors to them.

An autoencoder's codes are never quite normal, and decoding vectors from between them gives blots.
Affine couplings (Dinh et al. 2017, RealNVP, arXiv 1605.08803), fitted to the codes by likelihood,
take normal vectors to where codes are, class by class. Learned priors of autoencoders and their
gain: Dai & Wipf 2019, arXiv 1903.05789; Xiao et al. 2019, arXiv 1905.10485.

Shapes: B vectors, Z their length.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FlowFit", "LatentFlow"]

_COUPLINGS, _WIDTH = 6, 256
_MOST_STRETCH = 2.0  # log factor of a coupling
_LEAST_SPREAD = 1e-3
_RATE, _WARM_UP_STEPS, _LONGEST_SLOPE = 1e-3, 100, 10.0
_BATCH = 512
_LOOK_EVERY = 50  # steps


class _Coupling(nn.Module):
    """Moves and stretches half of a vector by what the other half and the class say."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self._kept = size // 2
        self.first = nn.Linear(self._kept, _WIDTH)
        self.label = nn.Embedding(classes, _WIDTH) if classes else None
        self.inner = nn.Linear(_WIDTH, _WIDTH)
        self.last = nn.Linear(_WIDTH, 2 * (size - self._kept))

    def initialize(self) -> None:
        """Be the identity."""
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        if self.label is not None:
            nn.init.zeros_(self.label.weight)

    def forward(self, x: Tensor, classes: Tensor | None) -> Tensor:
        kept, other = x[:, : self._kept], x[:, self._kept :]
        stretch, shift = self._says(kept, classes)
        spread = torch.empty_like(x)
        spread[:, 1::2] = kept
        spread[:, ::2] = other * stretch.exp() + shift
        return spread

    def inverse(self, x: Tensor, classes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Also (B,) the log of the volume's growth."""
        # Every other number is kept, and these come first then: the next coupling halves otherwise.
        kept, other = x[:, 1::2], x[:, ::2]
        stretch, shift = self._says(kept, classes)
        return torch.cat([kept, (other - shift) * (-stretch).exp()], 1), -stretch.sum(1)

    def _says(self, kept: Tensor, classes: Tensor | None) -> tuple[Tensor, Tensor]:
        inner = self.first(kept)
        if self.label is not None:
            inner = inner + self.label(classes)
        stretch, shift = self.last(F.silu(self.inner(F.silu(inner)))).float().chunk(2, 1)
        return _MOST_STRETCH * torch.tanh(stretch / _MOST_STRETCH), shift


class LatentFlow(nn.Module):
    """Standard normal vectors to codes, and back.

    Args:
        size: of a vector.
        classes: how many there are; 0 for images without labels.
    """

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self._size = size
        self.middles = nn.Parameter(torch.empty(max(classes, 1), size))
        self.spreads = nn.Parameter(torch.empty(max(classes, 1), size))
        self.couplings = nn.ModuleList(
            _Coupling(size, classes) for _ in range(_COUPLINGS if size > 1 else 0)
        )

    def initialize(self) -> None:
        """Be the identity; the weights of other layers are drawn already."""
        nn.init.zeros_(self.middles)
        nn.init.ones_(self.spreads)
        for coupling in self.couplings:
            coupling.initialize()  # type: ignore[operator]

    def place(self, codes: Tensor, classes: Tensor | None) -> None:
        """Begin with the means and standard deviations of the codes (n, Z) of each class (n,)."""
        middle, spread = codes.mean(0), codes.std(0).clamp_min(_LEAST_SPREAD)
        groups = self._groups(codes, classes)
        with torch.no_grad():
            for place in range(len(self.middles)):
                own = codes[groups == place]
                if len(own) < 2:
                    self.middles[place], self.spreads[place] = middle, spread
                    continue
                self.middles[place] = own.mean(0)
                # Few images say little of how their codes spread.
                part = len(own) / (len(own) + self._size)
                self.spreads[place] = torch.lerp(spread, own.std(0), part)

    def forward(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """(B, Z) standard normal vectors and (B,) classes to (B, Z) codes."""
        groups = self._groups(latent, classes)
        for coupling in reversed(self.couplings):
            latent = coupling(latent, classes)
        return latent * self.spreads[groups] + self.middles[groups]

    def surprise(self, codes: Tensor, classes: Tensor | None) -> Tensor:
        """(B,) how unlikely codes are, in nats."""
        groups = self._groups(codes, classes)
        spreads = self.spreads[groups]
        x, growth = (codes - self.middles[groups]) / spreads, -spreads.log().sum(1)
        for coupling in self.couplings:
            x, more = coupling.inverse(x, classes)  # type: ignore[operator]
            growth = growth + more
        normal: Tensor = 0.5 * (x.square() + math.log(2 * math.pi)).sum(1)
        return normal - growth

    def _groups(self, vectors: Tensor, classes: Tensor | None) -> Tensor:
        if classes is not None:
            return classes
        return torch.zeros(len(vectors), dtype=torch.int64, device=vectors.device)


Codes = tuple[Tensor, Tensor, Tensor | None]
"""Means and log standard deviations (n, Z) of codes, and their classes (n,)."""


class FlowFit:
    """The fit of a flow to codes, which are drawn anew from their distributions at each step.

    Args:
        flow: what is fitted.
        codes: of the images to learn from.
        held_out: of others; the flow is left as it was when it knew these best.
        random: draws.
    """

    def __init__(
        self, flow: LatentFlow, codes: Codes, held_out: Codes | None, random: torch.Generator
    ) -> None:
        self._flow, self._codes, self._held_out = flow, codes, held_out
        self._weights: list[Tensor] = [w for c in flow.couplings for w in c.parameters()]
        flow.place(_drawn(*codes[:2], random), codes[2])
        self._optimizer = None
        if self._weights:
            fused = codes[0].device.type in ("cpu", "cuda")
            self._optimizer = torch.optim.Adam(self._weights, lr=_RATE, fused=fused)
        self._fixed_noise: Tensor | None = None
        if held_out is not None:
            self._fixed_noise = _drawn(
                torch.zeros_like(held_out[0]), torch.zeros_like(held_out[1]), random
            )
        self._best, self._kept = math.inf, [weight.detach().clone() for weight in self._weights]
        self._steps = 0

    def step(self, share: float, random: torch.Generator) -> Tensor:
        """One step, when this share of them is done. Returns the loss, nats a number."""
        means, logs, classes = self._codes
        if self._optimizer is None:
            return torch.zeros((), device=means.device)
        if self._steps % _LOOK_EVERY == 0:
            self._look()
        self._steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, self._steps / _WARM_UP_STEPS) * max(1 - share, 0.01)
        count = min(_BATCH, len(means))
        rows = torch.randint(len(means), (count,), generator=random, device=means.device)
        codes = _drawn(means[rows], logs[rows], random)
        own = None if classes is None else classes[rows]
        loss = self._flow.surprise(codes, own).mean() / codes.shape[1]
        slopes = torch.autograd.grad(loss, self._weights)
        for weight, slope in zip(self._weights, slopes, strict=True):
            weight.grad = slope
        torch.nn.utils.clip_grad_norm_(self._weights, _LONGEST_SLOPE)
        self._optimizer.step()
        return loss.detach()

    def finish(self) -> None:
        """Leave the flow as it was at its best."""
        if self._held_out is None:
            return
        self._look()
        with torch.no_grad():
            for weight, kept in zip(self._weights, self._kept, strict=True):
                weight.copy_(kept)

    @torch.no_grad()
    def _look(self) -> None:
        if self._held_out is None or self._fixed_noise is None:
            return
        means, logs, classes = self._held_out
        surprise = self._flow.surprise(means + self._fixed_noise * logs.exp(), classes)
        mean = float(surprise.mean())
        if mean < self._best:
            self._best = mean
            for weight, kept in zip(self._weights, self._kept, strict=True):
                kept.copy_(weight)


def _drawn(means: Tensor, logs: Tensor, random: torch.Generator) -> Tensor:
    noise = torch.randn(means.shape, generator=random, device=means.device)
    return means + noise * logs.exp()
