"""Rows are read, and get the encoder that they need."""

import threading

import numpy as np
import pyarrow as pa
import pytest
from pictures import pixels
from PIL import Image

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.preparation import encode_rows, fit_encoder, read_rows
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import TrainingStopped
from h2o_gan.parameters import Parameters

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 64))


def read(table, stop=None, **parameters):
    return read_rows(table.to_reader(), Parameters(**parameters), stop or threading.Event())


def test_weights_and_ignored_columns_are_taken_out():
    table = pa.table({"a": [1, 2], "w": [0.5, None], "b": [3, 4]})
    rows, weights = read(table, weights_column="w", column_types={"b": "ignore", "no": "ignore"})
    assert rows.column_names == ["a"] and weights.tolist() == [0.5, 0.0]
    assert read(table)[1] is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [([-1.0, 1], "negative or infinite"), ([np.inf, 1], "negative or infinite"),
     ([0.0, 0.0], "zero in every row")],
)  # fmt: skip
def test_unfit_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=f"weights_column 'w'.*{message}"):
        read(pa.table({"a": [1, 2], "w": weights}), weights_column="w")


def test_there_must_be_rows():
    with pytest.raises(ValueError, match="the data have no rows"):
        read(pa.table({"a": pa.array([], pa.int64())}))


def test_reading_can_be_stopped():
    stop = threading.Event()
    stop.set()
    with pytest.raises(TrainingStopped):
        read(pa.table({"a": [1]}), stop)


def test_the_encoder_follows_rows_and_parameters(recwarn):
    table = pixels(IMAGES)
    assert isinstance(fit_encoder(table, None, Parameters()), PixelEncoder)
    as_columns = fit_encoder(table, None, Parameters(architecture="columns"))
    assert isinstance(as_columns, TableEncoder)
    other = pa.table({"a": np.random.default_rng(0).normal(size=60)})
    assert isinstance(fit_encoder(other, None, Parameters()), TableEncoder)
    wide = pixels(np.hstack([IMAGES, IMAGES[:, :16]]))
    shaped = fit_encoder(wide, None, Parameters(image_shape=(8, 10)))
    assert shaped.shape == (8, 10, 1) and not recwarn.list


def test_a_column_beside_pixels_is_asked_about():
    table = pixels(IMAGES, digit=pa.array([1, 2] * 30))
    with pytest.raises(ValueError, match="all columns but 'digit' are pixels: pass it as y"):
        fit_encoder(table, None, Parameters())
    assert fit_encoder(table, None, Parameters(response_column="digit")).labels.classes == (1, 2)


def test_few_rows_and_paths_are_warned_of():
    table = pa.table({"file": pa.array(["a.png", "b.JPG"] * 10).dictionary_encode()})
    with pytest.warns(RuntimeWarning) as caught:
        fit_encoder(table, None, Parameters())
    texts = [str(one.message) for one in caught]
    assert any("20 rows are few" in text for text in texts)
    assert any("column 'file' looks like paths of image files" in text for text in texts)


def test_files_are_encoded_and_the_mask_says_which(tmp_path):
    for name, value in (("a.png", 10), ("b.png", 20)):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / name)
    table = pa.table({"file": ["a.png", "no.png", "b.png"], "y": [1, 1, 2]})
    parameters = Parameters(
        image_column="file", image_root=str(tmp_path), image_shape=(8, 8), response_column="y",
        image_errors="skip",
    )  # fmt: skip
    encoder = fit_encoder(table, None, parameters)
    with pytest.warns(RuntimeWarning, match="1 of 3 images"):
        codes, mask = encode_rows(encoder, table, parameters, threading.Event())
    assert mask.tolist() == [True, False, True]
    assert codes[:, 0].tolist() == [10, 20] and encoder.classes_of(codes).tolist() == [0, 1]


def test_rows_of_a_table_are_all_encoded():
    table = pixels(IMAGES)
    encoder = fit_encoder(table, None, Parameters())
    codes, mask = encode_rows(encoder, table, Parameters(), threading.Event())
    assert mask is None and codes.shape == (60, 64)
