"""Images that a report compares."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.image_features import shrunk

__all__ = ["ImageInputs"]

Images = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ImageInputs:
    """Random samples of images, in random order.

    Attributes:
        training: (n, height, width[, 3]) uint8, images that the model was trained on.
        synthetic: (m, height, width[, 3]) uint8, the images that are judged.
        unseen: (k, height, width[, 3]) uint8, real images that are not among the training images.
        training_labels: (n,) int64 codes of `levels`, -1 for missing; None without labels.
        synthetic_labels: (m,) int64, the labels that the synthetic images were generated for.
        unseen_labels: (k,) int64.
        levels: texts of the codes.
        seed: of everything random.
        unseen_is_training: whether the unseen images may have been trained on, since the user has
            no others; attacks against them then say nothing.
        show_images: whether the report may show real images.
        stop: is set where the user ends the report early.
    """

    training: Images
    synthetic: Images
    unseen: Images
    training_labels: Codes | None = None
    synthetic_labels: Codes | None = None
    unseen_labels: Codes | None = None
    levels: tuple[str, ...] = ()
    seed: int = 1
    unseen_is_training: bool = False
    show_images: bool = True
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> str:
        """Height and width in words."""
        return "{} x {}".format(*self.training.shape[1:3])

    def shrunk(self, side: int) -> ImageInputs:
        """The same images, larger ones averaged down to a longer side of some pixels."""
        return replace(
            self,
            training=shrunk(self.training, side),
            synthetic=shrunk(self.synthetic, side),
            unseen=shrunk(self.unseen, side),
        )

    def split(self) -> ImageInputs:
        """With other images as unseen ones, where those may be among the training images.

        Half of the training images takes their place, so that the halves have nothing in common.
        """
        if not self.unseen_is_training:
            return self
        half, labels = len(self.training) // 2, self.training_labels
        return replace(
            self,
            training=self.training[:half],
            unseen=self.training[half:],
            training_labels=None if labels is None else labels[:half],
            unseen_labels=None if labels is None else labels[half:],
        )
