package hex.gan.core.math;

/** Powers of ten as the nearest doubles, which is what Python's {@code 10.0 ** n} is. */
public final class Powers {
  private static final int MOST = 324;
  private static final double[] NEGATIVE = new double[MOST];
  private static final double[] POSITIVE = new double[MOST];

  static {
    for (int i = 0; i < MOST; i++) {
      NEGATIVE[i] = Double.parseDouble("1e-" + i);
      POSITIVE[i] = Double.parseDouble("1e" + i);
    }
  }

  private Powers() {}

  /** {@code 10 ** exponent}, for an exponent of 0 or more. */
  public static double of(int exponent) {
    return exponent < MOST ? POSITIVE[exponent] : Double.POSITIVE_INFINITY;
  }

  /** {@code 10 ** -exponent}, for an exponent of 0 or more. */
  public static double inverse(int exponent) {
    return exponent < MOST ? NEGATIVE[exponent] : 0;
  }
}
