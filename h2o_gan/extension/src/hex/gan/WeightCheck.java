package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** The rule of check_weights in parameters.py: networks too large to train are refused before a worker has them. */
final class WeightCheck {
  private static final long MOST_WEIGHTS = 70_000_000;
  private static final int LATENT = 128;
  private static final int IMAGE_LATENT = 64;
  private static final int IMAGE_START = 8192;
  private static final int HIDDEN = 256;

  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error told the parameter and what is wrong with it
   */
  WeightCheck(GANModel.GANParameters parameters, BiConsumer<String, String> error) {
    this.parameters = parameters;
    this.error = error;
  }

  /**
   * @param generator the generator's architecture; null where none is given
   * @param discriminator likewise
   */
  void run(JsonObject generator, JsonObject discriminator) {
    boolean other = parameters._loss_function != GANModel.LossFunction.relativistic;
    boolean auto = parameters._architecture == GANModel.Architecture.auto;
    boolean given = generator != null || discriminator != null || other;
    if (parameters._architecture == GANModel.Architecture.convolutional || auto && hasImages() && !given) {
      long latent = parameters._latent_size > 0 ? parameters._latent_size : IMAGE_LATENT;
      refuse("latent_size", (latent + 1) * IMAGE_START);
    } else if (parameters._architecture == GANModel.Architecture.mlp
        || auto && (given || parameters._latent_size > 0)) {
      double latent = parameters._latent_size > 0 ? parameters._latent_size : size(generator, "input_dim", LATENT);
      boolean blameLatent = parameters._latent_size > 0 && (generator == null || !generator.has("hidden_dim"));
      refuse(
          blameLatent ? "latent_size" : "generator_architecture",
          weights(latent, generator, size(generator, "output_dim", 1)));
      refuse("discriminator_architecture", weights(size(discriminator, "input_dim", 1), discriminator, 1));
    }
  }

  private boolean hasImages() {
    boolean shape = parameters._image_shape != null && parameters._image_shape.length > 0;
    return shape || parameters._image_column != null && !parameters._image_column.isEmpty();
  }

  private static double weights(double inputs, JsonObject architecture, double outputs) {
    List<Double> layers = new ArrayList<>();
    layers.add(inputs);
    JsonElement hidden = architecture == null ? null : architecture.get("hidden_dim");
    if (hidden == null) {
      layers.add((double) HIDDEN);
      layers.add((double) HIDDEN);
    } else if (hidden.isJsonArray()) {
      hidden.getAsJsonArray().forEach(size -> layers.add(size(size, 1)));
    } else {
      layers.add(size(hidden, 1));
    }
    layers.add(outputs);
    double weights = 0;
    for (int i = 1; i < layers.size(); i++) {
      weights += (layers.get(i - 1) + 1) * layers.get(i);
    }
    return weights;
  }

  private static double size(JsonObject architecture, String key, double otherwise) {
    return architecture == null || !architecture.has(key) ? otherwise : size(architecture.get(key), otherwise);
  }

  /** Sizes that are none were refused before. */
  private static double size(JsonElement size, double otherwise) {
    return size.isJsonPrimitive() && size.getAsJsonPrimitive().isNumber() ? size.getAsDouble() : otherwise;
  }

  private void refuse(String name, double weights) {
    if (weights > MOST_WEIGHTS) {
      error.accept(
          name, "makes a network of " + Requests.plain(weights) + " weights; " + MOST_WEIGHTS + " are the most.");
    }
  }
}
