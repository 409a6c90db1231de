package hex.gan;

import water.AutoBuffer;
import water.api.API;
import water.api.schemas3.ModelMetricsBaseV3;

/** The metrics as REST and Flow see them. */
public final class ModelMetricsGANV3 extends ModelMetricsBaseV3<ModelMetricsGAN, ModelMetricsGANV3> {
  @API(
      help = "AUC of a classifier of real against generated rows: 0.5 where it cannot tell them apart.",
      direction = API.Direction.OUTPUT)
  public double detection_auc;

  @API(help = "Negative log likelihood of a row that was not learned.", direction = API.Direction.OUTPUT)
  public double held_out_loss;

  @API(help = "Sliced Wasserstein distance of samples from the data.", direction = API.Direction.OUTPUT)
  public double sliced_wasserstein;

  /** Leaves out what was not measured. The base class's fields, MSE and RMSE too, H2O writes before these. */
  public final AutoBuffer writeJSON_impl(AutoBuffer ab) {
    int written = measured(ab, 0, "detection_auc", detection_auc);
    written = measured(ab, written, "held_out_loss", held_out_loss);
    measured(ab, written, "sliced_wasserstein", sliced_wasserstein);
    return ab;
  }

  private static int measured(AutoBuffer ab, int before, String name, double value) {
    if (Double.isNaN(value)) {
      return before;
    }
    if (before > 0) {
      ab.put1(',');
    }
    ab.putJSON8d(name, value);
    return before + 1;
  }
}
