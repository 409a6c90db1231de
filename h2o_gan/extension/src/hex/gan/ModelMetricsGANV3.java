package hex.gan;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import water.AutoBuffer;
import water.api.API;
import water.api.schemas3.ModelMetricsBaseV3;

/** The metrics as REST and Flow see them. */
public final class ModelMetricsGANV3 extends ModelMetricsBaseV3<ModelMetricsGAN, ModelMetricsGANV3> {
  private static final List<String> OF_PREDICTIONS = Arrays.asList("MSE", "RMSE");
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
   * Leaves out metrics that were not measured. H2O's fields MSE and RMSE, which a GAN does not have, are
   * null: H2O's Python client cannot show a model without them.
   */
  @Override
  public AutoBuffer writeJSON(AutoBuffer ab) {
    String all = new String(super.writeJSON(new AutoBuffer()).buf(), StandardCharsets.UTF_8);
    JsonObject json = new Gson().fromJson(all, JsonObject.class);
    for (String name : OF_PREDICTIONS) {
      json.add(name, JsonNull.INSTANCE);
    }
    for (String name : OWN) {
      JsonElement value = json.get(name);
      if (value != null && value.getAsString().equals("NaN")) {
        json.remove(name);
      }
    }
    byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
    return ab.putA1(bytes, 0, bytes.length);
  }
}
