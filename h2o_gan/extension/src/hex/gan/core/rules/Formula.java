package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.util.Map;

/** {@code total = price * quantity}: a column that follows from others. */
public final class Formula extends Rule {
  /** Doubles of this magnitude, or more, are no longs. */
  private static final double TOO_LARGE = 0x1p63;

  /** The column that is calculated. */
  public final Column column;
  /** Its index. */
  public final int target;
  /** Indices of the columns from which it is calculated. Not to be changed. */
  public final int[] sources;
  final Expression expression;
  /** The column as a part of expressions. */
  final Reference reference;
  private final Comparison equation;
  /** Of an enum, the index of each level; else null. */
  private final Map<String, Integer> levels;

  /** Throws IllegalArgumentException where column and expression are of different types. */
  Formula(String text, Reference reference, Expression expression, ColumnIndex table) {
    super(text, with(reference.column, expression.columns()));
    this.column = table.columns.get(reference.column);
    this.target = reference.column;
    this.sources = expression.columns();
    this.expression = expression;
    this.reference = reference;
    this.equation = new Comparison(new Expression[] {reference, expression}, Comparison.Operator.EQUAL);
    this.levels = column.kind == Kind.ENUM ? table.levels(target) : null;
  }

  private static int[] with(int first, int[] others) {
    int[] all = new int[others.length + 1];
    all[0] = first;
    System.arraycopy(others, 0, all, 1, others.length);
    return all;
  }

  static Formula restore(String text, Json data, ColumnIndex table) throws DamagedException {
    Json name = data.get("column");
    Map<String, Integer> decimals = decimals(data);
    Expression expression = StoredExpressions.restore(data.get("expression"), table, decimals);
    int target = table.of(name.text());
    if (target < 0 || expression.refersTo(target)) {
      throw name.wrong("is not a column that the formula can calculate");
    }
    Reference reference = StoredExpressions.reference(table, target, decimals);
    try {
      return new Formula(text, reference, expression, table);
    } catch (IllegalArgumentException error) {
      throw StoredExpressions.invalid(error);
    }
  }

  /** Decimals to which a real column is rounded; -1 where it is not. */
  public int decimals() {
    return reference.decimals;
  }

  /** Whether the formula is a product or quotient. */
  public boolean isProduct() {
    return expression instanceof Product;
  }

  /** Index of the column whose values the formula repeats; -1 where it calculates. */
  public int repeated() {
    return expression instanceof Reference ? sources[0] : -1;
  }

  /**
   * {@inheritDoc}
   *
   * <p>A row in which the column or one of its sources is missing breaks nothing. A number that lies halfway between
   * two values of the column may have been rounded to either.
   */
  @Override
  public boolean[] broken(Values[] values) {
    return broken(equation, values, values[target].size());
  }

  /**
   * Computes the column's values from the others.
   *
   * <p>Numbers are rounded to the column's decimals, whole numbers or milliseconds, halves away from zero. Values are
   * missing where a source is missing, where a divisor is zero, and where the column has no such level.
   *
   * @param overflow (rows,) false; marked where a whole number does not fit into 64 bits, which is missing too
   */
  public Values computed(Values[] values, boolean[] overflow) {
    TableValues table = new TableValues(values, overflow);
    if (expression.type == Type.TEXT) {
      return texts(expression.texts(table));
    }
    Numbers numbers = expression.numbers(table);
    if (column.kind == Kind.REAL) {
      double[] real = numbers.real == null ? doubles(numbers.whole) : numbers.rounded(reference.decimals);
      return Values.real(real, either(numbers.missing, overflow));
    }
    long[] whole = numbers.whole == null ? longs(numbers.rounded(0), numbers.missing, overflow) : numbers.whole;
    return Values.whole(column.kind, whole, either(numbers.missing, overflow));
  }

  private static double[] doubles(long[] whole) {
    double[] real = new double[whole.length];
    for (int i = 0; i < real.length; i++) {
      real[i] = whole[i];
    }
    return real;
  }

  private static long[] longs(double[] real, boolean[] missing, boolean[] overflow) {
    long[] whole = new long[real.length];
    for (int i = 0; i < whole.length; i++) {
      overflow[i] |= !missing[i] && !(Math.abs(real[i]) < TOO_LARGE);
      whole[i] = (long) real[i];
    }
    return whole;
  }

  private static boolean[] either(boolean[] left, boolean[] right) {
    boolean[] either = new boolean[left.length];
    for (int i = 0; i < either.length; i++) {
      either[i] = left[i] | right[i];
    }
    return either;
  }

  private Values texts(String[] texts) {
    boolean[] missing = Expression.missing(texts);
    if (column.kind != Kind.ENUM) {
      return Values.text(column.kind, texts, missing);
    }
    long[] indices = new long[texts.length];
    for (int i = 0; i < texts.length; i++) {
      Integer index = missing[i] ? null : levels.get(texts[i]);
      missing[i] = index == null;
      indices[i] = index == null ? 0 : index;
    }
    return Values.levels(indices, column.levels, missing);
  }
}
