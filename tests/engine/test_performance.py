"""How well a model knows rows, in parts that add up."""

import numpy as np
import pyarrow as pa
import pytest
from untrained import enum, model_of

from h2o_gan.engine.performance import measure

ROWS = 600


def table(seed=0, rows=ROWS):
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 3, rows)
    return pa.table(
        {
            "city": enum(np.array(["Bern", "Wien", "Rom"])[city]),
            "country": enum(np.array(["CH", "AT", "IT"])[city]),
            "size": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1),
            "lat": np.round(rng.normal(48, 2, rows), 2),
            "lon": np.round(rng.normal(10, 2, rows), 2),
        }
    )


@pytest.fixture(scope="module")
def model():
    return model_of(table(), strength=0.2)


def test_parts_sum_to_the_log_density_of_rows(model):
    parts = model.log_densities(table(1))
    assert list(parts) == ["city", "country", "size", "lat and lon"]
    assert (parts["country"] == 0).all()  # it follows from the city
    found = measure(model, table(1).to_reader(100), ROWS)
    assert found.rows == ROWS and found.score_name == "log_density"
    assert found.score == pytest.approx(sum(found.columns.values()))
    for name, values in parts.items():
        assert found.columns[name] == pytest.approx(values.mean(), abs=1e-5)


def test_levels_that_training_never_saw_cost_their_column(model):
    rows = table(1).slice(0, 2)
    other = rows.set_column(0, "city", pa.chunked_array([enum(["Oslo", "Bern"])]))
    usual, odd = model.log_densities(rows), model.log_densities(other)
    assert odd["city"][0] < usual["city"][0] - 3


def test_trees_tell_samples_of_an_untrained_model(model):
    own = model.sample(ROWS, 7).read_all()
    assert measure(model, own.to_reader(), ROWS).detection_auc < 0.6
    assert measure(model, table(1).to_reader(), ROWS).detection_auc > 0.65


def test_no_rows_have_no_measures(model):
    found = measure(model, table(1).slice(0, 0).to_reader(), 0)
    assert found.rows == 0 and np.isnan(found.score) and found.detection_auc is None
