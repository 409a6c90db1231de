package hex.gan;

import hex.ModelMetricsUnsupervised;
import water.fvec.Frame;

/**
 * The quality of samples as the worker measured it. Lower is better; grids sort by it.
 *
 * <p>H2O finds metrics by the names of the methods.
 */
public final class ModelMetricsGAN extends ModelMetricsUnsupervised {
  public final double _detection_auc;
  public final double _held_out_loss;
  public final double _sliced_wasserstein;

  ModelMetricsGAN(
      GANModel model, Frame frame, double detectionAuc, double heldOutLoss, double slicedWasserstein) {
    super(model, frame, frame == null ? 0 : frame.numRows(), Double.NaN, null);
    _detection_auc = detectionAuc;
    _held_out_loss = heldOutLoss;
    _sliced_wasserstein = slicedWasserstein;
  }

  /** AUC of a classifier of real against generated rows; 0.5 is ideal. */
  public double detection_auc() {
    return _detection_auc;
  }

  /** Mean negative log likelihood of held-out rows; NaN for networks without a likelihood. */
  public double held_out_loss() {
    return _held_out_loss;
  }

  /** Sliced Wasserstein distance of samples from the data; NaN for networks with a likelihood. */
  public double sliced_wasserstein() {
    return _sliced_wasserstein;
  }

  /**
   * The metric that grids sort by: 0.5 plus the distance of the AUC from 0.5, thus 0.5 to 1. Unlike a
   * likelihood or a distance, it compares models of all architectures.
   */
  public double residual_deviance() {
    return 0.5 + Math.abs(_detection_auc - 0.5);
  }
}
