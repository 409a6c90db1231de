"""Measures of generated images: distances and neighbourhoods in a space of features, and copies.

Features are (n, d) arrays; :mod:`h2o_gan.reporting.measures.image_features` has spaces of them.
Most measures depend on the number of images: compare figures of equally many only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Nearest",
    "Neighbourhoods",
    "frechet",
    "frechet_multiple",
    "independent_pixels",
    "near",
    "nearest",
    "true_positives",
]

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]

_BLOCK = 1_000  # rows of a distance matrix in memory
_LEVEL = 0.95


def frechet(first: Array, second: Array) -> float:
    """The Frechet distance of the Gaussians of two sets of features.

    Heusel et al., "GANs trained by a two time-scale update rule" (2017, arXiv 1706.08500), with the
    features of the caller in place of Inception's.
    """
    means = first.mean(0), second.mean(0)
    covariances = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    products = np.linalg.eigvalsh(root @ covariances[1] @ root)
    shared = np.sqrt(np.clip(products, 0, None)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared)


def frechet_multiple(
    generated: Array, training: Array, unseen: Array, rng: np.random.Generator, repeats: int = 100
) -> tuple[float, float, float]:
    """The Frechet distance to unseen images, in units of that of as many training images.

    Its 95 % interval comes from resamples of all three sets (Efron 1979). Resamples hold duplicates
    and shrink the ratio towards 1, so that the interval is moved to where its median is the ratio.

    Returns:
        The ratio, and the ends of its interval.
    """
    ratio = frechet(generated, unseen) / max(frechet(training, unseen), 1e-12)
    logs = []
    for _ in range(repeats):
        a, b, c = (x[rng.integers(len(x), size=len(x))] for x in (generated, training, unseen))
        logs.append(np.log(max(frechet(a, c), 1e-12) / max(frechet(b, c), 1e-12)))
    reach = np.quantile(logs, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2]) - np.median(logs)
    low, high = ratio * np.exp(reach)
    return ratio, float(low), float(high)


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """Which images lie within the neighbourhoods of the others.

    Neighbourhoods are balls around images, up to their k-th neighbour of the same set.

    Attributes:
        precise: (n,) bool, generated images within the neighbourhood of a real one.
        recalled: (n,) bool, real images within the neighbourhood of a generated one.
            Kynkaanniemi et al., "Improved precision and recall metric" (2019, arXiv 1904.06991).
        density: (n,), by generated image, the number of real neighbourhoods around it over k.
        covered: (n,) bool, real images with a generated one in their neighbourhood.
            Naeem et al., "Reliable fidelity and diversity metrics" (2020, arXiv 2002.09797).
    """

    precise: npt.NDArray[np.bool_]
    recalled: npt.NDArray[np.bool_]
    density: Array
    covered: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, real: Array, generated: Array, k: int = 3, wide_k: int = 5) -> Neighbourhoods:
        """Compare equally many real and generated images.

        Args:
            real: (n, d) features.
            generated: (n, d) features.
            k: neighbours for precision and recall.
            wide_k: neighbours for density and coverage.
        """
        assert len(real) == len(generated) > max(k, wide_k)
        narrow, wide = _radii(real, (k, wide_k))
        (around,) = _radii(generated, (k,))
        precise = np.zeros(len(generated), dtype=bool)
        density = np.zeros(len(generated))
        recalled, covered = [], []
        for rows, squares in _distances(real, generated):
            precise |= (squares <= narrow[rows, None]).any(0)
            within = squares <= wide[rows, None]
            density += within.sum(0)
            covered.append(within.any(1))
            recalled.append((squares <= around).any(1))
        return cls(precise, np.concatenate(recalled), density / wide_k, np.concatenate(covered))


def _radii(points: Array, neighbours: tuple[int, ...]) -> list[Array]:
    """The squared distances of points to their k-th neighbours, for each k."""
    parts = []
    for _, squares in _distances(points, points):
        parts.append(np.partition(squares, neighbours, axis=1)[:, neighbours])  # 0 is the point
    return list(np.concatenate(parts).T)


def _distances(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Iterator[tuple[slice, Any]]:
    """Squared distances of all points of two sets, in blocks of the first one's rows."""
    norms = np.square(second).sum(1)
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = first[rows]
        squares = part @ second.T
        squares *= -2
        squares += np.square(part).sum(1)[:, None]
        squares += norms
        yield rows, np.maximum(squares, 0, out=squares)


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest of other images, for each image.

    Attributes:
        index: (n,) of the nearest other image.
        distance: (n,) root mean square difference of the two images' values, 0 to 255.
    """

    index: npt.NDArray[np.int64]
    distance: Array


def nearest(images: Images, others: Images, itself: bool = False) -> Nearest:
    """Find the nearest other image of each image, over the values of pixels.

    Args:
        images: (n, height, width[, 3]).
        others: (m, height, width[, 3]), at least one.
        itself: whether `images` are the first of `others`, so that an image at the same index does
            not count.
    """
    flat = [part.reshape(len(part), -1) for part in (images, others)]
    # Values around 0 keep the rounding of float32 small.
    centred = [part.astype(np.float32) - np.float32(flat[1].mean()) for part in flat]
    index = []
    for rows, squares in _distances(*centred):
        if itself:
            at = np.arange(len(squares))
            squares[at, rows.start + at] = np.inf
        index.append(squares.argmin(1))
    found = np.concatenate(index) if index else np.zeros(0, dtype=np.int64)
    # Differences, unlike products, are 0 for equal images.
    means = [
        np.square(flat[0][row].astype(np.float64) - flat[1][other]).mean()
        for row, other in enumerate(found)
    ]
    return Nearest(found.astype(np.int64), np.sqrt(np.array(means)))


def near(distance: Array, usual: Array, share: float = 0.01) -> npt.NDArray[np.bool_]:
    """Which distances are among the nearest ones of usual distances.

    Args:
        distance: (n,) of images to their nearest training images.
        usual: (m,) the same of unseen images.
        share: of the unseen images that count as near; so many are, by chance, of the images.

    Returns:
        (n,) bool.
    """
    is_near: npt.NDArray[np.bool_] = distance <= np.quantile(usual, share)
    return is_near


def true_positives(members: Array, others: Array, share: float = 0.01) -> float:
    """The share of members that an attack finds at a share of false positives.

    Carlini et al., "Membership inference attacks from first principles" (2022, arXiv 2112.03570).

    Args:
        members: (n,) scores of training images; higher ones are taken for members.
        others: (m,) scores of unseen images.
        share: of the unseen images that may be taken for members.
    """
    allowed = int(share * len(others))
    threshold = np.sort(others)[::-1][allowed]
    return float(np.mean(members > threshold))


def independent_pixels(images: Images, rng: np.random.Generator) -> Images:
    """Images whose values are drawn from those of all images, independently by position."""
    flat = images.reshape(len(images), -1)
    return rng.permuted(flat, axis=0).reshape(images.shape)
