"""Blocks of a sample: each has a seed, and several are computed at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

__all__ = ["block_seed", "in_threads"]

T = TypeVar("T")


def in_threads(make: Callable[[int], T], count: int, device: torch.device) -> Iterator[T]:
    """Compute blocks in order, on the CPU with as many threads as PyTorch may use.

    Each block is computed by one thread: small products gain less from more threads than blocks
    gain from each other. That holds for a single block too, as another order of sums would round
    to other rows. At most one more block than there are threads is computed ahead.

    Args:
        make: computes the block of a number.
        count: of blocks.
        device: that `make` computes on; on others than the CPU there is one thread.

    Yields:
        ``make(0)`` to ``make(count - 1)``.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        yield from map(make, range(count))
        return
    workers = min(threads, count)
    ahead: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for number in range(count):
                ahead.append(pool.submit(make, number))
                if len(ahead) > workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
            torch.set_num_threads(threads)


def block_seed(seed: int, *block: int) -> int:
    """The seed, of 64 bits, of one block of a sample.

    Args:
        seed: of the sample.
        block: number of the block and, where it is drawn again, of the attempt.
    """
    return int(np.random.SeedSequence([seed, *block]).generate_state(1, np.uint64)[0])
