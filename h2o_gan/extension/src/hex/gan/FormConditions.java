package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Conditions as a person types them into a form: {@code group = tall; height = 150..170}, as {@code --where} of the
 * command h2o-gan has them, or the JSON of {@code POST /3/GAN/models/{id}/generate}.
 */
final class FormConditions {
  private static final Pattern SEPARATOR = Pattern.compile("[;\n]");
  private static final Pattern PART = Pattern.compile("([^=]+)=(.*)");

  /**
   * @return the conditions as JSON
   * @throws Requests.Refusal the text has another form
   */
  static JsonElement parse(String text, GANModel model) throws Requests.Refusal {
    if (text.trim().startsWith("{")) {
      JsonElement json = Requests.parse(text);
      if (json == null) {
        throw new Requests.Refusal(400, "conditions must be such as group = tall; height = 150..170, or JSON");
      }
      return json;
    }
    JsonObject conditions = new JsonObject();
    for (String part : SEPARATOR.split(text)) {
      if (part.trim().isEmpty()) {
        continue;
      }
      Matcher matcher = PART.matcher(part);
      if (!matcher.matches()) {
        throw new Requests.Refusal(
            400, "conditions: write column = value, or column = low..high, with ; between them, not '" + part.trim()
                + "'");
      }
      String name = matcher.group(1).trim();
      int column = new ConditionsCheck(model).column(name, "conditions");
      conditions.add(name, value(matcher.group(2).trim(), name, isText(model, column)));
    }
    return conditions;
  }

  private static boolean isText(GANModel model, int column) {
    String type = model._output._column_types[column];
    return model._output._domains[column] != null || Arrays.asList("String", "UUID").contains(type);
  }

  /** A value of a column of levels or text stays text; nothing is a missing value. */
  private static JsonElement value(String text, String column, boolean isText) throws Requests.Refusal {
    if (text.isEmpty()) {
      return JsonNull.INSTANCE;
    }
    if (isText) {
      return new JsonPrimitive(text);
    }
    int dots = text.indexOf("..");
    if (dots < 0) {
      return number(text, column);
    }
    JsonObject range = new JsonObject();
    range.add("low", number(text.substring(0, dots).trim(), column));
    range.add("high", number(text.substring(dots + 2).trim(), column));
    return range;
  }

  private static JsonElement number(String text, String column) throws Requests.Refusal {
    if (text.isEmpty()) {
      return JsonNull.INSTANCE;
    }
    try {
      return new JsonPrimitive(new BigDecimal(text));
    } catch (NumberFormatException e) {
      throw new Requests.Refusal(
          400, "conditions: column '" + column + "' needs a number or a range such as 30..40, not '" + text + "'");
    }
  }

  private FormConditions() {}
}
