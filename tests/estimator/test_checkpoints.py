"""Trainings that continue a model, and models exported while training goes on."""

import shutil
import time

import pytest
from h2o.exceptions import H2OValueError

import h2o_gan
from h2o_gan import H2OGANEstimator

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def first(prostate):
    gan = H2OGANEstimator(epochs=2, discriminator_epochs=1, seed=1)
    return gan.train(x=["AGE", "PSA"], training_frame=prostate)


@pytest.mark.parametrize("by", ["estimator", "model_id", "file"])
def test_training_goes_on_from_a_checkpoint(prostate, first, tmp_path, by):
    checkpoint = {"estimator": first, "model_id": first.model_id}.get(by) or first.save(tmp_path)
    second = H2OGANEstimator(epochs=5, discriminator_epochs=1, seed=1, checkpoint=checkpoint)
    second.train(x=["AGE", "PSA"], training_frame=prostate)
    assert second.engine_model.epoch == 5
    with pytest.raises(ValueError, match="other columns"):
        second.train(x=["AGE", "VOL"], training_frame=prostate)


def test_checkpoints_are_exported_at_every_scoring(prostate, tmp_path):
    gan = H2OGANEstimator(
        epochs=3,
        discriminator_epochs=1,
        seed=1,
        export_checkpoints_dir=tmp_path / "new",
        model_id="m",
    )
    gan.train(x=["AGE", "PSA"], training_frame=prostate)
    files = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert files == [f"m.epoch_0000{i}.zip" for i in (1, 2, 3)]
    assert h2o_gan.load_model(tmp_path / "new" / files[1]).engine_model.epoch == 2


def test_a_checkpoint_that_cannot_be_written_does_not_end_training(prostate, tmp_path):
    folder = tmp_path / "soon gone"
    gan = H2OGANEstimator(epochs=100, discriminator_epochs=1, seed=1, export_checkpoints_dir=folder)
    gan.start(x=["AGE", "PSA"], training_frame=prostate)
    while not list(folder.iterdir()):
        time.sleep(0.05)
    while folder.exists():  # Files come and go meanwhile.
        shutil.rmtree(folder, ignore_errors=True)
    with pytest.warns(RuntimeWarning, match=r"checkpoint .* was not written"):
        gan.join()
    assert gan.get_summary()["stopped_by"] == ["epochs"]


def test_unwritable_export_dir_and_unknown_checkpoint_are_refused(prostate, tmp_path):
    (tmp_path / "file").write_text("")
    gan = H2OGANEstimator(export_checkpoints_dir=tmp_path / "file")
    with pytest.raises(H2OValueError, match="export_checkpoints_dir .* can't be written"):
        gan.train(training_frame=prostate)
    with pytest.raises(H2OValueError, match="checkpoint='nothing' is neither"):
        H2OGANEstimator(checkpoint="nothing").train(training_frame=prostate)
