package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/** The checks of H2OGANEstimator that need no data, so that Flow can show them at the field. */
final class ParameterCheck {
  private static final Pattern DEVICE = Pattern.compile("|auto|cpu|mps|cuda(:[0-9]{1,3})?");

  private final GANModel.GANParameters parameters;
  private final BiConsumer<String, String> error;

  /**
   * @param error told the field and what is wrong with it
   */
  ParameterCheck(GANModel.GANParameters parameters, BiConsumer<String, String> error) {
    this.parameters = parameters;
    this.error = error;
  }

  void run() {
    within("latent_size", parameters._latent_size, 0, 1_000_000);
    atLeast("gradient_penalty", parameters._gradient_penalty, -1);
    atLeast("epochs", parameters._epochs, 0);
    atLeast("critic_epochs", parameters._critic_epochs, -1);
    atLeast("batch_size", parameters._batch_size, 0);
    atLeast("generator_learning_rate", parameters._generator_learning_rate, 0);
    atLeast("discriminator_learning_rate", parameters._discriminator_learning_rate, 0);
    within("ema_decay", parameters._ema_decay, -1, 0.999999);
    atLeast("wait_for_worker_secs", parameters._wait_for_worker_secs, 0);
    if (parameters._nfolds != 0) {
      error.accept("_nfolds", "cross-validation has no meaning for a GAN: leave it at 0.");
    }
    if (parameters._device != null && !DEVICE.matcher(parameters._device).matches()) {
      error.accept("_device", "device '" + parameters._device + "' is not known; use auto, cpu, cuda, cuda:1 or mps.");
    }
    NetworkCheck networks =
        new NetworkCheck(parameters, (name, what) -> error.accept("_" + name, name + " " + what));
    JsonObject types = object("column_types", parameters._column_types);
    if (types != null) {
      networks.columnTypes(types);
    }
    JsonObject generator = object("generator_architecture", parameters._generator_architecture);
    if (generator != null) {
      networks.architecture("generator_architecture", generator);
    }
    JsonObject discriminator = object("discriminator_architecture", parameters._discriminator_architecture);
    if (discriminator != null) {
      networks.architecture("discriminator_architecture", discriminator);
    }
    networks.choice(generator != null, discriminator != null);
    networks.images();
    new WeightCheck(parameters, (name, what) -> error.accept("_" + name, name + " " + what))
        .run(generator, discriminator);
  }

  private void atLeast(String name, double value, double least) {
    within(name, value, least, Double.MAX_VALUE);
  }

  private void within(String name, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      String upper = most == Double.MAX_VALUE ? "" : " and at most " + Requests.plain(most);
      error.accept(
          "_" + name, name + " must be at least " + Requests.plain(least) + upper + ", not " + Requests.plain(value) + ".");
    }
  }

  /** A text of JSON as an object; null where there is none. */
  private JsonObject object(String name, String text) {
    if (text == null || text.isEmpty()) {
      return null;
    }
    boolean shallow = text.length() <= Requests.JSON_BYTES && Requests.wrong(text.getBytes(StandardCharsets.UTF_8), 2) == null;
    JsonElement parsed = shallow ? Requests.parse(text) : null;
    if (parsed != null && parsed.isJsonObject()) {
      return parsed.getAsJsonObject();
    }
    error.accept("_" + name, name + " must be a JSON object, for example {\"hidden_dim\": 128}.");
    return null;
  }
}
