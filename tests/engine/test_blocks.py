"""Blocks of a sample: in order, one thread each, and no more ahead than there are threads."""

import threading

import pytest
import torch

from h2o_gan.engine.blocks import block_seed, in_threads

CPU = torch.device("cpu")


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_blocks_come_in_order(threads):
    last = threading.Event()

    def make(block):
        if block == 0:
            last.wait(5)  # the first one is the last to be ready
        if block == 2:
            last.set()
        return block

    assert list(in_threads(make, 7, CPU)) == list(range(7))


def test_each_block_has_one_thread_and_the_setting_comes_back(threads):
    found = list(in_threads(lambda block: torch.get_num_threads(), 5, CPU))
    assert found == [1] * 5
    assert torch.get_num_threads() == threads


def test_few_blocks_are_computed_ahead(threads):
    made = []
    blocks = in_threads(made.append, 50, CPU)
    next(blocks)
    blocks.close()
    assert len(made) <= threads + 1
    assert torch.get_num_threads() == threads


def test_an_error_reaches_the_caller(threads):
    def make(block):
        raise ValueError(f"block {block}")

    with pytest.raises(ValueError, match="block 0"):
        list(in_threads(make, 3, CPU))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_without_threads_blocks_are_made_on_demand(device):
    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else 2)
    try:
        made = []
        blocks = in_threads(lambda block: made.append(block) or block, 9, torch.device(device))
        assert next(blocks) == 0 and made == [0]
    finally:
        torch.set_num_threads(before)


def test_seeds_of_blocks_differ():
    seeds = {block_seed(seed, block) for seed in range(20) for block in range(20)}
    assert len(seeds) == 400 and max(seeds) >= 2**62 and min(seeds) >= 0
    assert block_seed(3, 4) == block_seed(3, 4)
