package hex.gan.core.data;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a user wants of a column: one value, any of several, or a range.
 *
 * <p>A value is a String, a Long, a Double, or null for missing. Times are Longs, milliseconds since 1970, or Strings
 * of ISO 8601.
 */
public final class Condition {
  /** The wanted values; of a range its two ends, null where it has none. Unmodifiable. */
  public final List<Object> values;
  /** Whether any of the values will do; false for a single one. */
  public final boolean isList;
  /** Whether the values are the ends of a range, both included. */
  public final boolean isRange;

  private Condition(List<Object> values, boolean isList, boolean isRange) {
    this.values = Collections.unmodifiableList(new ArrayList<>(values));
    this.isList = isList;
    this.isRange = isRange;
  }

  /** One value, null for missing. */
  public static Condition value(Object value) {
    return new Condition(Collections.singletonList(value), false, false);
  }

  /** Any of some values. */
  public static Condition anyOf(List<?> values) {
    return new Condition(new ArrayList<Object>(values), true, false);
  }

  /** A range; null is no bound. */
  public static Condition range(Object low, Object high) {
    List<Object> ends = new ArrayList<>();
    ends.add(low);
    ends.add(high);
    return new Condition(ends, false, true);
  }

  /** Whether the one value wanted is missing. */
  public boolean isMissing() {
    return !isRange && !isList && values.get(0) == null;
  }
}
