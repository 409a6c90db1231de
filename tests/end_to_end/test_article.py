"""The article's program, word for word but for the import and the way the file is read."""

import os
import subprocess
import sys

import h2o
import numpy as np
import pytest

HEAD = """
import sys
import h2o
import h2o_gan
h2o.connect(url=sys.argv[1], verbose=False)
data = h2o.import_file(sys.argv[2])
data.head()
"""

ARCHITECTURES = """
generator_architecture = {
    "input_dim": 100,
    "hidden_dim": 128,
    "output_dim": 784,
    "activation": "relu"
}

discriminator_architecture = {
    "input_dim": 784,
    "hidden_dim": 128,
    "output_dim": 1,
    "activation": "relu"
}
"""

FIRST = (
    """
import h2o
from h2o.estimators.gans import GANEstimator
"""
    + ARCHITECTURES
    + """
gan_estimator = GANEstimator(
    generator_architecture=generator_architecture,
    discriminator_architecture=discriminator_architecture,
    loss_function="mse",
    epochs=100,
    batch_size=32
)

gan_estimator.train(x=data)
"""
)

SECOND = (
    """
import h2o.estimators.gans
"""
    + ARCHITECTURES
    + """
gan_estimator = h2o.GANEstimator(
    generator_architecture=generator_architecture,
    discriminator_architecture=discriminator_architecture,
    loss_function="mse",
    epochs=100,
    batch_size=32
)

gan_estimator.train(x=data)
"""
)

TAIL = """
import numpy as np
import matplotlib.pyplot as plt

new_image = gan_estimator.predict(np.random.randn(100, 1))

plt.imshow(new_image.reshape(28, 28), cmap="gray")
plt.show()
"""

CHECK = """
images = gan_estimator.predict(np.random.default_rng(0).standard_normal((300, 100)))
np.save(sys.argv[3], images)
print("epochs", gan_estimator.scoring_history()["epoch"].iloc[-1])
"""


@pytest.fixture(scope="module")
def images():
    """300 of scikit-learn's digits in 28 x 28 pixels from 0 to 255."""
    import torch
    from sklearn.datasets import load_digits

    digits = torch.tensor(load_digits().images[:300])[:, None] * (255 / 16)
    large = torch.nn.functional.interpolate(digits, size=(28, 28), mode="bicubic").clamp(0, 255)
    return large.flatten(1).round().long().numpy()


@pytest.mark.parametrize("program", [FIRST, SECOND], ids=["from-import", "h2o.GANEstimator"])
def test_the_articles_program_runs_as_written(cluster, images, tmp_path, program):
    dataset = tmp_path / "dataset.csv"
    header = ",".join(f"pixel{i}" for i in range(784))
    np.savetxt(dataset, images, fmt="%d", delimiter=",", header=header, comments="")
    keys = set(h2o.ls()["key"])
    done = subprocess.run(
        [sys.executable, "-c", HEAD + program + TAIL + CHECK,
         cluster.base_url, str(dataset), str(tmp_path / "images.npy")],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "epochs 100" in done.stdout
    generated = np.load(tmp_path / "images.npy")
    assert generated.shape == (300, 784)
    assert generated.min() >= 0 and generated.max() <= 255 and generated.max() > 128
    # Digits, not noise: nearer to real images than other real images' pixels shuffled are.
    rng = np.random.default_rng(0)
    noise = rng.permuted(images, axis=1)

    def nearest(rows):
        return np.sqrt(((rows[:, None] - images[None]) ** 2.0).mean(2)).min(1).mean()

    assert nearest(generated[:100]) < 0.75 * nearest(noise[:100])
    # And not one image over and over.
    assert generated.std(axis=0).mean() > 0.4 * images.std(axis=0).mean()
    for key in set(h2o.ls()["key"]) - keys:
        h2o.remove(key)
