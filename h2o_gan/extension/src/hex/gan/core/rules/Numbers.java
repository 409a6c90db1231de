package hex.gan.core.rules;

import hex.gan.core.math.Powers;

/**
 * Numbers, times in milliseconds since 1970, or differences of times in milliseconds; mirrors Numbers of
 * h2o_gan/engine/data/relations/values.py.
 *
 * <p>Whole numbers stay exact. Doubles have the decimals that their values are written with, so that .1 + .2 equals .3.
 */
final class Numbers {
  /** Decimals of which nothing is known. */
  static final int UNKNOWN = -1;

  /** Relative tolerance of numbers without decimals. */
  private static final double RELATIVE = 1e-9;
  /** What the roundings of some operations add up to. */
  private static final double ULPS = 4 * 0x1p-52;

  /** (rows,) whole numbers; null where {@link #real} holds the values. Any value where it is missing. */
  final long[] whole;
  /** (rows,) doubles; else null. Any value where it is missing. */
  final double[] real;
  /** (rows,) which are missing. */
  final boolean[] missing;
  /** The values are whole multiples of {@code 10 ** -decimals}, or {@link #UNKNOWN}. */
  final int decimals;

  private Numbers(long[] whole, double[] real, boolean[] missing, int decimals) {
    this.whole = whole;
    this.real = real;
    this.missing = missing;
    this.decimals = decimals;
  }

  static Numbers whole(long[] values, boolean[] missing, int decimals) {
    return new Numbers(values, null, missing, decimals);
  }

  static Numbers real(double[] values, boolean[] missing, int decimals) {
    return new Numbers(null, values, missing, decimals);
  }

  int size() {
    return missing.length;
  }

  private double number(int row) {
    return real == null ? (double) whole[row] : real[row];
  }

  private static int most(int left, int right) {
    return left == UNKNOWN || right == UNKNOWN ? UNKNOWN : Math.max(left, right);
  }

  private static boolean[] either(boolean[] left, boolean[] right) {
    boolean[] either = new boolean[left.length];
    for (int i = 0; i < either.length; i++) {
      either[i] = left[i] | right[i];
    }
    return either;
  }

  /** Sums; marks the rows in which one does not fit into 64 bits. */
  Numbers added(Numbers other, boolean[] overflow) {
    boolean[] absent = either(missing, other.missing);
    int places = most(decimals, other.decimals);
    if (whole != null && other.whole != null) {
      long[] sums = new long[absent.length];
      for (int i = 0; i < sums.length; i++) {
        long left = whole[i];
        long right = other.whole[i];
        sums[i] = left + right;
        overflow[i] |= ((left ^ sums[i]) & (right ^ sums[i])) < 0;
      }
      return whole(sums, absent, places);
    }
    double[] sums = new double[absent.length];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = number(i) + other.number(i);
    }
    return defined(sums, absent, places);
  }

  /** Differences; marks the rows in which one does not fit into 64 bits. */
  Numbers subtracted(Numbers other, boolean[] overflow) {
    boolean[] absent = either(missing, other.missing);
    int places = most(decimals, other.decimals);
    if (whole != null && other.whole != null) {
      long[] differences = new long[absent.length];
      for (int i = 0; i < differences.length; i++) {
        long left = whole[i];
        long right = other.whole[i];
        differences[i] = left - right;
        overflow[i] |= ((left ^ right) & (left ^ differences[i])) < 0;
      }
      return whole(differences, absent, places);
    }
    double[] differences = new double[absent.length];
    for (int i = 0; i < differences.length; i++) {
      differences[i] = number(i) - other.number(i);
    }
    return defined(differences, absent, places);
  }

  /** Products; marks the rows in which one does not fit into 64 bits. */
  Numbers multiplied(Numbers other, boolean[] overflow) {
    boolean[] absent = either(missing, other.missing);
    int places = decimals == UNKNOWN || other.decimals == UNKNOWN ? UNKNOWN : decimals + other.decimals;
    if (whole != null && other.whole != null) {
      long[] products = new long[absent.length];
      for (int i = 0; i < products.length; i++) {
        products[i] = whole[i] * other.whole[i];
        overflow[i] |= overflows(whole[i], other.whole[i], products[i]);
      }
      return whole(products, absent, places);
    }
    double[] products = new double[absent.length];
    for (int i = 0; i < products.length; i++) {
      products[i] = number(i) * other.number(i);
    }
    return defined(products, absent, places);
  }

  private static boolean overflows(long left, long right, long product) {
    if (((Math.abs(left) | Math.abs(right)) >>> 31) == 0) {
      return false;
    }
    return (right != 0 && product / right != left) || (left == Long.MIN_VALUE && right == -1);
  }

  /** Quotients as doubles; missing where the divisor is zero. */
  Numbers divided(Numbers other) {
    boolean[] absent = either(missing, other.missing);
    double[] quotients = new double[absent.length];
    for (int i = 0; i < quotients.length; i++) {
      double divisor = other.number(i);
      absent[i] |= divisor == 0;
      quotients[i] = number(i) / (divisor == 0 ? 1 : divisor);
    }
    return defined(quotients, absent, UNKNOWN);
  }

  /** Values with the other sign; marks the rows in which one is {@code -2 ** 63}. */
  Numbers negated(boolean[] overflow) {
    if (whole != null) {
      long[] negative = new long[whole.length];
      for (int i = 0; i < negative.length; i++) {
        negative[i] = -whole[i];
        overflow[i] |= whole[i] == Long.MIN_VALUE;
      }
      return whole(negative, missing, decimals);
    }
    double[] negative = new double[real.length];
    for (int i = 0; i < negative.length; i++) {
      negative[i] = 0.0 - real[i]; // never -0
    }
    return real(negative, missing, decimals);
  }

  /** Doubles, missing where they are not a number. */
  private static Numbers defined(double[] values, boolean[] missing, int decimals) {
    for (int i = 0; i < values.length; i++) {
      missing[i] |= Double.isNaN(values[i]);
    }
    return real(values, missing, decimals);
  }

  /**
   * Where two columns of numbers are equal.
   *
   * <p>Whole numbers are compared exactly. Numbers with decimals are compared as if they were rounded to them, others
   * with a relative tolerance of 1e-9.
   *
   * @param roundedTo decimals that one side was rounded to, if the other was not, else {@link #UNKNOWN}: then both
   *     neighbours of a number halfway between them are equal to it
   * @return (rows,) any value where one is missing
   */
  boolean[] equal(Numbers other, int roundedTo) {
    boolean[] equal = new boolean[missing.length];
    if (whole != null && other.whole != null) {
      for (int i = 0; i < equal.length; i++) {
        equal[i] = whole[i] == other.whole[i];
      }
      return equal;
    }
    int places = most(decimals, other.decimals);
    // A third of a unit: the values are whole multiples of it, but for their last bits.
    double third = places == UNKNOWN ? 0 : Powers.inverse(places) / 3;
    double half = roundedTo == UNKNOWN ? 0 : Powers.inverse(roundedTo) * (0.5 + 1e-9);
    for (int i = 0; i < equal.length; i++) {
      double one = number(i);
      double two = other.number(i);
      double size = Math.max(Math.abs(one), Math.abs(two));
      double tolerance = places == UNKNOWN ? RELATIVE * size : Math.max(third, ULPS * size);
      if (roundedTo != UNKNOWN) {
        tolerance = Math.max(tolerance, half + ULPS * size);
      }
      if (Double.isInfinite(size)) {
        tolerance = 0;
      }
      equal[i] = one == two || Math.abs(one - two) <= tolerance;
    }
    return equal;
  }

  /** Where these are less than others and not equal to them, (rows,). */
  boolean[] less(Numbers other) {
    if (whole != null && other.whole != null) {
      boolean[] less = new boolean[whole.length];
      for (int i = 0; i < less.length; i++) {
        less[i] = whole[i] < other.whole[i];
      }
      return less;
    }
    boolean[] less = equal(other, UNKNOWN);
    for (int i = 0; i < less.length; i++) {
      less[i] = !less[i] && number(i) < other.number(i);
    }
    return less;
  }

  /**
   * Rounds doubles to decimals, halves away from zero.
   *
   * <p>Halves are those of the decimal numbers that the values stand for: 1.005 becomes 1.01, although the nearest
   * double is less. Numbers that are so large that doubles have no more decimals stay.
   *
   * @param places decimals; {@link #UNKNOWN} for numbers that are not rounded
   */
  double[] rounded(int places) {
    if (places == UNKNOWN) {
      return real;
    }
    double scale = Powers.of(places);
    // Known decimals make halves whole numbers.
    boolean known = decimals != UNKNOWN && decimals >= places && decimals - places < 16;
    double finest = known ? Powers.of(decimals) : 1;
    long part = known ? (long) Powers.of(decimals - places) : 1;
    double[] rounded = new double[real.length];
    for (int i = 0; i < rounded.length; i++) {
      double size = Math.abs(real[i]);
      double scaled = size * scale;
      if (!(scaled < 0x1p52)) {
        rounded[i] = real[i] + 0.0;
        continue;
      }
      double finer = size * finest;
      double units = known && finer < 0x1p51
          ? (double) (((long) Math.rint(finer) + part / 2) / part)
          // Some last bits less than a half are one half.
          : Math.floor(scaled + 0.5 + Math.min(ULPS * scaled, 1e-6));
      // A quotient of whole numbers below 2**53 is the double nearest to the decimal number.
      rounded[i] = Math.copySign(units / scale, real[i]) + 0.0; // no negative zero
    }
    return rounded;
  }
}
