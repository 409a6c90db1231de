"""Numbers that stay close to an earlier number of their row."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import generator_of, layout_of, random

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.anchors import ENDS, GRID, Anchor
from h2o_gan.engine.tabular.drawing import draw_rows
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Sizes

ROWS = 3000
NUMBER = Token(0, 0, np.zeros(0))
SAME = np.linspace(-ENDS, ENDS, GRID)


def series(rows=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    bills = [np.exp(rng.normal(8, 1, rows))]
    for _ in range(2):
        bills.append(bills[-1] * np.exp(rng.normal(0.01, 0.02, rows)))
    names = {f"bill{n}": np.rint(values).astype(np.int64) for n, values in enumerate(bills)}
    return pa.table({**names, "other": rng.normal(size=rows), "far": bills[0] + 1e9})


def of(layout, name):
    return layout.spans[layout.index_of(name)].stop - 1


def test_months_follow_from_the_month_before():
    _, _, layout = layout_of(series(), relations=False)
    found = {anchor.token: anchor.source for anchor in layout.anchors}
    assert found == {
        of(layout, "bill1"): of(layout, "bill0"),
        of(layout, "bill2"): of(layout, "bill1"),
    }
    for anchor in layout.anchors:
        assert (np.diff(anchor.scores) >= 0).all() and np.abs(anchor.scores - SAME).max() < 0.7


def test_numbers_that_are_only_correlated_have_no_anchor():
    rng = np.random.default_rng(1)
    first = rng.normal(size=ROWS)
    table = pa.table({"a": first, "b": 0.8 * first + 0.6 * rng.normal(size=ROWS)})
    assert layout_of(table)[2].anchors == ()


def test_times_follow_from_times_only():
    start = np.random.default_rng(2).integers(0, 10**9, ROWS)
    end = start + np.random.default_rng(3).integers(1, 10**6, ROWS)
    table = pa.table(
        {
            "number": start + 10,
            "start": pa.array(start, pa.timestamp("ms")),
            "end": pa.array(end, pa.timestamp("ms")),
        }
    )
    _, _, layout = layout_of(table, relations=False)
    assert [(a.token, a.source) for a in layout.anchors] == [
        (of(layout, "end"), of(layout, "start"))
    ]


def untrained(scores=SAME):
    generator = AutoregressiveGenerator(
        [NUMBER, Token(1, 0, np.zeros(0))], Sizes(3, 8, 8, 4, 3), anchors=[Anchor(1, 0, scores)]
    )
    generator.initialize(random())
    return generator.requires_grad_(False)


def test_some_components_are_centred_at_the_other_number():
    generator = untrained(SAME.clip(-1, 1))
    values = torch.tensor([[-2.0, 0.0], [0.5, 0.0]])
    active = torch.ones(2, 2, dtype=torch.bool)
    output = torch.zeros(2, generator.heads[1].shape[1])
    weight, mean, _ = generator.mixture_of(1, output, values, active)
    assert mean[:, 3:].unique(dim=1).tolist() == [[-1.0], [0.5]]
    assert (mean[:, :3] == 0).all() and (weight == 0).all()
    active[0, 0] = False  # without the other number, they are left out
    weight, _, _ = generator.mixture_of(1, output, values, active)
    shares = torch.softmax(weight, 1)
    assert (shares[0, 3:] == 0).all() and torch.allclose(shares[0, :3], torch.tensor(1 / 3))


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_rows_are_drawn_with_the_density_that_they_have(order):
    generator = untrained()
    rows = torch.zeros(4000, 2), torch.zeros(4000, 2, dtype=torch.bool)
    values, active, log_drawn = draw_rows(generator, *rows, rows[1], order, random(1))
    logs = generator.log_likelihood(values, active, torch.tensor(order)).sum(0)
    assert torch.allclose(log_drawn, logs, atol=1e-3)
    change = (values[:, 1] - values[:, 0]).abs()
    close = float((change < 0.05).float().mean())
    assert close > 0.2 if order == [0, 1] else close < 0.1


def test_an_anchor_is_one_among_many_numbers():
    """Placed numbers, of coordinates, do not count where anchors are sought."""
    places = np.array([[0.0, 0.5], [0.5, 0.5]])
    cells = [Token(2, 2, np.ones(2) / 2), *(Token(2, 0, np.zeros(0), places, n) for n in (1, 2))]
    tokens = [*cells, *(Token(column, 0, np.zeros(0)) for column in range(3, 67))]
    generator = generator_of(tokens, strength=0.5, anchors=[Anchor(4, 3, SAME)])
    order = [0, 1, 2, *(3 + torch.randperm(64, generator=random(2))).tolist()]
    rows = torch.zeros(50, 67), torch.zeros(50, 67, dtype=torch.bool)
    values, active, log_drawn = draw_rows(generator, *rows, rows[1], order, random(1))
    logs = generator.log_likelihood(values, active, torch.tensor(order)).sum(0)
    assert torch.allclose(log_drawn, logs, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": 2},
        {"source": 1},
        {"source": -1},
        {"scores": [0.0] * 256},
        {"scores": [float("nan")] * GRID},
        {"scores": [5.0] * GRID},
    ],
)
def test_damaged_anchors_are_refused(changes):
    tokens = [NUMBER, NUMBER]
    data = Anchor(1, 0, SAME).to_json()
    assert Anchor.restore(data, tokens).to_json() == data
    with pytest.raises(Damaged):
        Anchor.restore({**data, **changes}, tokens)
    with pytest.raises(Damaged):
        Anchor.restore(data, [NUMBER, Token(1, 2, np.ones(2) / 2)])
