package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;

/**
 * A piecewise linear quantile function of a column of numbers or times: ordered bins with shares and ranges of values.
 *
 * <p>Mirrors h2o_gan/engine/data/quantiles.py. Arrays are not to be changed.
 */
public final class Quantiles {
  /** Widths of bins from which on arithmetic of longs could overflow. */
  private static final double WIDE = 0x1p62;
  private static final double LARGEST_WHOLE = Math.nextDown(0x1p63);

  public final Column column;
  /** (bins,) smallest value of each bin, ascending; null for a real column. */
  public final long[] low;
  /** (bins,) largest value of each bin; null for a real column. */
  public final long[] high;
  /** (bins,) smallest value of each bin, ascending; null for other columns than real ones. */
  public final double[] realLow;
  /** (bins,) largest value of each bin; null for other columns than real ones. */
  public final double[] realHigh;
  /** (bins + 1,) probabilities up to each bin, from 0 to 1. */
  public final double[] cumulative;
  /** Whole values of a bin are its low plus a multiple of it. */
  public final long step;
  /** Decimals of reals; negative where values are not rounded. */
  public final int decimals;

  private Quantiles(
      Column column, long[] low, long[] high, double[] realLow, double[] realHigh, double[] cumulative, long step,
      int decimals) {
    this.column = column;
    this.low = low;
    this.high = high;
    this.realLow = realLow;
    this.realHigh = realHigh;
    this.cumulative = cumulative;
    this.step = step;
    this.decimals = decimals;
  }

  /** Reads the arrays of a column whose names begin with a prefix. */
  public static Quantiles restore(Column column, NamedArrays arrays, String prefix, long step, int decimals)
      throws DamagedException {
    int known = arrays.names().contains(prefix + "high") ? 3 : 2;
    long count = arrays.names().stream().filter(name -> name.startsWith(prefix)).count();
    boolean real = column.kind == Kind.REAL;
    String highName = known == 3 ? "high" : "low";
    long[] low = real ? null : arrays.longs(prefix + "low");
    long[] high = real ? null : arrays.longs(prefix + highName);
    double[] realLow = real ? arrays.doubles(prefix + "low") : null;
    double[] realHigh = real ? arrays.doubles(prefix + highName) : null;
    double[] cumulative = arrays.doubles(prefix + "cumulative");
    Quantiles found = new Quantiles(column, low, high, realLow, realHigh, cumulative, step, decimals);
    if (count != known || !found.isValid()) {
      throw column.wrong("the arrays of its bins do not match");
    }
    return found;
  }

  private boolean isValid() {
    int bins = size();
    if (bins == 0 || cumulative.length != bins + 1 || cumulative[0] != 0 || !ArrayMath.isDistribution(shares())) {
      return false;
    }
    return realLow == null ? areAscending(low, high) : areAscending(realLow, realHigh);
  }

  private static boolean areAscending(long[] low, long[] high) {
    for (int i = 0; i < low.length; i++) {
      if (high.length != low.length || low[i] > high[i] || i > 0 && high[i - 1] > low[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean areAscending(double[] low, double[] high) {
    for (int i = 0; i < low.length; i++) {
      // Written so that NaN fails.
      boolean ordered = high.length == low.length && low[i] <= high[i] && (i == 0 || high[i - 1] <= low[i]);
      boolean finite = ordered && !Double.isInfinite(low[i]) && !Double.isInfinite(high[i]);
      if (!ordered || !finite && low[i] != high[i]) {
        return false;
      }
    }
    return true;
  }

  /** Number of bins. */
  public int size() {
    return low == null ? realLow.length : low.length;
  }

  /** (bins,) probabilities of the bins. */
  public double[] shares() {
    double[] shares = new double[size()];
    for (int i = 0; i < shares.length; i++) {
      shares[i] = cumulative[i + 1] - cumulative[i];
    }
    return shares;
  }

  /** Whether all values of a bin are the same. */
  public boolean isSingle(int bin) {
    return low == null ? realLow[bin] == realHigh[bin] : low[bin] == high[bin];
  }

  /** The smallest value, a Long or a Double. */
  public Number least() {
    return low == null ? (Number) realLow[0] : (Number) low[0];
  }

  /** The largest value, a Long or a Double. */
  public Number most() {
    return low == null ? (Number) realHigh[size() - 1] : (Number) high[size() - 1];
  }

  /** The smallest value of a bin as a double. */
  public double lowOf(int bin) {
    return low == null ? realLow[bin] : low[bin];
  }

  /** The largest value of a bin as a double. */
  public double highOf(int bin) {
    return low == null ? realHigh[bin] : high[bin];
  }

  /** The bin at a rank within [0, 1]. */
  private int binAt(double rank) {
    return Math.min(Math.max(ArrayMath.countUpTo(cumulative, rank) - 1, 0), size() - 1);
  }

  private double fraction(int bin, double rank) {
    double start = cumulative[bin];
    return ArrayMath.clip((rank - start) / Math.max(cumulative[bin + 1] - start, 1e-300), 0, 1);
  }

  /** The value of a real column at a rank. */
  public double realAt(double rank) {
    double limited = ArrayMath.clip(rank, 0, 1);
    int bin = binAt(limited);
    double least = realLow[bin];
    double most = realHigh[bin];
    if (least == most) { // also infinities, for which inf * 0 would be NaN
      return least;
    }
    double fraction = fraction(bin, limited);
    double value = least * (1 - fraction) + most * fraction;
    return ArrayMath.clip(decimals < 0 ? value : ArrayMath.round(value, decimals), least, most);
  }

  /** The value of a column of whole numbers at a rank. */
  public long wholeAt(double rank) {
    double limited = ArrayMath.clip(rank, 0, 1);
    int bin = binAt(limited);
    double width = (double) high[bin] - (double) low[bin];
    double offset = Math.rint(fraction(bin, limited) * width / step) * step;
    long value = low[bin] + (long) offset;
    if (width >= WIDE) {
      value = (long) ArrayMath.clip((double) low[bin] + offset, -LARGEST_WHOLE, LARGEST_WHOLE);
    }
    return ArrayMath.clip(value, low[bin], high[bin]);
  }

  /** Values of the column, from whole numbers or reals by its kind; the other array is null. */
  public Values of(long[] whole, double[] real, boolean[] missing) {
    return low == null ? Values.real(real, missing) : Values.whole(column.kind, whole, missing);
  }

  /** One value, a Long or a Double; null for missing. */
  public Values cell(Number value) {
    return cell(column, value);
  }

  /** One value of a column of numbers, a Long or a Double; null for missing. */
  static Values cell(Column column, Number value) {
    boolean[] missing = {value == null};
    if (column.kind == Kind.REAL) {
      return Values.real(new double[] {value == null ? 0 : value.doubleValue()}, missing);
    }
    return Values.whole(column.kind, new long[] {value == null ? 0 : value.longValue()}, missing);
  }

  /** The last bin whose low is not above a value, a Long or a Double; but at least the first. */
  public int binOf(Number value) {
    int count = low != null && value instanceof Long
        ? ArrayMath.countUpTo(low, value.longValue())
        : ArrayMath.countUpTo(lows(), value.doubleValue());
    return Math.max(count - 1, 0);
  }

  private double[] lows() {
    return low == null ? realLow : asDoubles(low);
  }

  private static double[] asDoubles(long[] values) {
    double[] found = new double[values.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = values[i];
    }
    return found;
  }

  /** The probability of values less than a value, a Long or a Double. */
  public double rankBelow(Number value) {
    int bin = low != null && value instanceof Long
        ? ArrayMath.countBelow(high, value.longValue())
        : ArrayMath.countBelow(low == null ? realHigh : asDoubles(high), value.doubleValue());
    return bin == size() ? 1 : rankInBin(bin, value.doubleValue());
  }

  /** The probability of values less than or equal to a value, a Long or a Double. */
  public double rankUpTo(Number value) {
    int bin = (low != null && value instanceof Long
        ? ArrayMath.countUpTo(low, value.longValue())
        : ArrayMath.countUpTo(lows(), value.doubleValue())) - 1;
    if (bin < 0) {
      return 0;
    }
    return isSingle(bin) ? cumulative[bin + 1] : rankInBin(bin, value.doubleValue());
  }

  private double rankInBin(int bin, double value) {
    double least = lowOf(bin);
    double most = highOf(bin);
    double fraction = most > least ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 0;
    return cumulative[bin] + fraction * (cumulative[bin + 1] - cumulative[bin]);
  }
}
