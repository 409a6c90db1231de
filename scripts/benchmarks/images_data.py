"""Images to learn from and to test on, from files or from scikit-learn."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]

PIXEL = "pixel{}"


class Data:
    """Images (n, height, width[, 3]) uint8 and labels (n,) int64, to learn from and to test on."""

    def __init__(self, options: argparse.Namespace) -> None:
        if options.train is None:
            from sklearn.datasets import load_digits

            digits = load_digits()
            images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
            labels = digits.target.astype(np.int64)
            order = np.random.default_rng(0).permutation(len(images))
            learn, test = order[:1500], order[1500:]
            self.train, self.train_labels = images[learn], labels[learn]
            self.test, self.test_labels = images[test], labels[test]
        else:
            self.train, self.train_labels = read(options.train, options)
            self.test, self.test_labels = read(options.test, options)
        self.classes = int(self.train_labels.max()) + 1

    def table(self, labelled: bool) -> pa.Table:
        """Return the training images as columns of pixels, with or without their labels."""
        flat = self.train.reshape(len(self.train), -1).astype(np.int64)
        columns = {PIXEL.format(i): flat[:, i] for i in range(flat.shape[1])}
        return pa.table({**columns, "label": self.train_labels} if labelled else columns)


def read(path: str, options: argparse.Namespace) -> tuple[Array, Array]:
    """Return the images (n, *shape) uint8 and the labels (n,) int64 of a file."""
    import pandas as pd

    frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    labels = frame.pop(options.label).to_numpy().astype(np.int64)
    return frame.to_numpy().astype(np.uint8).reshape(len(frame), *options.shape), labels


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark the options of :class:`Data`."""
    parser.add_argument("--train", help="CSV or Parquet; scikit-learn's digits when absent")
    parser.add_argument("--test", help="unseen images of the same kind")
    parser.add_argument("--label", default="label", help="the column of labels")
    parser.add_argument("--shape", type=int, nargs="+", default=[28, 28])
