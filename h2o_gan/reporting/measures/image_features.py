"""Spaces of features for images.

With labels: the last hidden layer of a small classifier that is trained on training images. Without
labels: principal components of the pixels, and the distance from the space that they span. On MNIST
both order copies and unseen images before noisy, blurred and independent ones; whitened components
do not, and an autoencoder's code does so less clearly, at ten times the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from torch import Tensor, nn

__all__ = ["Classifier", "PrincipalComponents", "as_input", "shrunk"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]

_WIDTHS = (24, 48, 64)
_FEATURES = 64
_RATE = 2e-3
_WARMUP = 100  # steps
_PART = 200  # images at a time, outside of training: they stay in the processor's cache
_MOST_FITTED = 5_000  # images that components are fitted to


def as_input(images: Images) -> Tensor:
    """Turn uint8 (n, height, width[, 3]) into float32 (n, colours, height, width) from 0 to 1."""
    tensor = torch.from_numpy(images).float() / 255
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)


def shrunk(images: Images, side: int) -> Images:
    """Average images down until their longer side has `side` pixels; smaller ones stay the same."""
    height, width = images.shape[1:3]
    if max(height, width) <= side or not len(images):
        return images
    factor = side / max(height, width)
    size = max(round(height * factor), 1), max(round(width * factor), 1)
    parts = []
    for start in range(0, len(images), _PART):
        means = F.adaptive_avg_pool2d(as_input(images[start : start + _PART]), size)
        values = (means * 255).round().to(torch.uint8)
        parts.append((values[:, 0] if images.ndim == 3 else values.permute(0, 2, 3, 1)).numpy())
    return np.concatenate(parts)


class _Network(nn.Module):
    """Three convolutions with normalisation and pooling; the last hidden layer has the features."""

    def __init__(self, colours: int, side: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = colours
        for width in _WIDTHS:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            if side >= 6:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            before = width
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(_FEATURES), nn.ReLU())
        self.head = nn.Linear(_FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(F.dropout(self.body(x), 0.3, self.training))
        return scores


@dataclass(frozen=True, eq=False)
class Classifier:
    """A small convolutional network that recognises classes, and has features of images.

    Attributes:
        network: the trained network.
    """

    network: _Network

    @classmethod
    def fit(
        cls, images: Images, labels: Codes, classes: int, epochs: int, seed: int = 0
    ) -> Classifier:
        """Train on real images. torch's own random state stays as it was.

        Args:
            images: (n, height, width[, 3]), at least 2.
            labels: (n,) from 0.
            classes: number of classes.
            epochs: passes over the images.
            seed: of the weights and of the order of images.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inputs, targets = as_input(images), torch.from_numpy(labels)
            network = _Network(inputs.shape[1], min(inputs.shape[2:]), classes)
            network(inputs[:2])
            _train(network, inputs, targets, epochs)
        return cls(network.eval())

    @torch.no_grad()
    def __call__(self, images: Images) -> tuple[Array, Codes]:
        """Features, (n, 64), of the last hidden layer; and (n,) the most probable labels."""
        features, labels = [np.zeros((0, _FEATURES))], [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(images), _PART):
            hidden = self.network.body(as_input(images[start : start + _PART]))
            features.append(hidden.double().numpy())
            labels.append(self.network.head(hidden).argmax(1).numpy())
        return np.concatenate(features), np.concatenate(labels)


def _train(network: _Network, inputs: Tensor, targets: Tensor, epochs: int) -> None:
    """Minimise the cross entropy by Adam, with a warm-up and a rate that falls to 0."""
    optimizer = torch.optim.Adam(network.parameters(), _RATE)
    batch = min(128 if len(inputs) > 10_000 else 32, len(inputs))
    steps = epochs * (len(inputs) // batch)
    step = 0
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs) - batch + 1, batch):
            for group in optimizer.param_groups:
                group["lr"] = _RATE * min(1, (step + 1) / _WARMUP) * (1 - step / steps)
            rows = order[start : start + batch]
            loss = F.cross_entropy(network(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Principal components of pixels, unscaled, and the length of what they leave over.

    Attributes:
        mean: (pixels,) of training images.
        axes: (pixels, components), orthonormal.
    """

    mean: Array
    axes: Array

    @classmethod
    def fit(cls, images: Images, components: int = _FEATURES) -> PrincipalComponents:
        """Learn the components of training images; at most one for ten images."""
        flat = _flat(images[:_MOST_FITTED]).astype(np.float32)
        few = max(min(components, len(flat) // 10, flat.shape[1]), 1)
        found = PCA(few, random_state=0).fit(flat)
        axes, _ = np.linalg.qr(found.components_.T.astype(np.float64))
        return cls(found.mean_.astype(np.float64), axes)

    def __call__(self, images: Images) -> Array:
        """(n, components + 1) features."""
        parts = [np.zeros((0, self.axes.shape[1] + 1))]
        for start in range(0, len(images), _PART):
            centred = _flat(images[start : start + _PART]) - self.mean
            inside = centred @ self.axes
            outside = np.square(centred).sum(1) - np.square(inside).sum(1)
            parts.append(np.column_stack([inside, np.sqrt(np.maximum(outside, 0))]))
        return np.concatenate(parts)


def _flat(images: Images) -> Array:
    """(n, pixels) float64 values up to 1."""
    return images.reshape(len(images), -1) / 255.0
