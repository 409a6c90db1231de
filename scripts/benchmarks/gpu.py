"""Checks a GPU: it gives the same results as the CPU; and measures how much faster it is.

It needs the engine alone: torch, NumPy, pyarrow and safetensors, no h2o and no Java. All of it
takes less than nine minutes on one card; sections without time left are listed as left out.

    python scripts/benchmarks/gpu.py [--device cuda] [--quick] [--seconds 520]
        [--out gpu.json] [--record NAME]

`--quick` runs every check on a few rows, to see that it runs at all; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import record
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from h2o_gan import engine
from h2o_gan.engine.families import FAMILIES
from h2o_gan.engine.model import Model
from h2o_gan.parameters import Parameters

Json = dict[str, Any]

CLOSE = 2e-2  # nats of a row's log density, or of a score, between devices
SAME = 0.08  # of a loss held out, relative, between trainings of the same steps on two devices


def table(rows: int) -> pa.Table:
    """Return mixed columns with dependencies, as many as a table of customers has."""
    rng = np.random.default_rng(1)
    group = rng.integers(0, 5, rows)
    columns: dict[str, Any] = {
        "group": pa.DictionaryArray.from_arrays(pa.array(group, pa.int32()), list("abcde")),
        "income": np.where(rng.random(rows) < 0.3, 0.0, rng.lognormal(8 + group / 4, 1)),
        "age": rng.normal(30 + 5 * group, 8).astype(np.int64),
    }
    for number in range(5):
        columns[f"x{number}"] = rng.normal(size=rows) + group
        codes = (group + rng.integers(0, 4, rows)) % 12
        names = [f"level {code}" for code in range(12)]
        columns[f"c{number}"] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), names)
    return pa.table(columns)


def images(rows: int) -> pa.Table:
    """Return 28 x 28 images of bright squares, labelled by their corner."""
    rng = np.random.default_rng(2)
    corner = rng.integers(0, 4, rows)
    pixels = rng.integers(0, 30, (rows, 28, 28))
    for image, at in zip(pixels, corner, strict=True):
        y, x = 14 * (at // 2) + rng.integers(0, 4), 14 * (at % 2) + rng.integers(0, 4)
        image[y : y + 8, x : x + 8] += 200
    flat = pixels.reshape(rows, -1)
    columns: dict[str, Any] = {f"pixel{i}": flat[:, i] for i in range(784)}
    columns["label"] = pa.DictionaryArray.from_arrays(pa.array(corner, pa.int32()), list("abcd"))
    return pa.table(columns)


class Check:
    """Runs all sections until the time is over.

    Args:
        device: to compare with the CPU.
        quick: whether a few rows and steps are enough.
        seconds: after which no further section begins.
    """

    def __init__(self, device: torch.device, quick: bool, seconds: float) -> None:
        self.device, self.quick = device, quick
        self._end = time.monotonic() + seconds
        few = 200 if quick else 20_000
        self._data = {
            "columns": table(few),
            "convolutional": images(64 if quick else 10_000),
            "mlp": table(few),
        }
        self._settings: dict[str, Json] = {
            "columns": {"discriminator_epochs": 1} if quick else {},
            "convolutional": {"response_column": "label"},
            "mlp": {"architecture": "mlp", "batch_size": 128},
        }
        self._models: dict[str, Model] = {}
        self.report: Json = {"environment": environment(device), "failed": {}, "left_out": []}

    def run(self) -> Json:
        """Run the sections of each family, the most important first."""
        sections: list[tuple[str, Callable[[str], Json]]] = [
            ("equality", self.equality),
            ("training", self.training),
            ("sampling", self.sampling),
            ("precision", self.precision),
            ("compiled", self.compiled),
        ]
        for name, section in sections:
            for family in FAMILIES:
                self._section(f"{name}.{family}", section, family)
        return self.report

    def _section(self, name: str, section: Callable[[str], Json], family: str) -> None:
        if time.monotonic() > self._end:
            self.report["left_out"].append(name)
            return
        began = time.monotonic()
        try:
            result = section(family)
        except Exception as error:  # The next section may still work.
            traceback.print_exc()
            self.report["failed"][name] = f"{type(error).__name__}: {error}"
            return
        result["took_s"] = round(time.monotonic() - began, 2)
        if result.get("is_equal") is False:
            self.report["failed"][name] = "not as on the CPU"
        self.report[name] = result
        print(name, json.dumps(result), flush=True)

    def fit(self, family: str, device: torch.device | str, **given: Any) -> Model:
        """Train a family on its data."""
        parameters = Parameters(seed=1, device=str(device), **{**self._settings[family], **given})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return engine.fit(self._data[family].to_reader(), parameters)

    def model(self, family: str) -> Model:
        """Return a model of one epoch on the device."""
        if family not in self._models:
            self._models[family] = self.fit(family, self.device, epochs=1)
        return self._models[family]

    def equality(self, family: str) -> Json:
        """Score rows with one model on both devices, and train the same steps on both."""
        exact()
        here = self.fit(family, "cpu", epochs=1)
        there = self.model(family)
        rows = here.sample(32 if self.quick else 256, seed=3).read_all()
        apart = float(np.abs(scores_on(here, rows, self.device) - here.scores(rows)).max())
        result: Json = {"scores_apart": apart, "tolerance": CLOSE}
        measure = "held_out_loss" if family == "columns" else "sliced_wasserstein"
        ours, cpus = there.history[-1].get(measure), here.history[-1].get(measure)
        result[measure] = {"device": ours, "cpu": cpus}
        result["is_equal"] = apart < CLOSE
        if family == "columns" and ours is not None and cpus is not None:
            result["is_equal"] = result["is_equal"] and abs(ours - cpus) < SAME * abs(cpus)
        return result

    def training(self, family: str) -> Json:
        """Measure steps a second of whole trainings, on the device and the CPU, and the memory."""
        seconds = 0.2 if self.quick else 20.0
        result: Json = {}
        devices = {self.device.type: self.device, "cpu": torch.device("cpu")}
        for device in devices.values():
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            model = self.fit(family, device, max_runtime_secs=seconds, epochs=1000)
            name = "cpu" if device.type == "cpu" else "device"
            result[f"{name}_steps_a_second"] = round(model.step / model.seconds, 2)
            if device.type == "cuda":
                peak = torch.cuda.max_memory_allocated(device)
                result["device_memory_mb"] = round(peak / 2**20)
        if "device_steps_a_second" in result:
            ratio = result["device_steps_a_second"] / result["cpu_steps_a_second"]
            result["ratio"] = round(ratio, 2)
        return result

    def sampling(self, family: str) -> Json:
        """Measure rows a second where samples are drawn."""
        model = self.model(family)
        count = 20 if self.quick else {"columns": 200_000, "mlp": 500_000}.get(family, 20_000)
        model.sample(8 if self.quick else 64, seed=1).read_all()
        began = time.perf_counter()
        rows = sum(batch.num_rows for batch in model.sample(count, seed=1))
        assert rows == count
        return {"rows_a_second": round(rows / (time.perf_counter() - began))}

    def precision(self, family: str) -> Json:
        """Measure the generator's pass in fp32, TF32 and bf16, and how far they are apart."""
        step, out = self._pass(family)
        result: Json = {}
        reference: Tensor | None = None
        for name, level, autocast in (
            ("fp32", "highest", False),
            ("tf32", "high", False),
            ("bf16", "high", True),
        ):
            torch.set_float32_matmul_precision(level)
            torch.backends.cudnn.allow_tf32 = level == "high"
            with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
                result[f"{name}_passes_a_second"] = self._rate(step)
                values = out().float()
            if reference is None:
                reference = values
            scale = float(reference.abs().mean()) or 1.0
            result[f"{name}_apart"] = float((values - reference).abs().mean()) / scale
        exact()
        return result

    def compiled(self, family: str) -> Json:
        """Measure the generator's pass eagerly, compiled, and captured in a graph."""
        step, _ = self._pass(family)
        result: Json = {"eager_passes_a_second": self._rate(step)}
        if self.device.type != "cuda":
            return result
        graph = torch.cuda.CUDAGraph()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            step()
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(graph):
            step()
        result["graph_passes_a_second"] = self._rate(graph.replay)
        faster = torch.compile(step)
        result["compiled_passes_a_second"] = self._rate(faster)
        return result

    def _pass(self, family: str) -> tuple[Callable[[], None], Callable[[], Tensor]]:
        """Return a pass of the generator with gradients, and one that gives its outputs."""
        model = self.model(family)
        network = copy.deepcopy(model.networks["generator"]).to(self.device).requires_grad_(True)
        rows = 32 if self.quick else 512
        if family == "columns":
            codes = model.encoder.encode(self._data[family].slice(0, rows)).to(self.device)
            tables = model.layout.tables(self.device)  # type: ignore[attr-defined]
            order = torch.tensor(model.layout.order(), device=self.device)  # type: ignore[attr-defined]
            values, active = tables.expand(codes, None)

            def out() -> Tensor:
                return network.log_likelihood(values, active, order)  # type: ignore[no-any-return]

        else:
            size: int = model.latent_size  # type: ignore[attr-defined]
            latent = torch.randn(rows, size, device=self.device)
            labels = torch.zeros(rows, dtype=torch.int64, device=self.device)
            inputs = (latent, labels) if family == "convolutional" else (latent,)

            def out() -> Tensor:
                return network(*inputs)  # type: ignore[no-any-return]

        weights = [weight for weight in network.parameters() if weight.numel()]

        def step() -> None:
            torch.autograd.grad(out().float().mean(), weights, allow_unused=True)

        return step, lambda: out().detach()

    def _rate(self, act: Callable[[], Any]) -> float:
        """Return how often a second something can be done."""
        for _ in range(1 if self.quick else 5):
            act()
        synchronize(self.device)
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < (0.05 if self.quick else 2.0):
            act()
            synchronize(self.device)
            done += 1
        return round(done / (time.perf_counter() - began), 2)


def scores_on(model: Model, rows: pa.Table, device: torch.device) -> np.ndarray[Any, Any]:
    """Return the scores of rows, by the model's networks on a device."""
    moved = {}
    for name, network in model.networks.items():
        moved[name] = network.to(device)
    try:
        return model_scores(model, rows, device)
    finally:
        for network in moved.values():
            network.cpu()


def model_scores(model: Model, rows: pa.Table, device: torch.device) -> np.ndarray[Any, Any]:
    """Return the scores of rows, by a model whose networks are on a device."""
    if model.architecture == "columns":
        from h2o_gan.engine.tabular.density import TableDensity
        from h2o_gan.engine.tabular.sampling import RejectionSampler

        critic = model.critic  # type: ignore[attr-defined]
        acceptance = RejectionSampler(critic, model.shift, model.clip) if critic else None  # type: ignore[attr-defined]
        density = TableDensity(
            model.encoder,  # type: ignore[arg-type]
            model.layout,  # type: ignore[attr-defined]
            model.generator,  # type: ignore[attr-defined]
            acceptance,
            model.layout.order(),  # type: ignore[attr-defined]
            device,
        )
        return density.of_table(rows).log_density
    if model.architecture == "convolutional":
        from h2o_gan.engine.image.model import realism_scores

        codes = model.encoder.encode(rows).to(device)
        reader = model.image_encoder.to(device)  # type: ignore[attr-defined]
        with torch.no_grad():
            scores = realism_scores(
                model.encoder.images_of(codes),  # type: ignore[attr-defined]
                model.encoder.classes_of(codes),  # type: ignore[attr-defined]
                model.generator,  # type: ignore[attr-defined]
                model.critic,  # type: ignore[attr-defined]
                reader,
            )
        reader.cpu()
        return scores.double().cpu().numpy()
    from h2o_gan.engine.mlp.features import feature_transform

    features = feature_transform(model.encoder, device)
    with torch.no_grad():
        features = features.expand(model.encoder.encode(rows).to(device), None)
        return model.critic(features).flatten().double().cpu().numpy()  # type: ignore[attr-defined]


def exact() -> None:
    """Compute products in full single precision, convolutions too."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def environment(device: torch.device) -> Json:
    """Return what the figures were measured on."""
    about: Json = {
        "device": str(device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "cpu_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
    if device.type == "cuda":
        about["card"] = torch.cuda.get_device_name(device)
        about["cuda"] = torch.version.cuda
        about["memory_mb"] = round(torch.cuda.get_device_properties(device).total_memory / 2**20)
    return about


def main() -> int:
    """Run the check; the exit status is 1 where a section failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=520.0)
    parser.add_argument("--out", type=Path)
    record.add_option(parser)
    options = parser.parse_args()
    report = Check(engine.resolve_device(options.device), options.quick, options.seconds).run()
    text = json.dumps(report, indent=2)
    if options.out is not None:
        options.out.write_text(text + "\n")
    print(text)
    if options.record:
        about = report["environment"]
        names = ("torch", "numpy", "pyarrow")
        record.write(
            options.record,
            what="What the engine computes and how fast, on a device and on the CPU.",
            parameters={"quick": options.quick, "seconds": options.seconds},
            figures=report,
            device=about.get("card", "CPU"),
            versions={name: about[name] for name in names},
        )
    return 1 if report["failed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
