"""Sets of images as the report's feature space sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.images.inputs import ImageInputs
from h2o_gan.reporting.measures.image_features import Classifier, PrincipalComponents
from h2o_gan.reporting.measures.image_scores import independent_pixels

__all__ = ["ImageSet", "Sets", "Space"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]

_SEEN = 30_000  # images that the classifier is trained on, in all epochs together
_MOST_EPOCHS = 40
_IMAGES_PER_CLASS = 5  # with fewer the labels are not classes


@dataclass(frozen=True, eq=False)
class Space:
    """Features of images.

    Attributes:
        seen: turns images into features, (n, d), and labels that are recognised, (n,).
        text: what the features are.
    """

    seen: Callable[[Images], tuple[Array, Codes | None]]
    text: str

    @classmethod
    def of(cls, inputs: ImageInputs) -> Space:
        """The classifier's features where the training images have labels of classes."""
        labels = inputs.training_labels
        known = np.zeros(0, dtype=np.int64) if labels is None else labels[labels >= 0]
        classes = len(np.unique(known))
        if labels is None or classes < 2 or len(known) < _IMAGES_PER_CLASS * classes:
            components = PrincipalComponents.fit(inputs.training)
            return cls(
                lambda images: (components(images), None),
                "at most 64 principal components of the training images' pixels, and the distance "
                "from the space that they span",
            )
        epochs = min(max(3, _SEEN // len(known)), _MOST_EPOCHS)
        classifier = Classifier.fit(
            inputs.training[labels >= 0], known, len(inputs.levels), epochs, inputs.seed
        )
        return cls(
            classifier,
            "the last hidden layer (64 numbers) of a small convolutional network that was trained "
            f"on {len(known):,} training images to recognise their classes",
        )


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images as the space sees them.

    Attributes:
        features: (n, d).
        recognised: (n,) labels by the classifier; None without one.
        labels: (n,) that the images have, -1 for missing; None without labels.
    """

    features: Array
    recognised: Codes | None
    labels: Codes | None

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Whether the label is recognised, for each image that has one."""
        if self.recognised is None or self.labels is None:
            return np.zeros(0, dtype=bool)
        known = self.labels >= 0
        hits: npt.NDArray[np.bool_] = self.recognised[known] == self.labels[known]
        return hits

    def of_class(self, code: int) -> npt.NDArray[np.bool_]:
        """Which images have a label."""
        if self.labels is None:
            return np.zeros(len(self.features), dtype=bool)
        chosen: npt.NDArray[np.bool_] = self.labels == code
        return chosen


@dataclass(frozen=True, eq=False)
class Sets:
    """The sets that are compared, equally many images of each."""

    training: ImageSet
    synthetic: ImageSet
    unseen: ImageSet
    independent: ImageSet

    @classmethod
    def of(cls, inputs: ImageInputs, space: Space, rows: int, rng: np.random.Generator) -> Sets:
        """The first images of each kind."""

        def seen(images: Images, labels: Codes | None) -> ImageSet:
            return ImageSet(*space.seen(images), None if labels is None else labels[:rows])

        training = inputs.training[:rows]
        return cls(
            seen(training, inputs.training_labels),
            seen(inputs.synthetic[:rows], inputs.synthetic_labels),
            seen(inputs.unseen[:rows], inputs.unseen_labels),
            seen(independent_pixels(training, rng), inputs.training_labels),
        )
