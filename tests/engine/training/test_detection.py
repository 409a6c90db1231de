"""One figure that compares the samples of all families of networks."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan import engine
from h2o_gan.engine.training.detection import detection_auc, picked_rows
from h2o_gan.parameters import Parameters


def table(rows, seed, shift=0.0, linked=True):
    """A number, a level that depends on it, and gaps."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=rows) + shift
    level = np.where((number if linked else rng.normal(size=rows) + shift) > 0, "high", "low")
    return pa.table(
        {
            "number": pa.array(number, mask=rng.random(rows) < 0.1),
            "level": pa.array(level).dictionary_encode(),
            "day": pa.array(rng.integers(0, 1000, rows) * 86_400_000, pa.timestamp("ms")),
        }
    )


def test_equal_rows_are_not_told_apart_and_others_are():
    real = table(1000, 1)
    assert detection_auc(real, table(1000, 2)) == pytest.approx(0.5, abs=0.05)
    assert detection_auc(real, table(1000, 2, shift=1.0)) > 0.7
    # Each column by itself is right: only together they are not.
    assert detection_auc(real, table(1000, 2, linked=False)) > 0.7
    assert detection_auc(real, real) < 0.55
    assert detection_auc(real[:3], real[:3]) is None


def test_many_columns_cost_little():
    rng = np.random.default_rng(0)
    wide = pa.table({f"c{i}": rng.normal(size=50) for i in range(600)})
    assert 0 <= detection_auc(wide, wide) <= 1


def test_the_rows_are_the_same_ones_for_all_and_follow_the_weights():
    assert np.array_equal(picked_rows(5000), picked_rows(5000)) and len(picked_rows(5000)) == 2000
    weights = np.zeros(100)
    weights[7] = 1.0
    assert set(picked_rows(100, weights)) == {7}


@pytest.mark.parametrize("changes", [{}, {"architecture": "mlp"}])
def test_every_family_is_judged_at_the_end_of_training(changes):
    real, unseen = table(300, 1), table(100, 2)
    parameters = Parameters(epochs=2, seed=1, discriminator_epochs=1, device="cpu", **changes)
    models = [
        engine.fit(real.to_reader(), parameters, validation=unseen.to_reader()) for _ in range(2)
    ]
    last = models[0].history[-1]
    # The first rows that were picked are judged, against as many of a sample that has their seed.
    fake = models[0].sample(300, 20).read_all()
    for name, rows in (("detection_auc", real), ("validation_detection_auc", unseen)):
        judged = rows.take(picked_rows(rows.num_rows))
        assert last[name] == detection_auc(judged, fake[: rows.num_rows])
    assert "detection_auc" not in models[0].history[0]
    assert models[1].history[-1]["detection_auc"] == last["detection_auc"]


def test_gaps_that_say_nothing_do_not_tell():
    real, fake = table(1000, 1), table(1000, 2)
    whole = fake.set_column(0, "number", fake["number"].fill_null(0.3))
    assert detection_auc(real, whole) > 0.53
    assert detection_auc(real, whole, unknown=True) == pytest.approx(0.5, abs=0.05)
    assert detection_auc(real, table(1000, 2, shift=1.0), unknown=True) > 0.7
