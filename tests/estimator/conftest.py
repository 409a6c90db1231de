"""Frames to train on, and models of them that many tests use."""

import os
import tempfile

import h2o
import numpy as np
import pytest

from h2o_gan import H2OGANEstimator

FACTORS = ["CAPSULE", "RACE", "DPROS", "DCAPS", "GLEASON"]


@pytest.fixture(scope="session")
def prostate(cluster):
    frame = h2o.upload_file(os.path.join(os.path.dirname(h2o.__file__), "h2o_data", "prostate.csv"))
    for name in FACTORS:
        frame[name] = frame[name].asfactor()
    frame = h2o.assign(frame, "prostate_mixed")
    yield frame
    h2o.remove("prostate_mixed")


@pytest.fixture(scope="session")
def trained(prostate):
    gan = H2OGANEstimator(
        epochs=60, discriminator_epochs=1, seed=1, ignored_columns=["ID"], model_id="prostate_gan"
    )
    return gan.train(training_frame=prostate)


@pytest.fixture(scope="session")
def latent(prostate):
    gan = H2OGANEstimator(epochs=2, seed=1, ignored_columns=["ID"], architecture="mlp")
    return gan.train(training_frame=prostate)


@pytest.fixture(scope="session")
def with_gaps(cluster):
    """Numbers, times and levels with missing values, and one column that is always missing."""
    rng = np.random.default_rng(0)
    rows = ["when,size,kind,gone"]
    for i in range(400):
        when = "" if rng.random() < 0.1 else f"19{60 + i % 40}-0{1 + i % 9}-11 10:00:00"
        size = "" if rng.random() < 0.3 else f"{rng.normal(5, 2):.2f}"
        kind = "" if rng.random() < 0.2 else ["a", "b, c", "d"][i % 3]
        rows.append(f'{when},{size},"{kind}",' if kind else f"{when},{size},,")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "gaps.csv")
        with open(path, "w") as file:
            file.write("\n".join(rows))
        frame = h2o.upload_file(path)
    yield frame
    h2o.remove(frame)
