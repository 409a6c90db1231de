"""The encoder of pixel columns.

A table of pixels has one image in each row: all columns share one scale, stay uint8 in memory, and
constant ones (a black border) belong to the image. One more column may be the label of the image.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from h2o_gan.engine.data.labels import Labels
from h2o_gan.engine.data.schema import Column, description, kind_of, schema_of
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.notices import listed

__all__ = ["PixelEncoder", "drop_gray_axis", "image_shape_of"]

Array = npt.NDArray[Any]

_MIN_PIXELS = 64
_LEVELS = 255


def image_shape_of(columns: int) -> tuple[int, int, int] | None:
    """The shape of square images.

    Args:
        columns: number of pixel columns.

    Returns:
        (height, width, channels), grey images before coloured ones; None if there is no such shape.
    """
    for channels in (1, 3):
        side = math.isqrt(columns // channels)
        if side * side * channels == columns and columns:
            return side, side, channels
    return None


def drop_gray_axis(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Images (..., height, width, colours), the last axis dropped where they are grey."""
    return images[..., 0] if images.shape[-1] == 1 else images


class PixelEncoder:
    """The encoder of columns that together are an image, and of its label.

    Pixel columns are in the order in which NumPy flattens an image of `shape`: row by row, the
    channels of a pixel next to each other.

    Args:
        columns: all columns, in the order of the table.
        labels: of the images, or None.
        shape: (height, width, channels).
        low: the smallest value of a pixel.
        high: the largest value of a pixel.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        labels: Labels | None = None,
        *,
        shape: tuple[int, int, int],
        low: float,
        high: float,
    ) -> None:
        self.columns = tuple(columns)
        self.shape, self.low, self.high, self.labels = shape, low, high, labels
        self.pixels = tuple(
            column
            for index, column in enumerate(self.columns)
            if labels is None or index != labels.position
        )
        self.width = len(self.pixels)
        self._whole = all(column.kind == "int" for column in self.pixels)
        # Whole numbers of a small range are their own codes; other values get one of 256 levels.
        self.levels = int(high - low) if self._whole and high - low <= _LEVELS else _LEVELS

    @classmethod
    def fit(cls, table: pa.Table, label: str | None = None) -> PixelEncoder | None:
        """Make the encoder of a table that is recognised as pixels.

        These are at least 64 columns, a square number of them (or three times one, for colour).
        Their values are whole numbers from 0 to at most 255, none missing. At least a quarter of
        the columns reach half of the largest value, so that they are on one scale.

        Args:
            table: pixel columns and, if `label` names it, the label's.
            label: name of the label's column, or None.

        Returns:
            The encoder; None if the columns are not recognised.

        Raises:
            ValueError: the label's column does not have labels.
        """
        names = [name for name in table.column_names if name != label]
        largest = _largest_pixel(table, names)
        if largest is None:
            return None
        shape = image_shape_of(len(names))
        assert shape is not None
        return cls(*_with_label(table, names, label), shape=shape, low=0, high=largest)

    @staticmethod
    def non_pixel_column(table: pa.Table) -> str | None:
        """The only column that is not a pixel, if the others are recognised as pixels.

        Only the first and the last column are tried: labels are there.

        Args:
            table: any.

        Returns:
            The column's name, or None.
        """
        names = table.column_names
        for other in dict.fromkeys(names[-1:] + names[:1]):
            if _largest_pixel(table, [name for name in names if name != other]) is not None:
                return str(other)
        return None

    @classmethod
    def of_files(
        cls, shape: Sequence[int], label: str | None, labels: pa.ChunkedArray | None
    ) -> PixelEncoder:
        """Make the encoder of image files, whose columns are pixels 0 to 255 and then the label.

        Args:
            shape: (height, width) or (height, width, channels).
            label: name of the label's column, or None.
            labels: (rows,) labels, or None.

        Raises:
            ValueError: the label's column does not have labels.
        """
        height, width, channels = (*shape, 1)[:3]
        names = [f"pixel{index}" for index in range(height * width * channels)]
        columns = [Column(name, "int") for name in names]
        known = None
        if label is not None:
            known = Labels.fit(label, labels, len(columns))
            columns.append(known.column)
        return cls(columns, known, shape=(height, width, channels), low=0, high=_LEVELS)

    @classmethod
    def fit_images(
        cls, table: pa.Table, shape: Sequence[int] | None, label: str | None
    ) -> PixelEncoder:
        """Make the encoder of a table that the user declares to be images.

        Args:
            table: pixel columns in any numeric range and, if `label` names it, the label's.
            shape: (height, width) or (height, width, channels); None for square images.
            label: name of the label's column, or None.

        Raises:
            ValueError: the columns are not such images; the message names them.
        """
        names = [name for name in table.column_names if name != label]
        others = [n for n in names if kind_of(table.schema.field(n).type) not in ("int", "real")]
        if others:
            raise ValueError(
                f"images have numeric columns, one for each pixel, but {listed(others, 5)} "
                f"{'is' if len(others) == 1 else 'are'} not: pass the label as y, and leave out "
                "others with ignored_columns."
            )
        size = _checked_shape(shape, len(names), names)
        incomplete = [name for name in names if table.column(name).null_count]
        if incomplete:
            raise ValueError(
                f"pixels cannot be missing, but {listed(incomplete, 5)} "
                f"{'has' if len(incomplete) == 1 else 'have'} missing values: leave out those rows."
            )
        low, high = math.inf, -math.inf
        for name in names:
            extremes = pc.min_max(table.column(name)).as_py()
            low, high = min(low, float(extremes["min"])), max(high, float(extremes["max"]))
        if not math.isfinite(low) or not math.isfinite(high):
            raise ValueError("pixels must be finite, but some are infinite or NaN.")
        if low >= high:
            raise ValueError("every pixel of every image is the same: there is nothing to learn.")
        whole = all(kind_of(table.schema.field(name).type) == "int" for name in names)
        if low >= 0:  # black is 0, also in images that have no black pixel
            low, high = 0.0, high if whole or high > 1 else 1.0
        return cls(*_with_label(table, names, label), shape=size, low=low, high=high)

    def encode(self, table: pa.Table) -> Tensor:
        """Encode rows; values are clipped to the range.

        Args:
            table: rows with these columns.

        Returns:
            uint8 (rows, pixels) on the CPU or, with a label, (rows, pixels + 2): the class's index
            in two bytes, the lower one first, 65535 for an unknown class.
        """
        codes = self._empty_codes(table)
        scale = self.levels / (self.high - self.low)
        for index, column in enumerate(self.pixels):
            values = pc.fill_null(table.column(column.name), 0).to_numpy()
            values = np.nan_to_num((values - self.low) * scale)
            codes[:, index] = np.rint(np.clip(values, 0, self.levels))
        return torch.from_numpy(codes)

    def encode_images(self, images: Array, table: pa.Table) -> Tensor:
        """Encode images.

        Args:
            images: uint8 (rows, height, width, channels).
            table: with the label's column, if there are labels.

        Returns:
            Codes as of :meth:`encode`.
        """
        codes = self._empty_codes(table)
        codes[:, : self.width] = images.reshape(len(images), self.width)
        return torch.from_numpy(codes)

    def _empty_codes(self, table: pa.Table) -> Array:
        """Codes with classes, but uninitialized pixels."""
        codes = np.empty((table.num_rows, self.width + (0 if self.labels is None else 2)), np.uint8)
        if self.labels is not None:
            classes = self.labels.encode(table.column(self.labels.column.name))
            codes[:, -2], codes[:, -1] = classes & 255, (classes >> 8) & 255
        return codes

    def classes_of(self, codes: Tensor) -> Tensor:
        """The classes, int64 (rows,), in codes of :meth:`encode`."""
        return codes[:, -2].long() + 256 * codes[:, -1].long()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.shape

    @property
    def summary(self) -> str:
        """A description of the images, for messages."""
        kind = f"{_shape_name(self.shape)} images"
        if self.labels is not None:
            kind += f" of {len(self.labels.classes)} classes in {self.labels.column.name!r}"
        return kind

    def images_of(self, codes: Tensor) -> Tensor:
        """Convert codes to images, float32 (rows, channels, height, width) in [-1, 1]."""
        height, width, channels = self.shape
        flat = codes[:, : self.width].reshape(-1, height, width, channels)
        return flat.permute(0, 3, 1, 2).float().mul_(2.0 / self.levels).sub_(1.0)

    def decode(self, hard: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Decode intensities to rows.

        Args:
            hard: float64 (rows, pixels) in [0, 1], and in a last column the class's index.
            start: not used: images have no identifiers.
            seed: not used.
        """
        values = self.low + np.clip(hard[:, : self.width], 0, 1) * (self.high - self.low)
        columns = np.ascontiguousarray(values.T)
        arrays = [
            pa.array(np.rint(pixel).astype(np.int64) if column.kind == "int" else pixel)
            for column, pixel in zip(self.pixels, columns, strict=True)
        ]
        if self.labels is not None:
            label = self.labels.decode(hard[:, -1].astype(np.int64))
            arrays.insert(self.labels.position, label)
        return pa.RecordBatch.from_arrays(arrays, schema=schema_of(list(self.columns)))

    def bytes_of_codes(self, codes: Tensor) -> npt.NDArray[np.uint8]:
        """Codes of :meth:`encode` to uint8 images (rows, height, width[, 3]), 255 for `high`."""
        values = codes[:, : self.width].numpy() * (255.0 / self.levels)
        return drop_gray_axis(np.rint(values).astype(np.uint8).reshape(-1, *self.shape))

    def bytes_of_values(self, values: Array) -> npt.NDArray[np.uint8]:
        """Pixels (rows, pixels) in the data's scale to uint8 images (rows, height, width[, 3]).

        `low` becomes 0, `high` 255; what is outside is clipped.
        """
        shares = np.clip((values - self.low) / (self.high - self.low), 0, 1)
        return drop_gray_axis(np.rint(shares * 255).astype(np.uint8).reshape(-1, *self.shape))

    def decode_codes(self, codes: Tensor) -> pa.RecordBatch:
        """Decode codes of :meth:`encode` to rows."""
        values = codes[:, : self.width].numpy().astype(np.float64) / self.levels
        if self.labels is not None:
            values = np.column_stack([values, self.classes_of(codes).numpy()])
        return self.decode(values)

    def describe(self) -> list[dict[str, Any]]:
        """How each column is treated; see :func:`h2o_gan.engine.data.schema.description`."""
        extent = f"{self.low:g} to {self.high:g}"
        rows = [description(column, "pixel", extent, 0.0) for column in self.pixels]
        if self.labels is not None:
            label = self.labels
            row = description(label.column, "label", f"{len(label.classes)} classes", 0.0)
            rows.insert(label.position, row)
        return rows

    def describe_relations(self) -> list[dict[str, Any]]:
        """None: no relations between pixels are found."""
        return []

    def to_json(self) -> dict[str, Any]:
        """The state as JSON types."""
        return {
            "encoder": "pixels",
            "columns": [column.to_json() for column in self.columns],
            "shape": list(self.shape),
            "low": self.low,
            "high": self.high,
            "labels": None if self.labels is None else self.labels.to_json(),
        }

    def arrays(self) -> dict[str, Array]:
        """The arrays of the state: none."""
        return {}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> PixelEncoder:
        """Rebuild an encoder.

        Args:
            data: from :meth:`to_json`.
            arrays: from :meth:`arrays`.

        Raises:
            Damaged: the data contradict each other.
        """
        columns = [Column.from_json(item) for item in data["columns"]]
        labels = data.get("labels")
        known = None if labels is None else Labels.from_json(labels, len(columns))
        pixels = len(columns) - (known is not None)
        # Format 1 and the first files of format 2 have only the largest value.
        shape = data.get("shape") or image_shape_of(pixels)
        low, high = data.get("low", 0), data.get("high", data.get("largest"))
        kinds = {c.kind for i, c in enumerate(columns) if known is None or i != known.position}
        whole = kinds == {"int"}
        if (
            pixels < 1
            or shape is None
            or high is None
            or math.prod(shape) != pixels
            or not low < high
            or not kinds <= {"int", "real"}
            or (known is not None and columns[known.position] != known.column)
            or len({column.name for column in columns}) != len(columns)
            or (whole and (high - low < 1 or max(-low, high) > 2**53))
        ):
            raise Damaged("the pixel columns do not fit together")
        return cls(
            columns, known, shape=(shape[0], shape[1], shape[2]), low=float(low), high=float(high)
        )


def _with_label(
    table: pa.Table, pixels: Sequence[str], label: str | None
) -> tuple[list[Column], Labels | None]:
    """All columns of a table of pixels, and the labels in it."""
    labels = None
    if label is not None:
        labels = Labels.fit(label, table.column(label), table.column_names.index(label))
    columns = [
        labels.column
        if labels is not None and name == label
        else Column(name, kind_of(table.schema.field(name).type))
        for name in table.column_names
    ]
    return columns, labels


def _largest_pixel(table: pa.Table, names: Sequence[str]) -> int | None:
    """The largest value of columns that are recognised as pixels; None for other columns."""
    if len(names) < _MIN_PIXELS or image_shape_of(len(names)) is None or not table.num_rows:
        return None
    if any(kind_of(table.schema.field(name).type) != "int" for name in names):
        return None
    peaks = []
    for name in names:
        column = table.column(name)
        extremes = pc.min_max(column).as_py()
        if column.null_count or extremes["min"] < 0 or extremes["max"] > _LEVELS:
            return None
        peaks.append(extremes["max"])
    largest = max(peaks)
    if largest < 2 or np.mean(np.asarray(peaks) >= largest / 2) < 0.25:
        return None
    return int(largest)


def _shape_name(shape: tuple[int, int, int] | None) -> str:
    if shape is None:
        return "square"
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"


def _checked_shape(
    shape: Sequence[int] | None, pixels: int, names: Sequence[str]
) -> tuple[int, int, int]:
    if shape is None:
        square = image_shape_of(pixels)
        if square is None:
            raise ValueError(
                f"{pixels} columns do not form a square image with 1 or 3 channels: pass "
                "image_shape=(height, width) or (height, width, 3), pass the label as y, and leave "
                "out columns that are not pixels with ignored_columns."
            )
        return square
    height, width, channels = (*shape, 1)[:3]
    if height * width * channels != pixels:
        raise ValueError(
            f"image_shape={tuple(shape)} takes {height * width * channels} pixel columns, but the "
            f"data have {pixels} ({listed(_unusual_names(names), 5)}): pass the label as y, and "
            "leave out columns that are not pixels with ignored_columns."
        )
    return height, width, channels


def _unusual_names(names: Sequence[str]) -> Sequence[str]:
    """The names that are not numbered like most of them; all names if there are none."""
    stems = [re.sub(r"\d+", "", name) for name in names]
    usual, _ = Counter(stems).most_common(1)[0]
    odd = [name for name, stem in zip(names, stems, strict=True) if stem != usual]
    return odd or names
