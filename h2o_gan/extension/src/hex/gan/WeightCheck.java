package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/** The rule of check_weights in h2o_gan/parameters: refuses networks that are too large to train. */
final class WeightCheck {
  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error takes the name of a parameter and what is wrong with it
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
    boolean other = parameters._loss_function != Limits.RATIO_LOSS;
    boolean auto = parameters._architecture == DeclaredParameters.Architecture.auto;
    boolean given = generator != null || discriminator != null || other;
    if (parameters._architecture == DeclaredParameters.Architecture.convolutional || auto && hasImages() && !given) {
      long latent = parameters._latent_size > 0 ? parameters._latent_size : Limits.CONVOLUTIONAL_LATENT_SIZE;
      refuse("latent_size", (latent + 1) * Limits.IMAGE_START);
    } else if (parameters._architecture == DeclaredParameters.Architecture.mlp
        || auto && (given || parameters._latent_size > 0)) {
      double latent = parameters._latent_size > 0 ? parameters._latent_size : size(generator, "input_dim", Limits.MLP_LATENT_SIZE);
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
      Limits.DEFAULT_HIDDEN.forEach(units -> layers.add((double) units));
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

  /** A size that is not a number was refused before. */
  private static double size(JsonElement size, double otherwise) {
    return size.isJsonPrimitive() && size.getAsJsonPrimitive().isNumber() ? size.getAsDouble() : otherwise;
  }

  private static String grouped(double number) {
    return String.format(Locale.ROOT, "%,.0f", number);
  }

  private void refuse(String name, double weights) {
    if (weights > Limits.MOST_WEIGHTS) {
      error.accept(
          name, "makes a network of " + grouped(weights) + " weights; " + grouped(Limits.MOST_WEIGHTS) + " are the most.");
    }
  }
}
