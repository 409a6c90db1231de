package hex.gan.core.math;

/** The standard normal distribution. */
public final class Normal {
  private Normal() {}

  /** The probability of values up to z. Errors are below 1e-15, relative to the smaller tail. */
  public static double cdf(double z) {
    throw new UnsupportedOperationException();
  }

  /** The inverse of {@link #cdf} for probabilities within (0, 1); relative errors are below 1e-14. */
  public static double quantile(double p) {
    throw new UnsupportedOperationException();
  }
}
