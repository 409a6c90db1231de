"""Trained models of the image family: from latents and labels to images."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from h2o_gan.engine.arguments import actual_seed, check_latents, check_rows_and_seed
from h2o_gan.engine.blocks import block_seed, in_threads
from h2o_gan.engine.data.pixel_encoder import PixelEncoder, drop_gray_axis
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.device import sampling_device
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.image.networks import (
    MIN_ERROR,
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
    stages_of,
)
from h2o_gan.engine.model import Model, ModelParts
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named, network_of, optimizer_of, resumed

__all__ = ["ImageModel", "as_bytes", "realism_scores"]

Array = npt.NDArray[Any]

_BLOCK = 256  # images
_MAX_REDRAWS = 4
_OLD_NAMES = {
    "look": "stem",
    "between": "transitions",
    "end": "head",
    "start": "project",
    "paint": "to_rgb",
    "middle": "mean",
    "spread": "std",
}
"""Parts of weights' names in older model files, and what they are called now."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageModel(Model):
    """A model whose samples are images, drawn from the generator's EMA.

    Attributes:
        sizes: of the networks.
        generator: the EMA of the generator.
        critic: the critic at the end of training.
        image_encoder: encodes and classifies images; trained before the adversarial training.
        critic_optimizer: state of the critic's Adam, for further training.
        augmentation: probability of augmentation at the end of training.
        is_pretraining: whether the model was made during pre-training.
        previews: uint8 (scorings, n, height, width, channels), images of the same latents at some
            of the scorings, in order; with labels, the classes in turn.
        preview_epochs: the epoch of each scoring in `previews`.
    """

    kind = "images"
    architecture = "convolutional"
    supports = frozenset({"conditions", "balance"})

    encoder: PixelEncoder
    sizes: ImageSizes
    generator: ImageGenerator
    critic: ImageCritic
    image_encoder: ImageEncoder = field(repr=False)
    critic_optimizer: Mapping[str, Any] = field(repr=False)
    augmentation: float
    is_pretraining: bool = False
    previews: Tensor = field(repr=False)
    preview_epochs: tuple[int, ...] = field(repr=False)

    @property
    @override
    def networks(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    @property
    def latent_size(self) -> int:
        """Length of a latent."""
        return self.sizes.latent

    @property
    @override
    def training_previews(self) -> Mapping[int, npt.NDArray[np.uint8]]:
        images = drop_gray_axis(self.previews.numpy())
        return dict(zip(self.preview_epochs, images, strict=True))

    @override
    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        # Conditions on the label: a level or number, a list, or for numbers a pair (low, high).
        blocks = self._blocks(rows, seed, options.conditions, options.balance)

        def batches() -> Iterator[pa.RecordBatch]:
            start = 0
            for images, classes in blocks:
                flat = ((images.permute(0, 2, 3, 1).flatten(1).double() + 1) / 2).numpy()
                if classes is not None:
                    flat = np.concatenate([flat, classes.numpy()[:, None]], 1)
                yield self.encoder.decode(flat, start)
                start += len(flat)

        return pa.RecordBatchReader.from_batches(schema_of(list(self.columns)), batches())

    @override
    def images(
        self,
        count: int,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | None = None,
        balance: str | None = None,
    ) -> npt.NDArray[np.uint8]:
        blocks = self._blocks(count, seed, conditions, balance)
        return drop_gray_axis(np.concatenate([as_bytes(images).numpy() for images, _ in blocks]))

    def _blocks(
        self,
        count: int,
        seed: int | None,
        conditions: Mapping[str, Any] | None,
        balance: str | None,
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Blocks of float32 images (b, C, H, W) in [-1, 1] and their classes (b,), on the CPU."""
        check_rows_and_seed(count, seed)
        shares = self._shares(conditions, balance)
        sample_seed = actual_seed(seed)
        device = sampling_device()
        generator = channels_last(copy.deepcopy(self.generator), device)
        encoder = channels_last(copy.deepcopy(self.image_encoder), device)
        even = balance is not None

        @torch.no_grad()
        def block(number: int) -> tuple[Tensor, Tensor | None]:
            rng = torch.Generator(device).manual_seed(block_seed(sample_seed, number))
            latent = torch.randn(_BLOCK, self.latent_size, generator=rng, device=device)
            classes = None
            if shares is not None and even:
                order = torch.arange(number * _BLOCK, (number + 1) * _BLOCK, device=device)
                classes = order % len(shares)
            elif shares is not None:
                uniforms = torch.rand(_BLOCK, generator=rng, device=device, dtype=torch.float64)
                ends = shares.to(device).cumsum(0)
                classes = torch.searchsorted(ends, uniforms * ends[-1], right=True)
                classes = classes.clamp_(max=len(ends) - 1)
            images = generator(latent, classes).clamp(-1, 1)
            if classes is not None:
                _reject_by_label(images, classes, generator, encoder, rng)
            left = count - number * _BLOCK
            return images[:left].cpu(), None if classes is None else classes[:left].cpu()

        return in_threads(block, -(-int(count) // _BLOCK), device)

    def _shares(self, conditions: Mapping[str, Any] | None, balance: str | None) -> Tensor | None:
        labels = self.encoder.labels
        known = None if labels is None else labels.column.name
        for name in conditions or {}:
            if name != known:
                raise ValueError(
                    f"conditions: images can be asked for by their label, "
                    f"{'which this model has none of' if known is None else repr(known)}; "
                    f"{name!r} is not it."
                )
        if balance is not None and (balance != known or conditions):
            raise ValueError(
                f"balance={balance!r} is not the label, or the label has a condition too."
            )
        if labels is None:
            return None
        shares = torch.tensor(labels.shares, dtype=torch.float64)
        if conditions:
            wanted = conditions[labels.column.name]
            several = wanted if isinstance(wanted, list | set | tuple) else [wanted]
            if isinstance(wanted, tuple) and len(wanted) == 2 and labels.column.kind == "int":
                low, high = wanted  # as for the numbers of a table
                several = [label for label in labels.classes if low <= label <= high]
            if not several:
                raise ValueError(f"conditions: no label is asked for in {known!r}: {wanted!r}.")
            mask = torch.zeros(len(shares), dtype=torch.float64)
            mask[[labels.index_of(label) for label in several]] = 1
            shares = shares * mask
        return shares

    def map_latents(self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Array:
        """Generate the images of given latents.

        Args:
            latents: (n, latent_size) numbers, or one latent as (latent_size,).
            labels: (n,) one label for each, for a model with labels.

        Returns:
            float64 (n, pixels), in the scale of the data.

        Raises:
            ValueError: the shape does not fit, a value is not finite, or labels are missing or
                unknown.
        """
        vectors = check_latents(latents, self.latent_size)
        classes = None
        if self.encoder.labels is not None:
            if labels is None or len(np.atleast_1d(labels)) != len(vectors):
                raise ValueError("give one label for each latent vector: this model has labels.")
            known = self.encoder.labels
            classes = torch.tensor([known.index_of(label) for label in np.atleast_1d(labels)])
        with torch.no_grad():
            images = self.generator(torch.from_numpy(vectors), classes)
        flat = (images.clamp(-1, 1).permute(0, 2, 3, 1).flatten(1).double().numpy() + 1) / 2
        scaled: Array = self.encoder.low + flat * (self.encoder.high - self.encoder.low)
        return scaled

    @torch.no_grad()
    @override
    def scores(self, table: pa.Table) -> Array:
        codes = self.codes_of(table)
        parts = []
        for block in codes.split(_BLOCK):  # type: ignore[no-untyped-call]
            classes = None if self.encoder.labels is None else self.encoder.classes_of(block)
            parts.append(
                realism_scores(
                    self.encoder.images_of(block),
                    classes,
                    self.generator,
                    self.critic,
                    self.image_encoder,
                )
            )
        raw: Array = torch.cat(parts).double().numpy() if parts else np.zeros(0)
        return raw

    @override
    def tensors(self) -> dict[str, Tensor]:
        networks = {**self.networks, "image_encoder": self.image_encoder}
        states = {name: network.state_dict() for name, network in networks.items()}
        return {**named(states), "previews": self.previews}

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "sizes": asdict(self.sizes),
            "augmentation": self.augmentation,
            "starting": self.is_pretraining,
            "preview_epochs": list(self.preview_epochs),
        }

    @classmethod
    @override
    def restore(cls, parts: ModelParts) -> ImageModel:
        data, tensors, common = parts.data, _renamed(parts.tensors), parts.common
        encoder = common["encoder"]
        if not isinstance(encoder, PixelEncoder):
            raise Damaged("its networks are for images, its columns are not")
        sizes = _checked_sizes(data["sizes"], encoder.shape)
        classes = 0 if encoder.labels is None else len(encoder.labels.classes)

        def build() -> ImageGenerator:
            return ImageGenerator(encoder.shape, classes, sizes)

        last, optimizer = resumed("generator", build, tensors)
        critic = network_of(lambda: ImageCritic(encoder.shape, classes, sizes), "critic", tensors)
        previews, epochs = tensors.get("previews"), tuple(data["preview_epochs"])
        if (
            previews is None
            or previews.dtype != torch.uint8
            or previews.ndim != 5
            or tuple(previews.shape[2:]) != encoder.shape
            or len(epochs) != len(previews)
        ):
            raise Damaged("its previews do not fit its images")
        return cls(
            sizes=sizes,
            is_pretraining=data.get("starting", False),
            generator=network_of(build, "generator", tensors),
            critic=critic,
            image_encoder=network_of(
                lambda: ImageEncoder(encoder.shape, classes, sizes), "image_encoder", tensors
            ),
            last_generator=last,
            generator_optimizer=optimizer,
            critic_optimizer=optimizer_of("critic_optimizer", critic, tensors) if last else {},
            augmentation=float(data["augmentation"]),
            previews=previews,
            preview_epochs=epochs,
            **common,
        )


def realism_scores(
    images: Tensor,
    classes: Tensor | None,
    generator: ImageGenerator,
    critic: ImageCritic,
    encoder: ImageEncoder,
) -> Tensor:
    """Score how typical images are of the training data.

    The score is the critic's, plus a log likelihood of the image under its reconstruction (as in
    f-AnoGAN, Schlegl et al. 2019), plus the label's log probability. The critic alone separates
    real images from the generator's only: its score of noise means nothing.

    Args:
        images: (B, C, H, W) float32 in [-1, 1].
        classes: (B,) int64, or None without labels.
        generator: to decode with.
        critic: to score with.
        encoder: to encode and classify with.

    Returns:
        (B,) float32 scores, higher for more typical images.
    """
    features = encoder.features(images)
    means, _ = encoder.posterior(features)
    decoded = generator.decode(means, classes).clamp(-1, 1)
    errors = (decoded - images).square().flatten(1).mean(1)
    # Neighbouring pixels are correlated, so they count as latent_size / 4 independent ones.
    likelihoods = -0.5 * torch.log(errors + MIN_ERROR) * (generator.latent_size / 4)
    scores: Tensor = critic(images, classes).flatten() + likelihoods
    if encoder.label is not None and classes is not None:
        scores = scores - F.cross_entropy(encoder.label(features), classes, reduction="none")
    return scores


def _reject_by_label(
    images: Tensor,
    classes: Tensor,
    generator: ImageGenerator,
    encoder: ImageEncoder,
    rng: torch.Generator,
) -> None:
    """Replace images whose label the encoder does not recognise, in place.

    An image is accepted with the probability that the encoder gives to its label; a rejected one
    is drawn again. The encoder was trained on real images only. The critic's classifier, or its
    scores (Azadi et al. 2019, arXiv 1810.06758), leave samples further from the data.
    """
    assert encoder.label is not None
    waiting = torch.arange(len(images), device=images.device)
    for _ in range(_MAX_REDRAWS):
        probabilities = encoder.label(encoder.features(images[waiting])).softmax(1)
        accepted = probabilities.gather(1, classes[waiting][:, None])[:, 0]
        uniforms = torch.rand(len(waiting), generator=rng, device=images.device)
        waiting = waiting[uniforms > accepted]
        if not len(waiting):
            return
        latent = torch.randn(
            len(waiting), generator.latent_size, generator=rng, device=images.device
        )
        images[waiting] = generator(latent, classes[waiting]).clamp(-1, 1)


def as_bytes(images: Tensor) -> Tensor:
    """Convert images (n, channels, height, width) in [-1, 1] to uint8, channels last."""
    return ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _checked_sizes(data: Mapping[str, Any], shape: tuple[int, int, int]) -> ImageSizes:
    channels = data["channels"]
    if len(stages_of(shape[0], shape[1], data["patch"])) != len(channels):
        raise Damaged("the widths of its networks do not fit its images")
    return ImageSizes(tuple(channels), data["blocks"], data["latent"], data["patch"])


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a model file by today's names.

    Raises:
        Damaged: a tensor is there by both names.
    """
    found = {
        ".".join(_OLD_NAMES.get(part, part) for part in name.split(".")): tensor
        for name, tensor in tensors.items()
    }
    if len(found) < len(tensors):
        raise Damaged("some of its weights are there twice")
    return found
