"""A trained convolutional GAN: latent vectors and labels to images."""

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

from h2o_gan.engine.blocks import block_seed, in_threads
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.device import sampling_device
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
    stages_of,
)
from h2o_gan.engine.image.pretraining import LEAST_ERROR
from h2o_gan.engine.model import Model, ModelParts, actual_seed, check_rows_and_seed
from h2o_gan.engine.options import SampleOptions
from h2o_gan.engine.weights import named, network_of, optimizer_of, resumed

__all__ = ["ImageModel", "as_bytes", "realism_scores", "without_colours"]

Array = npt.NDArray[Any]

_BLOCK = 256  # images
_REDRAWN_AT_MOST = 4  # times


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageModel(Model):
    """A model whose samples are images, drawn from the mean generator.

    Attributes:
        sizes: widths of the networks.
        generator: the running mean of the generator.
        critic: the critic at the end.
        image_encoder: tells codes and labels of images, as it learned them before the game.
        critic_optimizer: state of Adam, for going on with training.
        augmentation: how often training images were changed at the end.
        starting: whether the start, before the game, was not over yet.
        previews: uint8 (scorings, n, height, width, colours), the images of the same latent
            vectors at some of the scorings, in order; with labels, one class after the other.
        preview_epochs: of each of them.
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
    starting: bool = False
    previews: Tensor = field(repr=False)
    preview_epochs: tuple[int, ...] = field(repr=False)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    @property
    def latent_size(self) -> int:
        """Length of a latent vector."""
        return self.sizes.latent

    def _sample(self, rows: int, seed: int | None, options: SampleOptions) -> pa.RecordBatchReader:
        # By label: a level or number, a list of them, or where they are numbers a pair (low, high).
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

    def images(
        self,
        count: int,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | None = None,
        balance: str | None = None,
    ) -> npt.NDArray[np.uint8]:
        """The images of :meth:`sample`, uint8 (count, height, width[, 3]), 255 the largest."""
        blocks = self._blocks(count, seed, conditions, balance)
        return without_colours(np.concatenate([as_bytes(images).numpy() for images, _ in blocks]))

    def _blocks(
        self,
        count: int,
        seed: int | None,
        conditions: Mapping[str, Any] | None,
        balance: str | None,
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Images in [-1, 1] and their classes, on the CPU, a block at a time."""
        check_rows_and_seed(count, seed)
        shares = self._shares(conditions, balance)
        own_seed = actual_seed(seed)
        device = sampling_device()
        generator = channels_last(copy.deepcopy(self.generator), device)
        judge = channels_last(copy.deepcopy(self.image_encoder), device)
        even = balance is not None

        @torch.no_grad()
        def block(number: int) -> tuple[Tensor, Tensor | None]:
            random = torch.Generator(device).manual_seed(block_seed(own_seed, number))
            latent = torch.randn(_BLOCK, self.latent_size, generator=random, device=device)
            classes = None
            if shares is not None and even:
                order = torch.arange(number * _BLOCK, (number + 1) * _BLOCK, device=device)
                classes = order % len(shares)
            elif shares is not None:
                uniforms = torch.rand(_BLOCK, generator=random, device=device, dtype=torch.float64)
                ends = shares.to(device).cumsum(0)
                classes = torch.searchsorted(ends, uniforms * ends[-1], right=True)
                classes = classes.clamp_(max=len(ends) - 1)
            images = generator(latent, classes).clamp(-1, 1)
            if classes is not None:
                _redraw_what_shows_other_labels(images, classes, generator, judge, random)
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
            mask[[labels.code_of(label) for label in several]] = 1
            shares = shares * mask
        return shares

    def map_latents(self, latents: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Array:
        """The images that these latent vectors stand for.

        Args:
            latents: (n, latent_size).
            labels: (n,) their labels, for a model with labels.

        Returns:
            (n, pixels) float64 in the data's own scale.

        Raises:
            ValueError: another shape, or values that are not finite.
        """
        vectors = np.asarray(latents)
        if not np.issubdtype(vectors.dtype, np.number) or np.iscomplexobj(vectors):
            raise ValueError(f"latent vectors must be numbers, not {vectors.dtype}.")
        if vectors.shape in ((self.latent_size,), (self.latent_size, 1)):
            vectors = vectors.reshape(1, -1)
        if vectors.ndim != 2 or vectors.shape[1] != self.latent_size or not len(vectors):
            raise ValueError(
                f"latent vectors of shape {vectors.shape} do not fit: this generator takes "
                f"(n, {self.latent_size})."
            )
        if not np.all(np.isfinite(vectors)):
            raise ValueError("latent vectors must be finite, but some are NaN or infinite.")
        classes = None
        if self.encoder.labels is not None:
            if labels is None or len(np.atleast_1d(labels)) != len(vectors):
                raise ValueError("give one label for each latent vector: this model has labels.")
            known = self.encoder.labels
            classes = torch.tensor([known.code_of(label) for label in np.atleast_1d(labels)])
        with torch.no_grad():
            images = self.generator(torch.from_numpy(vectors.astype(np.float32)), classes)
        flat = (images.clamp(-1, 1).permute(0, 2, 3, 1).flatten(1).double().numpy() + 1) / 2
        scaled: Array = self.encoder.low + flat * (self.encoder.high - self.encoder.low)
        return scaled

    @torch.no_grad()
    def scores(self, table: pa.Table) -> Array:
        codes = self.codes_of(table)
        parts = []
        for own in codes.split(_BLOCK):  # type: ignore[no-untyped-call]
            classes = None if self.encoder.labels is None else self.encoder.classes_of(own)
            parts.append(
                realism_scores(
                    self.encoder.images_of(own),
                    classes,
                    self.generator,
                    self.critic,
                    self.image_encoder,
                )
            )
        raw: Array = torch.cat(parts).double().numpy() if parts else np.zeros(0)
        return raw

    def tensors(self) -> dict[str, Tensor]:
        networks = {**self.networks, "image_encoder": self.image_encoder}
        states = {name: network.state_dict() for name, network in networks.items()}
        return {**named(states), "previews": self.previews}

    def to_json(self) -> dict[str, Any]:
        return {
            "sizes": asdict(self.sizes),
            "augmentation": self.augmentation,
            "starting": self.starting,
            "preview_epochs": list(self.preview_epochs),
        }

    @classmethod
    def restore(cls, parts: ModelParts) -> ImageModel:
        data, tensors, common = parts.data, parts.tensors, parts.common
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
            starting=data.get("starting", False),
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
    reader: ImageEncoder,
) -> Tensor:
    """How usual images (B, C, H, W) of these classes (B,) are: (B,), higher for more usual ones.

    The critic's score, with how well the generator redraws an image by its code, as f-AnoGAN
    (Schlegl et al. 2019) does, and the label's log probability. A critic by itself knows only
    real images from the generator's: of noise it knows nothing.
    """
    seen = reader.seen(images)
    means, _ = reader.code(seen)
    redrawn = generator.decode(means, classes).clamp(-1, 1)
    errors = (redrawn - images).square().flatten(1).mean(1)
    # Pixels hang together, so that they count as fewer than they are.
    likelihoods = -0.5 * torch.log(errors + LEAST_ERROR) * (generator.latent_size / 4)
    scores: Tensor = critic(images, classes).flatten() + likelihoods
    if reader.label is not None and classes is not None:
        scores = scores - F.cross_entropy(reader.label(seen), classes, reduction="none")
    return scores


def _redraw_what_shows_other_labels(
    images: Tensor,
    classes: Tensor,
    generator: ImageGenerator,
    judge: ImageEncoder,
    random: torch.Generator,
) -> None:
    """Rejection sampling by label, in place.

    An image stays with the probability that the encoder's guess gives to its label; another takes
    the place of one that goes. The encoder learned labels from real images before the game, of
    which it knows nothing: the critic's guesses, let alone its scores (Azadi et al. 2019, arXiv
    1810.06758), leave samples further from the data.
    """
    assert judge.label is not None
    waiting = torch.arange(len(images), device=images.device)
    for _ in range(_REDRAWN_AT_MOST):
        own = classes[waiting]
        guesses = judge.label(judge.seen(images[waiting])).softmax(1)
        kept = guesses.gather(1, own[:, None])[:, 0]
        uniforms = torch.rand(len(waiting), generator=random, device=images.device)
        waiting = waiting[uniforms > kept]
        if not len(waiting):
            return
        latent = torch.randn(
            len(waiting), generator.latent_size, generator=random, device=images.device
        )
        images[waiting] = generator(latent, classes[waiting]).clamp(-1, 1)


def as_bytes(images: Tensor) -> Tensor:
    """Images (n, colours, height, width) in [-1, 1] to uint8 (n, height, width, colours)."""
    return ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def without_colours(images: Array) -> Array:
    """Images (n, height, width, colours), the last axis dropped where they are grey."""
    return images[..., 0] if images.shape[-1] == 1 else images


def _checked_sizes(data: Mapping[str, Any], shape: tuple[int, int, int]) -> ImageSizes:
    channels = data["channels"]
    if len(stages_of(shape[0], shape[1], data["patch"])) != len(channels):
        raise Damaged("the widths of its networks do not fit its images")
    return ImageSizes(tuple(channels), data["blocks"], data["latent"], data["patch"])
