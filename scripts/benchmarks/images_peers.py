"""The methods that are compared: h2o_gan, a DCGAN, and the article's networks.

Each returns images, their labels or None, seconds of training, and images a second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from images_data import Array, Data
from torch import Tensor, nn

from h2o_gan import engine
from h2o_gan.engine.image.networks import ImageGenerator
from h2o_gan.engine.image.trainer import sizes_of
from h2o_gan.parameters import Parameters
from h2o_gan.reporting.measures.image_features import as_input

Result = tuple[Array, Array | None, float, float]


def h2o_gan(data: Data, count: int, options: argparse.Namespace) -> Result:
    """Train h2o_gan with its defaults."""
    parameters = Parameters(
        response_column="label",
        image_shape=data.train.shape[1:],
        seed=options.seed,
        device="cpu",
        max_runtime_secs=options.minutes * 60,
    )
    model: Any = engine.fit(data.table(True).to_reader(), parameters)
    began = time.perf_counter()
    parts = [model.images(-(-count // data.classes), c, conditions={"label": c})
             for c in range(data.classes)]  # fmt: skip
    images = np.concatenate(parts)
    speed = len(images) / (time.perf_counter() - began)
    labels = np.repeat(np.arange(data.classes), len(parts[0]))
    return images, labels, model.seconds, speed


def mlp(data: Data, count: int, options: argparse.Namespace) -> Result:
    """Train the article's networks with its settings, for a time in place of its epochs."""
    width = int(np.prod(data.train.shape[1:]))
    parameters = Parameters(
        generator_architecture={
            "input_dim": 100, "hidden_dim": 128, "output_dim": width, "activation": "relu",
        },
        discriminator_architecture={
            "input_dim": width, "hidden_dim": 128, "output_dim": 1, "activation": "relu",
        },
        loss_function="mse",
        epochs=100_000,
        batch_size=32,
        seed=options.seed,
        device="cpu",
        max_runtime_secs=options.minutes * 15,
    )  # fmt: skip
    model = engine.fit(data.table(False).to_reader(), parameters)
    began = time.perf_counter()
    rows = model.sample(count, options.seed).read_all()
    speed = count / (time.perf_counter() - began)
    flat = np.stack([column.to_numpy() for column in rows.columns], 1)
    return flat.astype(np.uint8).reshape(count, *data.train.shape[1:]), None, model.seconds, speed


def dcgan(data: Data, count: int, options: argparse.Namespace) -> Result:
    """Train a DCGAN (Radford et al. 2015, arXiv 1511.06434) with labels and h2o_gan's size."""
    torch.manual_seed(options.seed)
    images, labels = as_input(data.train) * 2 - 1, torch.from_numpy(data.train_labels)
    colours, height, width = images.shape[1:]
    rows, columns = -(-height // 4), -(-width // 4)
    latent, classes = 64, data.classes

    def networks(size: int) -> tuple[nn.Module, nn.Module]:
        generator = nn.Sequential(
            nn.Linear(latent + classes, 2 * size * rows * columns),
            nn.Unflatten(1, (2 * size, rows, columns)),
            nn.BatchNorm2d(2 * size),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * size, size, 4, 2, 1),
            nn.BatchNorm2d(size),
            nn.ReLU(),
            nn.ConvTranspose2d(size, colours, 4, 2, 1),
            nn.Tanh(),
        )
        critic = nn.Sequential(
            nn.Conv2d(colours + classes, size, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(size, 2 * size, 4, 2, 1),
            nn.BatchNorm2d(2 * size),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.LazyLinear(1),
        )
        return generator, critic

    shape = (height, width, colours)
    ours = weights(ImageGenerator(shape, classes, sizes_of(shape, Parameters())))
    size = 8
    while weights(networks(size)[0]) < ours:
        size += 8
    generator, critic = networks(size)

    def judge(one_hot: Tensor, pictures: Tensor) -> Tensor:
        planes = one_hot[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
        scores: Tensor = critic(torch.cat([pictures, planes], 1))
        return scores

    def draw(one_hot: Tensor) -> Tensor:
        made: Tensor = generator(torch.cat([torch.randn(len(one_hot), latent), one_hot], 1))
        return made[:, :, :height, :width]

    judge(torch.zeros(2, classes), images[:2])
    optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (generator, critic)]
    began = time.perf_counter()
    while time.perf_counter() - began < options.minutes * 60:
        picked = torch.randint(len(images), (64,))
        one_hot = F.one_hot(labels[picked], classes).float()
        fake = draw(one_hot)
        loss = F.softplus(-judge(one_hot, images[picked])).mean()
        loss = loss + F.softplus(judge(one_hot, fake.detach())).mean()
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        loss = F.softplus(-judge(one_hot, fake)).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
    seconds = time.perf_counter() - began
    generator.eval()
    wanted = torch.arange(classes).repeat_interleave(-(-count // classes))
    began = time.perf_counter()
    with torch.no_grad():
        made = torch.cat([draw(F.one_hot(part, classes).float()) for part in wanted.split(500)])
    speed = len(made) / (time.perf_counter() - began)
    pixels = ((made + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    pixels = pixels[..., 0] if data.train.ndim == 3 else pixels
    return pixels, wanted.numpy(), seconds, speed


def weights(network: nn.Module) -> int:
    """Return how many weights a network has."""
    return sum(
        w.numel() for w in network.parameters() if not isinstance(w, nn.UninitializedParameter)
    )


METHODS: dict[str, Callable[[Data, int, argparse.Namespace], Result]] = {
    "h2o_gan": h2o_gan,
    "dcgan": dcgan,
    "mlp": mlp,
}
