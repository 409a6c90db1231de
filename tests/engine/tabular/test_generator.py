"""The generator's probabilities, against sums by hand and NumPy."""

import itertools
import math

import numpy as np
import pytest
import torch
from untrained import SMALL, generator_of, random

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.anchors import ENDS, GRID, Anchor
from h2o_gan.engine.tabular.crosses import Cross
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, log_normal_mixture

NUMBER = Token(1, 0, np.zeros(0))


def choice(column, *shares):
    return Token(column, len(shares), np.array(shares))


def pair(column):
    first = choice(column, 0.7, 0.3)
    return first, Token(column, 3, np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]))


def ones(values):
    return torch.ones(values.shape, dtype=torch.bool)


def likelihood(generator, values, order, active=None):
    values = torch.as_tensor(values, dtype=torch.float32)
    active = ones(values) if active is None else active
    with torch.no_grad():
        return generator.log_likelihood(values, active, torch.tensor(order))


def silu(x):
    return x / (1 + np.exp(-x))


def arrays_of(generator):
    return {name: p.detach().double().numpy() for name, p in generator.named_parameters()}


def normal_mixture(output, score):
    """Density of a number, (rows,), by NumPy."""
    weight, mean, log_sd = np.split(output, 3, -1)
    weight = np.exp(weight) / np.exp(weight).sum(-1, keepdims=True)
    sd = np.exp(log_sd.clip(-5.5, 2))
    density = np.exp(-0.5 * ((score[:, None] - mean) / sd) ** 2) / sd / math.sqrt(2 * math.pi)
    return (weight * density).sum(-1)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_row_of_two_tokens_by_numpy(order):
    """A choice and a number, the network's formulas written out once more."""
    generator = generator_of([choice(0, 0.2, 0.3, 0.5), NUMBER], seed=3, strength=1)
    w = arrays_of(generator)
    rng = np.random.default_rng(0)
    values = np.stack([rng.integers(0, 3, 50), rng.normal(size=50)], 1)
    inner = [
        float(torch.special.ndtri(torch.tensor(q, dtype=torch.float64))) for q in (0.25, 0.5, 0.75)
    ]
    knots = np.array([-3.5, *inner, 3.5])
    steps = ((values[:, 1:] - knots[:-1]) / np.diff(knots)).clip(0, 1)
    features = [
        w["features.levels"][values[:, 0].astype(int)],
        np.concatenate([values[:, 1:] / 2, steps], 1) @ w["features.lines"][0],
    ]
    parts = [
        np.concatenate([f, np.ones((50, 1))], 1) @ w["project"][n] for n, f in enumerate(features)
    ]
    outputs = {}
    summary = np.zeros((50, SMALL.summary))
    for token in order:
        hidden = silu(summary @ w["first"][token] + w["first_bias"][token])
        hidden = hidden + silu(hidden @ w["second"][token] + w["second_bias"][token])
        outputs[token] = hidden @ w[f"heads.{token}"] + w[f"biases.{token}"]
        summary = summary + parts[token]
    logits = outputs[0] - np.log(np.exp(outputs[0]).sum(1, keepdims=True))
    expected = np.stack(
        [
            logits[np.arange(50), values[:, 0].astype(int)],
            np.log(normal_mixture(outputs[1], values[:, 1])),
        ]
    )
    found = likelihood(generator, values, order).double().numpy()
    assert np.allclose(found, expected, atol=1e-4)
    assert found.std() > 0.1  # the tokens do depend on each other


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_probabilities_of_all_rows_sum_to_one(order):
    tokens = [choice(0, 0.5, 0.5), choice(1, 0.1, 0.2, 0.7), choice(2, 0.25, 0.25, 0.25, 0.25)]
    generator = generator_of(tokens, seed=5, strength=1)
    rows = list(itertools.product(range(2), range(3), range(4)))
    logs = likelihood(generator, rows, order).sum(0)
    assert logs.exp().sum() == pytest.approx(1, abs=1e-5)
    assert logs.exp().max() > 2 / len(rows)


def test_probabilities_of_all_pairs_sum_to_one():
    first, second = pair(0)
    generator = generator_of([first, second, choice(1, 0.5, 0.5)], seed=5, strength=1)
    rows = list(itertools.product(range(2), range(3), range(2)))
    for order in ([0, 1, 2], [2, 0, 1]):
        assert likelihood(generator, rows, order).sum(0).exp().sum() == pytest.approx(1, abs=1e-5)


def test_densities_integrate_to_one():
    generator = generator_of([choice(0, 0.4, 0.6), NUMBER], seed=2, strength=1)
    grid = np.linspace(-40, 40, 20_001)
    for level in (0, 1):
        rows = np.stack([np.full(len(grid), level), grid], 1)
        density = likelihood(generator, rows, [0, 1])[1].exp().double().numpy()
        assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)


def test_independent_tokens_have_one_joint_in_every_order():
    first, second = pair(1)
    tokens = [choice(0, 0.2, 0.8), first, second, choice(2, 0.6, 0.4)]
    generator = generator_of(tokens)
    rows = np.array(list(itertools.product(range(2), range(2), range(3), range(2))))
    expected = (
        np.log(tokens[0].shares)[rows[:, 0]]
        + np.log(first.shares)[rows[:, 1]]
        + np.log(second.shares)[rows[:, 1], rows[:, 2]]
        + np.log(tokens[3].shares)[rows[:, 3]]
    )
    for order in ([0, 1, 2, 3], [3, 1, 2, 0], [1, 2, 3, 0]):
        found = likelihood(generator, rows, order).sum(0)
        assert torch.allclose(found.double(), torch.from_numpy(expected), atol=1e-5)


def test_a_token_depends_only_on_those_before_it():
    tokens = [choice(n, 0.3, 0.7) for n in range(4)]
    generator = generator_of(tokens, strength=1)
    rows = torch.zeros(1, 4)
    order = [2, 0, 3, 1]
    base = likelihood(generator, rows, order)
    for step, token in enumerate(order):
        changed = rows.clone()
        changed[0, token] = 1
        differs = (likelihood(generator, changed, order) != base)[:, 0]
        assert differs[order[step:]].all() and not differs[order[:step]].any()


def conditionals(generator, values, order_of):
    """Log conditionals by orders that put one column last."""
    with torch.no_grad():
        found = generator.log_conditionals(values, ones(values))
    for index, token in enumerate(generator.tokens):
        wanted = likelihood(generator, values, order_of(token.column))[index]
        assert torch.allclose(found[index], wanted, atol=1e-5), index
    return found


def last(tokens):
    def order(column):
        places = range(len(tokens))
        return sorted(places, key=lambda place: (tokens[place].column == column, place))

    return order


def test_conditionals_are_likelihoods_with_a_column_last():
    first, second = pair(1)
    tokens = [choice(0, 0.2, 0.3, 0.5), first, second, choice(2, 0.6, 0.4), choice(3, 0.1, 0.9)]
    rows = itertools.product(range(3), range(2), range(3), range(2), range(2))
    values = torch.tensor(list(rows), dtype=torch.float32)
    crosses = [
        Cross((0, 3), np.array([[1, 0], [2, 3], [0, 4]])),
        Cross((3, 4), np.array([[1, 2], [3, 4]])),
    ]
    plain, crossed = (
        generator_of(tokens, seed=4, strength=1, crosses=part) for part in ((), crosses)
    )
    without = conditionals(plain, values, last(tokens))
    found = conditionals(crossed, values, last(tokens))
    # The token of the index 3 is in both crosses, so it is given neither.
    changed = (found - without).abs().amax(1) > 1e-3
    assert changed.tolist() == [True, True, True, False, True]


def test_an_anchored_number_is_given_the_other_one():
    tokens = [Token(0, 0, np.zeros(0)), choice(1, 0.5, 0.5), Token(2, 0, np.zeros(0))]
    anchor = Anchor(2, 0, np.linspace(-ENDS, ENDS, GRID))
    generator = generator_of(tokens, seed=4, strength=1, anchors=[anchor])
    values = torch.tensor([[-1.0, 0, -1], [0.5, 1, 0.4], [1, 1, -2]])
    found = conditionals(generator, values, last(tokens))
    # The other number is not known where the anchored one comes first.
    before = likelihood(generator, values, [2, 0, 1])
    assert ((found[2] - before[2]).abs() > 1e-2).all()


def test_absent_tokens_count_nothing_and_are_not_seen():
    generator = generator_of([choice(0, 0.5, 0.5), NUMBER, choice(2, 0.5, 0.5)], strength=1)
    rows = torch.tensor([[0.0, 0.3, 1.0], [0.0, 2.0, 1.0]])
    active = torch.tensor([[True, False, True]] * 2)
    found = likelihood(generator, rows, [0, 1, 2], active)
    assert found[1].tolist() == [0, 0] and torch.equal(found[:, 0], found[:, 1])
    whole = likelihood(generator, rows, [0, 1, 2])
    assert not torch.equal(whole[2], found[2])


def test_placed_numbers_are_not_learned():
    cells = choice(0, 0.5, 0.5)
    ranks = np.array([[0.0, 0.5], [0.5, 0.5]])
    placed = Token(0, 0, np.zeros(0), ranks, before=1)
    generator = generator_of([cells, placed, choice(1, 0.5, 0.5)], strength=1)
    rows = torch.tensor([[0.0, -0.5, 1.0], [0.0, -1.5, 1.0]])
    found = likelihood(generator, rows, [0, 1, 2])
    assert found[1].tolist() == [0, 0]
    assert found[2, 0] != found[2, 1]  # others depend on them nonetheless


def one_by_one(generator, values, order):
    """Log likelihoods by the functions that draw rows."""
    summaries = values.new_zeros(len(values), SMALL.summary)
    logs = torch.empty(len(generator.tokens), len(values))
    with torch.no_grad():
        for token in order:
            output = generator.output(token, summaries, values)
            column = values[:, token]
            if generator.tokens[token].is_number:
                logs[token] = log_normal_mixture(*generator.mixture(output), column)
            else:
                logs[token] = output.log_softmax(-1).gather(1, column.long()[:, None])[:, 0]
            summaries = summaries + generator.contribution(token, column)
    return logs


@pytest.mark.parametrize("numbers", [3, 70])
def test_all_tokens_at_once_are_as_one_by_one(numbers):
    """More than 64 tokens, or numbers, are computed in another way."""
    first, second = pair(0)
    tokens = [first, second, *(Token(n, 0, np.zeros(0)) for n in range(1, numbers + 1))]
    tokens.insert(2, choice(99, 0.1, 0.2, 0.7))
    generator = generator_of(tokens, seed=1, strength=1)
    values = torch.randn(40, len(tokens), generator=random())
    for index, size in ((0, 2), (1, 3), (2, 3)):
        values[:, index] = torch.randint(0, size, (40,), generator=random(index)).float()
    order = [0, 1, *(2 + torch.randperm(len(tokens) - 2, generator=random(4))).tolist()]
    found = likelihood(generator, values, order)
    assert torch.allclose(found, one_by_one(generator, values, order), rtol=1e-3, atol=1e-3)


def test_summaries_are_sums_of_contributions():
    generator = generator_of([choice(0, 0.5, 0.5), NUMBER, choice(2, *[0.1] * 10)], strength=1)
    values = torch.tensor([[1.0, 0.3, 9.0], [0.0, -2.0, 4.0], [1.0, 0.0, 0.0]])
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, True]])
    with torch.no_grad():
        whole = generator.summarize(values, present)
        parts = [generator.contribution(n, values[:, n], present[:, n]) for n in range(3)]
        assert torch.allclose(whole, sum(parts), atol=1e-5)
        # Fewer choices than rows are computed once for each choice.
        many = values[:, 0].repeat(5)
        each = generator.contribution(0, many, torch.ones(15, dtype=torch.bool))
        assert torch.allclose(generator.contribution(0, many), each, atol=1e-6)


def test_the_start_is_that_of_the_seed():
    tokens = [choice(0, 0.5, 0.5), NUMBER]
    same = [arrays_of(generator_of(tokens, seed)) for seed in (1, 1, 2)]
    assert all(np.array_equal(same[0][name], same[1][name]) for name in same[0])
    assert not np.array_equal(same[0]["project"], same[2]["project"])


def test_dropout_is_that_of_the_source_of_randomness():
    generator = AutoregressiveGenerator([choice(0, 0.5, 0.5), choice(1, 0.5, 0.5)], SMALL, 0.5)
    generator.initialize(random())
    rows, order = torch.zeros(20, 2), torch.tensor([0, 1])
    with torch.no_grad():
        runs = [generator.log_likelihood(rows, ones(rows), order, rng) for rng in (
            random(1), random(1), random(2), None, None)]  # fmt: skip
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    assert torch.equal(runs[3], runs[4]) and not torch.equal(runs[0], runs[3])


def test_mixtures_of_normals():
    rng = np.random.default_rng(0)
    output, scores = rng.normal(size=(100, 9)), rng.normal(size=100)
    output[0, 6:] = [-20, 0, 20]  # standard deviations are limited
    found = log_normal_mixture(
        *AutoregressiveGenerator.mixture(torch.from_numpy(output)), torch.from_numpy(scores)
    )
    assert np.allclose(found.exp().numpy(), normal_mixture(output, scores))
