package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import water.AutoBuffer;
import water.api.API;
import water.api.schemas3.ModelMetricsBaseV3;

/** The metrics as REST and Flow see them. */
public final class ModelMetricsGANV3 extends ModelMetricsBaseV3<ModelMetricsGAN, ModelMetricsGANV3> {
  private static final List<String> OF_PREDICTIONS = Arrays.asList("MSE", "RMSE");
  /** What Flow prints raw, and no client reads. */
  private static final List<String> RAW = Arrays.asList("model_checksum", "frame_checksum", "scoring_time");
  private static final List<String> OPTIONAL = Arrays.asList("description", "predictions", "custom_metric_name");
  private static final List<String> OWN =
      Arrays.asList("detection_auc", "held_out_loss", "sliced_wasserstein");

  @API(
      help = "AUC of a classifier of real against generated rows; 0.5 is ideal.",
      direction = API.Direction.OUTPUT)
  public double detection_auc;

  @API(help = "Mean negative log likelihood of held-out rows.", direction = API.Direction.OUTPUT)
  public double held_out_loss;

  @API(help = "Sliced Wasserstein distance of samples from the data.", direction = API.Direction.OUTPUT)
  public double sliced_wasserstein;

  /**
   * Leaves out what says nothing, and metrics that were not measured. H2O's fields MSE and RMSE, which a GAN does not
   * have, are null: H2O's Python client cannot show a model without them.
   */
  @Override
  public AutoBuffer writeJSON(AutoBuffer ab) {
    return SchemaJson.write(ab, super.writeJSON(new AutoBuffer()), ModelMetricsGANV3::clean);
  }

  private static void clean(JsonObject json) {
    for (String name : OF_PREDICTIONS) {
      json.add(name, JsonNull.INSTANCE);
    }
    SchemaJson.remove(json, RAW);
    SchemaJson.removeNulls(json, OPTIONAL);
    if (!json.has("custom_metric_name")) {
      json.remove("custom_metric_value");
    }
    for (String name : OWN) {
      JsonElement value = json.get(name);
      if (value != null && value.getAsString().equals("NaN")) {
        json.remove(name);
      }
    }
  }
}
