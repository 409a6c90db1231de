package hex.gan.core.codecs;

import hex.gan.core.math.ArrayMath;
import java.util.Arrays;

/**
 * The density of a column of numbers or times, in units of its standard deviation, with tails beyond its range.
 *
 * <p>A kernel density estimate over the bins, whose kernel is Student's t with 3 degrees of freedom; see
 * h2o_gan/engine/data/densities.py, which this mirrors. The kernel is a power of a rational function, so that most
 * densities are summed without logarithms.
 */
final class MarginalDensity {
  /** Infinities are as far away as this. */
  static final double LARGEST = 1e300;

  private static final double ROOT_OF_FREEDOM = Math.sqrt(3);
  /** Log density of the kernel at its centre. */
  private static final double LOG_KERNEL = Math.log(2 / (Math.PI * ROOT_OF_FREEDOM));
  /** Silverman's rule: 0.9 min(sd, IQR / 1.349) rows ** -0.2. */
  private static final double BANDWIDTH = 0.9;
  private static final double IQR_OF_NORMAL = 1.349;
  /** Multiples of it. */
  private static final double[] NARROWER = {1, 0.5, 0.25, 0.125, 0.0625};
  /** Nats a value by which a narrower bandwidth must be better. */
  private static final double TOLERANCE = 0.1;
  private static final int FEWEST_CENTRES = 4;
  private static final int MAX_CENTRES = 512;
  /** Sums of kernels below this lose digits. */
  private static final double LEAST_SUM = 1e-250;
  private static final int BLOCK = 256;

  private final double zero;
  private final double unit;
  private final double logBandwidth;
  /** (centres,) ascending, in units. */
  private final double[] centres;
  private final double[] weights;

  MarginalDensity(Quantiles quantiles, long rows) {
    int bins = quantiles.size();
    double[] low = new double[bins];
    double[] high = new double[bins];
    int finite = 0;
    for (int i = 0; i < bins; i++) {
      low[i] = ArrayMath.clip(quantiles.lowOf(i), -LARGEST, LARGEST);
      high[i] = ArrayMath.clip(quantiles.highOf(i), -LARGEST, LARGEST);
      finite += isFinite(low[i], high[i]) ? 1 : 0;
    }
    double[] shares = quantiles.shares();
    if (finite > 0 && finite < bins) {
      int kept = 0;
      for (int i = 0; i < bins; i++) {
        if (isFinite(low[i], high[i])) {
          low[kept] = low[i];
          high[kept] = high[i];
          shares[kept++] = shares[i];
        }
      }
      bins = kept;
      low = Arrays.copyOf(low, bins);
      high = Arrays.copyOf(high, bins);
      shares = Arrays.copyOf(shares, bins);
    }
    double total = ArrayMath.sum(shares);
    double[] middle = new double[bins];
    for (int i = 0; i < bins; i++) {
      shares[i] = total > 0 ? shares[i] / total : 1.0 / bins;
      middle[i] = low[i] / 2 + high[i] / 2;
    }
    // Differences before products: times are large numbers that differ little.
    zero = mean(middle, shares);
    for (int i = 0; i < bins; i++) {
      middle[i] -= zero;
      low[i] -= zero;
      high[i] -= zero;
    }
    double[] spread = spread(middle, shares);
    unit = spread[0];
    double[][] found = centres(low, high, shares);
    centres = found[0];
    weights = found[1];
    for (int i = 0; i < centres.length; i++) {
      centres[i] /= unit;
    }
    double logWidest = Math.log(BANDWIDTH * spread[1]) - 0.2 * Math.log(Math.max(rows, 1)) - Math.log(unit);
    logBandwidth = logWidest + Math.log(narrowing(centres, weights, Math.exp(logWidest)));
  }

  private static boolean isFinite(double low, double high) {
    return Math.abs(low) < LARGEST && Math.abs(high) < LARGEST;
  }

  /** Log probability of single values; those that training never saw count as half a row. */
  static double logShare(double share, long rows) {
    return Math.log(Math.max(share, 0.5 / (rows + 1.0)));
  }

  /** (rows,) log densities of values, without NaN; finite. */
  double[] logDensity(double[] values) {
    double[] logs = new double[values.length];
    double[] scaled = new double[Math.min(BLOCK, values.length)];
    double[] sums = new double[scaled.length];
    double scale = 1 / (Math.exp(logBandwidth) * ROOT_OF_FREEDOM);
    double added = LOG_KERNEL - logBandwidth;
    for (int start = 0; start < values.length; start += BLOCK) {
      int rows = Math.min(BLOCK, values.length - start);
      for (int i = 0; i < rows; i++) {
        scaled[i] = (ArrayMath.clip(values[start + i], -LARGEST, LARGEST) - zero) / unit;
      }
      Arrays.fill(sums, 0);
      for (int j = 0; j < centres.length; j++) { // rows are the inner loop, which is vectorised
        addKernel(scaled, centres[j], weights[j], scale, sums, 0, rows);
      }
      for (int i = 0; i < rows; i++) {
        logs[start + i] = (sums[i] > LEAST_SUM ? Math.log(sums[i]) : logSum(scaled[i])) + added;
      }
    }
    return logs;
  }

  /** Adds a kernel, of its weight at the centre, to the sums of some rows. */
  private static void addKernel(
      double[] values, double centre, double weight, double scale, double[] sums, int from, int to) {
    for (int i = from; i < to; i++) {
      double distance = (values[i] - centre) * scale;
      double inverse = 1 + distance * distance;
      sums[i] += weight / (inverse * inverse);
    }
  }

  /** The logarithm of a sum of kernels that is too small for a double. */
  private double logSum(double scaled) {
    double bandwidth = Math.exp(logBandwidth);
    double[] parts = new double[centres.length];
    double largest = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < parts.length; j++) {
      double distance = ArrayMath.clip((scaled - centres[j]) / bandwidth, -LARGEST, LARGEST);
      parts[j] = Math.log(weights[j]) - 4 * Math.log(Math.hypot(1, distance / ROOT_OF_FREEDOM));
      largest = Math.max(largest, parts[j]);
    }
    double sum = 0;
    for (double part : parts) {
      sum += Math.exp(part - largest);
    }
    return largest + Math.log(sum);
  }

  private static double mean(double[] values, double[] shares) {
    double[] products = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      products[i] = values[i] * shares[i];
    }
    return ArrayMath.sum(products) / ArrayMath.sum(shares);
  }

  /** The standard deviation, and the smaller of it and that of a normal with the same quartiles. */
  private static double[] spread(double[] values, double[] shares) {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    double[] squares = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      squares[i] = values[i] / largest * (values[i] / largest);
    }
    double deviation = largest == 0 ? 0 : largest * Math.sqrt(mean(squares, shares));
    if (deviation == 0) {
      return new double[] {1, 1};
    }
    double[] ends = shares.clone();
    for (int i = 1; i < ends.length; i++) {
      ends[i] += ends[i - 1];
    }
    int last = values.length - 1;
    double upper = values[Math.min(ArrayMath.countBelow(ends, 0.75), last)];
    double between = (upper - values[Math.min(ArrayMath.countBelow(ends, 0.25), last)]) / IQR_OF_NORMAL;
    return new double[] {deviation, between > 0 ? Math.min(deviation, between) : deviation};
  }

  /** The centres of the kernels, ascending, and their weights; a wide bin has two. */
  private static double[][] centres(double[] low, double[] high, double[] shares) {
    int wide = 0;
    for (int i = 0; i < low.length; i++) {
      wide += low[i] < high[i] ? 1 : 0;
    }
    double[] centres = new double[low.length + wide];
    double[] weights = new double[centres.length];
    int count = 0;
    // Bins ascend, so that an end goes before the next start unless both are equal.
    double waiting = 0;
    double waitingWeight = -1;
    for (int i = 0; i <= low.length; i++) {
      if (waitingWeight >= 0 && (i == low.length || waiting < low[i])) {
        centres[count] = waiting;
        weights[count++] = waitingWeight;
        waitingWeight = -1;
      }
      if (i < low.length) {
        boolean isWide = low[i] < high[i];
        centres[count] = low[i];
        weights[count++] = isWide ? shares[i] / 2 : shares[i];
        if (isWide) {
          if (waitingWeight >= 0) {
            centres[count] = waiting;
            weights[count++] = waitingWeight;
          }
          waiting = high[i];
          waitingWeight = shares[i] / 2;
        }
      }
    }
    return count > MAX_CENTRES ? joined(centres, weights) : withWeight(centres, weights);
  }

  /** Joins neighbours; the ends, from where tails are measured, stay themselves. */
  private static double[][] joined(double[] centres, double[] weights) {
    int count = centres.length;
    double[] mass = new double[MAX_CENTRES];
    double[] sums = new double[MAX_CENTRES];
    for (int i = 0; i < count; i++) {
      int group = (int) ((long) i * (MAX_CENTRES - 2) / count) + 1;
      group = i == 0 ? 0 : i == count - 1 ? MAX_CENTRES - 1 : group;
      mass[group] += weights[i];
      sums[group] += weights[i] * centres[i];
    }
    for (int i = 0; i < MAX_CENTRES; i++) {
      sums[i] /= Math.max(mass[i], 1e-300);
    }
    return withWeight(sums, mass);
  }

  private static double[][] withWeight(double[] centres, double[] weights) {
    int kept = 0;
    double[][] found = new double[2][centres.length];
    for (int i = 0; i < centres.length; i++) {
      if (weights[i] > 0) {
        found[0][kept] = centres[i];
        found[1][kept++] = weights[i];
      }
    }
    return new double[][] {Arrays.copyOf(found[0], kept), Arrays.copyOf(found[1], kept)};
  }

  /** The multiple of a bandwidth that predicts each centre best from all others; of nearly equal ones the largest. */
  private static double narrowing(double[] centres, double[] weights, double bandwidth) {
    int count = centres.length;
    if (count < FEWEST_CENTRES) {
      return 1;
    }
    double[] gains = new double[NARROWER.length];
    double[] density = new double[count];
    double best = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < gains.length; k++) {
      double scale = 1 / (bandwidth * NARROWER[k] * ROOT_OF_FREEDOM);
      Arrays.fill(density, 0);
      for (int j = 0; j < count; j++) {
        addKernel(centres, centres[j], weights[j], scale, density, 0, j);
        addKernel(centres, centres[j], weights[j], scale, density, j + 1, count);
      }
      double height = Math.exp(LOG_KERNEL) / NARROWER[k];
      for (int i = 0; i < count; i++) {
        double others = height * density[i] / Math.max(1 - weights[i], 1e-9);
        gains[k] += weights[i] * Math.log(Math.max(others, 1e-300));
      }
      best = Math.max(best, gains[k]);
    }
    for (int k = 0; k < gains.length; k++) {
      if (gains[k] >= best - TOLERANCE) {
        return NARROWER[k];
      }
    }
    return 1;
  }
}
