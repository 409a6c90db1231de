"""Rows that are held out: few, always the same, and by weight."""

import numpy as np
import torch

from h2o_gan.engine.training.split import held_out_rows, split_rows


def test_a_split_is_whole_and_always_the_same():
    learned, held_out = split_rows(1000, 40)
    assert len(held_out) == 100 and learned.tolist() == sorted(learned.tolist())
    assert sorted([*learned.tolist(), *held_out.tolist()]) == list(range(1000))
    again = split_rows(1000, 40)
    assert torch.equal(learned, again[0]) and torch.equal(held_out, again[1])
    assert len(split_rows(50_000, 40)[1]) == 2048


def test_a_few_rows_are_all_learned():
    learned, held_out = split_rows(39, 40)
    assert learned.tolist() == list(range(39)) and len(held_out) == 0
    assert len(split_rows(40, 40)[1]) == 4


def test_held_out_rows_count_as_often_as_their_weights_say():
    weights = np.ones(400)
    plain = split_rows(400, 40)[1]
    weights[plain[:20].numpy()] = 0.0
    weights[plain[20].item()] = 1000.0
    learned, held_out = split_rows(400, 40, weights)
    assert len(held_out) == 40 and not set(held_out.tolist()) & set(plain[:20].tolist())
    assert (held_out == plain[20]).float().mean() > 0.8
    assert torch.equal(learned, split_rows(400, 40)[0])


def test_nothing_is_held_out_where_one_part_would_have_no_weight():
    weights = np.zeros(400)
    weights[split_rows(400, 40)[0][0].item()] = 1.0
    learned, held_out = split_rows(400, 40, weights)
    assert len(learned) == 400 and len(held_out) == 0


def test_the_rows_held_out_from_a_model_are_those_of_its_training():
    assert held_out_rows("columns", 1000).tolist() == split_rows(1000, 40)[1].tolist()
    assert len(held_out_rows("columns", 39)) == 0
    assert len(held_out_rows("convolutional", 99)) == 0 < len(held_out_rows("convolutional", 100))
    assert len(held_out_rows("mlp", 1000)) == 0
