"""A trained GAN: encoding, networks and history, and what can be asked of them."""

from __future__ import annotations

import copy
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from h2o_gan.engine import sampling
from h2o_gan.engine.encoding import Encoder
from h2o_gan.engine.schema import Column, schema_of
from h2o_gan.parameters import Parameters

__all__ = ["REALISM_SCHEMA", "Model"]

Array = npt.NDArray[Any]

REALISM_SCHEMA = pa.schema([("realism", pa.float64()), ("critic_score", pa.float64())])

_REALISM_POINTS = 1001


@dataclass(frozen=True, eq=False)
class Model:
    """What training leaves behind. Networks are on the CPU; samples come from the mean generator.

    Attributes:
        parameters: what it was trained with, the seed filled in.
        encoder: table <-> tensors.
        generator: the running mean of the generator.
        critic: the critic at the end.
        last_generator: state of the generator itself, for going on with training.
        generator_optimizer, critic_optimizer: states of Adam, for the same.
        bias: (width,) added to raw outputs so that choices come at their real shares.
        critic_scores: ascending quantiles of the critic's scores of real rows.
        epoch, step, seconds: how far training went, earlier runs counted in.
        history: one dict per scoring.
        stopped_by: what ended the training.
        rows, batch_size: of the training data and of a step.
    """

    parameters: Parameters
    encoder: Encoder
    generator: nn.Module
    critic: nn.Module
    last_generator: Mapping[str, Tensor] = field(repr=False)
    generator_optimizer: Mapping[str, Any] = field(repr=False)
    critic_optimizer: Mapping[str, Any] = field(repr=False)
    bias: Tensor = field(repr=False)
    critic_scores: Array = field(repr=False)
    epoch: int
    step: int
    seconds: float
    history: list[dict[str, float | None]] = field(repr=False)
    stopped_by: str
    rows: int
    batch_size: int

    @classmethod
    def of_training(
        cls,
        *,
        parameters: Parameters,
        encoder: Encoder,
        generator: nn.Module,
        last_generator: nn.Module,
        critic: nn.Module,
        generator_optimizer: torch.optim.Optimizer,
        critic_optimizer: torch.optim.Optimizer,
        history: Sequence[dict[str, float | None]],
        real: Tensor,
        **rest: Any,
    ) -> Model:
        """Copy a training's present state. `real` is codes of real rows for the critic's scale."""
        device = real.device
        expansion = encoder.expansion(device)
        bias = sampling.calibrate(
            generator,
            expansion,
            tuple(encoder.spans),
            parameters.resolved_latent_size,
            parameters.seed,
            device,
        )
        with torch.no_grad():
            scores = critic(expansion.expand(real, None)).flatten().cpu().double().numpy()
        return cls(
            parameters=parameters,
            encoder=encoder,
            generator=_on_cpu(generator),
            critic=_on_cpu(critic),
            last_generator=_copied(last_generator.state_dict()),
            generator_optimizer=_copied(generator_optimizer.state_dict()),
            critic_optimizer=_copied(critic_optimizer.state_dict()),
            bias=bias.cpu(),
            critic_scores=np.quantile(scores, np.linspace(0, 1, _REALISM_POINTS)),
            history=[dict(row) for row in history],
            **rest,
        )

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of its samples."""
        return self.encoder.columns

    @property
    def latent_size(self) -> int:
        """Length of a latent vector."""
        return self.parameters.resolved_latent_size

    def sample(self, rows: int, seed: int | None = None) -> pa.RecordBatchReader:
        """Draw rows.

        They are made while the reader is read, a block at a time: memory does not grow with
        `rows`. The same seed gives the same rows on the same machine.

        Args:
            rows: how many, at least 1.
            seed: 0 or more; None for different rows each time.

        Raises:
            ValueError: `rows` or `seed` is out of bounds.
            TypeError: `rows` or `seed` is not a whole number.
        """
        check_rows_and_seed(rows, seed)
        device = _sampling_device()
        blocks = sampling.hardened_blocks(
            copy.deepcopy(self.generator).to(device),
            self.encoder.expansion(device),
            self.bias.to(device),
            self.latent_size,
            int(rows),
            secrets.randbits(62) if seed is None else int(seed),
        )

        def batches() -> Iterator[pa.RecordBatch]:
            for hard in blocks:
                yield self.encoder.decode(hard.numpy())

        return pa.RecordBatchReader.from_batches(schema_of(list(self.columns)), batches())

    def map_latents(self, latents: npt.ArrayLike) -> Array:
        """The samples that these latent vectors stand for.

        Args:
            latents: (n, latent_size), or one vector as (latent_size,) or (latent_size, 1).

        Returns:
            (n, columns) in the data's own scale: float64 where all columns are numbers, else
            objects (levels as str, times as datetime64[ms], None for missing).

        Raises:
            ValueError: another shape, or values that are not finite.
        """
        vectors = self._check_latents(latents)
        expansion = self.encoder.expansion(torch.device("cpu"))
        with torch.no_grad():
            raw = self.generator(torch.from_numpy(vectors)) + self.bias
            batch = self.encoder.decode(expansion.harden(raw, None).numpy())
        if all(column.kind in ("int", "real") for column in self.columns):
            return np.stack(
                [
                    values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
                    for values in batch.columns
                ],
                axis=1,
            )
        out = np.empty((len(vectors), len(self.columns)), object)
        for place, (column, values) in enumerate(zip(self.columns, batch.columns, strict=True)):
            if column.kind == "time":
                stamps = values.cast(pa.int64())
                out[:, place] = [
                    None if stamp is None else np.datetime64(stamp, "ms")
                    for stamp in stamps.to_pylist()
                ]
            else:
                out[:, place] = values.to_pylist()
        return out

    def realism(self, batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The critic's opinion of each row, with :data:`REALISM_SCHEMA`.

        ``critic_score`` is the critic's raw output, higher for rows it takes for real;
        ``realism`` is the share of real training rows that score lower, from 0 to 1.
        """
        expansion = self.encoder.expansion(torch.device("cpu"))
        shares = np.linspace(0, 1, len(self.critic_scores))

        def scored() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                if not batch.num_rows:
                    continue
                codes = self.encoder.encode(pa.Table.from_batches([batch]))
                with torch.no_grad():
                    scores = self.critic(expansion.expand(codes, None)).flatten().double().numpy()
                realism = np.interp(scores, self.critic_scores, shares)
                yield pa.RecordBatch.from_arrays(
                    [pa.array(realism), pa.array(scores)], schema=REALISM_SCHEMA
                )

        return pa.RecordBatchReader.from_batches(REALISM_SCHEMA, scored())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file; see :mod:`h2o_gan.engine.artifact`."""
        from h2o_gan.engine.artifact import save

        save(self, path)

    def _check_latents(self, latents: npt.ArrayLike) -> npt.NDArray[np.float32]:
        size = self.latent_size
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


def check_rows_and_seed(rows: int, seed: int | None) -> None:
    """Raise TypeError or ValueError unless these are a row count and a seed."""
    for name, value, least in (("n", rows, 1), ("seed", seed, 0)):
        if value is None and name == "seed":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be a whole number, not {value!r}.")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}.")


def _sampling_device() -> torch.device:
    # Not MPS: places in a distribution are float64, which it lacks.
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _on_cpu(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).cpu().requires_grad_(False).eval()


def _copied(state: Any) -> Any:
    """A deep copy of a state dict with its tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().clone().cpu()
    if isinstance(state, Mapping):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [_copied(value) for value in state]
    return state
