package hex.gan;

import hex.ModelMetricsUnsupervised;
import water.fvec.Frame;

/**
 * How good samples are, as the worker has measured it. Models are ranked by it: lower is better.
 *
 * <p>H2O finds metrics by the names of the methods.
 */
public final class ModelMetricsGAN extends ModelMetricsUnsupervised {
  public final double _held_out_loss;
  public final double _sliced_wasserstein;

  ModelMetricsGAN(GANModel model, Frame frame, double heldOutLoss, double slicedWasserstein) {
    super(model, frame, frame == null ? 0 : frame.numRows(), Double.NaN, null);
    _held_out_loss = heldOutLoss;
    _sliced_wasserstein = slicedWasserstein;
  }

  /** Negative log likelihood of a row that was not learned; NaN for networks without a likelihood. */
  public double held_out_loss() {
    return _held_out_loss;
  }

  /** Distance of samples from the data; NaN for networks that are judged by their likelihood. */
  public double sliced_wasserstein() {
    return _sliced_wasserstein;
  }

  /** What H2O ranks by unless it is told otherwise: the deviance of held-out rows, or that distance. */
  public double residual_deviance() {
    return Double.isNaN(_held_out_loss) ? _sliced_wasserstein : 2 * _held_out_loss;
  }
}
