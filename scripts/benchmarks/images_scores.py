"""Measures of generated images, by a classifier that is trained on the real ones.

All are against the real test images:

accuracy   share of images that the classifier takes for the label they were asked for
frechet    Frechet distance of Gaussians in the classifier's features (Heusel et al. 2017, arXiv
           1706.08500), times that of as many real training images
precision  share of images within the neighbourhoods of real ones, and
recall     of real ones within those of images (Kynkaanniemi et al. 2019, arXiv 1904.06991, k = 3)
near       share of images nearer to a training image than 99% of the test images are: .01 by chance
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from images_data import Array, Data, as_input
from torch import Tensor, nn

MOST_JUDGED = 10_000
NEIGHBOURS = 3
MOST_NEIGHBOURS = 5_000


class Classifier(nn.Module):
    """Three convolutions with normalisation and pooling; the last hidden layer has the features."""

    def __init__(self, colours: int, side: int, classes: int) -> None:
        super().__init__()
        widths = (24, 48, 64)
        layers: list[nn.Module] = []
        before = colours
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            if side >= 6:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            before = width
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(64), nn.ReLU())
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(F.dropout(self.body(x), 0.3, self.training))
        return out


class Judge:
    """The classifier, and the scores of real images."""

    def __init__(self, data: Data, epochs: int = 6) -> None:
        self.data = data
        torch.manual_seed(0)
        images, labels = as_input(data.train), torch.from_numpy(data.train_labels)
        side = min(images.shape[2:])
        self.network = Classifier(images.shape[1], side, data.classes)
        self.network(images[:2])
        optimizer = torch.optim.Adam(self.network.parameters(), 2e-3)
        epochs = max(epochs, 400_000 // len(images) if len(images) < 20_000 else 0)
        epochs = min(epochs, 60)
        batch = 128 if len(images) > 10_000 else 32
        steps = epochs * (len(images) // batch)
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(images))
            for start in range(0, len(images) - batch + 1, batch):
                for group in optimizer.param_groups:
                    group["lr"] = 2e-3 * min(1, (step + 1) / 100) * (1 - step / steps)
                rows = order[start : start + batch]
                loss = F.cross_entropy(self.network(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
        self.network.eval()
        self.test, found = self.classify(data.test)
        self.test_accuracy = float(np.mean(found == data.test_labels))
        count = min(len(data.test), MOST_JUDGED)
        some = np.random.default_rng(0).permutation(len(data.train))[:count]
        self.train, _ = self.classify(data.train[some])
        self.count = count
        self.floor = frechet(self.train, self.test)
        self.real = precision_recall(self.test, self.train)
        self.training_images = data.train.reshape(len(data.train), -1)
        self.unseen = np.quantile(nearest(data.test, self.training_images), 0.01)

    @torch.no_grad()
    def classify(self, images: Array) -> tuple[Array, Array]:
        """Return features, float64 (n, 64), and labels (n,)."""
        features, labels = [], []
        for part in as_input(images).split(1000):
            hidden = self.network.body(part)
            features.append(hidden.double().numpy())
            labels.append(self.network.head(hidden).argmax(1).numpy())
        return np.concatenate(features), np.concatenate(labels)

    def __call__(self, images: Array, labels: Array | None) -> dict[str, float | None]:
        """Return the measures of images (n, height, width[, 3]); accuracy only where labels are."""
        features, found = self.classify(images)
        precision, recall = precision_recall(self.test, features)
        return {
            "accuracy": None if labels is None else float(np.mean(found == labels)),
            "frechet": frechet(features, self.test) / self.floor,
            "precision": precision,
            "recall": recall,
            "near": float(np.mean(nearest(images, self.training_images) < self.unseen)),
        }


def frechet(first: Array, second: Array) -> float:
    """Return the Frechet distance of the Gaussians of two sets of features (n, d)."""
    means = first.mean(0), second.mean(0)
    spreads = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(spreads[0])
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ spreads[1] @ root), 0, None)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(apart + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * shared)


def precision_recall(real: Array, made: Array) -> tuple[float, float]:
    """Return the precision and recall of features (n, d), on as many of both."""
    rng = np.random.default_rng(1)
    count = min(len(real), len(made), MOST_NEIGHBOURS)
    points = [torch.from_numpy(p[rng.permutation(len(p))[:count]]) for p in (real, made)]
    reach = [torch.cdist(p, p).kthvalue(NEIGHBOURS + 1, 1).values for p in points]
    apart = torch.cdist(*points)
    precision = (apart <= reach[0][:, None]).any(0).float().mean()
    recall = (apart <= reach[1][None]).any(1).float().mean()
    return float(precision), float(recall)


def nearest(images: Array, training_images: Array) -> Array:
    """Return the distance (n,) of each image to the nearest training image, over pixels."""
    flat = torch.from_numpy(images.reshape(len(images), -1)).float()
    others = torch.from_numpy(training_images).float()
    best = torch.full((len(flat),), float("inf"))
    for part in others.split(2000):
        best = torch.minimum(best, torch.cdist(flat, part).min(1).values)
    found: Array = best.double().numpy()
    return found
