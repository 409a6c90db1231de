"""Pixel columns: how they are recognised, encoded and decoded."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from pictures import pixels

from h2o_gan.engine.data.pixel_encoder import PixelEncoder, image_shape_of
from h2o_gan.engine.exceptions import Damaged


@pytest.mark.parametrize(
    ("columns", "shape"), [(64, (8, 8, 1)), (784, (28, 28, 1)), (3072, (32, 32, 3))]
)
def test_square_images_are_recognised_by_their_columns(columns, shape):
    rng = np.random.default_rng(0)
    encoder = PixelEncoder.fit(pixels(rng.integers(0, 256, (20, columns))))
    assert encoder.shape == shape and encoder.high == 255


def test_tables_of_numbers_are_not_images():
    rng = np.random.default_rng(0)
    scales = rng.permutation(np.geomspace(3, 255, 64)).astype(int)
    assert PixelEncoder.fit(pixels(rng.integers(0, scales, (50, 64)))) is None
    assert PixelEncoder.fit(pixels(rng.integers(0, 256, (50, 63)))) is None
    assert PixelEncoder.fit(pixels(rng.normal(size=(50, 64)))) is None


@pytest.mark.parametrize(
    ("low", "high", "dtype"), [(0, 255, int), (0, 16, int), (0, 1, float), (-1, 1, float)]
)
def test_pixels_keep_their_range(low, high, dtype):
    rng = np.random.default_rng(0)
    images = (low + (high - low) * rng.random((30, 10, 12))).astype(dtype)
    images[0, 0, 0], images[0, 0, 1] = low, high
    table = pixels(images)
    encoder = PixelEncoder.fit_images(table, (10, 12), None)
    codes = encoder.encode(table)
    assert codes.dtype == torch.uint8
    shown = encoder.images_of(codes)
    assert shown.shape == (30, 1, 10, 12) and shown.min() == -1 and shown.max() == 1
    back = encoder.decode((shown.flatten(1).double().numpy() + 1) / 2)
    assert back.schema.names == table.column_names
    values = np.stack([column.to_numpy() for column in back.columns], 1).reshape(images.shape)
    assert np.abs(values - images).max() <= (0 if dtype is int else (high - low) / 255)


def test_channels_of_a_pixel_are_adjacent_columns():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 9, 3))
    encoder = PixelEncoder.fit_images(pixels(images), (8, 9, 3), None)
    shown = encoder.images_of(encoder.encode(pixels(images)))
    assert torch.equal(
        ((shown + 1) * 127.5).round().long(), torch.from_numpy(images.transpose(0, 3, 1, 2))
    )


@pytest.mark.parametrize(
    ("columns", "shape"), [(64, (8, 8, 1)), (192, (8, 8, 3)), (65, None), (0, None)]
)
def test_shapes_of_square_images(columns, shape):
    assert image_shape_of(columns) == shape


@pytest.fixture
def labelled():
    rng = np.random.default_rng(0)
    labels = pa.array(["b", "a", "b", "c"]).dictionary_encode()
    return pixels(rng.integers(0, 256, (4, 64)), label=labels)


def test_labels_are_two_bytes_of_the_codes(labelled):
    encoder = PixelEncoder.fit(labelled, "label")
    codes = encoder.encode(labelled)
    assert codes.shape == (4, 66) and codes.dtype == torch.uint8
    assert encoder.classes_of(codes).tolist() == [0, 1, 0, 2]
    other = labelled.set_column(64, "label", pa.array(["a", "new", "b", "c"]).dictionary_encode())
    assert encoder.classes_of(encoder.encode(other)).tolist() == [1, 65535, 0, 2]
    assert encoder.decode_codes(codes).equals(
        pa.RecordBatch.from_arrays(
            [*(column.combine_chunks() for column in labelled.columns[:64]),
             encoder.labels.decode(np.array([0, 1, 0, 2]))],
            schema=encoder.decode_codes(codes).schema,
        )
    )  # fmt: skip
    assert encoder.summary == "8 x 8 grey images of 3 classes in 'label'"


def test_the_column_that_is_not_a_pixel_is_found_at_either_end(labelled):
    assert PixelEncoder.non_pixel_column(labelled) == "label"
    names = labelled.column_names
    assert PixelEncoder.non_pixel_column(labelled.select([names[-1], *names[:-1]])) == "label"
    middle = labelled.select([*names[:9], names[-1], *names[9:-1]])
    assert PixelEncoder.non_pixel_column(middle) is None
    assert PixelEncoder.non_pixel_column(labelled.drop_columns(["label"])) is None


def test_files_have_pixels_and_then_the_label():
    labels = pa.chunked_array([[3, 5, 3]])
    encoder = PixelEncoder.of_files((2, 3), "digit", labels)
    assert [column.name for column in encoder.columns] == [
        *(f"pixel{index}" for index in range(6)), "digit",
    ]  # fmt: skip
    images = np.arange(18, dtype=np.uint8).reshape(3, 2, 3, 1)
    codes = encoder.encode_images(images, pa.table({"digit": labels}))
    assert codes[:, :6].tolist() == images.reshape(3, 6).tolist()
    assert encoder.classes_of(codes).tolist() == [0, 1, 0]


def test_an_encoder_comes_back_from_its_json(labelled):
    encoder = PixelEncoder.fit(labelled, "label")
    again = PixelEncoder.restore(encoder.to_json(), encoder.arrays())
    assert torch.equal(again.encode(labelled), encoder.encode(labelled))
    assert again.describe() == encoder.describe()
    for change in (
        {"shape": [8, 9, 1]},
        {"low": 300},
        {"columns": encoder.to_json()["columns"][1:]},
    ):
        with pytest.raises(Damaged):
            PixelEncoder.restore({**encoder.to_json(), **change}, {})
