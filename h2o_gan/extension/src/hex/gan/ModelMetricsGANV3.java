package hex.gan;

import water.api.API;
import water.api.schemas3.ModelMetricsBaseV3;

/** The metrics as REST and Flow see them. */
public final class ModelMetricsGANV3 extends ModelMetricsBaseV3<ModelMetricsGAN, ModelMetricsGANV3> {
  @API(help = "Negative log likelihood of a row that was not learned.", direction = API.Direction.OUTPUT)
  public double held_out_loss;

  @API(help = "Sliced Wasserstein distance of samples from the data.", direction = API.Direction.OUTPUT)
  public double sliced_wasserstein;
}
