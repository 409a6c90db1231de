"""Accepted rows follow the generator tilted by the critic, under conditions too."""

import itertools

import numpy as np
import pytest
import torch
from untrained import CPU, assert_shares, generator_of, random

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.bounds import Bounds
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.sampling import Given, RejectionSampler, sample_rows

ROWS = 10_000
SIZES = (2, 3)
TOKENS = [Token(0, 2, np.array([0.7, 0.3])), Token(1, 3, np.array([0.5, 0.3, 0.2]))]
EVERY = torch.tensor(list(itertools.product(range(2), range(3))), dtype=torch.float32)
PRESENT = torch.ones(EVERY.shape, dtype=torch.bool)


@pytest.fixture(scope="module")
def generator():
    return generator_of(TOKENS, seed=3, strength=0.7)


@pytest.fixture(scope="module")
def sampler(generator):
    """A critic whose ratios have a mean of one on the generator's rows."""
    critic = RowCritic(TOKENS, 4, 8, 0.0, 4)
    critic.initialize(random(2))
    with torch.no_grad():
        critic.last.weight.mul_(800)
    raw = RejectionSampler(critic, 0.0, 99.0).log_ratio(EVERY, PRESENT)
    shift = float((raw + joint(generator).log()).logsumexp(0))
    return RejectionSampler(critic, shift, float(raw.max()) - shift)


def joint(generator, order=(0, 1)):
    with torch.no_grad():
        return generator.log_likelihood(EVERY, PRESENT, torch.tensor(order)).sum(0).exp()


def normalized(shares):
    shares = np.asarray(shares, np.float64)
    return shares / shares.sum()


def sample(generator, sampler, given=None, order=(0, 1), seed=0, rows=ROWS, **options):
    given = Given.none(rows, 2, CPU) if given is None else given
    values, active = sample_rows(generator, sampler, given, order, (0, 1), random(seed), **options)
    assert active.all() and len(values) == len(given)
    return values


def row_numbers(values):
    return np.ravel_multi_index(values.long().numpy().T, SIZES)


def test_log_ratios_are_clipped_scores(sampler):
    scores = RejectionSampler(sampler.critic, 0.0, 99.0).log_ratio(EVERY, PRESENT)
    clipped = RejectionSampler(sampler.critic, 0.5, 0.1).log_ratio(EVERY, PRESENT)
    assert torch.allclose(clipped, (scores - 0.5).clamp(max=0.1))
    assert (clipped == 0.1).any() and (clipped < 0.1).any()


def test_without_a_critic_rows_are_the_generators(generator):
    assert_shares(row_numbers(sample(generator, None)), normalized(joint(generator)))


def test_accepted_rows_follow_the_tilted_distribution(generator, sampler):
    shares = joint(generator) * sampler.log_ratio(EVERY, PRESENT).exp()
    assert float((shares - joint(generator)).abs().max()) > 0.05
    assert_shares(row_numbers(sample(generator, sampler)), normalized(shares))


def test_ratios_count_up_to_the_clip(generator, sampler):
    clipped = RejectionSampler(sampler.critic, sampler.shift, 0.0)
    shares = joint(generator) * clipped.log_ratio(EVERY, PRESENT).exp()
    whole = joint(generator) * sampler.log_ratio(EVERY, PRESENT).exp()
    assert np.abs(normalized(shares) - normalized(whole)).max() > 0.03
    assert_shares(row_numbers(sample(generator, clipped)), normalized(shares))


def test_conditions_in_another_order_give_the_usual_joint(generator, sampler):
    """The order that begins with the condition knows the rows less well: weights mend that."""
    wanted = EVERY[:, 1] == 2
    usual, other = (normalized(joint(generator, o) * wanted) for o in ((0, 1), (1, 0)))
    assert np.abs(usual - other).max() > 0.03
    bounds = {1: Bounds(torch.tensor([0.0, 0.0, 1.0]))}
    values = sample(generator, None, order=(1, 0), bounds=bounds)
    assert_shares(row_numbers(values), usual)
    tilted = normalized(usual * sampler.log_ratio(EVERY, PRESENT).exp().numpy())
    values = sample(generator, sampler, order=(1, 0), bounds=bounds)
    assert_shares(row_numbers(values), tilted)


def given_second(choices):
    """Rows whose second token is given."""
    values, known = torch.zeros(len(choices), 2), torch.zeros(len(choices), 2, dtype=torch.bool)
    values[:, 1], known[:, 1] = torch.as_tensor(choices, dtype=torch.float32), True
    return Given(values, known.clone(), known, alike=False)


def test_given_rows_stay_and_the_rest_follows(generator):
    choices = np.arange(ROWS) % 3
    values = sample(generator, None, given_second(choices), order=(1, 0))
    assert values[:, 1].long().tolist() == choices.tolist()
    for choice in range(3):
        # One of 12 candidates by weight: close to the usual joint, if not equal to it.
        usual = normalized(joint(generator).numpy()[EVERY[:, 1] == choice])
        found = (values[choices == choice, 0] == 1).float().mean()
        assert float(found) == pytest.approx(usual[1], abs=0.03)


def test_rows_of_given_are_taken():
    given = given_second([0, 1, 2]).take(torch.tensor([2, 2, 0]))
    assert given.values[:, 1].tolist() == [2, 2, 0] and not given.alike and len(given) == 3


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("with_critic", [False, True])
def test_impossible_bounds_are_unreachable(generator, sampler, temperature, with_critic):
    critic = sampler if with_critic else None
    nothing = {1: Bounds(torch.zeros(3))}
    with pytest.raises(Unreachable, match="loosen them"):
        sample(generator, critic, rows=5, bounds=nothing, temperature=temperature)
    by_row = torch.ones(5, 3)
    by_row[3] = 0  # one row of five
    with pytest.raises(Unreachable):
        sample(
            generator,
            critic,
            given_second([0] * 5).take(torch.arange(5)),
            bounds={0: Bounds(torch.zeros(5, 2), by_row=True)},
            temperature=temperature,
        )


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_rows_that_bounds_forbid_are_never_taken(temperature):
    """Seven rows in ten come to a second token of which nothing is allowed."""
    pair = [TOKENS[0], Token(0, 3, np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]))]
    inner = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    for seed in range(20):
        values = sample(
            generator_of(pair),
            None,
            seed=seed,
            rows=1,
            bounds={1: Bounds(inner)},
            temperature=temperature,
        )
        assert (values[:, 0] == 1).all() and (values[:, 1] < 2).all()


def test_a_critic_that_accepts_nothing_is_passed_over(generator, sampler):
    broken = RejectionSampler(sampler.critic, 1e6, 5.0)
    values = sample(generator, broken)
    assert_shares(row_numbers(values), normalized(joint(generator)))


@pytest.mark.parametrize("with_critic", [False, True])
def test_temperature_rejects_nothing(sampler, with_critic):
    values = sample(generator_of(TOKENS), sampler if with_critic else None, temperature=0.5, seed=1)
    shares = np.outer(normalized(TOKENS[0].shares ** 2), normalized(TOKENS[1].shares ** 2))
    assert_shares(row_numbers(values), shares.ravel())


def test_rows_are_those_of_the_seed(generator, sampler):
    first, again, other = (sample(generator, sampler, seed=s, rows=300) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
