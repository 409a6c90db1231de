"""Rows drawn token by token follow the generator's probabilities and keep to their bounds."""

import itertools
import math

import numpy as np
import pytest
import torch
from untrained import assert_shares, generator_of, random

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.bounds import Bounds, Link
from h2o_gan.engine.tabular.crosses import Cross
from h2o_gan.engine.tabular.drawing import draw_rows

ROWS = 20_000
NUMBER = Token(1, 0, np.zeros(0))


def choice(column, *shares):
    return Token(column, len(shares), np.array(shares))


PAIR = (choice(0, 0.7, 0.3), Token(0, 3, np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])))


def draw(generator, order, seed=0, rows=ROWS, known=None, **options):
    """Drawn rows; `known` are tokens that are given for every row, by index."""
    values = torch.zeros(rows, len(generator.tokens))
    mask = torch.zeros(values.shape, dtype=torch.bool)
    for index, value in (known or {}).items():
        values[:, index] = value
        mask[:, index] = True
    return draw_rows(generator, values, mask.clone(), mask, order, random(seed), **options)


def joint(generator, order, sizes):
    """The probability of every row of choices, and the rows."""
    rows = torch.tensor(list(itertools.product(*map(range, sizes))), dtype=torch.float32)
    with torch.no_grad():
        logs = generator.log_likelihood(
            rows, torch.ones(rows.shape, dtype=torch.bool), torch.tensor(order)
        )
    return rows, logs.sum(0).double().exp().numpy()


def row_numbers(values, sizes):
    return np.ravel_multi_index(values.long().numpy().T, sizes)


def test_shares_follow_the_logits():
    generator = generator_of([choice(0, 0.5, 0.3, 0.2)])
    values, active, log_drawn = draw(generator, [0])
    assert_shares(values[:, 0], [0.5, 0.3, 0.2])
    assert active.all()
    expected = torch.tensor([0.5, 0.3, 0.2]).log()[values[:, 0].long()]
    assert torch.allclose(log_drawn, expected, atol=1e-5)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_rows_follow_the_joint_distribution(order):
    generator = generator_of([*PAIR, choice(1, 0.4, 0.6)], seed=3, strength=1)
    values, _, log_drawn = draw(generator, order)
    _, shares = joint(generator, order, (2, 3, 2))
    independent = PAIR[0].shares[:, None, None] * PAIR[1].shares[:, :, None] * [0.4, 0.6]
    assert np.abs(shares - independent.ravel()).max() > 0.03
    numbers = row_numbers(values, (2, 3, 2))
    assert_shares(numbers, shares / shares.sum())
    assert torch.allclose(log_drawn.double(), torch.from_numpy(np.log(shares)[numbers]), atol=1e-4)


@pytest.mark.parametrize("known", [{}, {2: 1.0}])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 2, 1]])
def test_crosses_count_as_soon_as_their_tokens_are_known(order, known):
    """Whether rows share summaries, as without known tokens, or not."""
    sizes = (2, 3, 2, 2)
    tokens = [choice(n, *np.full(size, 1 / size)) for n, size in enumerate(sizes)]
    cross = Cross((0, 2), np.array([[1, 2], [3, 0]]))
    plain = generator_of(tokens, seed=3, strength=1)
    crossed = generator_of(tokens, seed=3, strength=1, crosses=[cross])
    if known:
        order = [2, *(token for token in order if token != 2)]
    rows, shares = joint(crossed, order, sizes)
    assert np.abs(shares - joint(plain, order, sizes)[1]).max() > 0.01
    if known:
        shares = np.where(rows[:, 2] == 1, shares, 0.0)
    values, _, _ = draw(crossed, order, known=known)
    assert_shares(row_numbers(values, sizes), shares / shares.sum())


def test_known_tokens_stay_and_others_follow_them():
    sizes = (2, 3, 2)
    generator = generator_of([*PAIR, choice(1, 0.4, 0.6)], seed=3, strength=1)
    values, active, log_drawn = draw(generator, [2, 0, 1], known={2: 1.0})
    assert (values[:, 2] == 1).all() and active.all()
    rows, shares = joint(generator, [2, 0, 1], sizes)
    shares = np.where(rows[:, 2] == 1, shares, 0.0)
    numbers = row_numbers(values, sizes)
    assert_shares(numbers, shares / shares.sum())
    expected = np.log(shares[numbers] / shares.sum())
    assert torch.allclose(log_drawn.double(), torch.from_numpy(expected), atol=1e-4)


def test_known_tokens_of_some_rows_stay():
    generator = generator_of([choice(0, 0.5, 0.5), choice(1, 0.4, 0.6)], seed=3, strength=1)
    values, known = torch.zeros(ROWS, 2), torch.zeros(ROWS, 2, dtype=torch.bool)
    values[::2, 1], known[::2, 1] = 1.0, True
    drawn, _, _ = draw_rows(generator, values, known.clone(), known, [0, 1], random())
    assert (drawn[::2, 1] == 1).all() and 0.1 < drawn[1::2, 1].mean() < 0.9
    rows, shares = joint(generator, [1, 0], (2, 2))
    given = np.where(rows[:, 1] == 1, shares, 0.0)
    assert_shares(row_numbers(drawn[::2], (2, 2)), given / given.sum())
    assert_shares(row_numbers(drawn[1::2], (2, 2)), joint(generator, [0, 1], (2, 2))[1])


def test_known_absences_stay():
    generator = generator_of([choice(0, 0.5, 0.5), NUMBER])
    values, known = torch.ones(9, 2), torch.zeros(9, 2, dtype=torch.bool)
    known[:, 1] = True
    drawn, active, log_drawn = draw_rows(
        generator, values, torch.zeros_like(known), known, [0, 1], random()
    )
    assert not active[:, 1].any() and drawn[:, 1].tolist() == [0] * 9
    assert torch.allclose(log_drawn, torch.tensor(math.log(0.5)), atol=1e-5)


def test_rows_that_share_summaries_are_those_that_do_not():
    """One given token makes every row have its summary; it is the one that was drawn anyway."""
    tokens = [choice(0, 0.5, 0.5), *PAIR, NUMBER, choice(3, *[0.1] * 10)]
    generator = generator_of([*tokens, choice(4, 0.5, 0.5)], seed=3, strength=1)
    order = [4, 0, 1, 2, 5, 3]
    shared, _, log_shared = draw(generator, order, seed=1, rows=500)
    values, known = torch.zeros(500, 6), torch.zeros(500, 6, dtype=torch.bool)
    values[7, 4], known[7, 4] = shared[7, 4], True
    own, _, log_own = draw_rows(generator, values, known.clone(), known, order, random(1))
    assert torch.allclose(own, shared, atol=1e-4)
    others = torch.arange(500) != 7
    assert torch.allclose(log_own[others], log_shared[others], atol=1e-3)


def test_the_log_density_is_the_generators():
    """Of all kinds of tokens; the number is absent unless the choice before it is the last."""
    kinds = choice(1, 0.2, 0.3, 0.5)
    generator = generator_of([*PAIR, kinds, NUMBER], seed=4, strength=1)
    for order in ([0, 1, 2, 3], [2, 3, 0, 1]):
        values, active, log_drawn = draw(generator, order, rows=2_000)
        assert torch.equal(active[:, 3], values[:, 2] == 2)
        assert (values[~active[:, 3], 3] == 0).all()
        with torch.no_grad():
            expected = generator.log_likelihood(values, active, torch.tensor(order)).sum(0)
        assert torch.allclose(log_drawn, expected, atol=1e-3)


def test_without_logs_none_is_computed():
    generator = generator_of([choice(0, 0.5, 0.5), NUMBER])
    with_logs = draw(generator, [0, 1], rows=50)
    without = draw(generator, [0, 1], rows=50, with_log=False)
    assert torch.equal(with_logs[0], without[0]) and not without[2].any()


def moments(generator):
    """Mean and variance of an independent number's mixture."""
    bias = generator.biases[0].detach().double()
    weight, mean, log_sd = generator.mixture(bias)
    weight, variance = weight.softmax(-1), (2 * log_sd).exp()
    centre = float((weight * mean).sum())
    return centre, float((weight * (variance + mean**2)).sum()) - centre**2


def number_generator():
    generator = generator_of([Token(0, 0, np.zeros(0))])
    with torch.no_grad():
        generator.biases[0][:3] = torch.tensor([0.5, 0.3, 0.2]).log()
    return generator


def test_numbers_follow_their_mixture():
    generator = number_generator()
    values, _, _ = draw(generator, [0])
    mean, variance = moments(generator)
    assert abs(float(values.mean()) - mean) < 4 * math.sqrt(variance / ROWS)
    assert float(values.var()) == pytest.approx(variance, rel=0.05)


def test_bounds_of_numbers():
    generator = number_generator()
    free = draw(generator, [0])[0]
    values, active, log_drawn = draw(generator, [0], seed=1, bounds={0: Bounds(low=-0.5, high=1.0)})
    assert values.min() >= -0.5 and values.max() <= 1.0
    inside = (free >= -0.5) & (free <= 1.0)
    for rank in (0.1, 0.5, 0.9):
        assert float(values.quantile(rank)) == pytest.approx(
            float(free[inside].quantile(rank)), abs=0.03
        )
    with torch.no_grad():
        density = generator.log_likelihood(values, active, torch.tensor([0]))[0]
    mass = (log_drawn - density).neg().exp()
    assert float(mass.std()) < 1e-4
    assert float(mass.mean()) == pytest.approx(float(inside.float().mean()), abs=0.02)
    far = draw(generator, [0], rows=20, bounds={0: Bounds(low=50.0, high=51.0)})[0]
    assert far.min() >= 50 and far.max() <= 51


def test_masks_of_choices():
    generator = generator_of([choice(0, 0.5, 0.3, 0.2)])
    mask = torch.tensor([0.0, 1.0, 0.5])  # of the last choice, half is allowed
    values, _, log_drawn = draw(generator, [0], bounds={0: Bounds(mask)})
    assert_shares(values[:, 0], [0, 0.75, 0.25])
    # The part that is allowed is in the total alone.
    expected = torch.tensor([0, 0.3 / 0.4, 0.2 / 0.4]).log()[values[:, 0].long()]
    assert torch.allclose(log_drawn, expected, atol=1e-5)


def test_masks_by_row():
    generator = generator_of([choice(0, 0.5, 0.3, 0.2)])
    mask = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).repeat(ROWS // 2, 1)
    values, _, _ = draw(generator, [0], bounds={0: Bounds(mask, by_row=True)})
    assert_shares(values[::2, 0], [5 / 7, 0, 2 / 7])
    assert (values[1::2, 0] == 1).all()


def test_masks_of_pairs():
    generator = generator_of(PAIR)
    inner = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    values, _, _ = draw(generator, [0, 1], bounds={1: Bounds(inner)})
    expected = np.array([[0, 0.7 * 0.6, 0.7 * 0.4], [0, 0.3, 0]])
    assert_shares(row_numbers(values, (2, 3)), expected.ravel())
    by_row = torch.stack([inner, inner.flip(0)]).repeat(ROWS // 2, 1, 1)
    values, _, _ = draw(generator, [0, 1], bounds={1: Bounds(by_row, by_row=True)})
    assert_shares(row_numbers(values[::2], (2, 3)), expected.ravel())
    flipped = np.array([[0, 0.7, 0], [0, 0.3 / 9, 0.3 * 8 / 9]])
    assert_shares(row_numbers(values[1::2], (2, 3)), flipped.ravel())


def test_rows_without_an_allowed_choice_are_impossible():
    generator = generator_of([choice(0, 0.5, 0.5)])
    mask = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    log_drawn = draw(generator, [0], rows=2, bounds={0: Bounds(mask, by_row=True)})[2]
    assert log_drawn.tolist() == [-math.inf, 0.0]


@pytest.mark.parametrize("dimensions", [1, 2])
def test_placed_numbers_lie_in_their_cell(dimensions):
    """Cells 0 and 1 have ranks, the last choice (missing) has none; also where a cell is a pair."""
    starts = np.array([0.1, 0.6, np.nan])
    ranks = np.stack([starts, np.where(np.isnan(starts), np.nan, 0.3)], 1)
    if dimensions == 1:
        cells = (choice(0, 0.4, 0.4, 0.2),)
    else:
        cells = (choice(0, 0.5, 0.5), Token(0, 3, np.array([[0.4, 0.4, 0.2]] * 2)))
        ranks = np.stack([ranks, ranks * [1, 0.5]])
    placed = [Token(0, 0, np.zeros(0), ranks, before=len(cells) + axis) for axis in range(2)]
    generator = generator_of([*cells, *placed], strength=1)
    order = list(range(len(cells) + 2))
    values, active, log_drawn = draw(generator, order, rows=4_000)
    at = tuple(values[:, : len(cells)].long().numpy().T)
    start, length = ranks[at].T
    for axis in (-2, -1):
        present = active[:, axis].numpy()
        assert (
            np.array_equal(present, ~np.isnan(start))
            and (values[~active[:, axis], axis] == 0).all()
        )
        rank = torch.special.ndtr(values[:, axis].double()).numpy()
        fraction = ((rank - start) / length)[present]
        assert fraction.min() >= -1e-5 and fraction.max() <= 1 + 1e-5
        assert np.abs(np.sort(fraction) - np.linspace(0, 1, len(fraction))).max() < 0.05  # uniform
    with torch.no_grad():
        expected = generator.log_likelihood(values, active, torch.tensor(order)).sum(0)
    assert torch.allclose(log_drawn, expected, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature(temperature):
    shares = np.array([0.5, 0.3, 0.2])
    values, _, _ = draw(generator_of([choice(0, *shares)]), [0], temperature=temperature)
    tempered = shares ** (1 / temperature)
    assert_shares(values[:, 0], tempered / tempered.sum())
    generator = number_generator()
    spread = draw(generator, [0], temperature=temperature)[0].var() / draw(generator, [0])[0].var()
    assert spread < 0.9 if temperature < 1 else spread > 1.1


def test_equal_seeds_draw_equal_rows():
    generator = generator_of([*PAIR, NUMBER], strength=1)
    first, again, other = (draw(generator, [0, 1, 2], seed, 100)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_bounds_that_hold_after_one_choice_leave_the_other_rows_alone():
    generator = generator_of([choice(0, 0.7, 0.3), NUMBER])
    link = Link(0, 1, Bounds(low=0.5, high=1.0))
    values, _, log_drawn = draw(generator, [0, 1], bounds={1: Bounds(link=link)})
    free, _, _ = draw(generator, [0, 1])
    chosen = values[:, 0] == 1
    assert_shares(values[:, 0], [0.7, 0.3])
    assert values[chosen, 1].min() >= 0.5 and values[chosen, 1].max() <= 1.0
    low = torch.tensor([0.0, 0.5, 1.0])
    assert torch.allclose(
        (values[~chosen, 1, None] < low).float().mean(0),
        (free[free[:, 0] == 0][:, 1, None] < low).float().mean(0),
        atol=0.02,
    )
    # The density within the bounds: that of all numbers, over the share of those that are allowed.
    with torch.no_grad():
        logs = generator.log_likelihood(
            values, torch.ones(values.shape, dtype=torch.bool), torch.tensor([0, 1])
        ).sum(0)
    inside = (free[:, 1] >= 0.5) & (free[:, 1] <= 1.0)
    allowed = inside[free[:, 0] == 1].float().mean().log()
    assert torch.allclose((log_drawn - logs)[chosen], -allowed.expand(int(chosen.sum())), atol=0.1)
    assert torch.allclose(log_drawn[~chosen], logs[~chosen], atol=1e-4)
