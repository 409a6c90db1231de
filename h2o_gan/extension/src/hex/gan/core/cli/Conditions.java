package hex.gan.core.cli;

import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The conditions of --where; the same texts have the same meaning for the command of the Python package. */
final class Conditions {
  private Conditions() {}

  /** Checks the form of --where, before any long work begins. */
  static void check(List<String> where) throws UsageException {
    for (String text : where) {
      if (text.indexOf('=') < 0) {
        throw new UsageException("--where " + text + ": write COLUMN=VALUE.");
      }
    }
  }

  /**
   * Parses conditions.
   *
   * @param where each COLUMN=VALUE
   * @param columns of the model. A value of a column of levels or text stays text: 01234 is not 1234
   */
  static Map<String, Condition> of(List<String> where, List<Column> columns) {
    Set<String> textual = new HashSet<>();
    for (Column column : columns) {
      if (!column.kind.isNumber()) {
        textual.add(column.name);
      }
    }
    Map<String, Condition> conditions = new LinkedHashMap<>();
    for (String text : where) {
      int equals = text.indexOf('=');
      String name = text.substring(0, equals);
      String value = text.substring(equals + 1);
      int dots = value.indexOf("..");
      if (textual.contains(name)) {
        conditions.put(name, Condition.value(value.isEmpty() ? null : value));
      } else if (dots >= 0) {
        conditions.put(name, Condition.range(value(value.substring(0, dots)), value(value.substring(dots + 2))));
      } else {
        conditions.put(name, Condition.value(value(value)));
      }
    }
    return conditions;
  }

  /** A number where the text is one, null where it is empty, else the text. */
  private static Object value(String text) {
    if (text.isEmpty()) {
      return null;
    }
    try {
      return Long.valueOf(text);
    } catch (NumberFormatException error) {
      // Another kind of value.
    }
    // Java would take "1d" and "0x1p3" for numbers too.
    if (text.matches("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?")) {
      return Double.valueOf(text);
    }
    switch (text.toLowerCase(Locale.ROOT)) {
      case "inf":
      case "+inf":
      case "infinity":
        return Double.POSITIVE_INFINITY;
      case "-inf":
      case "-infinity":
        return Double.NEGATIVE_INFINITY;
      default:
        return text;
    }
  }
}
