"""Linkability, inference and their risks."""

import numpy as np
import pytest
from customer_rows import customers
from privacy_tables import released

from h2o_gan.reporting.measures.attacks import inference, linkability, risk
from h2o_gan.reporting.measures.neighbours import Space, nearest
from h2o_gan.reporting.measures.rows import Samples


def test_risk_is_the_success_beyond_the_control():
    found = risk("x", (750, 1000), (500, 1000), 0.4)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.16
    assert found.value - found.low == pytest.approx(found.chance)
    assert not found.is_weak and risk("x", (100, 1000), (90, 1000), 0.4).is_weak
    assert risk("x", (400, 1000), (500, 1000), 0.4).value == 0.0
    assert risk("x", (5, 10), (10, 10), 0.4).value is None
    assert risk("x", (0, 0), (5, 10), 0.4).value is None


def test_the_interval_of_a_risk_covers_it():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = risk("x", (rng.binomial(300, 0.6), 300), (rng.binomial(300, 0.4), 300), 0)
        covered += found.low <= 1 / 3 <= found.high
    assert 0.92 < covered / 400 <= 0.99


def test_copies_link_halves_of_rows():
    risks = {kind: linkability(released(kind)) for kind in ("copies", "noisy", "unseen")}
    assert risks["copies"].value > risks["noisy"].value > 0.05
    assert risks["copies"].low > 0.3
    assert risks["unseen"].low == 0
    assert risks["copies"].baseline == pytest.approx(5 * 5 / 1200, rel=0.02)


def test_copies_give_away_secrets():
    risks = {kind: inference(released(kind)) for kind in ("copies", "noisy", "unseen")}
    pooled = {kind: found.pooled for kind, found in risks.items()}
    assert pooled["copies"].value > pooled["noisy"].value > 0.1
    assert pooled["copies"].main > 0.95
    assert pooled["unseen"].low == 0
    assert len(risks["copies"].columns) == 5
    assert all(column.low == 0 for column in risks["unseen"].columns)


def test_guesses_are_those_of_a_search_without_the_secret():
    """The subtraction of the secret's distances is the search in all other columns."""
    samples = released("noisy", 300)
    others = [name for name in samples.training.names if name != "city"]
    parts = [t.select(others) for t in (samples.training, samples.synthetic, samples.unseen)]
    space = Space.fit(parts[0], parts[1:])
    hits = []
    for targets in (parts[0], parts[2]):
        table = samples.training if targets is parts[0] else samples.unseen
        _, which = nearest(space(parts[1]), space(targets))
        truth = table.values["city"]
        right = samples.synthetic.values["city"][which[:, 0]] == truth
        hits.append(right[~np.isnan(truth)].mean())
    (found,) = inference(samples, ["city"]).columns
    assert [found.main, found.control] == pytest.approx(hits, abs=0.01)


def test_a_single_column_has_no_other_to_attack_from():
    training, unseen = customers(50, 1).select(["age"]), customers(20, 2).select(["age"])
    samples = Samples(training, training, training, unseen, seed=1)
    assert linkability(samples) is None and inference(samples) is None
