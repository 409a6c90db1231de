"""What combinations of choices add to summaries."""

import numpy as np
import torch

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.tabular.cross_weights import CrossWeights
from h2o_gan.engine.tabular.crosses import Cross

CROSSES = [
    Cross((0, 2), np.array([[1, 0], [2, 3], [0, 4]])),
    Cross((1, 2), np.array([[0, 1], [2, 0]])),
]
TOKENS = [Token(column, size, np.ones(size) / size) for column, size in ((0, 3), (1, 2), (2, 2))]
ROWS = torch.tensor([[0.0, 0, 0], [1, 1, 1], [2, 0, 0], [2, 1, 0]])


def weights():
    module = CrossWeights(CROSSES, 2, TOKENS)
    assert not module.vectors.any()  # zero at first
    with torch.no_grad():
        module.vectors[1:] = torch.arange(1, 7)[:, None]
    return module.requires_grad_(False)


def test_each_combination_has_a_vector():
    module, known = weights(), torch.ones(4, 3, dtype=torch.bool)
    assert module(ROWS, known)[..., 0].tolist() == [[1, 3, 0, 0], [0, 0, 0, 6]]
    known[0, 2] = known[3, 1] = False
    assert module(ROWS, known)[..., 1].tolist() == [[0, 3, 0, 0], [0, 0, 0, 0]]


def test_tokens_complete_their_crosses():
    module, known = weights(), torch.ones(4, 3, dtype=torch.bool)
    assert module.completed_by(1, ROWS, known)[:, 0].tolist() == [0, 0, 0, 6]
    assert module.completed_by(2, ROWS, known)[:, 0].tolist() == [1, 3, 0, 6]
    assert CrossWeights(CROSSES[:1], 2, TOKENS).completed_by(1, ROWS, known) is None


def test_the_last_token_of_a_cross_depends_on_the_order():
    module = weights()
    assert module.last_tokens(torch.tensor([0, 1, 2])).T.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert module.last_tokens(torch.tensor([2, 1, 0])).T.tolist() == [[1, 0, 0], [0, 1, 0]]
    # Places, not the order: 1, 2, 0 is the order of tokens at the places 2, 0, 1.
    assert module.last_tokens(torch.tensor([2, 0, 1])).T.tolist() == [[1, 0, 0], [0, 0, 1]]
    three = CrossWeights([*CROSSES, Cross((0, 1, 2), np.ones((3, 2, 2), int))], 2, TOKENS)
    assert three.last_tokens(torch.tensor([1, 2, 0])).T.tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 1, 0],
    ]


def test_tokens_are_given_the_crosses_of_other_columns():
    assert weights().of_others.tolist() == [[0, 1], [1, 0], [0, 0]]
    own = [*TOKENS[:2], Token(3, 2, np.ones(2) / 2), Token(1, 0, np.zeros(0))]
    # The fourth token is the number of the second one's column.
    assert CrossWeights(CROSSES, 2, own).of_others.tolist() == [[0, 1], [1, 0], [0, 0], [1, 0]]
