"""Shows the main use on real data: frames of an H2O cluster -> GANs -> new frames in it.

Handwritten digits (scikit-learn's 1,797 images) as a frame of pixels, and H2O's own prostate table
as a frame of numbers and levels. Run it with scripts/demo, which does all set-up.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import h2o
import matplotlib
import numpy as np
from h2o.estimators import H2OGradientBoostingEstimator
from sklearn.datasets import load_digits

import h2o_gan
from h2o_gan import H2OGANEstimator

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def digits(epochs: int | None) -> tuple[H2OGANEstimator, np.ndarray, np.ndarray]:
    """Train on pixels and a label; return the model, and 80 real and 80 generated images.

    Images are (80, 8, 8), a column of the picture for each of the ten digits.
    """
    data = load_digits()
    pixels, labels = data.data.astype(int), data.target
    frame = h2o.H2OFrame(
        np.column_stack([pixels, labels]).tolist(),
        column_names=[*(f"pixel{i}" for i in range(64)), "digit"],
        destination_frame="digits",
    )
    frame["digit"] = frame["digit"].asfactor()
    gan = H2OGANEstimator(epochs=epochs, seed=1, model_id="digits_gan")
    gan.train(y="digit", training_frame=frame)
    synthetic = gan.generate(1_000, seed=1, balance="digit", destination_frame="digits_synthetic")
    generated = synthetic[:80, :64].as_data_frame(use_multi_thread=True).to_numpy()
    shown = [np.flatnonzero(labels == i % 10)[i // 10] for i in range(80)]
    return gan, pixels[shown].reshape(-1, 8, 8), generated.reshape(-1, 8, 8)


def prostate(epochs: int | None) -> dict[str, float]:
    """Train on a mixed table; return a GBM's AUC after training on real and on synthetic rows."""
    frame = h2o.upload_file(
        os.path.join(os.path.dirname(h2o.__file__), "h2o_data", "prostate.csv"),
        destination_frame="prostate",
    )
    for name in ("CAPSULE", "RACE", "DPROS", "DCAPS"):
        frame[name] = frame[name].asfactor()
    train, test = frame.drop("ID").split_frame([0.75], seed=1)
    gan = H2OGANEstimator(epochs=epochs, seed=1, model_id="prostate_gan")
    gan.train(y="CAPSULE", training_frame=train)
    synthetic = gan.generate(1_000, seed=1, destination_frame="prostate_synthetic")
    assert train.rbind(synthetic).nrow == train.nrow + 1_000
    print(synthetic.head(5))
    scores = {}
    for name, rows in (("real", train), ("synthetic", synthetic)):
        gbm = H2OGradientBoostingEstimator(ntrees=50, max_depth=3, learn_rate=0.05, seed=1)
        gbm.train(y="CAPSULE", training_frame=rows)
        scores[name] = gbm.model_performance(test).auc()
    return scores


def picture(real: np.ndarray, generated: np.ndarray, path: Path) -> None:
    """Write real images beside generated ones."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    for axis, images, title in zip(axes, (real, generated), ("real", "generated"), strict=True):
        grid = images.reshape(8, 10, 8, 8)
        grid = np.pad(grid, ((0, 0), (0, 0), (1, 1), (1, 1))).transpose(0, 2, 1, 3)
        axis.imshow(grid.reshape(80, 100), cmap="gray_r", interpolation="nearest")
        axis.set_title(f"{title} digits", fontsize=14)
        axis.axis("off")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo_output"), help="folder to write to")
    parser.add_argument(
        "--digits-epochs", type=int, default=None, help="chosen automatically when absent"
    )
    parser.add_argument("--prostate-epochs", type=int, help="chosen automatically when absent")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()

    h2o_gan.init(name=f"h2o_gan_demo_{os.getpid()}")  # a cluster of its own, on a free port
    gan, real, generated = digits(options.digits_epochs)
    grid = options.out / "digits.png"
    picture(real, generated, grid)
    history = options.out / "digits_history.png"
    gan.plot(server=True, save_plot_path=str(history))
    model = gan.save(options.out / "digits_gan.zip", force=True)
    scores = prostate(options.prostate_epochs)

    print(f"""
In the cluster at {h2o.connection().base_url}, until this program ends:
  digits_synthetic    1,000 new digits, a hundred of each: 64 pixel columns and the label
  prostate_synthetic  1,000 new patients, with the levels and types of the prostate table
On disk:
  {grid}   real beside generated digits
  {history}   how training went
  {model}   the model of the digits: h2o_gan.load_model(path)
A GBM's AUC on unseen real patients: {scores["real"]:.3f} trained on real rows, \
{scores["synthetic"]:.3f} trained on synthetic rows alone.
Took {time.perf_counter() - began:.0f} s.""")


if __name__ == "__main__":
    main()
