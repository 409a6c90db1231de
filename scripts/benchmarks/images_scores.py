"""Measures of generated images, by a classifier that is trained on the real ones.

They are those of the report, ``h2o_gan/reporting/measures``. All are against the real test images:

accuracy   share of images in which the classifier recognises the label they were generated for
frechet    Frechet distance of Gaussians in the classifier's features (Heusel et al. 2017, arXiv
           1706.08500), times that of as many real training images
precision  share of images within the neighbourhoods of real ones, and
recall     of real ones within those of images (Kynkaanniemi et al. 2019, arXiv 1904.06991, k = 3)
density    how many neighbourhoods of real images hold an image, and
coverage   share of those that hold any (Naeem et al. 2020, arXiv 2002.09797, k = 5)
near       share of images nearer to a training image than 99% of the test images are: .01 by chance
"""

from __future__ import annotations

import numpy as np
from images_data import Array, Data

from h2o_gan.reporting.measures.image_features import Classifier
from h2o_gan.reporting.measures.image_scores import Neighbourhoods, frechet, near, nearest

MOST_JUDGED = 10_000
MOST_NEIGHBOURS = 5_000
SEEN = 400_000  # images in all epochs together, where there are few


class Judge:
    """The classifier, and the scores of real images."""

    def __init__(self, data: Data) -> None:
        self.data = data
        images = len(data.train)
        epochs = min(max(6, SEEN // images if images < 20_000 else 0), 60)
        self.classify = Classifier.fit(data.train, data.train_labels, data.classes, epochs)
        self.test, found = self.classify(data.test)
        self.test_accuracy = float(np.mean(found == data.test_labels))
        self.count = min(len(data.test), MOST_JUDGED)
        some = np.random.default_rng(0).permutation(images)[: self.count]
        self.train, _ = self.classify(data.train[some])
        self.floor = frechet(self.train, self.test)
        self.real = neighbourhoods(self.test, self.train)
        self.unseen = nearest(data.test, data.train).distance

    def __call__(self, images: Array, labels: Array | None) -> dict[str, float | None]:
        """Return the measures of images (n, height, width[, 3]); accuracy only where labels are."""
        features, found = self.classify(images)
        distance = nearest(images, self.data.train).distance
        return {
            "accuracy": None if labels is None else float(np.mean(found == labels)),
            "frechet": frechet(features, self.test) / self.floor,
            **neighbourhoods(self.test, features),
            "near": float(near(distance, self.unseen).mean()),
        }


def neighbourhoods(real: Array, generated: Array) -> dict[str, float]:
    """Return precision, recall, density and coverage of features (n, d), on as many of both."""
    rng = np.random.default_rng(1)
    count = min(len(real), len(generated), MOST_NEIGHBOURS)
    points = [part[rng.permutation(len(part))[:count]] for part in (real, generated)]
    found = Neighbourhoods.of(*points)
    return {
        "precision": float(found.precise.mean()),
        "recall": float(found.recalled.mean()),
        "density": float(found.density.mean()),
        "coverage": float(found.covered.mean()),
    }
