package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Checks what a request wants of columns by what H2O knows of the model: names and levels. */
final class ConditionsCheck {
  private static final int SHOWN = 10;

  private final String[] names;
  private final String[][] domains;

  ConditionsCheck(GANModel model) {
    names = model._output._names;
    domains = model._output._domains;
  }

  /** The conditions of a request; null where it has none. */
  JsonObject conditions(JsonElement conditions) throws Requests.Refusal {
    if (conditions == null || conditions.isJsonNull()) {
      return null;
    }
    if (!conditions.isJsonObject()) {
      throw new Requests.Refusal(400, "conditions must be an object, for example {\"colour\": \"red\"}");
    }
    for (Map.Entry<String, JsonElement> condition : conditions.getAsJsonObject().entrySet()) {
      String name = condition.getKey();
      int column = column(name, "conditions");
      JsonElement wanted = condition.getValue();
      if (wanted.isJsonObject()) {
        Requests.only(wanted.getAsJsonObject(), new LinkedHashSet<>(Arrays.asList("low", "high")));
      }
      if (domains[column] != null) {
        levels(name, domains[column], wanted);
      }
    }
    return conditions.getAsJsonObject();
  }

  private static void levels(String column, String[] levels, JsonElement wanted) throws Requests.Refusal {
    JsonArray all = new JsonArray();
    if (wanted.isJsonArray()) {
      all = wanted.getAsJsonArray();
    } else {
      all.add(wanted);
    }
    Set<String> there = new HashSet<>(Arrays.asList(levels));
    for (JsonElement level : all) {
      boolean known = level.isJsonNull() || level.isJsonPrimitive() && there.contains(level.getAsString());
      if (!known) {
        throw new Requests.Refusal(
            400, "conditions: column '" + column + "' has no level " + Requests.shortened(level.toString()) + "; it has "
                + some(levels));
      }
    }
  }

  /** The index of a column that a parameter names. */
  int column(String name, String parameter) throws Requests.Refusal {
    int column = Arrays.asList(names).indexOf(name);
    if (column < 0) {
      throw new Requests.Refusal(
          400, parameter + ": the model has no column '" + name + "'; it has " + some(names));
    }
    return column;
  }

  private static String some(String[] names) {
    return String.join(", ", Arrays.copyOf(names, Math.min(SHOWN, names.length)))
        + (names.length > SHOWN ? ", ..." : "");
  }
}
