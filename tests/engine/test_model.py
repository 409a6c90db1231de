"""What every model answers for, whichever family it is of: images, latent vectors, previews."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan import engine
from h2o_gan.parameters import Parameters

SMALL = {"generator_architecture": {"hidden_dim": 8}, "discriminator_architecture": {}}


def fit(table, **parameters):
    return engine.fit(table.to_reader(), Parameters(seed=1, epochs=1, device="cpu", **parameters))


@pytest.fixture(scope="module")
def table_model(mixed_table):
    return fit(mixed_table.slice(0, 300), discriminator_epochs=1)


@pytest.fixture(scope="module")
def digits(digits_table):
    return digits_table.slice(0, 300)


@pytest.fixture(scope="module", params=["convolutional", "mlp"])
def image_model(request, digits):
    more = SMALL if request.param == "mlp" else {}
    return fit(digits, architecture=request.param, score_each_iteration=True, **more)


def test_a_table_has_neither_images_nor_latent_vectors(table_model, mixed_table):
    encoder = table_model.encoder
    assert encoder.image_shape is encoder.labels is encoder.summary is None
    assert table_model.latent_size is None and table_model.training_previews == {}
    with pytest.raises(ValueError, match="no latent vectors.*architecture='mlp'"):
        table_model.map_latents(np.zeros((2, 8)))
    for call in (
        lambda: table_model.images(3),
        lambda: table_model.images_of_rows(mixed_table.slice(0, 3)),
    ):
        with pytest.raises(ValueError, match="trained on a table, not on images"):
            call()


def test_relations_are_those_of_the_columns():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 500, (2, 200))
    kind = pa.array(rng.choice(["x", "y"], 200)).dictionary_encode()
    table = pa.table({"a": first, "b": second, "sum": first + second, "kind": kind})
    declared = ["a < 500", "kind in ('x', 'y')"]
    rows = fit(table, constraints=declared, discriminator_epochs=0).relations()
    assert [row["relation"] for row in rows[:3]] == [*declared, "sum = a + b"]
    assert rows[0] == {
        "relation": "a < 500", "kind": "condition", "share": 1.0, "origin": "declared",
    }  # fmt: skip
    assert rows[2] == {
        "relation": "sum = a + b", "kind": "formula", "share": 1.0, "origin": "found",
    }  # fmt: skip
    assert {row["kind"] for row in rows[3:]} <= {"condition"}
    assert fit(table, relations=False, discriminator_epochs=0).relations() == []


def test_images_of_every_family_are_bytes_on_the_datas_scale(image_model, digits):
    assert image_model.encoder.image_shape == (8, 8, 1)
    assert image_model.encoder.summary == "8 x 8 grey images"
    assert image_model.relations() == []
    images = image_model.images(5, seed=2)
    assert images.shape == (5, 8, 8) and images.dtype == np.uint8
    rows = image_model.sample(5, seed=2).read_all()
    values = np.stack([column.to_numpy() for column in rows.columns], 1)
    expected = np.rint(values * (255 / 16)).reshape(5, 8, 8)
    # A row has whole numbers from 0 to 16; images may be finer than these.
    assert np.abs(images - expected).max() <= 255 / 32 + 1

    real = np.stack([column.to_numpy() for column in digits.columns], 1)[:4]
    shown = image_model.images_of_rows(digits.slice(0, 4))
    assert np.array_equal(shown, np.rint(real * (255 / 16)).reshape(4, 8, 8))


def test_images_of_latents_are_those_of_their_values(image_model):
    latents = np.random.default_rng(0).normal(size=(3, image_model.latent_size))
    values = image_model.map_latents(latents)
    images = image_model.images_of_latents(latents)
    assert images.shape == (3, 8, 8) and images.dtype == np.uint8
    assert np.array_equal(images, np.rint(np.clip(values / 16, 0, 1) * 255).reshape(3, 8, 8))


def test_conditions_that_a_family_does_not_support_name_one_that_does(digits):
    model = fit(digits, architecture="mlp", **SMALL)
    with pytest.raises(ValueError, match="one of 'convolutional' does"):
        model.images(3, conditions={"digit": 3})


def test_previews_come_by_epoch(digits):
    labels = pa.array(np.arange(300) % 3)
    table = digits.append_column("digit", labels)
    model = fit(
        table, architecture="convolutional", response_column="digit", score_each_iteration=True
    )
    assert list(model.training_previews) == list(model.preview_epochs) == [1]
    assert model.training_previews[1].shape[1:] == (8, 8)
    assert model.encoder.summary == "8 x 8 grey images of 3 classes in 'digit'"
