"""Models of images: what is refused, training, samples that show their label, and copies."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from pictures import pixels
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from h2o_gan import engine
from h2o_gan.engine.nearest import nearest_training_rows
from h2o_gan.parameters import Parameters


def fit(table, *, on_event=None, checkpoint=None, **parameters):
    given = Parameters(**{"seed": 1, "device": "cpu", **parameters})
    return engine.fit(table.to_reader(), given, on_event=on_event, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def digits():
    """scikit-learn's digits, shuffled: they are in the order of their writers."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    for name in ("data", "images", "target"):
        digits[name] = digits[name][order]
    return digits


@pytest.fixture(scope="module")
def labelled(digits):
    """1,500 of scikit-learn's digits with their labels; the others are held out."""
    images = digits.data[:1500].astype(np.int64)
    return pixels(images, digit=pa.array(digits.target[:1500]))


@pytest.fixture(scope="module")
def model(labelled):
    return fit(labelled, response_column="digit", epochs=8)


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "parameters", "message"),
    [
        ({"name": pa.array(["a"] * 40).dictionary_encode()}, {}, "'name' is not"),
        ({"age": pa.array([1] * 40)}, {"image_shape": (8, 8)}, r"data have 65 \('age'\)"),
        ({}, {"image_shape": (9, 9)}, r"takes 81 pixel columns, but the data have 64 \('p0', "),
        (
            {"p64": pa.array([0.5] * 40)},
            {"architecture": "convolutional"},
            "65 columns do not form a square image",
        ),
        ({"p3": pa.array([None, *[1] * 39])}, {"image_shape": (8, 8)}, "'p3' has missing values"),
        ({"d": pa.array([1.5] * 40)}, {"response_column": "d"}, "y='d' is the label.*asfactor"),
        (
            {"d": pa.array([None, *[1] * 39])},
            {"response_column": "d"},
            "y='d' has no label in 1 rows",
        ),
        ({"digit": pa.array([1] * 40)}, {}, "all columns but 'digit' are pixels: pass it as y"),
    ],
)
def test_what_are_no_images_is_named(change, parameters, message):
    table = pixels(np.random.default_rng(0).integers(0, 17, (40, 64)))
    table = pa.table({**{n: table.column(n) for n in table.column_names}, **change})
    if "image_shape" not in parameters and "name" in change:
        parameters = {**parameters, "image_shape": (8, 8)}
    with pytest.raises(ValueError, match=message):
        fit(table, epochs=1, **parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"image_shape": (7, 7)}, "sides from 8 to 128"),
        ({"image_shape": (28, 28, 2)}, r"\(height, width\) or"),
        ({"image_shape": (28,)}, r"\(height, width\) or"),
        ({"image_column": "path", "image_root": "/tmp"}, "image_shape is missing"),
        ({"image_root": "/tmp"}, "image_root is given without image_column"),
        ({"architecture": "convolutional", "loss_function": "mse"}, "for architecture='mlp'"),
        ({"architecture": "columns", "image_shape": (8, 8)}, "is for images"),
    ],
)
def test_image_parameters_that_contradict_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**parameters)


def test_what_was_assumed_is_told(labelled):
    told = []
    fit(labelled.slice(0, 100), response_column="digit", epochs=1, on_event=told.append)
    messages = [event.text for event in told if isinstance(event, engine.Message)]
    assert messages == ["The rows are treated as 8 x 8 grey images of 10 classes in 'digit'."]


# ---- training


def test_a_model_learns_from_files(digits, tmp_path):
    for place in range(200):
        picture = (digits.images[place] * 15.9).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{place}.png")
    table = pa.table(
        {
            "file": [f"{place}.png" for place in range(200)],
            "digit": pa.array([str(d) for d in digits.target[:200]]).dictionary_encode(),
        }
    )
    model = fit(table, image_column="file", image_root=str(tmp_path), image_shape=(16, 16),
                response_column="digit", epochs=2)  # fmt: skip
    rows = model.sample(20, seed=1, conditions={"digit": "7"}).read_all()
    assert rows.column_names == [*(f"pixel{place}" for place in range(256)), "digit"]
    assert set(rows["digit"].to_pylist()) == {"7"}
    path = tmp_path / "model.zip"
    engine.save(model, path)
    loaded = engine.load(path)
    assert loaded.sample(20, seed=1, conditions={"digit": "7"}).read_all().equals(rows)
    with pytest.raises(ValueError, match="image_root is missing"):
        loaded.scores(table)
    with pytest.raises(ValueError, match="learns images without labels"):
        fit(table, image_column="file", image_root=str(tmp_path), image_shape=(16, 16),
            response_column="digit", architecture="mlp")  # fmt: skip


# ---- samples


def test_conditioned_samples_show_their_label(model, digits):
    judge = KNeighborsClassifier(3).fit(digits.data, digits.target)
    for digit in (0, 3, 7):
        rows = model.sample(100, seed=digit, conditions={"digit": digit}).read_all()
        assert set(rows["digit"].to_pylist()) == {digit}
        data = np.stack([rows[n].to_numpy() for n in rows.column_names[:-1]], 1)
        assert data.min() >= 0 and data.max() <= 16
        assert (judge.predict(data) == digit).mean() > 0.8


def test_samples_are_varied_and_no_copies(model, labelled, digits):
    rows = model.sample(500, seed=5).read_all()
    found = nearest_training_rows(model, rows, labelled)
    # Copies would pile up at 0.
    assert np.mean(found["real_nearer"].to_numpy() < 0.05) < 0.2
    held_out = pixels(digits.data[1500:].astype(np.int64), digit=pa.array(digits.target[1500:]))
    nearest = nearest_training_rows(model, held_out, rows)  # from unseen real images to samples
    assert np.median(nearest["distance"].to_numpy()) < 1.5 * np.median(
        found["real_distance"].to_numpy()
    )


def test_labels_come_at_their_shares_or_balanced(model, labelled):
    shares = np.bincount(labelled["digit"].to_numpy()) / len(labelled)
    drawn = np.bincount(model.sample(5000, seed=1).read_all()["digit"].to_numpy()) / 5000
    assert np.abs(drawn - shares).max() < 0.02
    some = model.sample(300, seed=1, conditions={"digit": (3, 5)}).read_all()["digit"]
    assert set(some.to_pylist()) == {3, 4, 5}
    some = model.sample(300, seed=1, conditions={"digit": [3, 5]}).read_all()["digit"]
    assert set(some.to_pylist()) == {3, 5}
    even = model.sample(70, seed=1, balance="digit").read_all()["digit"].to_numpy()
    assert np.bincount(even).tolist() == [7] * 10


def test_images_are_the_rows_as_pictures(model):
    images = model.images(300, seed=4)
    assert images.shape == (300, 8, 8) and images.dtype == np.uint8
    rows = model.sample(300, seed=4).read_all()
    flat = np.stack([rows[name].to_numpy() for name in rows.column_names[:-1]], 1)
    assert np.abs(images.reshape(300, -1) / 255 * 16 - flat).max() <= 0.55
    assert np.array_equal(model.images(100, seed=4), images[:100])
    assert not np.array_equal(model.images(100), model.images(100))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conditions": {"digit": 11}}, "no label 11; it has 0, 1"),
        ({"conditions": {"p0": 1}}, "by their label, 'digit'; 'p0'"),
        ({"conditions": {"digit": []}}, "no label is asked for"),
        ({"conditions": {"digit": (20, 30)}}, "no label is asked for"),
        ({"balance": "p0"}, "balance='p0' is not the label"),
    ],
)
def test_unfit_wishes_are_named(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.sample(5, **arguments)


def test_latents_become_images(model):
    latents = np.random.default_rng(0).standard_normal((3, model.latent_size))
    rows = model.map_latents(latents, [1, 2, 3])
    assert rows.shape == (3, 64) and rows.min() >= 0 and rows.max() <= 16
    assert np.array_equal(rows, model.map_latents(latents, [1, 2, 3]))
    assert not np.array_equal(rows[0], model.map_latents(latents, [2, 2, 3])[0])
    with pytest.raises(ValueError, match="one label for each"):
        model.map_latents(latents)
    with pytest.raises(ValueError, match="do not fit"):
        model.map_latents(latents[:, :5], [1, 2, 3])


def test_anomaly_scores_tell_digits_from_noise(model, labelled):
    noise = pixels(np.random.default_rng(0).integers(0, 17, (200, 64)),
                   digit=pa.array([5] * 200))  # fmt: skip
    scores = [
        model.anomalies(table.to_reader()).read_all()["anomaly_score"].to_numpy()
        for table in (labelled.slice(0, 300), noise)
    ]
    assert np.median(scores[0]) < np.quantile(model.anomaly_quantiles, 0.7)
    assert np.median(scores[1]) > np.quantile(model.anomaly_quantiles, 0.8)
    with pytest.raises(ValueError, match="per_feature: a model of architecture 'convolutional'"):
        model.anomaly_shares(noise.to_reader())


def test_fixed_latents_are_kept_at_every_scoring(model):
    assert model.preview_epochs == tuple(row["epoch"] for row in model.history)
    assert model.previews.shape == (8, 60, 8, 8, 1)
    assert not torch.equal(model.previews[0], model.previews[-1])


def test_a_file_holds_all_of_the_model(model, tmp_path):
    engine.save(model, tmp_path / "m.zip")
    loaded = engine.load(tmp_path / "m.zip")
    assert loaded.sample(50, seed=2).read_all().equals(model.sample(50, seed=2).read_all())
    assert torch.equal(loaded.previews, model.previews)
    assert loaded.preview_epochs == model.preview_epochs and loaded.history == model.history


def test_training_goes_on(labelled):
    first = fit(labelled.slice(0, 200), response_column="digit", epochs=2)
    second = fit(labelled.slice(0, 200), response_column="digit", epochs=3, checkpoint=first)
    assert second.epoch == 3 and second.step > first.step
    with pytest.raises(ValueError, match="checkpoint was trained on other columns"):
        fit(labelled.drop_columns(["p0"]), architecture="convolutional", epochs=3,
            response_column="digit", checkpoint=first)  # fmt: skip


def test_one_seed_one_model(labelled):
    first, second = (fit(labelled.slice(0, 300), response_column="digit", epochs=1)
                     for _ in range(2))  # fmt: skip
    assert np.array_equal(first.images(20, seed=1), second.images(20, seed=1))


def test_colour_images_of_any_size_train():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 20, 33, 3)).astype(np.uint8)
    model = fit(pixels(images), image_shape=(20, 33, 3), epochs=1)
    assert model.images(5, seed=0).shape == (5, 20, 33, 3)
    assert model.sample(5, seed=0).read_all().num_columns == 20 * 33 * 3


# ---- copies


def test_planted_copies_of_images_are_found(model, labelled, digits):
    held_out = pixels(digits.data[1500:].astype(np.int64), digit=pa.array(digits.target[1500:]))
    unseen = nearest_training_rows(model, held_out, labelled)
    assert abs(np.mean(unseen["real_nearer"].to_numpy()) - 0.5) < 0.1
    planted = labelled.take([7, 900, 33])
    found = nearest_training_rows(model, planted, labelled)
    assert found["nearest_row"].to_pylist() == [7, 900, 33]
    assert max(found["distance"].to_pylist()) == 0
    assert max(found["real_nearer"].to_pylist()) == 0
    place = planted.column_names.index("p0")  # black in every digit
    changed = planted.set_column(place, "p0", pa.array([16, 16, 16]))
    # One of 64 pixels is as far off as can be.
    assert nearest_training_rows(model, changed, labelled)["distance"].to_pylist() == pytest.approx(
        [1 / 8] * 3
    )


def test_planted_copies_of_rows_are_found(mixed_table):
    table = mixed_table.append_column("wide", pa.array(np.random.default_rng(1).normal(size=2000)))
    model = fit(table.slice(0, 1000), epochs=1, discriminator_epochs=0)
    unseen = nearest_training_rows(model, table.slice(1000), table.slice(0, 1000))
    assert abs(np.mean(unseen["real_nearer"].to_numpy()) - 0.5) < 0.1
    found = nearest_training_rows(model, table.take([5, 600]), table.slice(0, 1000))
    assert found["nearest_row"].to_pylist() == [5, 600]
    assert found["distance"].to_pylist() == [0, 0]
