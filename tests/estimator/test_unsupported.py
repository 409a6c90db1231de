"""What a GAN does not support, and what users mistype."""

import inspect

import h2o
import pytest
from h2o.estimators.estimator_base import H2OEstimator

from h2o_gan import H2OGANEstimator

pytestmark = pytest.mark.usefixtures("cluster")


def test_what_cannot_apply_is_refused_in_words(trained):
    refused = []
    for name in dir(H2OEstimator):
        if name.startswith("_") or not callable(inspect.getattr_static(H2OEstimator, name)):
            continue
        if (
            getattr(H2OGANEstimator, name).__doc__
            == "Does not apply to a GAN: raises NotImplementedError."
        ):
            refused.append(name)
            with pytest.raises(NotImplementedError, match=f"^{name} does not apply to a GAN"):
                getattr(trained, name)()
    for name in ("download_pojo", "download_mojo", "save_mojo", "varimp", "varimp_plot", "auc",
                 "train_segments", "explain", "partial_plot"):  # fmt: skip
        assert name in refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda gan, frame: gan.generate(5, conditions=["RACE"]), TypeError,
         "conditions must be a dict .* not list"),
        (lambda gan, frame: gan.predict(frame.as_data_frame()), TypeError,
         r"test_data must be an H2OFrame .* not DataFrame: h2o.H2OFrame\(data\)"),
        (lambda gan, frame: gan.impute(None), ValueError, r"frame is missing: impute\(frame=frame"),
        (lambda gan, frame: gan.copies(None), ValueError, r"frame is missing: copies\(frame=frame"),
        (lambda gan, frame: h2o.explain(gan, frame), NotImplementedError, "do not apply to a GAN"),
        (lambda gan, frame: gan.generate("5"), TypeError, "n must be a whole number, not '5'"),
        (lambda gan, frame: gan.generate(True), TypeError, "n must be a whole number"),
        (lambda gan, frame: gan.train(training_frame=frame, epoch=3), TypeError,
         r"'epoch' is not a parameter of train\(\). Did you mean H2OGANEstimator\(epochs="),
        (lambda gan, frame: gan.train(training_frame=frame, epochs=3), TypeError,
         r"train\(\) does not take epochs: give it to H2OGANEstimator\(epochs="),
        (lambda gan, frame: gan.train(training_fram=frame), TypeError,
         "Did you mean training_frame"),
        (lambda gan, frame: gan.train(training_frame=frame, nfolds=5), TypeError,
         "nfolds: a GAN is not cross-validated"),
        (lambda gan, frame: gan.set_params(epoch=3), TypeError, "Did you mean epochs"),
        (lambda gan, frame: H2OGANEstimator(nfolds=5), TypeError, "nfolds: a GAN is not cross"),
        (lambda gan, frame: H2OGANEstimator(lose_function="mse"), TypeError,
         "Did you mean loss_function"),
    ],
)  # fmt: skip
def test_mistakes_are_named_and_answered(prostate, trained, call, error, message):
    before = set(h2o.ls()["key"])
    with pytest.raises(error, match=message):
        call(trained, prostate)
    assert set(h2o.ls()["key"]) == before
