"""Training of a convolutional GAN on images.

The game is R3GAN's (Huang et al. 2024, arXiv 2501.05441): the relativistic pairing loss with
R1 and R2 penalties, Adam without momentum, an EMA of the generator. The penalties cost more than
the rest of the step, so they are taken every few steps with a larger weight (Karras et al. 2020,
StyleGAN2, arXiv 1912.04958). Before the game the networks are pre-trained by likelihood
(:mod:`~h2o_gan.engine.image.pretraining`). During the game a reconstruction loss keeps the decoder
close to the training images (Larsen et al. 2016, VAE/GAN, arXiv 1512.09300), and a flow-matching
loss keeps the flow close to their latents (Grover et al. 2018, Flow-GAN, arXiv 1705.08868).

Where images have labels, the critic also classifies the real ones, so that its features stay
related to the labels. The generator has no part in that loss: in AC-GAN (Odena et al. 2017, arXiv
1610.09585), where it has, classes shrink to what is easily classified (Gong et al. 2019, arXiv
1907.02690).

Shapes: B images, C channels, H and W pixels.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.device import copied, on_cpu
from h2o_gan.engine.image.augmentation import AdaptiveAugmentation, augment
from h2o_gan.engine.image.flow import noise_and_times, sample_latents
from h2o_gan.engine.image.model import ImageModel, as_bytes, realism_scores
from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
)
from h2o_gan.engine.image.pretraining import VaePretraining, reconstruction_nll
from h2o_gan.engine.model import RUNNING, score_quantiles
from h2o_gan.engine.training.adversarial import AdversarialTrainer, critic_step
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.objectives import Relativistic
from h2o_gan.engine.training.optim import (
    Stream,
    gradient_step,
    linear_decay,
    rng_of,
    update_ema,
    warm_up,
)
from h2o_gan.engine.training.scoring import sliced_wasserstein
from h2o_gan.engine.training.split import FEWEST_ROWS, split_rows
from h2o_gan.parameters import Parameters

__all__ = ["ImageTrainer", "preview_columns"]

_PENALTY_EVERY = 4  # steps
_LABEL_WEIGHT = 0.5
_RECONSTRUCTION_WEIGHT, _FLOW_WEIGHT = 20.0, 0.3
_PRETRAIN_FRACTION = 0.3  # of the training
_MAX_FLOW_ROWS = 50_000  # rows whose latents the flow is fitted to
_CRITIC_FIRST = 0.05  # of the game: the critic is trained alone
_WARM_UP, _DECAYED_PART = 0.02, 0.5  # of the training
_IMAGES, _IMAGES_ROWS, _IMAGES_POWER = 900_000, 60_000, 0.4  # default length of the training
_MAX_BATCH = 64
_ADAPT_EVERY = 32  # steps
_SCORED_ROWS = 1024
_PASS = 256  # images at a time where no gradients are needed
_PREVIEW_IMAGES, _PREVIEW_PIXELS = 60, 2**19
_MAX_PREVIEWS, _PREVIEW_BYTES = 100, 2**25


class ImageTrainer(AdversarialTrainer):
    """One run: pre-training, then the game of a convolutional generator and critic.

    Args:
        encoder: of the images.
        codes: uint8 (rows, pixels) or, with labels, (rows, pixels + 2).
        weights: float64 (rows,) row weights, or None.
        held_out: codes of a validation frame, or None.
        parameters: of the training.
        device: to train on.
        checkpoint: an earlier model to continue, or None.
    """

    generator: ImageGenerator
    critic: ImageCritic
    objective = Relativistic()
    architecture = ImageModel.architecture
    scorings = 25
    metric = "sliced_wasserstein"
    hint = (
        "Lower generator_learning_rate and discriminator_learning_rate, or raise gradient_penalty."
    )

    def __init__(
        self,
        encoder: PixelEncoder,
        codes: Tensor,
        weights: npt.NDArray[np.float64] | None,
        held_out: Tensor | None,
        parameters: Parameters,
        device: torch.device,
        checkpoint: ImageModel | None,
    ) -> None:
        train, held_out_rows = split_rows(len(codes), FEWEST_ROWS["convolutional"])
        super().__init__(
            codes[train],
            None if weights is None else weights[train.numpy()],
            len(codes),
            parameters,
            device,
            checkpoint,
        )
        self.encoder = encoder
        self._held_out = codes[held_out_rows].to(device)
        self.sizes = sizes_of(encoder.shape, parameters) if checkpoint is None else checkpoint.sizes
        self._penalty: float = self.resolved("gradient_penalty")

        classes = 0 if encoder.labels is None else len(encoder.labels.classes)
        self.generator = ImageGenerator(encoder.shape, classes, self.sizes)
        self.critic = ImageCritic(encoder.shape, classes, self.sizes)
        self.image_encoder = ImageEncoder(encoder.shape, classes, self.sizes)
        start = rng_of(self.seed, Stream.WEIGHTS)
        self.generator.initialize(start)
        self.critic.initialize(start)
        self.image_encoder.initialize(start)
        if checkpoint is not None:
            self.generator.load_state_dict(checkpoint.last_generator)
            self.critic.load_state_dict(checkpoint.critic.state_dict())
            self.image_encoder.load_state_dict(checkpoint.image_encoder.state_dict())
        self.ema = copy.deepcopy(self.generator).requires_grad_(False)
        if checkpoint is not None:
            self.ema.load_state_dict(checkpoint.generator.state_dict())
        for network in (self.generator, self.critic, self.image_encoder, self.ema):
            channels_last(network, device)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._ema_weights: list[Tensor] = list(self.ema.parameters())
        self._encoder_weights: list[Tensor] = list(self.image_encoder.parameters())
        self.reset_optimizers()
        if checkpoint is not None:
            self.load_optimizers(checkpoint.generator_optimizer, checkpoint.critic_optimizer)
        self._pretraining: VaePretraining | None = None
        self._pretrain_fraction = 0.0
        self._is_critic_first = False
        resumed = self._resumed is not None
        if checkpoint is None or (resumed and self.began_at[1] == 0):
            self._pretrain_fraction = _PRETRAIN_FRACTION
        if checkpoint is None or (resumed and checkpoint.is_pretraining):
            self._pretraining = VaePretraining(
                self.generator,
                self.image_encoder,
                self._flow_rows,
                lambda: self._images(self._held_out),
            )
        self._uses_bfloat16 = _has_fast_bfloat16(device)
        self._augmentation = AdaptiveAugmentation(checkpoint.augmentation if checkpoint else 0.0)
        self._recent_scores: list[Tensor] = []
        self._references = self.reference_rows(held_out, self.metric, _SCORED_ROWS)
        fixed = rng_of(self.seed, Stream.PREVIEWS)
        count = preview_grid(classes, self.encoder.width)
        self._preview_latents = torch.randn(count, self.sizes.latent, generator=fixed).to(device)
        self._preview_classes = (torch.arange(count) % classes).to(device) if classes else None
        self._previews: list[Tensor] = list(checkpoint.previews) if checkpoint else []
        self._preview_epochs = list(checkpoint.preview_epochs) if checkpoint else []

    @staticmethod
    @override
    def default_batch(rows: int) -> int:
        return 1 << int(math.log2(min(max(rows / 16, 16), _MAX_BATCH)))

    @override
    def last_epoch(self) -> int:
        epochs: int | None = self.parameters.epochs
        if epochs is not None:
            return epochs
        wanted: float = _IMAGES * (len(self.codes) / _IMAGES_ROWS) ** _IMAGES_POWER
        return self.first_epoch + math.ceil(wanted / self.batch / self.steps_per_epoch)

    @override
    def networks(self) -> Mapping[str, list[Tensor]]:
        return {
            "generator": self._generator_weights,
            "critic": self._critic_weights,
            "ema": self._ema_weights,
            "image_encoder": self._encoder_weights,
        }

    def _largest_product(self) -> int:
        # A convolution multiplies with its weights at every position of the image.
        positions = self.encoder.shape[0] * self.encoder.shape[1] // self.sizes.patch**2
        return super()._largest_product() * positions

    @override
    def schedule(self, share: float) -> None:
        if self._pretraining is not None:
            if share < _PRETRAIN_FRACTION:
                self._pretraining.schedule(share / _PRETRAIN_FRACTION)
                return
            self._finish_pretraining()
        share = (share - self._pretrain_fraction) / (1 - self._pretrain_fraction)
        factor = warm_up(share + 1e-3, _WARM_UP) * linear_decay(share, _DECAYED_PART)
        self._is_critic_first = self._pretrain_fraction > 0 and share < _CRITIC_FIRST
        self.scale_rates(factor)

    def train_step(self, rows: Tensor, losses: Losses) -> None:
        """Take a step of the critic and one of the generator, or one of the pre-training."""
        codes = self.codes[rows]
        images, classes = self.encoder.images_of(codes), self._classes(codes)
        if self._pretraining is None:
            self._adversarial_step(images, classes, losses)
        else:
            losses.add_generator(
                self._pretraining.step(images, classes, self.rng, self._autocast())
            )
        self.step += 1
        update_ema(self._ema_weights, self._generator_weights, self.ema_decay, self.step)

    def _finish_pretraining(self) -> None:
        assert self._pretraining is not None
        self._pretraining.finish(self.critic, self.rng, self._autocast())
        self._pretraining = None
        with torch.no_grad():
            torch._foreach_copy_(self._ema_weights, self._generator_weights)

    def _flow_rows(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        rng = rng_of(self.seed, Stream.FLOW_ROWS)
        picked = torch.randperm(len(self.codes), generator=rng)[:_MAX_FLOW_ROWS]
        return self._images(self.codes[picked.to(self.device)])

    def _images(self, codes: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        for part in codes.split(_PASS):  # type: ignore[no-untyped-call]
            if len(part):
                yield self.encoder.images_of(part), self._classes(part)

    def _adversarial_step(self, images: Tensor, classes: Tensor | None, losses: Losses) -> None:
        count = len(images)
        with torch.set_grad_enabled(not self._is_critic_first):
            with self._autocast():
                generated = self._generate(self.generator, classes, count, self.rng)
            augmented = self._augment(generated)
        # Both networks learn from these images: drawing others for the generator gains nothing.
        real, fake = self._augment(images), augmented.detach()
        both = None if classes is None else torch.cat([classes, classes])
        features: Tensor

        def score(*batches: Tensor) -> Sequence[Tensor]:
            nonlocal features
            with self._autocast():
                features = self.critic.features(torch.cat(batches))
                return self.critic.score(features, both).float().chunk(len(batches))

        def label_loss() -> Tensor:
            assert self.critic.label is not None and classes is not None
            with self._autocast():
                logits = self.critic.label(features[:count])
            return _LABEL_WEIGHT * F.cross_entropy(logits.float(), classes)

        step = critic_step(
            self.critic_optimizer,
            self._critic_weights,
            self.objective,
            score,
            real,
            fake,
            0.0 if self.step % _PENALTY_EVERY else self._penalty * _PENALTY_EVERY,
            None if classes is None else label_loss,
        )
        losses.add_critic(step.objective)
        self._recent_scores += [step.on_real.detach().mean(), step.on_fake.detach().mean()]
        if len(self._recent_scores) == 2 * _ADAPT_EVERY:
            self._adapt()
        if self._is_critic_first:
            return

        with self._autocast():
            on_fake = self.critic(augmented, classes).float()
        loss = self.objective.generator_loss(on_fake, step.on_real.detach())
        total = loss + self._reconstruction_loss(images.detach(), classes)
        gradient_step(self.generator_optimizer, total, self._generator_weights)
        losses.add_generator(loss)

    def _reconstruction_loss(self, images: Tensor, classes: Tensor | None) -> Tensor:
        """The losses that keep the decoder close to the images and the flow to their latents."""
        with torch.no_grad(), self._autocast():
            means, log_stds = self.image_encoder(images)
            latents = sample_latents(means, log_stds, self.rng)
        with self._autocast():
            decoded = self.generator.decode(latents, classes).float()
        flow = self.generator.flow
        flow_loss = flow.loss(latents, classes, *noise_and_times(latents, self.rng))
        reconstruction = reconstruction_nll(decoded, images)
        return _RECONSTRUCTION_WEIGHT * reconstruction + _FLOW_WEIGHT * flow_loss

    def _autocast(self) -> torch.autocast:
        """Autocast to bfloat16 where the device multiplies that faster than float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._uses_bfloat16)

    @torch.no_grad()
    def _adapt(self) -> None:
        """Adapt the augmentation to the scores of training, held-out and generated images."""
        scores = torch.stack(self._recent_scores).view(-1, 2).mean(0)
        self._recent_scores = []
        if not len(self._held_out):
            return
        picked = torch.randint(
            len(self._held_out), (4 * self.batch,), generator=self.rng, device=self.device
        )
        codes = self._held_out[picked]
        images = self._augment(self.encoder.images_of(codes))
        held_out = self.critic(images, self._classes(codes)).mean()
        trained, generated, unseen = (float(value) for value in (*scores, held_out))
        self._augmentation.update(trained, unseen, generated, _ADAPT_EVERY * self.batch)

    def _augment(self, images: Tensor) -> Tensor:
        return augment(images, self._augmentation.value, self.rng)

    def _classes(self, codes: Tensor) -> Tensor | None:
        return None if self.encoder.labels is None else self.encoder.classes_of(codes)

    def _generate(
        self, network: nn.Module, classes: Tensor | None, rows: int, rng: torch.Generator
    ) -> Tensor:
        """float32 images (rows, C, H, W) of these classes (rows,)."""
        latent = torch.randn(rows, self.sizes.latent, generator=rng, device=self.device)
        images: Tensor = network(latent, classes)
        return images.float()

    @override
    def score(self) -> dict[str, float | None]:
        rng = rng_of(self.seed, Stream.SCORES, device=self.device)
        row: dict[str, float | None] = {"augmentation": round(self._augmentation.value, 4)}
        with torch.no_grad():
            for name, codes in self._references.items():
                real = self.encoder.images_of(codes).flatten(1)
                fake = [
                    self._generate(self.ema, self._classes(part), len(part), rng).clamp(-1, 1)
                    for part in codes.split(_PASS)  # type: ignore[no-untyped-call]
                ]
                row[name] = sliced_wasserstein(real, torch.cat(fake).flatten(1), rng)
        self._preview()
        return row

    @torch.no_grad()
    def _preview(self) -> None:
        """Store the images of the fixed latents; drop every other scoring if there are too many."""
        images = self.ema(self._preview_latents, self._preview_classes).clamp(-1, 1)
        self._previews.append(as_bytes(images).cpu())
        self._preview_epochs.append(self.epoch)
        limit = min(_MAX_PREVIEWS, max(_PREVIEW_BYTES // self._previews[-1].numel(), 2))
        if len(self._previews) > limit:
            # Counted from the end, so that the latest one stays.
            self._previews = self._previews[::-2][::-1]
            self._preview_epochs = self._preview_epochs[::-2][::-1]

    @override
    def to_model(self, stopped_by: str = RUNNING) -> ImageModel:
        codes = self._references["sliced_wasserstein"]
        with torch.no_grad():
            scores = torch.cat(
                [
                    realism_scores(
                        self.encoder.images_of(part),
                        self._classes(part),
                        self.ema,
                        self.critic,
                        self.image_encoder,
                    )
                    for part in codes.split(_PASS)  # type: ignore[no-untyped-call]
                ]
            )
        return ImageModel(
            encoder=self.encoder,
            sizes=self.sizes,
            generator=on_cpu(self.ema),
            critic=on_cpu(self.critic),
            image_encoder=on_cpu(self.image_encoder),
            last_generator=copied(self.generator.state_dict()),
            generator_optimizer=copied(self.generator_optimizer.state_dict()),
            critic_optimizer=copied(self.critic_optimizer.state_dict()),
            augmentation=self._augmentation.value,
            is_pretraining=self._pretraining is not None,
            previews=torch.stack(self._previews) if self._previews else self._no_previews(),
            preview_epochs=tuple(self._preview_epochs),
            real_scores=score_quantiles(scores.cpu().double().numpy()),
            **self.model_state(stopped_by),
        )

    def _no_previews(self) -> Tensor:
        return torch.empty(0, len(self._preview_latents), *self.encoder.shape, dtype=torch.uint8)


def _has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device's hardware multiplies bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not in every torch
    return any(getattr(torch.cpu, name, bool)() for name in checks)


def preview_columns(classes: int) -> int:
    """The number of images in a row of a preview.

    Args:
        classes: number of classes; 0 without labels.
    """
    return classes if 2 <= classes <= 12 else 8


def preview_grid(classes: int, pixels: int) -> int:
    """The number of images of a preview: full rows with one image a class, or of eight images.

    Args:
        classes: number of classes; 0 without labels.
        pixels: of an image, times channels.
    """
    columns = preview_columns(classes)
    rows = max(min(_PREVIEW_IMAGES // columns, _PREVIEW_PIXELS // (pixels * columns)), 1)
    return columns * rows


def sizes_of(shape: tuple[int, int, int], parameters: Parameters) -> ImageSizes:
    """The sizes of networks for images of a shape.

    Args:
        shape: (height, width, channels).
        parameters: with the length of a latent, if the user gives one.
    """
    side = max(shape[:2])
    patch = 1 if side <= 16 else 2 if side <= 64 else 4
    stages = 1
    while math.ceil(side / patch / 2 ** (stages - 1)) > 8:
        stages += 1
    channels = tuple(min(32 * 2**stage, 128) for stage in range(stages))
    return ImageSizes(
        channels, 1, parameters.resolved("latent_size", ImageModel.architecture), patch
    )
