package hex.gan;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import water.AutoBuffer;

/** Changes the JSON that H2O writes of a schema. */
final class SchemaJson {
  /**
   * Writes JSON after a change.
   *
   * @param all the JSON as H2O writes it
   * @return the buffer written to
   */
  static AutoBuffer write(AutoBuffer ab, AutoBuffer all, Consumer<JsonObject> change) {
    JsonObject json = new Gson().fromJson(new String(all.buf(), StandardCharsets.UTF_8), JsonObject.class);
    change.accept(json);
    byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
    return ab.putA1(bytes, 0, bytes.length);
  }

  static void remove(JsonObject json, List<String> names) {
    names.forEach(json::remove);
  }

  static void removeNulls(JsonObject json, List<String> names) {
    for (String name : names) {
      if (json.has(name) && json.get(name).isJsonNull()) {
        json.remove(name);
      }
    }
  }

  /** Replaces help texts of parameters, by name. */
  static void replaceHelp(JsonObject json, Map<String, String> help) {
    for (JsonElement element : json.getAsJsonArray("parameters")) {
      JsonObject parameter = element.getAsJsonObject();
      String text = help.get(parameter.get("name").getAsString());
      if (text != null) {
        parameter.addProperty("help", text);
      }
    }
  }

  private SchemaJson() {}
}
