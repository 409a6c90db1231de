"""Blocks of a sample: each has its own seed, and several are made at once."""

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
    """``make(0)`` to ``make(count - 1)`` in order, on the CPU by as many threads as torch may use.

    Each of them computes alone: small products gain less from threads of their own than blocks
    do from each other. So does a single one, as sums in another order would round to other rows.
    A few results are ahead of whoever takes them, no more.
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


def block_seed(seed: int, block: int) -> int:
    """The seed of one block of a sample."""
    return int(np.random.SeedSequence([seed, block]).generate_state(1, np.uint64)[0])
