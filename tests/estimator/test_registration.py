"""The GAN under the names where H2O's users look for it, and in grids."""

import subprocess
import sys
import threading

import h2o
import pytest

from h2o_gan import H2OGANEstimator, extension

pytestmark = pytest.mark.usefixtures("cluster")


def test_it_is_known_to_h2o():
    import h2o.estimators.gans
    from h2o.estimators.gans import GANEstimator

    assert GANEstimator is h2o.GANEstimator is h2o.estimators.gans.GANEstimator
    assert isinstance(h2o.estimators.create_estimator("gan", epochs=3), H2OGANEstimator)


def test_importing_is_light():
    program = "import sys, h2o_gan; print('torch' in sys.modules, 'pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stdout + done.stderr


@pytest.mark.skipif(extension.jar() is None, reason="grids need the cluster extension")
def test_a_grid_takes_dicts_and_ranks_all_families_by_one_measure(prostate):
    from h2o.grid import H2OGridSearch

    from h2o_gan.cluster.jobs.worker import Worker

    url, stop = h2o.connection().base_url, threading.Event()
    worker = threading.Thread(
        target=Worker(lambda: h2o.connection(), "cpu", stop=stop).serve, daemon=True
    )
    worker.start()
    try:
        grid = H2OGridSearch(
            H2OGANEstimator(
                seed=1, epochs=2, discriminator_epochs=1, column_types={"VOL": "numeric"}
            ),
            {
                "generator_architecture": [
                    {"hidden_dim": 8},
                    {"hidden_dim": 16, "activation": "elu"},
                ]
            },
        )
        grid.train(x=["AGE", "PSA", "VOL"], training_frame=prostate)
        sizes = {
            h2o.get_model(key).actual_params["generator_architecture"]["hidden_dim"]
            for key in grid.model_ids
        }
        assert sizes == {8, 16} and len(grid.model_ids) == 2
        short = H2OGANEstimator(seed=1, epochs=20, discriminator_epochs=1)
        families = H2OGridSearch(short, {"architecture": ["mlp", "columns"]})
        families.train(x=["AGE", "PSA", "RACE"], training_frame=prostate)
        aucs = {
            key: h2o.get_model(key).scoring_history()["detection_auc"].iloc[-1]
            for key in families.model_ids
        }
        # The best is told apart no better than by chance, by which a held-out half may fall below.
        assert families.model_ids == sorted(aucs, key=lambda key: abs(aucs[key] - 0.5))
        by_auc = families.get_grid(sort_by="detection_auc", decreasing=False).model_ids
        assert by_auc == sorted(aucs, key=lambda key: aucs[key])
        first = by_auc[0]
        model = h2o.api(f"GET /3/Models/{first}")["models"][0]
        metrics = model["output"]["training_metrics"]
        assert metrics["detection_auc"] == pytest.approx(aucs[first])
        assert len({"held_out_loss", "sliced_wasserstein"} & metrics._metric_json.keys()) == 1
        assert metrics.mse() is None and metrics.rmse() is None
        assert "detection_auc" in str(h2o.get_model(first))
    finally:
        stop.set()
        worker.join(30)
    assert h2o.connection().base_url == url
