"""A trained one-pass GAN: latent vectors to rows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.device import copied, on_cpu, sampling_device
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.mlp import calibration
from h2o_gan.engine.mlp.expansion import expansion_of, width_of
from h2o_gan.engine.mlp.networks import build_critic, build_generator
from h2o_gan.engine.model import Model, ModelParts, actual_seed, scale_of
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named, network_of, optimizer_of, resumed
from h2o_gan.parameters import Parameters

__all__ = ["LatentModel"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class LatentModel(Model):
    """A model whose samples are a function of latent vectors, drawn from the mean generator.

    Attributes:
        generator: the running mean of the generator.
        critic: the critic at the end.
        critic_optimizer: state of Adam, for going on with training.
        bias: (width,) added to raw outputs so that choices come at their real shares.
    """

    kind = "latent"
    architecture = "mlp"

    generator: nn.Module
    critic: nn.Module
    critic_optimizer: Mapping[str, Any] = field(repr=False)
    bias: Tensor = field(repr=False)

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
        real: Tensor,
        **rest: Any,
    ) -> LatentModel:
        """Copy a training's present state. `real` is codes of real rows for the critic's scale."""
        device = real.device
        expansion = expansion_of(encoder, device)
        bias = calibration.calibrate(
            generator,
            expansion,
            parameters.resolved_latent_size,
            parameters.seed,
            device,
        )
        with torch.no_grad():
            scores = critic(expansion.expand(real, None)).flatten().cpu().double().numpy()
        return cls(
            parameters=parameters,
            encoder=encoder,
            generator=on_cpu(generator),
            critic=on_cpu(critic),
            last_generator=copied(last_generator.state_dict()),
            generator_optimizer=copied(generator_optimizer.state_dict()),
            critic_optimizer=copied(critic_optimizer.state_dict()),
            bias=bias.cpu(),
            real_scores=scale_of(scores),
            **rest,
        )

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    @property
    def latent_size(self) -> int:
        """Length of a latent vector."""
        return self.parameters.resolved_latent_size

    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        device = sampling_device()
        seed = actual_seed(seed)
        blocks = calibration.hardened_blocks(
            copy.deepcopy(self.generator).to(device),
            expansion_of(self.encoder, device),
            self.bias.to(device),
            self.latent_size,
            rows,
            seed,
        )

        def batches() -> Iterator[pa.RecordBatch]:
            start = 0
            for hard in blocks:
                yield self.encoder.decode(hard.numpy(), start, seed)
                start += len(hard)

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
        expansion = expansion_of(self.encoder, torch.device("cpu"))
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

    def scores(self, table: pa.Table) -> Array:
        expansion = expansion_of(self.encoder, torch.device("cpu"))
        with torch.no_grad():
            scores = self.critic(expansion.expand(self.encoder.encode(table), None))
        raw: Array = scores.flatten().double().numpy()
        return raw

    def tensors(self) -> dict[str, Tensor]:
        states = {name: network.state_dict() for name, network in self.networks.items()}
        return {**named(states), "bias": self.bias}

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def restore(cls, parts: ModelParts) -> LatentModel:
        tensors, common = parts.tensors, parts.common
        parameters = common["parameters"]
        width = width_of(common["encoder"])

        def build() -> nn.Module:
            return build_generator(parameters, width)

        last, optimizer = resumed("generator", build, tensors)
        critic = network_of(lambda: build_critic(parameters, width), "critic", tensors)
        bias = tensors.get("bias")
        if bias is None or bias.shape != (width,) or bias.dtype != torch.float32:
            raise Damaged("its bias does not fit its columns")
        if not bool(bias.isfinite().all()):
            raise Damaged("its bias is not finite")
        return cls(
            generator=network_of(build, "generator", tensors),
            critic=critic,
            last_generator=last,
            generator_optimizer=optimizer,
            critic_optimizer=optimizer_of("critic_optimizer", critic, tensors) if last else {},
            bias=bias,
            **common,
        )

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
