"""What a model's file says about rows of the training data."""

import numpy as np
import pyarrow as pa
from untrained import enum, model_of, related_model

from h2o_gan.engine.storage.disclosures import disclosures


def test_rare_values_are_counted():
    colours = ["red"] * 90 + ["blue"] * 6 + ["green"] * 4  # only green is in fewer than five rows
    ages = [20] * 50 + [30] * 45 + [40] * 3 + [50] * 2
    table = pa.table(
        {
            "colour": enum(colours),
            "age": ages,
            "unit": enum(["kg"] * 100),
            "key": [f"K{row:05d}" for row in range(100)],
        }
    )
    found = disclosures(model_of(table))
    assert found["levels"] == 3
    assert found["levels in fewer than 5 training rows"] == 1
    assert found["values of numbers and times"] == 4
    assert found["values of numbers and times in fewer than 5 training rows"] == 2
    assert found["smallest and largest values of columns"] == 2
    assert found["values of constant columns"] == 1
    assert found["hashes of identifiers"] == 100
    assert found["quantiles of the scores of real rows"] == 1001
    assert found["training rows"] == found["combinations of values"] == 0


def test_relations_combinations_and_sequences_are_counted():
    model = related_model()
    found = disclosures(model)
    assert found["relations and rules between columns"] == len(model.relations())
    assert found["combinations of values"] == 9  # zone is at most city: 1 + 2 + 3 + 3
    assert found["largest numbers of identifiers"] == 1


def test_coordinates_are_counted():
    rng = np.random.default_rng(0)
    points = {"lat": 50 + rng.normal(size=400), "lon": 8 + rng.normal(size=400)}
    model = model_of(pa.table(points))
    found = disclosures(model)
    (codec,) = model.encoder.codecs
    assert found["rectangles of coordinates"] == len(codec.shares) > 10
    assert found["smallest and largest values of columns"] == 4
