package hex.gan.core.math;

/**
 * Loops over float arrays that HotSpot compiles to vector instructions.
 *
 * <p>A matrix is an array of rows of one length or more, of which the first n elements count: units, or features, by
 * rows of a table. HotSpot vectorizes only loops with few operations and without offsets into one array, which is why
 * functions come in several passes. There is no fused multiply-add and no exponential of the platform, so that all
 * machines compute the same bits.
 */
public final class Floats {
  /** Where {@link #exp} ends: smaller arguments count as this. */
  public static final float LEAST_EXPONENT = -40;

  private Floats() {}

  /** Sets the first n elements. */
  public static void fill(float[] out, float value, int n) {
    for (int j = 0; j < n; j++) {
      out[j] = value;
    }
  }

  /** Adds the first n elements of another array. */
  public static void add(float[] out, float[] other, int n) {
    for (int j = 0; j < n; j++) {
      out[j] += other[j];
    }
  }

  /** Subtracts the first n elements of another array. */
  public static void subtract(float[] out, float[] other, int n) {
    for (int j = 0; j < n; j++) {
      out[j] -= other[j];
    }
  }

  /** Changes the signs of the first n elements. */
  public static void negate(float[] out, int n) {
    for (int j = 0; j < n; j++) {
      out[j] = -out[j];
    }
  }

  /** Replaces elements by the larger ones of another array. */
  public static void larger(float[] out, float[] other, int n) {
    for (int j = 0; j < n; j++) {
      out[j] = Math.max(out[j], other[j]);
    }
  }

  /** Limits elements to a range. */
  public static void clamp(float[] out, float low, float high, int n) {
    for (int j = 0; j < n; j++) {
      out[j] = Math.min(Math.max(out[j], low), high);
    }
  }

  /**
   * Adds the product of weights and inputs.
   *
   * @param out (outputs, n)
   * @param in (inputs, n)
   * @param weights (outputs, inputs), flat
   */
  public static void multiplyAdd(float[][] out, float[][] in, float[] weights, int outputs, int inputs, int n) {
    int whole = inputs & ~3;
    for (int h = 0; h < outputs; h++) {
      float[] target = out[h];
      int at = h * inputs;
      for (int k = 0; k < whole; k += 4) {
        addFour(
            target, in[k], in[k + 1], in[k + 2], in[k + 3], n, weights[at + k], weights[at + k + 1],
            weights[at + k + 2], weights[at + k + 3]);
      }
      for (int k = whole; k < inputs; k++) {
        addOne(target, in[k], n, weights[at + k]);
      }
    }
  }

  private static void addFour(
      float[] out, float[] x0, float[] x1, float[] x2, float[] x3, int n, float a0, float a1, float a2, float a3) {
    for (int j = 0; j < n; j++) {
      out[j] += a0 * x0[j] + a1 * x1[j] + a2 * x2[j] + a3 * x3[j];
    }
  }

  private static void addOne(float[] out, float[] x0, int n, float a0) {
    for (int j = 0; j < n; j++) {
      out[j] += a0 * x0[j];
    }
  }

  /**
   * x / (1 + exp(-x)) of each element, with absolute errors below 1e-6, relative to x.
   *
   * <p>The logistic function is (1 + tanh(x / 2)) / 2, with tanh as a ratio of polynomials.
   *
   * @param scratch (2, n)
   */
  public static void silu(float[] x, float[][] scratch, int n) {
    float[] squares = scratch[0];
    float[] ratio = scratch[1];
    for (int j = 0; j < n; j++) {
      float y = Math.min(Math.max(0.5f * x[j], -9f), 9f);
      squares[j] = y * y;
    }
    for (int j = 0; j < n; j++) {
      float s = squares[j];
      ratio[j] =
          (((1.3184003578727191e-8f * s + 2.0471672188085278e-5f) * s + 3.486572394380142e-3f) * s
                      + 0.13373189767019425f)
                  * s
              + 0.9999999063656564f;
    }
    for (int j = 0; j < n; j++) {
      float s = squares[j];
      squares[j] =
          (((7.702573557941158e-7f * s + 3.271369746102154e-4f) * s + 0.025841943256506676f) * s
                      + 0.46706486633074695f)
                  * s
              + 1f;
    }
    for (int j = 0; j < n; j++) {
      float half = 0.5f * x[j];
      float y = Math.min(Math.max(half, -9f), 9f);
      x[j] = half + half * (y * ratio[j] / squares[j]);
    }
  }

  /**
   * exp(x) of each element, for x up to 0 and not below {@link #LEAST_EXPONENT}, with relative errors below 1e-5.
   *
   * <p>A polynomial of x / 32, five times squared.
   */
  public static void exp(float[] x, int n) {
    for (int j = 0; j < n; j++) {
      x[j] = Math.max(x[j], LEAST_EXPONENT) * 0.03125f;
    }
    for (int j = 0; j < n; j++) {
      float t = x[j];
      float s = (1.0505603613569133e-4f * t + 1.2132491574383063e-3f) * t + 8.149687057736676e-3f;
      s = (s * t + 0.04155672359956771f) * t + 0.1666300614954527f;
      x[j] = ((s * t + 0.4999938766179226f) * t + 0.9999995991304486f) * t + 0.9999999955322372f;
    }
    for (int j = 0; j < n; j++) {
      float t = x[j] * x[j];
      t *= t;
      t *= t;
      t *= t;
      x[j] = t * t;
    }
  }

  /** exp(x) of any float, with relative errors below 1e-6; 0 below -87, and the largest one from 88 on. */
  public static float exp(float x) {
    if (!(x > -87)) {
      return x != x ? x : 0;
    }
    float t = Math.min(x, 88f) * 1.44269504f;
    int n = (int) (t + (t < 0 ? -0.5f : 0.5f));
    float r = Math.min(x, 88f) - n * 0.693359375f + n * 2.12194440e-4f;
    float p = ((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f;
    p = ((p * r + 1.6666665459e-1f) * r + 5.0000001201e-1f) * r * r + r + 1f;
    return p * Float.intBitsToFloat((n + 127) << 23);
  }

  /** The logarithm of a ratio of positive numbers. */
  public static double logRatio(float top, float bottom) {
    return StrictMath.log((double) top / bottom);
  }
}
