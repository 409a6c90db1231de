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

  /** Writes what a GAN has: the base class's squared errors would be NaN, and so would what was not measured. */
  public AutoBuffer writeJSON_impl(AutoBuffer ab) {
    ab.putJSON("__meta", __meta);
    ab.put1(',').putJSON("model", model);
    ab.put1(',').putJSON8("model_checksum", model_checksum);
    ab.put1(',').putJSON("frame", frame);
    ab.put1(',').putJSON8("frame_checksum", frame_checksum);
    ab.put1(',').putJSONStr("description", description);
    ab.put1(',').putJSONStr("model_category", model_category == null ? null : model_category.name());
    ab.put1(',').putJSON8("scoring_time", scoring_time);
    ab.put1(',').putJSON8("nobs", nobs);
    measured(ab, "detection_auc", detection_auc);
    measured(ab, "held_out_loss", held_out_loss);
    measured(ab, "sliced_wasserstein", sliced_wasserstein);
    return ab;
  }

  private static void measured(AutoBuffer ab, String name, double value) {
    if (!Double.isNaN(value)) {
      ab.put1(',').putJSON8d(name, value);
    }
  }
}
