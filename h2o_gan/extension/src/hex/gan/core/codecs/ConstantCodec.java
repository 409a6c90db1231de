package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Kind;
import hex.gan.core.data.LevelIndex;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Numbers;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * A column with one value, or with missing values only.
 *
 * <p>Mirrors ConstantCodec of h2o_gan/engine/data/codecs/constant.py.
 */
public final class ConstantCodec extends GeneratedCodec {
  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  private final Column column;
  /** A Long, Double or String; null where all values are missing. */
  public final Object value;
  private final LevelIndex index;

  private ConstantCodec(Column column, Object value) {
    super(column);
    this.column = column;
    this.value = value;
    this.index = new LevelIndex(column);
  }

  static ConstantCodec restore(Json item) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    Json json = item.get("value");
    if (json.isNull()) {
      return new ConstantCodec(column, null);
    }
    Object value = value(column, json);
    if (value == null) {
      throw column.wrong("its constant is not a value of its type");
    }
    return new ConstantCodec(column, value);
  }

  /** The value in JSON, or null where it is not one of the column's type. */
  private static Object value(Column column, Json json) throws DamagedException {
    if (column.kind.isWhole()) {
      return json.isWhole() ? (Object) json.whole(Long.MIN_VALUE, Long.MAX_VALUE) : null;
    }
    if (column.kind == Kind.REAL && json.isNumber()) {
      return json.number();
    }
    if (!json.isText()) {
      return null;
    }
    String text = json.text();
    switch (column.kind) {
      case REAL:
        return text.equals("inf") ? (Object) Double.POSITIVE_INFINITY
            : text.equals("-inf") ? (Object) Double.NEGATIVE_INFINITY : null;
      case ENUM:
        return column.levels.contains(text) ? text : null;
      case UUID:
        return UUID.matcher(text).matches() ? text : null;
      default:
        return text;
    }
  }

  @Override
  public Values generate(long start, int rows, long seed) {
    if (value == null) {
      return Values.none(column, rows);
    }
    boolean[] present = new boolean[rows];
    if (column.kind == Kind.REAL) {
      double[] reals = new double[rows];
      Arrays.fill(reals, (Double) value);
      return Values.real(reals, present);
    }
    if (column.kind == Kind.STRING || column.kind == Kind.UUID) {
      String[] texts = new String[rows];
      Arrays.fill(texts, value);
      return Values.text(column.kind, texts, present);
    }
    long[] whole = new long[rows];
    Arrays.fill(whole, column.kind == Kind.ENUM ? column.levels.indexOf(value) : (Long) value);
    return column.kind == Kind.ENUM
        ? Values.levels(whole, column.levels, present)
        : Values.whole(column.kind, whole, present);
  }

  @Override
  public double[] logMarginal(Values[] values, long rows, int[] related) {
    return column.kind.isNumber() ? logsOfNumbers(values[0], rows) : logsOfTexts(values[0], rows);
  }

  private double[] logsOfNumbers(Values values, long rows) {
    boolean[] missing = values.absent();
    double[] numbers = Numbers.doubles(values, column.kind == Kind.TIME ? Kind.TIME : Kind.REAL);
    double[] logs = new double[numbers.length];
    double unseen = MarginalDensity.logShare(0, rows);
    double known = value == null ? 0 : ((Number) value).doubleValue();
    for (int i = 0; i < logs.length; i++) {
      if (value == null) {
        logs[i] = missing[i] ? 0 : unseen;
      } else if (missing[i]) {
        logs[i] = unseen;
      } else if (numbers[i] != known) {
        // Without a spread, the unit of distances is the value itself.
        double distance = Math.abs(numbers[i] - known) / Math.max(Math.abs(known), 1);
        boolean isFinite = distance < Double.POSITIVE_INFINITY;
        logs[i] = unseen - Math.log1p(isFinite ? distance : MarginalDensity.LARGEST);
      }
    }
    return logs;
  }

  private double[] logsOfTexts(Values values, long rows) {
    if (values.kind.isNumber()) {
      throw new IllegalArgumentException("the values are of kind " + values.kind.word() + ", not text.");
    }
    double[] logs = new double[values.size()];
    double unseen = MarginalDensity.logShare(0, rows);
    int[] levels = column.kind == Kind.ENUM ? index.of(values) : null;
    int own = value == null || levels == null ? -1 : index.of((String) value);
    for (int i = 0; i < logs.length; i++) {
      boolean isSame = values.missing[i]
          ? value == null
          : levels == null ? values.label(i).equals(value) : levels[i] == own;
      logs[i] = isSame ? 0 : unseen;
    }
    return logs;
  }

  @Override
  public void checkCondition(String name, Condition wanted) {
    if (!meets(wanted)) {
      Object shown = value != null && column.kind == Kind.TIME
          ? ConditionValues.valueText(column, (Number) value)
          : value;
      throw new IllegalArgumentException("conditions: column " + Messages.quoted(name) + " is "
          + Messages.shown(shown) + " in all training rows, never " + Messages.shown(wanted) + ".");
    }
  }

  private boolean meets(Condition wanted) {
    if (wanted.isRange && column.kind.isNumber()) {
      Number[] range = ConditionValues.rangeOf(column, wanted);
      return value != null && ConditionValues.compare(range[0], (Number) value) <= 0
          && ConditionValues.compare((Number) value, range[1]) <= 0;
    }
    if (value == null) {
      return wanted.values.contains(null);
    }
    boolean found = false;
    for (Object item : wanted.values) {
      if (item != null) {
        Object own = column.kind == Kind.TIME ? ConditionValues.asNumber(column, item) : item;
        found |= isSame(own) || Messages.plain(own).equals(Messages.plain(value));
      }
    }
    return found;
  }

  private boolean isSame(Object other) {
    if (other instanceof Number && value instanceof Number) {
      return !Double.isNaN(((Number) other).doubleValue())
          && ConditionValues.compare((Number) other, (Number) value) == 0;
    }
    return other.equals(value);
  }
}
