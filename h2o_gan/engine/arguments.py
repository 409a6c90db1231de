"""Arguments of a model's methods: checks, and seeds where none is given."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from h2o_gan.engine.blocks import block_seed
from h2o_gan.parameters.limits import IMPUTATION_METHODS, MOST_DRAWS

__all__ = [
    "actual_seed",
    "check_latents",
    "check_method",
    "check_rows_and_seed",
    "check_table_and_seed",
    "seeds_of",
]

LatentArray = npt.NDArray[np.float32]


def check_method(method: str, draws: int | None) -> None:
    """Check a method of imputation and its number of draws.

    Raises:
        TypeError: the number is not a whole number.
        ValueError: the method is not known, or the number does not go with it.
    """
    if method not in IMPUTATION_METHODS:
        raise ValueError(
            f"method={method!r} is not known; use one of {', '.join(IMPUTATION_METHODS)}."
        )
    if draws is None:
        return
    if method == "draw":
        raise ValueError("draws is for the estimates of method='mean' or 'mode': leave it out.")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer):
        raise TypeError(f"draws must be a whole number, not {draws!r}.")
    if not 0 <= draws <= MOST_DRAWS:
        raise ValueError(f"draws must be between 0 and {MOST_DRAWS:,}, not {draws}.")


def check_rows_and_seed(rows: int, seed: int | None) -> None:
    """Check a number of rows and a seed.

    Args:
        rows: at least 1.
        seed: at least 0, or None.

    Raises:
        TypeError: one of them is not a whole number.
        ValueError: one of them is too small.
    """
    _check_whole("n", rows, 1)
    if seed is not None:
        _check_whole("seed", seed, 0)


def check_table_and_seed(table: pa.Table, seed: int | None) -> None:
    """Check that a table has rows, and a seed.

    Raises:
        TypeError: the seed is not a whole number.
        ValueError: the table has no rows, or the seed is negative.
    """
    if not table.num_rows:
        raise ValueError("the frame has no rows.")
    if seed is not None:
        _check_whole("seed", seed, 0)


def _check_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number, not {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}.")


def actual_seed(seed: int | None) -> int:
    """The seed itself, or a random one of 62 bits for None."""
    return secrets.randbits(62) if seed is None else int(seed)


def seeds_of(seed: int | None, n: int) -> list[int | None]:
    """The seeds of `n` samples that differ: the seed itself, then others that follow from it."""
    if seed is None:
        return [None] * n
    return [seed, *(block_seed(seed, number) >> 2 for number in range(1, n))]


def check_latents(latents: npt.ArrayLike, size: int) -> LatentArray:
    """Check latents that a user gives.

    Args:
        latents: (n, size) numbers, or one latent as (size,) or (size, 1).
        size: length of a latent.

    Returns:
        float32 (n, size).

    Raises:
        ValueError: the shape does not fit, or a value is not a finite number.
    """
    vectors = np.asarray(latents)
    if not np.issubdtype(vectors.dtype, np.number) or np.iscomplexobj(vectors):
        raise ValueError(f"latent vectors must be numbers, not {vectors.dtype}.")
    if vectors.shape == (size,) or (vectors.shape == (size, 1) and size > 1):
        vectors = vectors.reshape(1, size)
    if vectors.ndim != 2 or vectors.shape[1] != size or len(vectors) == 0:
        raise ValueError(
            f"latent vectors of shape {vectors.shape} do not fit: this generator takes "
            f"(n, {size}), or one vector as ({size},) or ({size}, 1)."
        )
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(vectors, np.float32)
    if not np.all(np.isfinite(vectors)):
        raise ValueError("latent vectors must be finite, but some are NaN or infinite.")
    return vectors
