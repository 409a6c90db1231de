"""Reads the images that a report compares, from frames of pixels or of paths of files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h2o.frame import H2OFrame

from h2o_gan.cluster.scanning import scan

if TYPE_CHECKING:
    from h2o_gan.engine.data.pixel_encoder import PixelEncoder
    from h2o_gan.engine.model import Model
    from h2o_gan.reporting.images.inputs import ImageInputs
    from h2o_gan.reporting.inputs import Options

__all__ = ["SYNTHETIC_IMAGES", "image_inputs"]

SYNTHETIC_IMAGES = 5000
"""Most synthetic images, and most unseen ones."""
_TRAINING_IMAGES = 10_000
_TABLE_BYTES = 2**28  # of pixels as 64-bit numbers
_UNSEEN_SHARE = 0.2
_UNKNOWN = 65535  # the code of a label that was not in the training rows

Images = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


def image_inputs(
    model: Model,
    training: H2OFrame,
    synthetic: H2OFrame,
    test: H2OFrame | None,
    held_out: Codes | None,
    options: Options,
    stop: threading.Event,
    progress: Callable[[float], None],
) -> ImageInputs:
    """Read random images of the frames.

    Args:
        model: of images; with the folder of image files, if its training frame has paths.
        training: the frame that it was trained on.
        synthetic: images of the model.
        test: images that it was not trained on, or None.
        held_out: rows of the training frame that were held out from training, or None.
        options: of the report.
        stop: ends the reading of files.
        progress: called with the share that is done.

    Raises:
        H2OValueError: a frame lacks a column.
        ValueError: an image file cannot be read.
    """
    from h2o_gan.reporting.images.inputs import ImageInputs

    encoder: PixelEncoder = model.encoder  # type: ignore[assignment]
    most = max(_TABLE_BYTES // (8 * encoder.width), 100)
    rng = np.random.default_rng(options.seed)
    total = training.nrow
    unseen = np.zeros(0, np.int64)
    if test is None:
        count = max(int(total * _UNSEEN_SHARE), 1)
        unseen = rng.permutation(total)[:count] if held_out is None else rng.permutation(held_out)
        unseen = unseen[: min(SYNTHETIC_IMAGES, most)]
    left_out = unseen if held_out is None or test is not None else held_out
    seen = np.setdiff1d(np.arange(total), left_out)
    seen = rng.permutation(seen)[: min(_TRAINING_IMAGES, most)]
    images, labels = _read(model, training, np.concatenate([seen, unseen]), stop)
    progress(0.5)
    kept = rng.permutation(synthetic.nrow)[: min(SYNTHETIC_IMAGES, most)]
    made, made_labels = _read(model, synthetic, kept, stop)
    progress(0.75)
    if test is None:
        real, real_labels = images[len(seen) :], None if labels is None else labels[len(seen) :]
    else:
        kept = rng.permutation(test.nrow)[: min(SYNTHETIC_IMAGES, most)]
        real, real_labels = _read(model, test, kept, stop)
    progress(1.0)
    classes = () if encoder.labels is None else encoder.labels.classes
    return ImageInputs(
        images[: len(seen)],
        made,
        real,
        None if labels is None else labels[: len(seen)],
        made_labels,
        real_labels,
        tuple(map(str, classes)),
        options.seed,
        unseen_is_training=test is None and held_out is None,
        show_images=options.show_rows,
        stop=stop,
    )


def _read(
    model: Model, frame: H2OFrame, kept: Codes, stop: threading.Event
) -> tuple[Images, Codes | None]:
    """Images (n, height, width[, 3]) and the codes of their labels, of some rows of a frame."""
    from h2o_gan.engine.data.preparation import encode_rows

    encoder: PixelEncoder = model.encoder  # type: ignore[assignment]
    path = model.parameters.image_column
    if path is not None and path in frame.names:
        names = [path, *([] if encoder.labels is None else [encoder.labels.column.name])]
    else:
        names = [column.name for column in encoder.columns]
    table: pa.Table = scan(frame, names, kept)
    codes, _ = encode_rows(encoder, table, model.parameters, stop)
    images = encoder.bytes_of_codes(codes)
    if encoder.labels is None:
        return images, None
    labels: Codes = encoder.classes_of(codes).numpy()
    return images, np.where(labels == _UNKNOWN, -1, labels)
