"""What tokens may be, for all rows or by row."""

import torch
from untrained import CPU

from h2o_gan.engine.tabular.bounds import Bounds, Link

PAIR = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])  # two blocks of three choices


def test_only_limits_close_bounds():
    assert Bounds().is_open and Bounds(torch.ones(2)).is_open
    assert not Bounds(low=0.0).is_open and not Bounds(high=0.0).is_open


def test_rows_of_bounds_for_all_rows():
    for bounds in (Bounds(PAIR), Bounds(low=1.0)):
        assert bounds.take(torch.tensor([1, 1])) is bounds
        assert bounds.to(CPU).low == bounds.low


def test_rows_of_bounds_by_row():
    bounds = Bounds(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), by_row=True)
    taken = bounds.take(torch.tensor([1, 0, 1]))
    assert taken.by_row and taken.mask.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_the_second_token_of_a_pair_depends_on_the_first():
    first = torch.tensor([1, 0, 1])
    assert Bounds().mask_after(first) is None
    assert Bounds(PAIR).mask_after(first).tolist() == [[0, 0.5, 1], [1, 0, 0], [0, 0.5, 1]]
    by_row = torch.stack([PAIR, PAIR.flip(0), 1 - PAIR])
    found = Bounds(by_row, by_row=True).mask_after(first)
    assert found.tolist() == [[0, 0.5, 1], [0, 0.5, 1], [1, 0.5, 0]]


def test_linked_bounds_hold_in_rows_of_one_choice():
    drawn = torch.tensor([[0.0, 9.0], [1.0, 9.0]])
    number = Bounds(low=-1.0, link=Link(0, 1, Bounds(low=2.0, high=3.0))).linked(drawn, 0)
    assert number.low.tolist() == [[-1.0], [2.0]] and not number.is_open
    assert number.high.tolist() == [[float("inf")], [3.0]]
    choice = Bounds(link=Link(0, 1, Bounds(torch.tensor([0.0, 1.0])))).to(CPU).linked(drawn, 2)
    assert choice.by_row and choice.mask.tolist() == [[1, 1], [0, 1]]
    assert Bounds(PAIR).linked(drawn, 3).mask is PAIR
