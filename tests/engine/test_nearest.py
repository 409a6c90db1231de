"""How near rows come to the training rows: distances against sums by hand."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from untrained import enum, model_of

from h2o_gan import engine
from h2o_gan.engine.nearest import NEAREST_SCHEMA, nearest_training_rows
from h2o_gan.parameters import Parameters

ROWS = 120
DAY = dt.timedelta(days=1)
START = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "key": [f"K{n:06d}" for n in range(0, 7 * ROWS, 7)],
            "size": pa.array(np.append([0.0, 10.0], rng.uniform(0, 10, ROWS - 2)).round(3)),
            "colour": enum(rng.choice(["red", "green"], ROWS)),
            "day": pa.array(
                [START + DAY * int(n) for n in np.append([0, 100], rng.integers(0, 101, ROWS - 2))]
            ),
            "flag": pa.array(rng.random(ROWS) < 0.5),
            "gap": pa.array(rng.integers(0, 3, ROWS), mask=rng.random(ROWS) < 0.3),
            "nothing": pa.nulls(ROWS, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def model(training):
    return model_of(training)


def distances(rows, training):
    """(rows, training rows) Gower distances over five columns, one by one."""
    found = np.zeros((rows.num_rows, training.num_rows))
    for name, extent in (
        ("size", 10.0),
        ("colour", None),
        ("day", 100.0),
        ("flag", None),
        ("gap", 2.0),
    ):
        own, others = rows[name].to_pylist(), training[name].to_pylist()
        if name == "flag":  # samples have levels in place of booleans
            own, others = ([str(v).lower() for v in values] for values in (own, others))
        for i, a in enumerate(own):
            for j, b in enumerate(others):
                if a is None or b is None:
                    found[i, j] += a is not b
                elif extent is None:
                    found[i, j] += a != b
                else:
                    difference = abs(a - b) / DAY if name == "day" else abs(a - b)
                    found[i, j] += min(difference / extent, 1)
    return found / 5


def test_rows_of_the_training_data_are_their_own_nearest(model, training):
    found = nearest_training_rows(model, training.slice(10, 20), training)
    assert found.schema == NEAREST_SCHEMA and found.num_rows == 20
    assert found["distance"].to_pylist() == [0] * 20
    matrix = distances(training.slice(10, 20), training)
    nearest = found["nearest_row"].to_numpy()
    assert (matrix[np.arange(20), nearest] == 0).all()


def test_distances_are_means_over_columns(model, training):
    rows = model.sample(40, seed=1).read_all()
    found = nearest_training_rows(model, rows, training)
    matrix = distances(rows, training)
    assert np.allclose(found["distance"].to_numpy(), matrix.min(1), atol=1e-6)
    nearest = found["nearest_row"].to_numpy()
    assert np.allclose(matrix[np.arange(40), nearest], matrix.min(1), atol=1e-6)


def test_real_rows_stand_in_for_unseen_ones(model, training):
    """Each training row's distance to the others says what an unseen row's is."""
    rows = model.sample(40, seed=1).read_all()
    found = nearest_training_rows(model, rows, training)
    matrix = distances(training, training)
    np.fill_diagonal(matrix, np.inf)
    unseen = np.sort(matrix.min(1))
    assert np.allclose(found["real_distance"].to_numpy(), np.median(unseen), atol=1e-6)
    own = found["distance"].to_numpy()
    for distance, share in zip(own, found["real_nearer"].to_numpy(), strict=True):
        least, most = (np.mean(unseen <= distance + e) for e in (-1e-5, 1e-5))
        assert least <= share <= most
    assert nearest_training_rows(model, training, training)["real_nearer"].to_numpy().max() < 0.2


def test_values_that_training_never_saw_are_far(model, training):
    rows = training.slice(0, 1)
    odd = {
        "size": pa.array([1e9]),
        "colour": pa.array(["blue"]),
        "day": pa.array([START + 9_999 * DAY]),
        "flag": pa.array(["perhaps"]),
        "gap": pa.array([99]),
    }
    for name, values in odd.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    assert nearest_training_rows(model, rows, training)["distance"].to_pylist() == [1.0]


def test_names_of_rows_do_not_count(model, training):
    without = training.drop_columns(["key"])
    assert (
        nearest_training_rows(model, without.slice(0, 5), training)["distance"].to_pylist()
        == [0] * 5
    )


def test_missing_values_are_alike(model, training):
    gaps = training.filter(training["gap"].is_null())
    assert set(nearest_training_rows(model, gaps, training)["distance"].to_pylist()) == {0}


def test_one_training_row_is_too_few(model, training):
    with pytest.raises(ValueError, match="fewer than two rows"):
        nearest_training_rows(model, training, training.slice(0, 1))


def test_images_lie_as_far_apart_as_their_pixels(digits_table):
    """By the root of the mean squared difference, on a scale of 0 to 1."""
    training = digits_table.slice(0, 150)
    parameters = Parameters(architecture="mlp", epochs=1, seed=1, device="cpu")
    model = engine.fit(training.to_reader(), parameters)
    rows = digits_table.slice(140, 30)
    found = nearest_training_rows(model, rows, training)
    a, b = (np.stack([c.to_numpy() for c in t.columns], 1) / 16 for t in (rows, training))
    matrix = np.sqrt(((a[:, None] - b[None]) ** 2).mean(2))
    assert found["nearest_row"].to_pylist()[:10] == list(range(140, 150))
    assert np.allclose(found["distance"].to_numpy(), matrix.min(1), atol=1e-6)
    own = np.sqrt(((b[:, None] - b[None]) ** 2).mean(2))
    np.fill_diagonal(own, np.inf)
    assert np.allclose(found["real_distance"].to_numpy(), np.median(own.min(1)), atol=1e-6)
