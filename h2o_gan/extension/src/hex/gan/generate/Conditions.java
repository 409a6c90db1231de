package hex.gan.generate;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Conditions in JSON: an object with a value, a list of values, null or {@code {"low": 30, "high": 40}} by column.
 */
public final class Conditions {
  /**
   * Parses conditions.
   *
   * @throws IllegalArgumentException there is no such column, or a value is neither a number nor a text nor null
   */
  @SuppressWarnings("deprecation") // The Gson of older versions of H2O has only this one.
  static Map<String, Condition> parse(String json, List<Column> columns) {
    Map<String, Kind> kinds = new HashMap<>();
    columns.forEach(column -> kinds.put(column.name, column.kind));
    JsonObject wanted = new JsonParser().parse(json).getAsJsonObject();
    Map<String, Condition> found = new LinkedHashMap<>();
    for (Map.Entry<String, JsonElement> entry : wanted.entrySet()) {
      String name = entry.getKey();
      found.put(name, condition(name, kinds.get(name), entry.getValue()));
    }
    return found;
  }

  private static Condition condition(String name, Kind kind, JsonElement json) {
    if (json.isJsonObject()) {
      JsonObject range = json.getAsJsonObject();
      return Condition.range(value(name, kind, range.get("low")), value(name, kind, range.get("high")));
    }
    if (json.isJsonArray()) {
      List<Object> values = new ArrayList<>();
      for (JsonElement one : json.getAsJsonArray()) {
        values.add(value(name, kind, one));
      }
      return Condition.anyOf(values);
    }
    return Condition.value(value(name, kind, json));
  }

  private static Object value(String name, Kind kind, JsonElement json) {
    if (json == null || json.isJsonNull()) {
      return null;
    }
    JsonPrimitive value = json.isJsonPrimitive() ? json.getAsJsonPrimitive() : null;
    if (value == null || value.isBoolean()) {
      throw new IllegalArgumentException(
          "conditions: a value of column '" + name + "' is " + json + ", but must be a number, a text or null.");
    }
    // Levels may be named by numbers.
    return value.isString() || kind == Kind.ENUM ? value.getAsString() : number(value.getAsString());
  }

  private static Object number(String text) {
    try {
      return Long.valueOf(text);
    } catch (NumberFormatException e) {
      return Double.valueOf(text);
    }
  }

  private Conditions() {}
}
