package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;

/** A formula for one column; mirrors Relation of h2o_gan/engine/data/relations/relations.py. */
public final class Relation {
  public final Formula formula;
  /** Whether the formula gives the value in every row; then networks do not learn the column. */
  public final boolean always;
  /** The share of the training rows whose value it gives. */
  public final double share;
  /** The column's smallest value in the training rows, times in milliseconds. */
  public final double low;
  /** Its largest one. */
  public final double high;
  /** Values of the column that are learned although the formula gives them, such as 0. */
  private final double[] frequent;

  private Relation(Formula formula, boolean always, double share, double low, double high, double[] frequent) {
    this.formula = formula;
    this.always = always;
    this.share = share;
    this.low = low;
    this.high = high;
    this.frequent = frequent;
  }

  static Relation restore(Json data, ColumnIndex table) throws DamagedException {
    Json stored = data.get("formula");
    Rule formula = StoredRules.restore(stored, null, table);
    if (!(formula instanceof Formula)) {
      throw stored.wrong("is not a formula");
    }
    if (!((Formula) formula).column.kind.isNumber()) {
      throw stored.wrong("is not of a column of numbers");
    }
    return new Relation(
        (Formula) formula, data.get("always").flag(), data.get("share").number(0, 1),
        data.get("low").number(), data.get("high").number(), data.get("frequent").numbers());
  }

  /** Index of the column. */
  public int target() {
    return formula.target;
  }

  /** The rows whose value the formula gives, but for frequent values, (rows,). */
  boolean[] holds(Values[] columns) {
    Values values = columns[formula.target];
    boolean[] holds = new boolean[values.size()];
    Values computed = formula.computed(columns, new boolean[holds.length]);
    boolean[] missing = values.absent();
    boolean exact = values.whole != null && computed.whole != null;
    for (int i = 0; i < holds.length; i++) {
      if (!missing[i] && !computed.missing[i]) {
        boolean equal = exact ? values.whole[i] == computed.whole[i] : values.number(i) == computed.number(i);
        holds[i] = equal && !isFrequent(values.number(i));
      }
    }
    return holds;
  }

  private boolean isFrequent(double value) {
    for (double other : frequent) {
      if (value == other) {
        return true;
      }
    }
    return false;
  }

  /** Where values are outside the range of the training rows, (rows,); missing ones are not. */
  boolean[] outside(Values values) {
    return outside(values, low, high);
  }

  /** Where values are outside a range, (rows,); missing ones are not. */
  public static boolean[] outside(Values values, double low, double high) {
    boolean[] outside = new boolean[values.size()];
    for (int i = 0; i < outside.length; i++) {
      double value = values.number(i);
      outside[i] = !values.missing[i] && (value < low || value > high);
    }
    return outside;
  }
}
