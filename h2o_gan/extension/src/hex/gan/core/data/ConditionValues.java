package hex.gan.core.data;

import hex.gan.core.math.ArrayMath;
import hex.gan.core.math.Powers;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * Values of conditions as numbers, and their errors; mirrors h2o_gan/engine/data/conditions.py.
 *
 * <p>Numbers are Longs or Doubles. A Double is compared with whole numbers as doubles.
 */
public final class ConditionValues {
  private static final double LARGEST_WHOLE = 0x1p63;

  private ConditionValues() {}

  /** A condition's value as the column counts, a Long or a Double: times in milliseconds since 1970, UTC. */
  public static Number asNumber(Column column, Object value) {
    String name = Messages.quoted(column.name);
    if (column.kind == Kind.TIME && !(value instanceof Number)) {
      Long time = value instanceof String ? Times.parse((String) value) : null;
      if (time == null) {
        throw new IllegalArgumentException("conditions: " + Messages.shown(value) + " is not a time, which column "
            + name + " needs: use a datetime, an ISO date, or milliseconds since 1970.");
      }
      return time;
    }
    if (!(value instanceof Number)) {
      throw new IllegalArgumentException(
          "conditions: column " + name + " is numeric, but " + Messages.shown(value) + " is not a number.");
    }
    if (Double.isNaN(((Number) value).doubleValue())) {
      throw new IllegalArgumentException(
          "conditions: column " + name + " cannot be NaN; use None for missing.");
    }
    return (Number) value;
  }

  /** The smallest and the largest value that a condition names, of a column of numbers or times. */
  public static Number[] rangeOf(Column column, Condition wanted) {
    String name = Messages.quoted(column.name);
    if (wanted.isRange) {
      Object least = wanted.values.get(0);
      Object most = wanted.values.get(1);
      Number low = least == null ? (Number) Double.NEGATIVE_INFINITY : asNumber(column, least);
      Number high = most == null ? (Number) Double.POSITIVE_INFINITY : asNumber(column, most);
      if (compare(low, high) > 0) {
        throw new IllegalArgumentException("conditions: the range " + Messages.shown(wanted) + " of column " + name
            + " has its low above its high.");
      }
      return new Number[] {low, high};
    }
    if (!wanted.isList) {
      Number value = asNumber(column, wanted.values.get(0));
      return new Number[] {value, value};
    }
    List<Number> numbers = numbers(column, wanted);
    if (numbers.isEmpty()) {
      throw new IllegalArgumentException("conditions: column " + name + " has an empty list of values.");
    }
    Number low = numbers.get(0);
    Number high = numbers.get(0);
    for (Number number : numbers) {
      low = compare(number, low) < 0 ? number : low;
      high = compare(number, high) > 0 ? number : high;
    }
    return new Number[] {low, high};
  }

  /** The numbers of a list, without missing. */
  public static List<Number> numbers(Column column, Condition wanted) {
    List<Number> numbers = new ArrayList<>();
    for (Object value : wanted.values) {
      if (value != null) {
        numbers.add(asNumber(column, value));
      }
    }
    return numbers;
  }

  /** Whether a condition wants missing values and nothing else. */
  public static boolean isMissingOnly(Condition wanted) {
    if (wanted.isRange || wanted.values.isEmpty()) {
      return false;
    }
    for (Object value : wanted.values) {
      if (value != null) {
        return false;
      }
    }
    return true;
  }

  /** Where the values of a column of numbers or times meet a condition, (rows,). */
  public static boolean[] meets(Column column, Condition wanted, Values values) {
    boolean[] missing = values.absent();
    boolean wantsMissing = !wanted.isRange && wanted.values.contains(null);
    Number[] range = wanted.isList || wanted.isMissing() ? null : rangeOf(column, wanted);
    List<Number> listed = wanted.isList ? numbers(column, wanted) : null;
    long[] whole = column.kind.isWhole() ? Numbers.whole(values) : null;
    double[] real = whole == null ? Numbers.real(values) : null;
    boolean[] found = new boolean[missing.length];
    for (int i = 0; i < found.length; i++) {
      if (missing[i]) {
        found[i] = wantsMissing;
      } else if (range != null) {
        found[i] = whole == null ? isWithin(range, real[i]) : isWithin(range, whole[i]);
      } else if (listed != null) {
        found[i] = whole == null ? isAmong(listed, real[i]) : isAmong(listed, whole[i]);
      }
    }
    return found;
  }

  /** Whether a whole number lies within {low, high}. */
  public static boolean isWithin(Number[] range, long value) {
    boolean above = range[0] instanceof Long ? range[0].longValue() <= value : range[0].doubleValue() <= value;
    return above && (range[1] instanceof Long ? value <= range[1].longValue() : value <= range[1].doubleValue());
  }

  /** Whether a double lies within {low, high}. */
  public static boolean isWithin(Number[] range, double value) {
    return range[0].doubleValue() <= value && value <= range[1].doubleValue();
  }

  /** Whether a whole number is in a list; where that has a Double, as a double. */
  public static boolean isAmong(List<Number> listed, long value) {
    for (Number number : listed) {
      if (!(number instanceof Long)) {
        return isAmong(listed, (double) value);
      }
    }
    return listed.contains(value);
  }

  /** Whether a double is in a list. */
  public static boolean isAmong(List<Number> listed, double value) {
    for (Number number : listed) {
      if (number.doubleValue() == value) {
        return true;
      }
    }
    return false;
  }

  /** Compares two numbers, neither of them NaN, exactly. */
  public static int compare(Number first, Number second) {
    if (first instanceof Long && second instanceof Long) {
      return Long.compare(first.longValue(), second.longValue());
    }
    double one = first.doubleValue();
    double other = second.doubleValue();
    // Rounding to doubles keeps the order of different ones.
    if (one != other || first instanceof Double && second instanceof Double) {
      return one < other ? -1 : one > other ? 1 : 0;
    }
    return decimal(first).compareTo(decimal(second));
  }

  private static BigDecimal decimal(Number number) {
    return number instanceof Long ? BigDecimal.valueOf(number.longValue()) : new BigDecimal(number.doubleValue());
  }

  /**
   * Rounds a value up or down to the column's resolution.
   *
   * @param decimals of a real column; negative where its values are not rounded
   * @return a Long for columns of whole numbers, where it fits into one; else a Double
   */
  public static Number onGrid(Column column, int decimals, Number value, boolean up) {
    double real = value.doubleValue();
    if (Double.isInfinite(real)) {
      return value;
    }
    if (column.kind != Kind.REAL) {
      if (value instanceof Long) {
        return value;
      }
      double rounded = up ? Math.ceil(real) : Math.floor(real);
      return rounded >= -LARGEST_WHOLE && rounded < LARGEST_WHOLE ? (Number) (long) rounded : (Number) rounded;
    }
    if (decimals < 0) {
      return real;
    }
    // A small tolerance: 0.3 is not rounded up for being 0.30000000000000004.
    double scale = Powers.of(decimals);
    double tolerance = 1e-9 * Math.max(Math.abs(real * scale), 1);
    double steps = up ? Math.ceil(real * scale - tolerance) : Math.floor(real * scale + tolerance);
    return ArrayMath.round(steps / scale, decimals);
  }

  /** A value of a column of numbers or times as text for a message, times as H2O prints them. */
  public static String valueText(Column column, Number value) {
    if (column.kind == Kind.REAL) {
      return Messages.rounded(value.doubleValue());
    }
    if (value instanceof Long) {
      return column.kind == Kind.TIME ? Times.text(value.longValue()) : value.toString();
    }
    if (column.kind == Kind.TIME) {
      return Times.text((long) value.doubleValue());
    }
    double whole = value.doubleValue();
    return Double.isInfinite(whole) ? Messages.number(whole) : new BigDecimal(whole).toBigInteger().toString();
  }

  /** The error of a condition on missing values of a column that misses none. */
  public static IllegalArgumentException noMissingError(String name) {
    return new IllegalArgumentException(
        "conditions: column " + Messages.quoted(name) + " has no missing values.");
  }

  /** The error of a condition outside the range of a column. */
  public static IllegalArgumentException noValueError(String name, Condition wanted, String low, String high) {
    return new IllegalArgumentException("conditions: column " + Messages.quoted(name) + " has no value "
        + Messages.shown(wanted) + "; it has values from " + low + " to " + high + ".");
  }

  /** The error of a list of values of a column of which only ranges can be drawn. */
  public static IllegalArgumentException noListError(String name) {
    return new IllegalArgumentException("conditions: column " + Messages.quoted(name)
        + " has too many values for a list; give a number or a range (low, high).");
  }
}
