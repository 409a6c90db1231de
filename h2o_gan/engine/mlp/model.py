"""Trained models of the mlp family: from latents to rows."""

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
from typing_extensions import override

from h2o_gan.engine.arguments import actual_seed, check_latents
from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.device import copied, on_cpu, sampling_device
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.mlp import calibration
from h2o_gan.engine.mlp.features import feature_transform, width_of
from h2o_gan.engine.mlp.networks import build_critic, build_generator
from h2o_gan.engine.model import Model, ModelParts, score_quantiles
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named, network_of, optimizer_of, resumed
from h2o_gan.parameters import Parameters

__all__ = ["LatentModel"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class LatentModel(Model):
    """A model whose samples are a function of latents, drawn from the generator's EMA.

    Attributes:
        generator: the EMA of the generator.
        critic: the critic at the end of training.
        critic_optimizer: state of the critic's Adam, for further training.
        bias: float32 (width,) added to raw outputs, so that choices have their real shares.
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
        """Make a model of the present state of a training; all of it is copied.

        Args:
            parameters: of the training, the seed filled in.
            encoder: of the rows.
            generator: the EMA of the generator.
            last_generator: the generator in training.
            critic: the critic in training.
            generator_optimizer: of `last_generator`.
            critic_optimizer: of `critic`.
            real: codes (rows, columns) of real rows, whose scores become `real_scores`.
            **rest: the other attributes of :class:`~h2o_gan.engine.model.Model`.
        """
        device = real.device
        features = feature_transform(encoder, device)
        bias = calibration.calibrate(
            generator,
            features,
            parameters.resolved_latent_size,
            parameters.seed,
            device,
        )
        with torch.no_grad():
            scores = critic(features.expand(real, None)).flatten().cpu().double().numpy()
        return cls(
            parameters=parameters,
            encoder=encoder,
            generator=on_cpu(generator),
            critic=on_cpu(critic),
            last_generator=copied(last_generator.state_dict()),
            generator_optimizer=copied(generator_optimizer.state_dict()),
            critic_optimizer=copied(critic_optimizer.state_dict()),
            bias=bias.cpu(),
            real_scores=score_quantiles(scores),
            **rest,
        )

    @property
    @override
    def networks(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    @property
    def latent_size(self) -> int:
        """Length of a latent."""
        return self.parameters.resolved_latent_size

    @override
    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        device = sampling_device()
        seed = actual_seed(seed)
        blocks = calibration.discrete_blocks(
            copy.deepcopy(self.generator).to(device),
            feature_transform(self.encoder, device),
            self.bias.to(device),
            self.latent_size,
            rows,
            seed,
        )

        def batches() -> Iterator[pa.RecordBatch]:
            start = 0
            for block in blocks:
                yield self.encoder.decode(block.numpy(), start, seed)
                start += len(block)

        return pa.RecordBatchReader.from_batches(schema_of(list(self.columns)), batches())

    @override
    def map_latents(self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Array:
        if labels is not None:
            raise ValueError("labels: this generator takes none.")
        vectors = check_latents(latents, self.latent_size)
        features = feature_transform(self.encoder, torch.device("cpu"))
        with torch.no_grad():
            raw = self.generator(torch.from_numpy(vectors)) + self.bias
            batch = self.encoder.decode(features.discretize(raw, None).numpy())
        if all(column.kind in ("int", "real") for column in self.columns):
            return np.stack(
                [
                    values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
                    for values in batch.columns
                ],
                axis=1,
            )
        out = np.empty((len(vectors), len(self.columns)), object)
        for index, (column, values) in enumerate(zip(self.columns, batch.columns, strict=True)):
            if column.kind == "time":
                stamps = values.cast(pa.int64())
                out[:, index] = [
                    None if stamp is None else np.datetime64(stamp, "ms")
                    for stamp in stamps.to_pylist()
                ]
            else:
                out[:, index] = values.to_pylist()
        return out

    @override
    def scores(self, table: pa.Table) -> Array:
        features = feature_transform(self.encoder, torch.device("cpu"))
        with torch.no_grad():
            scores = self.critic(features.expand(self.encoder.encode(table), None))
        raw: Array = scores.flatten().double().numpy()
        return raw

    @override
    def tensors(self) -> dict[str, Tensor]:
        states = {name: network.state_dict() for name, network in self.networks.items()}
        return {**named(states), "bias": self.bias}

    @override
    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    @override
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
