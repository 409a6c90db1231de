"""Distances to training rows."""

import numpy as np
from privacy_tables import released

from h2o_gan.reporting.measures.copies import closest, nearness
from h2o_gan.reporting.measures.rows import Field, Rows, Samples


def test_copies_are_near_and_unseen_rows_as_usual():
    copies, noisy, unseen = (nearness(released(k)) for k in ("copies", "noisy", "unseen"))
    assert copies.synthetic.near.value == 1
    assert copies.synthetic.near.value > noisy.synthetic.near.low > unseen.synthetic.near.high
    assert unseen.synthetic.near.value < 0.02
    assert copies.synthetic.ratio.value < 1e-3 < unseen.synthetic.ratio.low
    assert copies.synthetic.nearer.value > 0.95
    assert unseen.synthetic.nearer.low < 0.5 < unseen.synthetic.nearer.high
    assert copies.near_unseen == unseen.near_unseen >= 0.01


def test_the_closest_pairs():
    samples = released("noisy")
    pairs = nearness(samples).pairs
    assert [pair.distance for pair in pairs] == sorted(pair.distance for pair in pairs)
    assert len({pair.training for pair in pairs}) == len(pairs) == 5
    assert pairs[0].distance == 0
    for pair in pairs:
        rows = samples.synthetic.take(slice(pair.synthetic, pair.synthetic + 1))
        other = samples.training.take(slice(pair.training, pair.training + 1))
        assert np.array_equal(rows.matrix(), other.matrix(), equal_nan=True)
    assert pairs == closest(samples)


def test_few_rows():
    field = (Field("a", "number"),)
    rows = Rows(field, {"a": np.arange(3.0)})
    found = nearness(Samples(rows, rows, rows, rows.take(slice(2)), seed=1))
    assert found.training == 3 and found.unseen == 2
    assert nearness(Samples(rows, rows, rows, rows.take(slice(0)), seed=1)) is None
