"""Training of a convolutional GAN on images.

The game is R3GAN's (Huang et al. 2024, arXiv 2501.05441): the relativistic pairing loss with
R1 and R2 penalties, Adam without momentum, a running mean of the generator. The penalties are
taken every few steps and count as much more then (Karras et al. 2020, StyleGAN2, arXiv
1912.04958): they cost more than the rest of the step. Before the game the networks learn what they
can by likelihood (:mod:`~h2o_gan.engine.image.pretraining`), and during it the generator goes on
drawing training images by their codes (Larsen et al. 2016, VAE/GAN, arXiv 1512.09300), and its
flow goes on finding these (Grover et al. 2018, Flow-GAN, arXiv 1705.08868): what it could draw it
does not forget, nor where.

Where images have labels, the critic guesses those of the real ones as well, so that what it looks
at keeps to do with them. The generator has no part in that: in AC-GAN (Odena et al. 2017, arXiv
1610.09585), where it has, classes shrink to what is easily told (Gong et al. 2019, arXiv
1907.02690).
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

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.device import copied, on_cpu
from h2o_gan.engine.image.augmentation import AdaptiveStrength, augmented
from h2o_gan.engine.image.flow import between, drawn
from h2o_gan.engine.image.model import ImageModel, as_bytes, realism_scores
from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
)
from h2o_gan.engine.image.pretraining import AutoencoderStart, log_error
from h2o_gan.engine.model import scale_of
from h2o_gan.engine.training.adversarial import critic_step
from h2o_gan.engine.training.objectives import Relativistic
from h2o_gan.engine.training.optim import (
    Stream,
    adam,
    gradient_step,
    linear_decay,
    load_moments,
    rng_of,
    set_rate,
    update_ema,
    warm_up,
)
from h2o_gan.engine.training.scoring import sliced_wasserstein
from h2o_gan.engine.training.trainer import RUNNING, Losses, Training, split_rows
from h2o_gan.parameters import Parameters

__all__ = ["ImageTraining"]

_OBJECTIVE = Relativistic()
_RATE = 5e-4
_EMA_DECAY = 0.998
_PENALTY = 0.1
_PENALTY_EVERY = 4  # steps
_LABEL_WEIGHT = 0.5
_REDRAW_WEIGHT, _CODES_WEIGHT = 20.0, 0.3
_START = 0.3  # of the training
_MOST_CODED = 50_000  # rows whose codes the start's flow learns
_CRITIC_FIRST = 0.05  # of the game: the critic learns alone
_WARM_UP, _DECAYED_PART = 0.02, 0.5  # of the training
_IMAGES, _IMAGES_ROWS, _IMAGES_POWER = 900_000, 60_000, 0.4
_BATCH = 64
_FEWEST_ROWS = 100  # for some to be held out
_ADAPT_EVERY = 32  # steps
_SCORED_ROWS = 1024
_PREVIEW_IMAGES, _PREVIEW_PIXELS = 60, 2**19
_MOST_PREVIEWS, _PREVIEW_BYTES = 100, 2**25


class ImageTraining(Training):
    """One run of the game between a convolutional generator and critic."""

    scorings = 25
    metric = "sliced_wasserstein"
    cure = (
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
        learned, kept = split_rows(len(codes), _FEWEST_ROWS)
        super().__init__(
            codes[learned],
            None if weights is None else weights[learned.numpy()],
            len(codes),
            parameters,
            device,
            checkpoint,
        )
        self.encoder = encoder
        self._kept = codes[kept].to(device)
        self.sizes = sizes_of(encoder.shape, parameters) if checkpoint is None else checkpoint.sizes
        self._rates = (
            parameters.generator_learning_rate or _RATE,
            parameters.discriminator_learning_rate or _RATE,
        )
        decay = parameters.ema_decay
        self._ema_decay = _EMA_DECAY if decay is None else decay
        penalty = parameters.gradient_penalty
        self._penalty = _PENALTY if penalty is None else penalty

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
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        if checkpoint is not None:
            self.average.load_state_dict(checkpoint.generator.state_dict())
        for network in (self.generator, self.critic, self.image_encoder, self.average):
            channels_last(network, device)
        self._generator_weights: list[Tensor] = list(self.generator.parameters())
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._average_weights: list[Tensor] = list(self.average.parameters())
        self._encoder_weights: list[Tensor] = list(self.image_encoder.parameters())
        self.forget()
        if checkpoint is not None:
            load_moments(self.generator_optimizer, checkpoint.generator_optimizer)
            load_moments(self.critic_optimizer, checkpoint.critic_optimizer)
        self._start: AutoencoderStart | None = None
        self._start_share = 0.0
        self._is_critic_first = False
        resumed = self._resumed is not None
        if checkpoint is None or (resumed and self.began_at[1] == 0):
            self._start_share = _START
        if checkpoint is None or (resumed and checkpoint.starting):
            self._start = AutoencoderStart(
                self.generator,
                self.image_encoder,
                self._coded_rows,
                lambda: self._images(self._kept),
            )
        self._is_half = _multiplies_halves(device)
        self._strength = AdaptiveStrength(checkpoint.augmentation if checkpoint else 0.0)
        self._seen: list[Tensor] = []
        self._references = self.reference_rows(held_out, self.metric, _SCORED_ROWS)
        fixed = rng_of(self.seed, Stream.PREVIEWS)
        count = preview_grid(classes, self.encoder.width)
        self._preview_latents = torch.randn(count, self.sizes.latent, generator=fixed).to(device)
        self._preview_classes = (torch.arange(count) % classes).to(device) if classes else None
        self._previews: list[Tensor] = list(checkpoint.previews) if checkpoint else []
        self._preview_epochs = list(checkpoint.preview_epochs) if checkpoint else []

    @staticmethod
    def default_batch(rows: int) -> int:
        return 1 << int(math.log2(min(max(rows / 16, 16), _BATCH)))

    def last_epoch(self) -> int:
        epochs: int | None = self.parameters.epochs
        if epochs is not None:
            return epochs
        wanted: float = _IMAGES * (len(self.codes) / _IMAGES_ROWS) ** _IMAGES_POWER
        return self.first_epoch + math.ceil(wanted / self.batch / self.steps_per_epoch)

    def networks(self) -> Mapping[str, list[Tensor]]:
        return {
            "generator": self._generator_weights,
            "critic": self._critic_weights,
            "average": self._average_weights,
            "image_encoder": self._encoder_weights,
        }

    def _largest_product(self) -> int:
        # A convolution multiplies with its weights at every place of the image.
        places = self.encoder.shape[0] * self.encoder.shape[1] // self.sizes.patch**2
        return super()._largest_product() * places

    def schedule(self, share: float) -> None:
        if self._start is not None:
            if share < _START:
                self._start.schedule(share / _START)
                return
            self._finish_start()
        share = (share - self._start_share) / (1 - self._start_share)
        factor = warm_up(share + 1e-3, _WARM_UP) * linear_decay(share, _DECAYED_PART)
        self._is_critic_first = self._start_share > 0 and share < _CRITIC_FIRST
        optimizers = (self.generator_optimizer, self.critic_optimizer)
        for optimizer, rate in zip(optimizers, self._rates, strict=True):
            set_rate(optimizer, rate * factor)

    def one_step(self, rows: Tensor, losses: Losses) -> None:
        """A step of the critic, then one of the generator; at the start one of the autoencoder."""
        codes = self.codes[rows]
        images, classes = self.encoder.images_of(codes), self._classes(codes)
        if self._start is None:
            self._play(images, classes, losses)
        else:
            losses.add_generator(self._start.step(images, classes, self.random, self._half()))
        self.step += 1
        update_ema(self._average_weights, self._generator_weights, self._ema_decay, self.step)

    def _finish_start(self) -> None:
        assert self._start is not None
        self._start.finish(self.critic, self.random, self._half())
        self._start = None
        with torch.no_grad():
            torch._foreach_copy_(self._average_weights, self._generator_weights)

    def _coded_rows(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        random = rng_of(self.seed, Stream.CODED_ROWS)
        picked = torch.randperm(len(self.codes), generator=random)[:_MOST_CODED]
        return self._images(self.codes[picked.to(self.device)])

    def _images(self, codes: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        for part in codes.split(256):  # type: ignore[no-untyped-call]
            if len(part):
                yield self.encoder.images_of(part), self._classes(part)

    def _play(self, images: Tensor, classes: Tensor | None, losses: Losses) -> None:
        count = len(images)
        with torch.set_grad_enabled(not self._is_critic_first):
            with self._half():
                generated = self._generate(classes, count)
            shown = self._changed(generated)
        # Both networks learn from these images: drawing others for the generator gains nothing.
        real, fake = self._changed(images), shown.detach()
        both = None if classes is None else torch.cat([classes, classes])
        seen: Tensor

        def score(*batches: Tensor) -> Sequence[Tensor]:
            nonlocal seen
            with self._half():
                seen = self.critic.seen(torch.cat(batches))
                return self.critic.judge(seen, both).float().chunk(len(batches))

        def label_loss() -> Tensor:
            assert self.critic.label is not None and classes is not None
            with self._half():
                guesses = self.critic.label(seen[:count])
            return _LABEL_WEIGHT * F.cross_entropy(guesses.float(), classes)

        step = critic_step(
            self.critic_optimizer,
            self._critic_weights,
            _OBJECTIVE,
            score,
            real,
            fake,
            0.0 if self.step % _PENALTY_EVERY else self._penalty * _PENALTY_EVERY,
            None if classes is None else label_loss,
        )
        losses.add_critic(step.objective)
        self._seen += [step.on_real.detach().mean(), step.on_fake.detach().mean()]
        if len(self._seen) == 2 * _ADAPT_EVERY:
            self._adapt()
        if self._is_critic_first:
            return

        with self._half():
            on_fake = self.critic(shown, classes).float()
        loss = _OBJECTIVE.generator_loss(on_fake, step.on_real.detach())
        total = loss + self._forgot(images.detach(), classes)
        gradient_step(self.generator_optimizer, total, self._generator_weights)
        losses.add_generator(loss)

    def _forgot(self, images: Tensor, classes: Tensor | None) -> Tensor:
        """How far the generator has come from codes of training images, and from drawing these."""
        with torch.no_grad(), self._half():
            means, logs = self.image_encoder(images)
            codes = drawn(means, logs, self.random)
        with self._half():
            redrawn = self.generator.decode(codes, classes).float()
        flow = self.generator.flow
        missed = flow.error(codes, classes, *between(codes, self.random))
        return _REDRAW_WEIGHT * log_error(redrawn, images) + _CODES_WEIGHT * missed

    def _half(self) -> torch.autocast:
        """Products in bfloat16 where the device multiplies those faster than float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_half)

    @torch.no_grad()
    def _adapt(self) -> None:
        """Change images more often where the critic knows its own better than held-out ones."""
        scores = torch.stack(self._seen).view(-1, 2).mean(0)
        self._seen = []
        if not len(self._kept):
            return
        picked = torch.randint(
            len(self._kept), (4 * self.batch,), generator=self.random, device=self.device
        )
        codes = self._kept[picked]
        images = self._changed(self.encoder.images_of(codes))
        held_out = self.critic(images, self._classes(codes)).mean()
        trained, generated, kept = (float(value) for value in (*scores, held_out))
        self._strength.update(trained, kept, generated, _ADAPT_EVERY * self.batch)

    def _changed(self, images: Tensor) -> Tensor:
        return augmented(images, self._strength.value, self.random)

    def _classes(self, codes: Tensor) -> Tensor | None:
        return None if self.encoder.labels is None else self.encoder.classes_of(codes)

    def _generate(
        self, classes: Tensor | None, rows: int, network: nn.Module | None = None
    ) -> Tensor:
        latent = torch.randn(rows, self.sizes.latent, generator=self.random, device=self.device)
        images: Tensor = (network or self.generator)(latent, classes)
        return images.float()

    def score(self) -> dict[str, float | None]:
        training_random = self.random
        self.random = rng_of(self.seed, Stream.SCORES, device=self.device)
        row: dict[str, float | None] = {"augmentation": round(self._strength.value, 4)}
        with torch.no_grad():
            for name, codes in self._references.items():
                real = self.encoder.images_of(codes).flatten(1)
                fake = [
                    self._generate(self._classes(part), len(part), self.average).clamp(-1, 1)
                    for part in codes.split(256)  # type: ignore[no-untyped-call]
                ]
                row[name] = sliced_wasserstein(real, torch.cat(fake).flatten(1), self.random)
        self.random = training_random
        self._preview()
        return row

    @torch.no_grad()
    def _preview(self) -> None:
        """Keep what the fixed latent vectors are now; every other one when there are too many."""
        images = self.average(self._preview_latents, self._preview_classes).clamp(-1, 1)
        self._previews.append(as_bytes(images).cpu())
        self._preview_epochs.append(self.epoch)
        most = min(_MOST_PREVIEWS, max(_PREVIEW_BYTES // self._previews[-1].numel(), 2))
        if len(self._previews) > most:
            # The latest stays, whichever way the others are counted.
            self._previews = self._previews[::-2][::-1]
            self._preview_epochs = self._preview_epochs[::-2][::-1]

    def snapshot(self, stopped_by: str = RUNNING) -> ImageModel:
        codes = self._references["sliced_wasserstein"]
        with torch.no_grad():
            scores = torch.cat(
                [
                    realism_scores(
                        self.encoder.images_of(part),
                        self._classes(part),
                        self.average,
                        self.critic,
                        self.image_encoder,
                    )
                    for part in codes.split(256)  # type: ignore[no-untyped-call]
                ]
            )
        return ImageModel(
            encoder=self.encoder,
            sizes=self.sizes,
            generator=on_cpu(self.average),
            critic=on_cpu(self.critic),
            image_encoder=on_cpu(self.image_encoder),
            last_generator=copied(self.generator.state_dict()),
            generator_optimizer=copied(self.generator_optimizer.state_dict()),
            critic_optimizer=copied(self.critic_optimizer.state_dict()),
            augmentation=self._strength.value,
            starting=self._start is not None,
            previews=torch.stack(self._previews) if self._previews else self._no_previews(),
            preview_epochs=tuple(self._preview_epochs),
            real_scores=scale_of(scores.cpu().double().numpy()),
            **self.model_state(stopped_by),
        )

    def _no_previews(self) -> Tensor:
        return torch.empty(0, len(self._preview_latents), *self.encoder.shape, dtype=torch.uint8)

    def forget(self) -> None:
        betas = _OBJECTIVE.betas
        self.generator_optimizer = adam(self.generator.parameters(), self._rates[0], betas)
        self.critic_optimizer = adam(self.critic.parameters(), self._rates[1], betas)


def _multiplies_halves(device: torch.device) -> bool:
    """Whether bfloat16 products are in the device's hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not in every torch
    return any(getattr(torch.cpu, name, bool)() for name in asks)


def preview_grid(classes: int, pixels: int) -> int:
    """How many images a preview has: full rows of the classes, or of eight."""
    columns = classes if 2 <= classes <= 12 else 8
    rows = max(min(_PREVIEW_IMAGES // columns, _PREVIEW_PIXELS // (pixels * columns)), 1)
    return columns * rows


def sizes_of(shape: tuple[int, int, int], parameters: Parameters) -> ImageSizes:
    """Widths for images of this shape."""
    side = max(shape[:2])
    patch = 1 if side <= 16 else 2 if side <= 64 else 4
    stages = 1
    while math.ceil(side / patch / 2 ** (stages - 1)) > 8:
        stages += 1
    channels = tuple(min(32 * 2**place, 128) for place in range(stages))
    return ImageSizes(channels, 1, parameters.latent_size or 64, patch)
