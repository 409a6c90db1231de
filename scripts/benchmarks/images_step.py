"""What the training step of images costs beyond the mathematics: images/s against a bare loop.

The bare loop has the same networks, losses and optimisers, and nothing else. Both run by turns, so
that other work of the machine weighs on both alike; the ratio is what counts.

    .venv/bin/python scripts/benchmarks/images_step.py [--threads 2] [--record NAME]
        [--train train.parquet --test test.parquet --label label --shape 28 28]
"""

from __future__ import annotations

import argparse
import copy
import time

import record
import torch
import torch.nn.functional as F
from images_data import Data, add_options

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.image import trainer as image_training
from h2o_gan.engine.training.losses import Losses
from h2o_gan.engine.training.objectives import r1_r2
from h2o_gan.parameters import Parameters

STEPS, TURNS = 20, 6  # of which the first turn does not count


def measure(data: Data) -> dict[str, float]:
    """Return the images a second of the engine's step and of the bare loop, and their ratio."""
    table = data.table(True)
    encoder = PixelEncoder.fit_images(table, data.train.shape[1:], "label")
    parameters = Parameters(response_column="label", seed=0, device="cpu")
    training = image_training.ImageTrainer(
        encoder, encoder.encode(table), None, None, parameters, torch.device("cpu"), None
    )
    training.schedule(0.5)  # past its start
    losses = Losses(torch.device("cpu"))
    codes, batch = training.codes, training.batch
    images, classes = encoder.images_of(codes), encoder.classes_of(codes)
    generator, critic, reader = (
        copy.deepcopy(n) for n in (training.generator, training.critic, training.image_encoder)
    )
    optimizers = [
        torch.optim.Adam(n.parameters(), 1e-4, (0.0, 0.99), fused=True) for n in (generator, critic)
    ]

    def bare(step: int) -> None:
        rows = torch.randint(len(codes), (batch,))
        real, labels = images[rows], classes[rows]
        with training._autocast():
            made = generator(torch.randn(batch, training.sizes.latent), labels).float()
        fake = made.detach()
        penalized = step % image_training._PENALTY_EVERY == 0
        if penalized:
            real.requires_grad_()
            fake.requires_grad_()
        with training._autocast():
            features = critic.features(torch.cat([real, fake]))
            on_real, on_fake = critic.score(features, torch.cat([labels, labels])).float().chunk(2)
            guesses = critic.label(features[:batch])
        loss = F.softplus(on_fake - on_real).mean() + F.cross_entropy(guesses.float(), labels)
        if penalized:
            loss = loss + r1_r2(on_real, on_fake, real, fake, 1.0)
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        critic.requires_grad_(False)
        with training._autocast():
            on_fake = critic(made, labels).float()
        loss = F.softplus(on_real.detach() - on_fake).mean()
        with training._autocast():
            with torch.no_grad():
                means, logs = reader(images[rows])
                hidden = means + torch.randn(means.shape) * logs.exp()
            drawn = generator.decode(hidden, labels)
        loss = loss + (drawn.float() - images[rows]).square().mean()
        noise, moment = torch.randn(hidden.shape), torch.rand(batch, 1)
        loss = loss + generator.flow.loss(hidden, labels, noise, moment)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        critic.requires_grad_(True)

    def engines(step: int) -> None:
        training.train_step(torch.randint(len(codes), (batch,)), losses)

    times = {"engine": 0.0, "bare": 0.0}
    for turn in range(TURNS):
        for name, one in (("engine", engines), ("bare", bare)):
            began = time.perf_counter()
            for step in range(STEPS):
                one(step)
            if turn:
                times[name] += time.perf_counter() - began
    images_seen = (TURNS - 1) * STEPS * batch
    figures = {f"{name}_images_per_second": images_seen / s for name, s in times.items()}
    return {**figures, "ratio": times["bare"] / times["engine"]}


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--threads", type=int, default=2)
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    figures = measure(Data(options))
    for name, value in figures.items():
        print(f"{name}: {value:,.3f}")
    if options.record:
        record.write(
            options.record,
            what="Training steps of images: the engine against a bare loop.",
            parameters={
                "train": options.train or "scikit-learn's digits",
                "threads": options.threads,
            },
            figures=figures,
            packages=("h2o-gan", "torch"),
        )


if __name__ == "__main__":
    main()
