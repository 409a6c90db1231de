"""h2o_gan's images against the article's MLP and a plain DCGAN: one data set, one run.

    .venv/bin/python scripts/benchmarks/images.py [--train train.parquet --test test.parquet]
        [--label label] [--shape 28 28] [--minutes 20] [--threads 2] [--seed 0]
        [--methods h2o_gan,dcgan,mlp] [--grid FOLDER] [--json out.json] [--speed]

Files are CSV or Parquet with a column of labels and one a pixel. Without them it takes
scikit-learn's digits, 1,500 to learn from and 297 to test on. Every method gets the same minutes,
the MLP a quarter of them.

A classifier trained here on the real training images gives labels and features. Measures, all
against the real test images:

accuracy   share of images that the classifier takes for the label they were asked for
frechet    Frechet distance of Gaussians in the classifier's features (Heusel et al. 2017, arXiv
           1706.08500), times that of as many real training images
precision  share of images within the neighbourhoods of real ones, and
recall     of real ones within those of images (Kynkaanniemi et al. 2019, arXiv 1904.06991, k = 3)
near       share of images nearer to a training image than 99% of the test images are: .01 by chance

With --speed it measures the training step against a bare loop over the same networks instead.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from h2o_gan import engine
from h2o_gan.engine.image.networks import ImageGenerator
from h2o_gan.engine.training.objectives import r1_r2
from h2o_gan.parameters import Parameters

Array = npt.NDArray[Any]

MOST_JUDGED = 10_000
NEIGHBOURS = 3
MOST_NEIGHBOURS = 5_000
PIXEL = "pixel{}"


class Data:
    """Images (n, height, width[, 3]) uint8 and labels (n,) int64, to learn from and to test on."""

    def __init__(self, options: argparse.Namespace) -> None:
        if options.train is None:
            from sklearn.datasets import load_digits

            digits = load_digits()
            images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
            labels = digits.target.astype(np.int64)
            order = np.random.default_rng(0).permutation(len(images))
            learn, test = order[:1500], order[1500:]
            self.train, self.train_labels = images[learn], labels[learn]
            self.test, self.test_labels = images[test], labels[test]
        else:
            self.train, self.train_labels = read(options.train, options)
            self.test, self.test_labels = read(options.test, options)
        self.classes = int(self.train_labels.max()) + 1

    def table(self, labelled: bool) -> pa.Table:
        flat = self.train.reshape(len(self.train), -1).astype(np.int64)
        columns = {PIXEL.format(place): flat[:, place] for place in range(flat.shape[1])}
        return pa.table({**columns, "label": self.train_labels} if labelled else columns)


def read(path: str, options: argparse.Namespace) -> tuple[Array, Array]:
    import pandas as pd

    frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    labels = frame.pop(options.label).to_numpy().astype(np.int64)
    return frame.to_numpy().astype(np.uint8).reshape(len(frame), *options.shape), labels


# ---- measures


def as_input(images: Array) -> Tensor:
    """uint8 images to float32 (n, colours, height, width) in [0, 1]."""
    tensor = torch.from_numpy(images).float() / 255
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)


class Classifier(nn.Module):
    """Three convolutions with normalisation and pooling; its last hidden layer are the features."""

    def __init__(self, colours: int, side: int, classes: int) -> None:
        super().__init__()
        widths = (24, 48, 64)
        layers: list[nn.Module] = []
        before = colours
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            if side >= 6:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            before = width
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(64), nn.ReLU())
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(F.dropout(self.body(x), 0.3, self.training))
        return out


class Judge:
    """The classifier and what real images score."""

    def __init__(self, data: Data, epochs: int = 6) -> None:
        self.data = data
        torch.manual_seed(0)
        images, labels = as_input(data.train), torch.from_numpy(data.train_labels)
        side = min(images.shape[2:])
        self.network = Classifier(images.shape[1], side, data.classes)
        self.network(images[:2])
        optimizer = torch.optim.Adam(self.network.parameters(), 2e-3)
        epochs = max(epochs, 400_000 // len(images) if len(images) < 20_000 else 0)
        epochs = min(epochs, 60)
        batch = 128 if len(images) > 10_000 else 32
        steps = epochs * (len(images) // batch)
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(images))
            for start in range(0, len(images) - batch + 1, batch):
                for group in optimizer.param_groups:
                    group["lr"] = 2e-3 * min(1, (step + 1) / 100) * (1 - step / steps)
                rows = order[start : start + batch]
                loss = F.cross_entropy(self.network(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
        self.network.eval()
        self.test, found = self.look(data.test)
        self.test_accuracy = float(np.mean(found == data.test_labels))
        count = min(len(data.test), MOST_JUDGED)
        some = np.random.default_rng(0).permutation(len(data.train))[:count]
        self.train, _ = self.look(data.train[some])
        self.count = count
        self.floor = frechet(self.train, self.test)
        self.real = precision_recall(self.test, self.train)
        self.learned = data.train.reshape(len(data.train), -1)
        self.unseen = np.quantile(nearest(data.test, self.learned), 0.01)

    @torch.no_grad()
    def look(self, images: Array) -> tuple[Array, Array]:
        """Features, float64 (n, 64), and labels (n,)."""
        features, labels = [], []
        for part in as_input(images).split(1000):
            own = self.network.body(part)
            features.append(own.double().numpy())
            labels.append(self.network.head(own).argmax(1).numpy())
        return np.concatenate(features), np.concatenate(labels)

    def __call__(self, images: Array, labels: Array | None) -> dict[str, float | None]:
        features, found = self.look(images)
        precision, recall = precision_recall(self.test, features)
        return {
            "accuracy": None if labels is None else float(np.mean(found == labels)),
            "frechet": frechet(features, self.test) / self.floor,
            "precision": precision,
            "recall": recall,
            "near": float(np.mean(nearest(images, self.learned) < self.unseen)),
        }


def frechet(first: Array, second: Array) -> float:
    means = first.mean(0), second.mean(0)
    spreads = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(spreads[0])
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ spreads[1] @ root), 0, None)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(apart + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * shared)


def precision_recall(real: Array, made: Array) -> tuple[float, float]:
    random = np.random.default_rng(1)
    count = min(len(real), len(made), MOST_NEIGHBOURS)
    points = [torch.from_numpy(p[random.permutation(len(p))[:count]]) for p in (real, made)]
    reach = [torch.cdist(p, p).kthvalue(NEIGHBOURS + 1, 1).values for p in points]
    apart = torch.cdist(*points)
    precision = (apart <= reach[0][:, None]).any(0).float().mean()
    recall = (apart <= reach[1][None]).any(1).float().mean()
    return float(precision), float(recall)


def nearest(images: Array, learned: Array) -> Array:
    """Distance of each image to the nearest training image, in pixels' own space."""
    flat = torch.from_numpy(images.reshape(len(images), -1)).float()
    others = torch.from_numpy(learned).float()
    best = torch.full((len(flat),), float("inf"))
    for part in others.split(2000):
        best = torch.minimum(best, torch.cdist(flat, part).min(1).values)
    found: Array = best.double().numpy()
    return found


# ---- methods: each returns images, their labels or None, training seconds and images a second


Result = tuple[Array, Array | None, float, float]


def h2o_gan(data: Data, count: int, options: argparse.Namespace) -> Result:
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
    """The article's program, word for word but for the epochs."""
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
    """Radford et al. 2015, arXiv 1511.06434, with labels, of about h2o_gan's number of weights."""
    torch.manual_seed(options.seed)
    images, labels = as_input(data.train) * 2 - 1, torch.from_numpy(data.train_labels)
    colours, height, width = images.shape[1:]
    rows, columns = -(-height // 4), -(-width // 4)
    latent, classes = 64, data.classes

    def near(size: int) -> tuple[nn.Module, nn.Module]:
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

    from h2o_gan.engine.image.trainer import sizes_of

    shape = (height, width, colours)
    ours = weights(ImageGenerator(shape, classes, sizes_of(shape, Parameters())))
    size = 8
    while weights(near(size)[0]) < ours:
        size += 8
    generator, critic = near(size)

    def on(one_hot: Tensor, pictures: Tensor) -> Tensor:
        planes = one_hot[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
        scores: Tensor = critic(torch.cat([pictures, planes], 1))
        return scores

    def draw(one_hot: Tensor) -> Tensor:
        made: Tensor = generator(torch.cat([torch.randn(len(one_hot), latent), one_hot], 1))
        return made[:, :, :height, :width]

    on(torch.zeros(2, classes), images[:2])
    optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (generator, critic)]
    began = time.perf_counter()
    while time.perf_counter() - began < options.minutes * 60:
        picked = torch.randint(len(images), (64,))
        one_hot = F.one_hot(labels[picked], classes).float()
        fake = draw(one_hot)
        loss = F.softplus(-on(one_hot, images[picked])).mean()
        loss = loss + F.softplus(on(one_hot, fake.detach())).mean()
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        loss = F.softplus(-on(one_hot, fake)).mean()
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
    return sum(
        w.numel() for w in network.parameters() if not isinstance(w, nn.UninitializedParameter)
    )


METHODS: dict[str, Callable[[Data, int, argparse.Namespace], Result]] = {
    "h2o_gan": h2o_gan,
    "dcgan": dcgan,
    "mlp": mlp,
}


def save_grid(path: Path, images: Array, labels: Array | None, classes: int) -> None:
    """Ten images of each class, or a hundred."""
    if labels is None:
        rows = [images[at : at + 10] for at in range(0, 100, 10)]
    else:
        rows = [images[labels == label][:10] for label in range(classes)]
    picture = np.concatenate([np.concatenate(list(row), 1) for row in rows if len(row) == 10])
    Image.fromarray(picture).save(path)


# ---- speed


def speed(data: Data, options: argparse.Namespace) -> None:
    """The engine's training step against a bare loop over the same networks."""
    from h2o_gan.engine.data.pixel_encoder import PixelEncoder
    from h2o_gan.engine.image import trainer as image_training
    from h2o_gan.engine.training.trainer import Losses

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
        real, own = images[rows], classes[rows]
        with training._autocast():
            made = generator(torch.randn(batch, training.sizes.latent), own).float()
        fake = made.detach()
        penalized = step % image_training._PENALTY_EVERY == 0
        if penalized:
            real.requires_grad_()
            fake.requires_grad_()
        with training._autocast():
            features = critic.features(torch.cat([real, fake]))
            on_real, on_fake = critic.score(features, torch.cat([own, own])).float().chunk(2)
            guesses = critic.label(features[:batch])
        loss = F.softplus(on_fake - on_real).mean() + F.cross_entropy(guesses.float(), own)
        if penalized:
            loss = loss + r1_r2(on_real, on_fake, real, fake, 1.0)
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        critic.requires_grad_(False)
        with training._autocast():
            on_fake = critic(made, own).float()
        loss = F.softplus(on_real.detach() - on_fake).mean()
        with training._autocast():
            with torch.no_grad():
                means, logs = reader(images[rows])
                hidden = means + torch.randn(means.shape) * logs.exp()
            drawn = generator.decode(hidden, own)
        loss = loss + (drawn.float() - images[rows]).square().mean()
        noise, moment = torch.randn(hidden.shape), torch.rand(batch, 1)
        loss = loss + generator.flow.loss(hidden, own, noise, moment)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        critic.requires_grad_(True)

    def engines(step: int) -> None:
        training.train_step(torch.randint(len(codes), (batch,)), losses)

    times = {"engine": 0.0, "bare": 0.0}
    for turn in range(6):  # by turns: the machine's other work then weighs on both alike
        for name, one in (("engine", engines), ("bare", bare)):
            began = time.perf_counter()
            for step in range(20):
                one(step)
            if turn:
                times[name] += time.perf_counter() - began
    for name, seconds in times.items():
        print(f"{name}: {5 * 20 * batch / seconds:,.0f} images/s")
    print(f"engine / bare: {times['bare'] / times['engine']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--label", default="label")
    parser.add_argument("--shape", type=int, nargs="+", default=[28, 28])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default="h2o_gan,dcgan,mlp")
    parser.add_argument("--grid", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Data(options)
    if options.speed:
        speed(data, options)
        return
    judge = Judge(data)
    print(
        f"{len(data.train)} training and {len(data.test)} test images {data.train.shape[1:]}; the "
        f"classifier knows {judge.test_accuracy:.4f} of the test images; real training images: "
        f"precision {judge.real[0]:.3f}, recall {judge.real[1]:.3f}, Frechet {judge.floor:.4g}",
        flush=True,
    )
    print(
        "| method | accuracy | frechet / floor | precision | recall | near | train s | images/s |"
    )
    print("| --- | --: | --: | --: | --: | --: | --: | --: |", flush=True)
    report: dict[str, Any] = {"floor": judge.floor, "classifier": judge.test_accuracy}
    for name in options.methods.split(","):
        images, labels, seconds, rate = METHODS[name](data, judge.count, options)
        row = judge(images, labels)
        report[name] = {**row, "seconds": seconds, "images_per_second": rate}
        cells = ["" if v is None else f"{v:.3f}" for v in row.values()]
        print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} | {rate:,.0f} |", flush=True)
        if options.grid is not None:
            options.grid.mkdir(parents=True, exist_ok=True)
            save_grid(options.grid / f"{name}.png", images, labels, data.classes)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
