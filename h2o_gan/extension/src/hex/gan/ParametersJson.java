package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import water.Key;

/** The parameters of a training as JSON for a worker: arguments of the Python class, absent ones left out. */
final class ParametersJson {
  private final JsonObject json = new JsonObject();

  ParametersJson(GANModel.GANParameters parameters) {
    parameters.write(this);
    key("validation_frame", parameters._valid);
  }

  void text(String name, String value) {
    if (isGiven(value)) {
      json.addProperty(name, value);
    }
  }

  /** A text of JSON, as the object that it stands for. */
  void json(String name, String value) {
    if (isGiven(value)) {
      json.add(name, Requests.parse(value));
    }
  }

  void number(String name, Number value) {
    json.addProperty(name, value);
  }

  /** A seed, never negative except -1: H2O draws any long where none is given. */
  void seed(String name, long value) {
    json.addProperty(name, value < -1 ? value & Long.MAX_VALUE : value);
  }

  void flag(String name, boolean value) {
    json.addProperty(name, value);
  }

  void list(String name, String[] values) {
    if (values != null) {
      JsonArray array = new JsonArray();
      for (String value : values) {
        array.add(new JsonPrimitive(value));
      }
      json.add(name, array);
    }
  }

  void list(String name, int[] values) {
    if (values != null && values.length > 0) {
      JsonArray array = new JsonArray();
      for (int value : values) {
        array.add(new JsonPrimitive(value));
      }
      json.add(name, array);
    }
  }

  void key(String name, Key<?> key) {
    text(name, key == null ? null : key.toString());
  }

  private static boolean isGiven(String value) {
    return value != null && !value.isEmpty();
  }

  @Override
  public String toString() {
    return json.toString();
  }
}
