package hex.gan.core.math;

/** Operations on arrays, with the roundings of NumPy. */
public final class ArrayMath {
  private static final int PAIRWISE_BLOCK = 128;

  private ArrayMath() {}

  /** The sum by NumPy's pairwise summation. */
  public static double sum(double[] values) {
    return sum(values, 0, values.length);
  }

  private static double sum(double[] values, int from, int count) {
    if (count < 8) {
      double sum = 0;
      for (int i = from; i < from + count; i++) {
        sum += values[i];
      }
      return sum;
    }
    if (count > PAIRWISE_BLOCK) {
      int half = count / 2;
      half -= half % 8;
      return sum(values, from, half) + sum(values, from + half, count - half);
    }
    double[] parts = new double[8];
    System.arraycopy(values, from, parts, 0, 8);
    int whole = count - count % 8;
    for (int i = 8; i < whole; i += 8) {
      for (int j = 0; j < 8; j++) {
        parts[j] += values[from + i + j];
      }
    }
    double sum = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
    for (int i = whole; i < count; i++) {
      sum += values[from + i];
    }
    return sum;
  }

  /** Whether these are probabilities that sum to one. */
  public static boolean isDistribution(double[] shares) {
    for (double share : shares) {
      if (!(share >= 0)) {
        return false;
      }
    }
    return Math.abs(sum(shares) - 1) < 1e-6;
  }

  /** Rounds to decimals, 0 or more, halves of the scaled value to even. */
  public static double round(double value, int decimals) {
    return decimals == 0 ? Math.rint(value) : Math.rint(value * Powers.of(decimals)) / Powers.of(decimals);
  }

  /** Limits a value; the upper limit wins where it is below the lower one. */
  public static double clip(double value, double low, double high) {
    return Math.min(Math.max(value, low), high);
  }

  /** Limits a value; the upper limit wins where it is below the lower one. */
  public static long clip(long value, long low, long high) {
    return Math.min(Math.max(value, low), high);
  }

  /** The index of the first of ascending values, within indices from and to, that is above a value; else to. */
  public static int firstAbove(double[] ascending, int from, int to, double value) {
    int low = from;
    int high = to;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] <= value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** The number of ascending values up to a value. */
  public static int countUpTo(double[] ascending, double value) {
    return firstAbove(ascending, 0, ascending.length, value);
  }

  /** The number of ascending values up to a value. */
  public static int countUpTo(long[] ascending, long value) {
    int low = 0;
    int high = ascending.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] <= value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** The number of ascending values below a value. */
  public static int countBelow(double[] ascending, double value) {
    int low = 0;
    int high = ascending.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** The number of ascending values below a value. */
  public static int countBelow(long[] ascending, long value) {
    return value == Long.MIN_VALUE ? 0 : countUpTo(ascending, value - 1);
  }
}
