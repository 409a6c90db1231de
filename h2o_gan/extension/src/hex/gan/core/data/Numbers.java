package hex.gan.core.data;

/** Columns of numbers and times as arrays of numbers; mirrors h2o_gan/engine/data/numbers.py. */
public final class Numbers {
  private static final double LARGEST_WHOLE = Math.nextDown(0x1p63);

  private Numbers() {}

  /** (rows,) values as whole numbers; fractions are rounded. Missing ones are any number. */
  public static long[] whole(Values values) {
    check(values);
    if (values.whole != null) {
      return values.whole;
    }
    long[] found = new long[values.size()];
    for (int i = 0; i < found.length; i++) {
      found[i] = rounded(values.real[i]);
    }
    return found;
  }

  /** (rows,) values as doubles. Missing ones are any number, and may be NaN. */
  public static double[] real(Values values) {
    check(values);
    if (values.real != null) {
      return values.real;
    }
    double[] found = new double[values.size()];
    for (int i = 0; i < found.length; i++) {
      found[i] = values.whole[i];
    }
    return found;
  }

  /** (rows,) values as doubles: those of a column of another kind than real are rounded. Missing ones are 0. */
  public static double[] doubles(Values values, Kind kind) {
    check(values);
    boolean[] missing = values.absent();
    double[] found = new double[values.size()];
    for (int i = 0; i < found.length; i++) {
      if (!missing[i]) {
        found[i] = values.real == null ? values.whole[i] : kind.isWhole() ? rounded(values.real[i]) : values.real[i];
      }
    }
    return found;
  }

  private static long rounded(double value) {
    return (long) Math.min(Math.max(Math.rint(value), -LARGEST_WHOLE), LARGEST_WHOLE);
  }

  private static void check(Values values) {
    if (!values.kind.isNumber()) {
      throw new IllegalArgumentException("the values are of kind " + values.kind.word() + ", not numbers.");
    }
  }
}
