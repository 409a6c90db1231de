"""Models as files."""

import h2o
import pytest
from h2o.estimators import H2OGradientBoostingEstimator
from h2o.exceptions import H2OValueError

import h2o_gan
from h2o_gan import engine

pytestmark = pytest.mark.usefixtures("cluster")


def test_save_and_load(trained, tmp_path):
    path = trained.save(tmp_path)
    assert path == str(tmp_path / "prostate_gan.zip")
    with pytest.raises(H2OValueError, match="exists.*force=True"):
        trained.save(path)
    assert trained.save(path, force=True) == path
    again = h2o_gan.load_model(path)
    assert again.model_id == "prostate_gan" and again.actual_params["epochs"] == 60
    assert again.scoring_history().equals(trained.scoring_history())
    rows = again.engine_model.sample(50, seed=3).read_all()
    assert rows.equals(trained.engine_model.sample(50, seed=3).read_all())
    frames = [gan.generate(50, seed=2) for gan in (again, trained)]
    assert frames[0].as_data_frame().equals(frames[1].as_data_frame())
    for frame in frames:
        h2o.remove(frame)


def test_an_unwritable_path_is_named(trained, tmp_path):
    with pytest.raises(H2OValueError, match=r"can't be written to .*missing"):
        trained.save(tmp_path / "missing" / "model.zip")


def test_a_damaged_file_is_refused(trained, tmp_path):
    path = tmp_path / "model.zip"
    trained.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(engine.ModelFileError, match=r"model\.zip"):
        h2o_gan.load_model(path)


def test_model_files_of_h2o_and_ours_are_told_apart(prostate, trained, tmp_path):
    theirs = h2o.save_model(trained if trained._in_cluster else _gbm(prostate), str(tmp_path))
    with pytest.raises(engine.ModelFileError, match=r"h2o.save_model .*h2o.load_model\("):
        h2o_gan.load_model(theirs)
    ours = trained.save(tmp_path / "ours.zip")
    for load in (h2o.load_model, h2o.upload_model):
        with pytest.raises(H2OValueError, match=r"h2o_gan.load_model\(.*ours.zip"):
            load(ours)


def _gbm(frame):
    model = H2OGradientBoostingEstimator(ntrees=1)
    model.train(y="CAPSULE", training_frame=frame)
    return model
