"""The critic of rows."""

import numpy as np
import torch

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.critic import RowCritic


def critic_of(dropout=0.0):
    critic = RowCritic(
        [Token(column, 4, np.full(4, 0.25)) for column in range(3)], 5, 64, dropout, 8
    )
    critic.initialize(torch.Generator().manual_seed(0))
    return critic


def rows(count=6):
    values = torch.randint(4, (count, 3), generator=torch.Generator().manual_seed(1)).float()
    return values, torch.ones(count, 3, dtype=torch.bool)


def test_features_are_those_of_each_token_in_turn():
    critic = critic_of()
    values, active = rows()
    flat = critic.flat(values, active)
    assert flat.shape == (6, 15)
    for token in range(3):
        part = flat[:, 5 * token : 5 * token + 5]
        assert torch.equal(part, critic.features.levels_of(token, 4)[values[:, token].long()])
    assert critic(flat).shape == (6, 1)


def test_a_row_is_scored_by_itself():
    critic = critic_of()
    flat = critic.flat(*rows())
    assert torch.allclose(critic(flat)[2:3], critic(flat[2:3]), atol=1e-6)
    assert len(set(critic(flat).flatten().tolist())) > 1


def test_dropout_is_drawn_from_the_generator_and_keeps_the_mean():
    critic = critic_of(0.5)
    flat = critic.flat(*rows(1))
    assert torch.equal(critic(flat), critic(flat))  # none without a generator

    def scores(seed, count):
        rng = torch.Generator().manual_seed(seed)
        return critic(flat.expand(count, -1), rng).detach()

    assert torch.equal(scores(1, 20), scores(1, 20))
    assert not torch.equal(scores(1, 20), scores(2, 20))
    noise = critic._dropped(torch.ones(200, 200), torch.Generator().manual_seed(0))
    assert set(noise.unique().tolist()) == {0.0, 2.0}
    assert abs(noise.mean().item() - 1) < 0.02


def test_initial_weights_come_from_the_generator_of_numbers_alone():
    torch.manual_seed(1)
    first = critic_of()
    torch.manual_seed(2)
    second = critic_of()
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    bound = first.last.weight.abs().max().item()
    assert bound <= 0.1 / 64**0.5  # scores begin near zero
