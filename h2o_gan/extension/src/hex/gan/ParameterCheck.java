package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/**
 * The checks of the Python class that need no data, in its words, so that Flow can show errors beside the fields.
 *
 * <p>{@link DeclaredParameters#check} calls the checks of single values.
 */
final class ParameterCheck {
  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error takes the name of a field and what is wrong with its value
   */
  ParameterCheck(GANModel.GANParameters parameters, BiConsumer<String, String> error) {
    this.parameters = parameters;
    this.error = error;
  }

  /**
   * @param modelId the name that the model gets; null for a new name
   */
  void run(String modelId) {
    parameters.check(this, modelId);
    if (parameters._nfolds != 0) {
      refuse("nfolds", "cross-validation has no meaning for a GAN: leave it at 0.");
    }
    NetworkCheck networks = new NetworkCheck(parameters, (name, what) -> refuse(name, name + " " + what));
    JsonObject types = object("column_types", parameters._column_types, "{\"zip\": \"categorical\"}");
    if (types != null) {
      networks.columnTypes(types);
    }
    if (parameters._contamination < 0 && parameters._contamination != -1) {
      refuse("contamination", "contamination must be -1 or from 0 to 0.5, not " + Requests.plain(parameters._contamination) + ".");
    }
    JsonObject generator = network("generator_architecture", parameters._generator_architecture, networks);
    JsonObject discriminator = network("discriminator_architecture", parameters._discriminator_architecture, networks);
    networks.choice(generator, discriminator);
    networks.images();
    networks.tables(generator, discriminator);
    new WeightCheck(parameters, (name, what) -> refuse(name, name + " " + what)).run(generator, discriminator);
  }

  void atLeast(String name, double value, double least) {
    if (!(value >= least)) {
      refuse(name, name + " must be at least " + Requests.plain(least) + ", not " + Requests.plain(value) + ".");
    }
  }

  void above(String name, double value, double bound) {
    if (!(value > bound)) {
      refuse(name, name + " must be greater than " + Requests.plain(bound) + ", not " + Requests.plain(value) + ".");
    }
  }

  void atMost(String name, double value, double most) {
    if (value > most) {
      refuse(name, name + " must be at most " + Requests.plain(most) + ", not " + Requests.plain(value) + ".");
    }
  }

  void finite(String name, double value) {
    if (value == Double.POSITIVE_INFINITY) {
      refuse(name, name + " must be finite, not " + value + ".");
    }
  }

  /**
   * @param words what to say of a text that does not match
   */
  void matches(String name, String value, String regex, String words) {
    if (value != null && !value.isEmpty() && !Pattern.matches(regex, value)) {
      refuse(name, name + "='" + value + "' " + words + ".");
    }
  }

  private void refuse(String name, String message) {
    error.accept("_" + name, message);
  }

  private JsonObject network(String name, String text, NetworkCheck networks) {
    JsonObject architecture = object(name, text, "{\"hidden_dim\": 128}");
    if (architecture != null) {
      networks.architecture(name, architecture);
    }
    return architecture;
  }

  /** A text of JSON as an object; null where there is none. */
  private JsonObject object(String name, String text, String example) {
    if (text == null || text.isEmpty()) {
      return null;
    }
    boolean shallow = text.length() <= Requests.JSON_BYTES && Requests.wrong(text.getBytes(StandardCharsets.UTF_8), 2) == null;
    JsonElement parsed = shallow ? Requests.parse(text) : null;
    if (parsed != null && parsed.isJsonObject()) {
      return parsed.getAsJsonObject();
    }
    refuse(name, name + " must be a JSON object, for example " + example + ".");
    return null;
  }
}
