package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import water.Key;

/** The parameters of a model as a worker takes them: those of H2OGANEstimator that were set. */
final class ParametersJson {
  private final JsonObject json = new JsonObject();

  ParametersJson(GANModel.GANParameters p) {
    put("ignored_columns", p._ignored_columns);
    json.addProperty("ignore_const_cols", p._ignore_const_cols);
    put("weights_column", p._weights_column);
    put("response_column", p._response_column);
    put("column_types", p._column_types, true);
    put("architecture", p._architecture.name());
    if (p._image_shape != null && p._image_shape.length > 0) {
      JsonArray shape = new JsonArray();
      for (int side : p._image_shape) {
        shape.add(new com.google.gson.JsonPrimitive(side));
      }
      json.add("image_shape", shape);
    }
    put("image_column", p._image_column);
    put("image_root", p._image_root);
    put("image_errors", p._image_errors.name());
    put("generator_architecture", p._generator_architecture, true);
    put("discriminator_architecture", p._discriminator_architecture, true);
    put("loss_function", p._loss_function.name());
    above("latent_size", p._latent_size, 0);
    from("gradient_penalty", p._gradient_penalty, 0);
    above("epochs", p._epochs, 0);
    from("critic_epochs", p._critic_epochs, 0);
    above("batch_size", p._batch_size, 0);
    above("generator_learning_rate", p._generator_learning_rate, 0);
    above("discriminator_learning_rate", p._discriminator_learning_rate, 0);
    from("ema_decay", p._ema_decay, 0);
    // Where none is given H2O makes one up, which may be negative.
    json.addProperty("seed", p._seed < -1 ? p._seed & Long.MAX_VALUE : p._seed);
    put("device", p._device);
    json.addProperty("max_runtime_secs", p._max_runtime_secs);
    json.addProperty("stopping_rounds", p._stopping_rounds);
    json.addProperty("stopping_tolerance", p._stopping_tolerance);
    json.addProperty("score_each_iteration", p._score_each_iteration);
    key("checkpoint", p._checkpoint);
    key("validation_frame", p._valid);
  }

  private void put(String name, String value) {
    put(name, value, false);
  }

  private void put(String name, String value, boolean parsed) {
    if (value == null || value.isEmpty()) {
      return;
    }
    if (parsed) {
      json.add(name, Requests.parse(value));
    } else {
      json.addProperty(name, value);
    }
  }

  private void put(String name, String[] values) {
    if (values == null) {
      return;
    }
    JsonArray array = new JsonArray();
    for (String value : values) {
      array.add(new com.google.gson.JsonPrimitive(value));
    }
    json.add(name, array);
  }

  private void key(String name, Key<?> key) {
    if (key != null) {
      json.addProperty(name, key.toString());
    }
  }

  private void above(String name, Number value, double bound) {
    if (value.doubleValue() > bound) {
      json.addProperty(name, value);
    }
  }

  private void from(String name, Number value, double bound) {
    if (value.doubleValue() >= bound) {
      json.addProperty(name, value);
    }
  }

  @Override
  public String toString() {
    return json.toString();
  }
}
