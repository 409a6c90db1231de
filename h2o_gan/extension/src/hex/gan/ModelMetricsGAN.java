package hex.gan;

import hex.ModelMetricsUnsupervised;
import water.fvec.Frame;

/**
 * How good samples are, as the worker has measured it. Models are ranked by it: lower is better.
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

  /** AUC of a classifier of real against generated rows: 0.5 where it cannot tell them apart. */
  public double detection_auc() {
    return _detection_auc;
  }

  /** Negative log likelihood of a row that was not learned; NaN for networks without a likelihood. */
  public double held_out_loss() {
    return _held_out_loss;
  }

  /** Distance of samples from the data; NaN for networks that are judged by their likelihood. */
  public double sliced_wasserstein() {
    return _sliced_wasserstein;
  }

  /**
   * What H2O ranks by unless it is told otherwise: how far the classifier is from knowing nothing, from
   * 0.5 to 1. It compares models of all families, as neither a likelihood nor a distance does.
   */
  public double residual_deviance() {
    return 0.5 + Math.abs(_detection_auc - 0.5);
  }
}
