package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A rule that every row keeps; mirrors h2o_gan/engine/data/relations/rules.py.
 *
 * <p>Values are given by the index of their column in the model; null for columns that the rule is not about.
 */
public abstract class Rule {
  /** Most rules of a model. */
  public static final int MAX_RULES = 1_000;
  /** Most columns that are unique together, or combined. */
  static final int MAX_COLUMNS = 64;
  /** Most characters of a rule. */
  static final int MAX_TEXT = 1 << 16;

  /** The rule as its author wrote it. */
  public final String text;
  /** Indices of the columns that the rule is about. Not to be changed. */
  public final int[] columns;

  Rule(String text, int[] columns) {
    this.text = text;
    this.columns = columns;
  }

  /**
   * Where rows break the rule, and those in which a whole number does not fit into 64 bits.
   *
   * @return (rows,)
   */
  public abstract boolean[] broken(Values[] values);

  /** Whether there are values of all columns of the rule. */
  public final boolean isOver(Values[] values) {
    for (int column : columns) {
      if (values[column] == null) {
        return false;
      }
    }
    return true;
  }

  /** Where a condition is false, and where a whole number does not fit into 64 bits, (rows,). */
  static boolean[] broken(Expression condition, Values[] values, int rows) {
    TableValues table = new TableValues(values, new boolean[rows]);
    boolean[] isFalse = condition.truth(table).isFalse;
    boolean[] broken = table.overflow;
    for (int i = 0; i < rows; i++) {
      broken[i] |= isFalse[i];
    }
    return broken;
  }

  /** The decimals of columns that the JSON of a rule has, by name; absent for those that are not rounded. */
  static Map<String, Integer> decimals(Json data) throws DamagedException {
    Map<String, Integer> decimals = new HashMap<>();
    for (Map.Entry<String, Json> entry : data.get("decimals").entries().entrySet()) {
      if (!entry.getValue().isNull()) {
        decimals.put(entry.getKey(), entry.getValue().count(0, 8));
      }
    }
    return decimals;
  }

  /** Indices of the columns that the JSON of a rule names, of which a rule of this kind needs some. */
  static int[] namedColumns(Json data, ColumnIndex table, int least) throws DamagedException {
    Json list = data.get("columns");
    List<Json> names = list.items();
    if (names.size() < least || names.size() > MAX_COLUMNS) {
      throw list.wrong("has " + names.size() + " columns");
    }
    int[] columns = new int[names.size()];
    Set<Integer> distinct = new HashSet<>();
    for (int i = 0; i < columns.length; i++) {
      columns[i] = table.of(names.get(i).text());
      if (columns[i] < 0 || !distinct.add(columns[i])) {
        throw names.get(i).wrong("is not a column of a rule");
      }
    }
    return columns;
  }
}
