"""Membership attacks on releases whose privacy is known."""

import numpy as np
import pytest
from customer_rows import customers
from privacy_tables import released

from h2o_gan.reporting.measures.membership import membership
from h2o_gan.reporting.measures.rows import Field, Rows, Samples


@pytest.fixture(scope="module")
def results():
    return {kind: membership(released(kind)) for kind in ("copies", "noisy", "unseen")}


def test_copies_are_found(results):
    copies, noisy, unseen = (results[kind].attacks[0] for kind in ("copies", "noisy", "unseen"))
    assert copies.auc.value > 0.99
    assert copies.auc.value > noisy.auc.value > noisy.auc.low > 0.6
    assert noisy.auc.low > unseen.auc.high
    most = {attack.name: attack.tpr for attack in results["copies"].attacks}
    assert (
        most["local"][0.01].value
        > 0.9
        > 0.05
        > max(attack.tpr[0.01].value for attack in results["unseen"].attacks)
    )


def test_unseen_rows_are_at_the_level_of_shuffled_labels(results):
    found = results["unseen"]
    assert found.attacks[0].auc.value < found.chance.most + 0.02
    assert 0.5 < found.chance.mean < found.chance.most < 0.56
    assert 0.01 <= found.chance_tpr[0.01].mean < 0.03
    assert [a.auc.value for a in found.attacks] == sorted(
        (a.auc.value for a in found.attacks), reverse=True
    )


def test_the_curve_runs_from_corner_to_corner(results):
    found = results["noisy"]
    for attack in found.attacks:
        x, y = found.curve(attack)
        assert x[0] == 0 and x[-1] == y[-1] == 1
        assert (np.diff(y) >= 0).all()
        at = x.index(0.01)
        assert y[at] == attack.tpr[0.01].value


def test_rates_count_the_non_members_above():
    # 100 non-members at 0..99: at 1 % one may be above, so members from 99 on are found.
    found = membership(released("copies", 200))
    nearest = next(attack for attack in found.attacks if attack.name == "nearest")
    falses = np.sort(nearest.scores[~found.is_member])[::-1]
    expected = np.mean(nearest.scores[found.is_member] > falses[1])
    assert nearest.tpr[0.01].value == expected


@pytest.mark.parametrize("rows", [2, 4, 20])
def test_few_unseen_rows(rows):
    training = customers(60, 1)
    found = membership(Samples(training, training, training, customers(rows, 2), seed=1))
    if rows < 4:
        assert found is None
    else:
        assert found.members == rows // 2
        assert found.chance.most > 0.6


def test_constant_and_missing_columns():
    fields = (Field("a", "number"), Field("b", "category", ("x",)))
    rows = Rows(fields, {"a": np.full(50, np.nan), "b": np.zeros(50)})
    found = membership(Samples(rows, rows, rows, rows, seed=1))
    assert {attack.auc.value for attack in found.attacks} == {0.5}
