package hex.gan.core.tabular;

import hex.gan.core.math.Floats;
import hex.gan.core.math.Normal;

/** The mixtures of normals that numbers are drawn from. */
final class Mixture {
  private static final double HALF_LOG_TWO_PI = 0.91893853320467274178;
  private static final double LEAST_RANK = 1e-6;
  private static final double LEAST_MASS = 1e-30;

  private Mixture() {}

  /**
   * The log density of numbers.
   *
   * @param output (3 components, n) logits, means and log standard deviations
   * @param values (n,)
   * @param out (n,) in nats
   */
  static void logDensity(float[][] output, int components, float[] values, int n, double[] out) {
    for (int b = 0; b < n; b++) {
      float most = Float.NEGATIVE_INFINITY;
      float top = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < components; i++) {
        most = Math.max(most, output[i][b]);
        top = Math.max(top, logPart(output, components, i, values[b], b));
      }
      float total = 0;
      double sum = 0;
      for (int i = 0; i < components; i++) {
        total += Floats.exp(output[i][b] - most);
        sum += Floats.exp(logPart(output, components, i, values[b], b) - top);
      }
      out[b] = top + StrictMath.log(sum) - most - StrictMath.log(total) - HALF_LOG_TWO_PI;
    }
  }

  private static float logPart(float[][] output, int components, int i, float value, int b) {
    float logSd = output[2 * components + i][b];
    float distance = (value - output[components + i][b]) * Floats.exp(-logSd);
    return output[i][b] - logSd - 0.5f * distance * distance;
  }

  /**
   * Draws numbers.
   *
   * @param output (3 components, n), changed by the temperature
   * @param pick (n,) uniforms that decide the components
   * @param normals (n,) standard normal numbers
   * @param out (n,)
   */
  static void draw(
      float[][] output, int components, float temperature, float[] pick, float[] normals, int n, float[] out) {
    heat(output, components, temperature, n);
    for (int b = 0; b < n; b++) {
      float most = largest(output, components, b);
      float total = 0;
      for (int i = 0; i < components; i++) {
        total += Floats.exp(output[i][b] - most);
      }
      float target = pick[b] * (1 - 1e-6f) * total;
      int chosen = 0;
      float sum = Floats.exp(output[0][b] - most);
      while (sum <= target && chosen < components - 1) {
        sum += Floats.exp(output[++chosen][b] - most);
      }
      out[b] = output[components + chosen][b] + normals[b] * Floats.exp(output[2 * components + chosen][b]);
    }
  }

  /** At a temperature, logits are divided by it, and standard deviations multiplied by its root. */
  private static void heat(float[][] output, int components, float temperature, int n) {
    if (temperature == 1) {
      return;
    }
    float wider = 0.5f * (float) StrictMath.log(temperature);
    for (int i = 0; i < components; i++) {
      for (int b = 0; b < n; b++) {
        output[i][b] /= temperature;
        output[2 * components + i][b] += wider;
      }
    }
  }

  private static float largest(float[][] output, int components, int b) {
    float most = output[0][b];
    for (int i = 1; i < components; i++) {
      most = Math.max(most, output[i][b]);
    }
    return most;
  }

  /**
   * Draws numbers within bounds.
   *
   * @param output as in {@link #draw}
   * @param low (n,) smallest numbers
   * @param high (n,) largest numbers
   * @param ranks (n,) uniforms that decide the ranks
   * @param logMass (n,) filled with the log probability of the bounds
   */
  static void drawWithin(
      float[][] output, int components, float temperature, double[] low, double[] high, float[] pick, float[] ranks,
      int n, float[] out, double[] logMass) {
    heat(output, components, temperature, n);
    double[] mass = new double[components];
    for (int b = 0; b < n; b++) {
      float most = largest(output, components, b);
      double shares = 0;
      double sum = 0;
      for (int i = 0; i < components; i++) {
        double share = Floats.exp(output[i][b] - most);
        shares += share;
        double mean = output[components + i][b];
        double sd = Floats.exp(output[2 * components + i][b]);
        mass[i] = share * (Normal.cdf((high[b] - mean) / sd) - Normal.cdf((low[b] - mean) / sd));
      }
      for (int i = 0; i < components; i++) {
        mass[i] = Math.max(mass[i] / shares, LEAST_MASS);
        sum += mass[i];
      }
      double target = pick[b] * (1 - 1e-6) * sum;
      int chosen = 0;
      double up = mass[0];
      while (up <= target && chosen < components - 1) {
        up += mass[++chosen];
      }
      double mean = output[components + chosen][b];
      double sd = Floats.exp(output[2 * components + chosen][b]);
      double start = Normal.cdf((low[b] - mean) / sd);
      double end = Normal.cdf((high[b] - mean) / sd);
      double rank = Math.min(Math.max(start + (end - start) * ranks[b], LEAST_RANK), 1 - LEAST_RANK);
      out[b] = (float) Math.min(Math.max(mean + Normal.quantile(rank) * sd, low[b]), high[b]);
      logMass[b] = StrictMath.log(sum);
    }
  }
}
