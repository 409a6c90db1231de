"""Distances, neighbourhoods and copies of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from h2o_gan.reporting.measures.image_features import Classifier, PrincipalComponents, shrunk
from h2o_gan.reporting.measures.image_scores import (
    Neighbourhoods,
    frechet,
    frechet_multiple,
    independent_pixels,
    near,
    nearest,
    true_positives,
)

RNG = np.random.default_rng(0)


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return images[order], data.target[order].astype(np.int64)


def test_the_frechet_distance_of_known_gaussians():
    first = RNG.normal(size=(50_000, 3))
    second = RNG.normal(size=(50_000, 3)) * [1, 2, 3] + [4, 0, 0]
    assert frechet(first, second) == pytest.approx(16 + 1 + 4, rel=0.02)
    assert frechet(first, first) == pytest.approx(0, abs=1e-9)


def test_the_interval_of_the_frechet_multiple_holds_1_for_the_same_distribution():
    generated, training, unseen = RNG.normal(size=(3, 800, 40))
    value, low, high = frechet_multiple(generated, training, unseen, RNG)
    assert low < 1 < high and low < value < high
    value, low, high = frechet_multiple(generated + 0.2, training, unseen, RNG)
    assert 1 < low < value < high


def test_neighbourhoods_are_those_of_their_definitions():
    real, generated = RNG.normal(size=(2, 1_100, 4))  # more than one block
    generated[:, 0] *= 0.3
    found = Neighbourhoods.of(real, generated)

    def radius(points: np.ndarray, k: int) -> np.ndarray:
        return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k]

    apart = np.linalg.norm(real[:, None] - generated[None], axis=2)
    within = apart <= radius(real, 5)[:, None]
    assert (found.precise == (apart <= radius(real, 3)[:, None]).any(0)).all()
    assert (found.recalled == (apart <= radius(generated, 3)).any(1)).all()
    assert found.density == pytest.approx(within.sum(0) / 5)
    assert (found.covered == within.any(1)).all()


def test_nearest_images_and_exact_copies():
    images, _ = digits()
    made = images[1000:1100].copy()
    made[::2] = images[:50]
    found = nearest(made, images[:1000])
    assert (found.index[::2] == np.arange(50)).all() and (found.distance[::2] == 0).all()
    squares = np.square(made[1].astype(float) - images[:1000]).mean((1, 2))
    assert found.distance[1] == pytest.approx(np.sqrt(squares.min()))
    assert (nearest(images[:300], images[:300], itself=True).distance > 0).all()


def test_shares_that_chance_gives():
    usual, distance = RNG.normal(size=(2, 20_000))
    assert near(distance, usual).mean() == pytest.approx(0.01, abs=0.003)
    assert true_positives(distance, usual) == pytest.approx(0.01, abs=0.003)
    assert true_positives(distance + 9, usual) == 1


def test_independent_pixels_have_the_values_of_each_position():
    images, _ = digits()
    made = independent_pixels(images, np.random.default_rng(0))
    assert (np.sort(made, axis=0) == np.sort(images, axis=0)).all()
    assert (made != images).any()


def test_shrunk_images_are_averages():
    image = np.zeros((1, 8, 4, 3), np.uint8)
    image[0, :2, :2, 1] = [[0, 100], [100, 200]]
    small = shrunk(image, 4)
    assert small.shape == (1, 4, 2, 3) and small[0, 0, 0].tolist() == [0, 100, 0]
    assert shrunk(image, 8) is image


def test_components_order_sets_of_images():
    images, labels = digits()
    training, unseen, other = images[:600], images[600:1200], images[1200:]
    features = PrincipalComponents.fit(training)
    noisy = np.clip(other + RNG.normal(0, 60, other.shape), 0, 255).astype(np.uint8)
    sets = [other, noisy, independent_pixels(training, RNG), images[labels == 0]]
    right, *wrong = (frechet(features(part), features(unseen)) for part in sets)
    assert min(wrong) > 3 * right


def test_a_classifier_recognises_digits_and_leaves_the_random_state():
    images, labels = digits()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    classifier = Classifier.fit(images[:900], labels[:900], 10, epochs=6)
    assert torch.equal(torch.rand(3), expected)
    features, found = classifier(images[900:])
    assert features.shape == (897, 64)
    assert np.mean(found == labels[900:]) > 0.93
