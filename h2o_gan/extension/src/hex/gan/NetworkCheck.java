package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/** The rules over networks and images that h2o_gan/parameters has in Python, over several parameters or inside one. */
final class NetworkCheck {
  private static final Pattern SEPARATORS = Pattern.compile("[;\\s]*");

  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error takes the name of a parameter and what is wrong with it
   */
  NetworkCheck(GANModel.GANParameters parameters, BiConsumer<String, String> error) {
    this.parameters = parameters;
    this.error = error;
  }

  void columnTypes(JsonObject types) {
    for (Map.Entry<String, JsonElement> type : types.entrySet()) {
      String wanted = text(type.getValue());
      if (!Limits.COLUMN_TYPES.contains(wanted)) {
        error.accept(
            "column_types", type.getKey() + ": " + type.getValue() + " is not known; use one of "
                + String.join(", ", Limits.COLUMN_TYPES) + ".");
      }
    }
  }

  void architecture(String which, JsonObject architecture) {
    for (Map.Entry<String, JsonElement> entry : architecture.entrySet()) {
      String key = entry.getKey();
      JsonElement value = entry.getValue();
      if (key.equals("activation")) {
        if (!Limits.ACTIVATIONS.contains(text(value))) {
          error.accept(
              which, "activation " + value + " is not known; use one of " + String.join(", ", Limits.ACTIVATIONS) + ".");
        }
      } else if (!Limits.NETWORK_SIZES.contains(key)) {
        error.accept(which, "has an unknown key " + key + "; use " + String.join(", ", Limits.NETWORK_KEYS) + ".");
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
    boolean fit = all.size() <= Limits.MOST_LAYERS;
    for (JsonElement size : all) {
      fit &= isSize(size, Limits.MOST_UNITS);
    }
    if (!fit) {
      error.accept(
          which, key + " must be a whole number from 1 to " + String.format(Locale.ROOT, "%,d", Limits.MOST_UNITS)
              + (key.equals("hidden_dim") ? " or a list of at most " + Limits.MOST_LAYERS + " of them" : "") + ", not "
              + value + ".");
    }
  }

  private static boolean isSize(JsonElement value, double most) {
    return isSize(value, 1, most);
  }

  private static boolean isSize(JsonElement value, double least, double most) {
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isNumber()) {
      return false;
    }
    double number = value.getAsDouble();
    return number == Math.rint(number) && number >= least && number <= most;
  }

  private static String text(JsonElement value) {
    return value.isJsonPrimitive() ? value.getAsString() : value.toString();
  }

  /**
   * Checks that the architecture fits what else is given.
   *
   * @param generator the generator's dict, null where none is given
   * @param discriminator likewise
   */
  void choice(JsonObject generator, JsonObject discriminator) {
    String architecture = parameters._architecture.name();
    boolean columns = parameters._architecture == DeclaredParameters.Architecture.columns;
    if (columns || parameters._architecture == DeclaredParameters.Architecture.convolutional) {
      only(generator != null, "generator_architecture", "mlp", architecture);
      only(discriminator != null, "discriminator_architecture", "mlp", architecture);
      only(parameters._loss_function != Limits.RATIO_LOSS, "loss_function", "mlp", architecture);
    }
    if (columns) {
      only(parameters._latent_size > 0, "latent_size", "mlp", architecture);
      only(hasShape(), "image_shape", "convolutional", architecture);
      only(given(parameters._image_column), "image_column", "convolutional", architecture);
    }
    JsonElement latent = generator == null ? null : generator.get("input_dim");
    if (parameters._latent_size > 0 && latent != null && !isSize(latent, parameters._latent_size, parameters._latent_size)) {
      error.accept(
          "latent_size", "is " + parameters._latent_size + " and input_dim of generator_architecture is " + latent
              + ", but they are the same thing: give one of them, or the same number twice.");
    }
  }

  private void only(boolean given, String name, String fit, String architecture) {
    if (given) {
      error.accept(
          name, "is for architecture " + fit + ", not " + architecture + ": leave one of them out.");
    }
  }

  /**
   * Checks that what only tables generated column by column can do is asked of no other networks.
   *
   * @param generator the generator's dict, null where none is given
   * @param discriminator likewise
   */
  void tables(JsonObject generator, JsonObject discriminator) {
    if (canBeColumns(generator, discriminator)) {
      return;
    }
    if (parameters._constraints != null && !SEPARATORS.matcher(parameters._constraints).matches()) {
      error.accept(
          "constraints", "are for tables of architecture columns: leave them out, or the parameters that select another "
              + "architecture.");
    }
    if (parameters._missing_values_handling == DeclaredParameters.MissingValuesHandling.unknown) {
      error.accept(
          "missing_values_handling", "unknown needs architecture columns, which is for tables: leave it out, or the "
              + "parameters of other networks and of images.");
    }
  }

  private boolean canBeColumns(JsonObject generator, JsonObject discriminator) {
    boolean auto = parameters._architecture == DeclaredParameters.Architecture.auto;
    boolean mlp = given(generator) || given(discriminator) || parameters._loss_function != Limits.RATIO_LOSS
        || parameters._latent_size > 0;
    boolean images = hasShape() || given(parameters._image_column);
    return parameters._architecture == DeclaredParameters.Architecture.columns || auto && !mlp && !images;
  }

  private static boolean given(JsonObject architecture) {
    return architecture != null && !architecture.entrySet().isEmpty();
  }

  void images() {
    if (given(parameters._image_root) && !given(parameters._image_column)) {
      error.accept("image_root", "is given without image_column: name the column of paths, or leave it out.");
    }
    if (given(parameters._image_column) && !hasShape()) {
      error.accept(
          "image_shape", "is missing: the size that the files of image_column are scaled to, for example [64, 64, 3].");
    }
    if (hasShape() && !isShape(parameters._image_shape)) {
      error.accept(
          "image_shape", "must be height and width, or height, width and 3, sides from " + Limits.LEAST_SIDE + " to "
              + Limits.MOST_SIDE + " pixels, for example [28, 28].");
    }
  }

  private static boolean isShape(int[] shape) {
    boolean fit = shape.length == 2 || shape.length == 3 && (shape[2] == 1 || shape[2] == 3);
    for (int i = 0; i < Math.min(2, shape.length); i++) {
      fit &= shape[i] >= Limits.LEAST_SIDE && shape[i] <= Limits.MOST_SIDE;
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
