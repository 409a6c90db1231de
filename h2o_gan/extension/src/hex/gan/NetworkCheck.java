package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** What parameters say together of networks and images, as H2OGANEstimator checks it. */
final class NetworkCheck {
  private static final List<String> ACTIVATIONS = Arrays.asList(
      "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus");
  private static final List<String> COLUMN_TYPES =
      Arrays.asList("numeric", "categorical", "identifier", "ignore");
  private static final List<String> SIZES = Arrays.asList("input_dim", "hidden_dim", "output_dim");
  private static final int MOST_LAYERS = 100;
  private static final int LEAST_SIDE = 8;
  private static final int MOST_SIDE = 128;

  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error told the parameter and what is wrong with it
   */
  NetworkCheck(GANModel.GANParameters parameters, BiConsumer<String, String> error) {
    this.parameters = parameters;
    this.error = error;
  }

  void columnTypes(JsonObject types) {
    for (Map.Entry<String, JsonElement> type : types.entrySet()) {
      String wanted = text(type.getValue());
      if (!COLUMN_TYPES.contains(wanted)) {
        error.accept(
            "column_types", type.getKey() + ": " + type.getValue() + " is not known; use one of "
                + String.join(", ", COLUMN_TYPES) + ".");
      }
    }
  }

  void architecture(String which, JsonObject architecture) {
    for (Map.Entry<String, JsonElement> entry : architecture.entrySet()) {
      String key = entry.getKey();
      JsonElement value = entry.getValue();
      if (key.equals("activation")) {
        if (!ACTIVATIONS.contains(text(value))) {
          error.accept(
              which, "activation " + value + " is not known; use one of " + String.join(", ", ACTIVATIONS) + ".");
        }
      } else if (!SIZES.contains(key)) {
        error.accept(which, "has an unknown key " + key + "; use " + String.join(", ", SIZES) + ", activation.");
      } else {
        sizes(which, key, value);
      }
    }
    JsonElement scores = architecture.get("output_dim");
    if (which.equals("discriminator_architecture") && scores != null && !isSize(scores, 1)) {
      error.accept(which, "output_dim must be 1: the discriminator gives one score a row.");
    }
  }

  private void sizes(String which, String key, JsonElement value) {
    JsonArray all = new JsonArray();
    if (key.equals("hidden_dim") && value.isJsonArray()) {
      all = value.getAsJsonArray();
    } else {
      all.add(value);
    }
    boolean fit = all.size() <= MOST_LAYERS;
    for (JsonElement size : all) {
      fit &= isSize(size, 1_000_000);
    }
    if (!fit) {
      error.accept(
          which, key + " must be a whole number from 1 to 1,000,000"
              + (key.equals("hidden_dim") ? " or a list of at most 100 of them" : "") + ", not " + value + ".");
    }
  }

  private static boolean isSize(JsonElement value, double most) {
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isNumber()) {
      return false;
    }
    double number = value.getAsDouble();
    return number == Math.rint(number) && number >= 1 && number <= most;
  }

  private static String text(JsonElement value) {
    return value.isJsonPrimitive() ? value.getAsString() : value.toString();
  }

  /** Whether the choice of networks fits what else is given. */
  void choice(boolean generator, boolean discriminator) {
    String architecture = parameters._architecture.name();
    boolean columns = parameters._architecture == GANModel.Architecture.columns;
    if (columns || parameters._architecture == GANModel.Architecture.convolutional) {
      only(generator, "generator_architecture", "mlp", architecture);
      only(discriminator, "discriminator_architecture", "mlp", architecture);
      only(parameters._loss_function != GANModel.LossFunction.relativistic, "loss_function", "mlp", architecture);
    }
    if (columns) {
      only(parameters._latent_size > 0, "latent_size", "mlp", architecture);
      only(hasShape(), "image_shape", "convolutional", architecture);
      only(given(parameters._image_column), "image_column", "convolutional", architecture);
    }
  }

  private void only(boolean given, String name, String fit, String architecture) {
    if (given) {
      error.accept(
          name, "is for architecture " + fit + ", not " + architecture + ": leave one of them out.");
    }
  }

  void images() {
    if (given(parameters._image_root) && !given(parameters._image_column)) {
      error.accept("image_root", "is given without image_column: name the column of paths, or leave it out.");
    }
    if (given(parameters._image_column) && !hasShape()) {
      error.accept(
          "image_shape", "is missing: the size that the files of image_column are brought to, for example [64, 64, 3].");
    }
    if (hasShape() && !isShape(parameters._image_shape)) {
      error.accept(
          "image_shape", "must be height and width, or height, width and 3, sides from " + LEAST_SIDE + " to "
              + MOST_SIDE + " pixels, for example [28, 28].");
    }
  }

  private static boolean isShape(int[] shape) {
    boolean fit = shape.length == 2 || shape.length == 3 && (shape[2] == 1 || shape[2] == 3);
    for (int i = 0; i < Math.min(2, shape.length); i++) {
      fit &= shape[i] >= LEAST_SIDE && shape[i] <= MOST_SIDE;
    }
    return fit;
  }

  private boolean hasShape() {
    return parameters._image_shape != null && parameters._image_shape.length > 0;
  }

  private static boolean given(String text) {
    return text != null && !text.isEmpty();
  }
}
