"""Measures what the training loop costs beyond the mathematics: steps/s against a bare loop.

The bare loop is what one would write by hand over the same modules, the same objective, the same
optimiser and the same tensor: no history, no EMA, no checks. Both run by turns, several times, in
one process; the ratio of the medians is what counts.

    .venv/bin/python scripts/benchmarks/training.py [--rows 60000] [--steps 2000] [--loss mse]
        [--record NAME]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import pyarrow as pa
import record
import torch

from h2o_gan import engine
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.mlp.networks import build_critic, build_generator
from h2o_gan.engine.training.adversarial import (
    critic_loss,
    generator_loss,
    separately,
    together,
)
from h2o_gan.engine.training.objectives import OBJECTIVES
from h2o_gan.parameters import Parameters

ARTICLE = {
    "generator_architecture": {
        "input_dim": 100, "hidden_dim": 128, "output_dim": 784, "activation": "relu",
    },
    "discriminator_architecture": {
        "input_dim": 784, "hidden_dim": 128, "output_dim": 1, "activation": "relu",
    },
    "batch_size": 32,
}  # fmt: skip


def pixels(rows: int) -> pa.Table:
    """Return as many 28 x 28 images of noise: the speed does not depend on what they show."""
    values = np.random.default_rng(0).integers(0, 256, (rows, 784))
    return pa.table({f"pixel{i}": values[:, i] for i in range(784)})


def bare_loop(
    codes: torch.Tensor, parameters: Parameters, device: torch.device, steps: int
) -> float:
    """Return the seconds that `steps` hand-written steps take."""
    batch = parameters.batch_size or 32
    generator = build_generator(parameters, codes.shape[1]).to(device)
    critic = build_critic(parameters, codes.shape[1]).to(device)
    objective = OBJECTIVES[parameters.loss_function]()
    penalty = parameters.gradient_penalty
    penalty = objective.default_penalty if penalty is None else penalty
    score = separately(critic) if penalty else together(critic)
    fused = device.type in ("cpu", "cuda")
    optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, objective.betas, fused=fused)
    optimizer_c = torch.optim.Adam(critic.parameters(), 2e-4, objective.betas, fused=fused)
    order = torch.randperm(len(codes), device=device)
    synchronize(device)
    began = time.perf_counter()
    for step in range(steps):
        start = step * batch % (len(codes) - batch)
        real = codes[order[start : start + batch]].float() * (2 / 255) - 1
        latent = torch.randn(batch, parameters.resolved_latent_size, device=device)
        with torch.no_grad():
            fake = torch.tanh(generator(latent))
        optimizer_c.zero_grad()
        critic_loss(objective, score, real, fake, penalty).total.backward()
        optimizer_c.step()
        latent = torch.randn(batch, parameters.resolved_latent_size, device=device)
        loss = generator_loss(objective, critic, real, torch.tanh(generator(latent)))
        optimizer_g.zero_grad()
        loss.backward()
        optimizer_g.step()
    synchronize(device)
    return time.perf_counter() - began


def ours(table: pa.Table, parameters: Parameters, steps: int) -> float:
    """Return the steps per second of :func:`h2o_gan.engine.fit`, by its own clock."""
    batch = parameters.batch_size or 32
    rows = table.slice(0, min(table.num_rows, steps * batch))
    model = engine.fit(rows.to_reader(), parameters.replace(epochs=1))
    return model.step / model.seconds


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--steps", type=int, default=1_875)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--loss", action="append", choices=sorted(OBJECTIVES))
    parser.add_argument("--device", default="auto")
    record.add_option(parser)
    options = parser.parse_args()
    device = engine.resolve_device(options.device)
    table = pixels(options.rows)
    codes = PixelEncoder.fit(table).encode(table).to(device)
    threads = torch.get_num_threads()
    print(f"device {device}, torch {torch.__version__}, {threads} threads, batch 32")
    print(f"{'loss':14}{'ours':>10}{'bare loop':>12}{'bare, 1 thread':>16}{'ratio':>8}   (steps/s)")
    measurements: dict[str, dict[str, float]] = {}
    for loss in options.loss or ["mse", "relativistic"]:
        penalty = OBJECTIVES[loss].pixel_penalty  # what the engine takes for pixels
        parameters = Parameters(
            loss_function=loss,
            gradient_penalty=penalty,
            device=options.device,
            seed=1,
            **ARTICLE,
        )

        def bare(steps: int, parameters: Parameters = parameters) -> float:
            return steps / bare_loop(codes, parameters, device, steps)

        measured: dict[str, list[float]] = {"ours": [], "bare": [], "single": []}
        for _ in range(options.repeats):
            measured["ours"].append(ours(table, parameters, options.steps))
            measured["bare"].append(bare(options.steps))
            torch.set_num_threads(1)
            measured["single"].append(bare(options.steps))
            torch.set_num_threads(threads)
        median = {name: statistics.median(values) for name, values in measured.items()}
        ratio = median["ours"] / max(median["bare"], median["single"])
        figures = f"{median['ours']:10.0f}{median['bare']:12.0f}{median['single']:16.0f}"
        print(f"{loss:14}{figures}{ratio:8.2f}")
        measurements[loss] = {
            "steps_per_second": median["ours"],
            "bare_steps_per_second": max(median["bare"], median["single"]),
            "ratio": ratio,
        }
    if options.record:
        record.write(
            options.record,
            what="Training steps of an MLP: the engine against a bare loop.",
            parameters={
                "rows": options.rows,
                "steps": options.steps,
                "repeats": options.repeats,
                "threads": threads,
            },
            figures=measurements,
            device=device.type.upper(),
            packages=("h2o-gan", "torch"),
        )


if __name__ == "__main__":
    main()
