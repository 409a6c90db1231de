package hex.gan.core.math;

/**
 * The standard normal distribution.
 *
 * <p>The cumulative distribution is by W. J. Cody's rational approximations of the error function (1969, "Rational
 * Chebyshev Approximations for the Error Function"), its inverse by M. J. Wichura's (1988, algorithm AS 241). Both use
 * StrictMath, so that all machines compute the same bits.
 */
public final class Normal {
  private static final double ROOT_HALF = 0.70710678118654752440;
  private static final double ONE_OVER_ROOT_PI = 0.56418958354775628695;

  private static final double[] ERF_TOP = {
    1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3
  };
  private static final double[] ERF_BOTTOM = {
    1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3
  };
  private static final double[] MIDDLE_TOP = {
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3
  };
  private static final double[] MIDDLE_BOTTOM = {
    1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3
  };
  private static final double[] TAIL_TOP = {
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4
  };
  private static final double[] TAIL_BOTTOM = {
    1, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3
  };

  private static final double[] CENTRE_TOP = {
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0
  };
  private static final double[] CENTRE_BOTTOM = {
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1
  };
  private static final double[] NEAR_TOP = {
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0
  };
  private static final double[] NEAR_BOTTOM = {
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1
  };
  private static final double[] FAR_TOP = {
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0
  };
  private static final double[] FAR_BOTTOM = {
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1
  };

  private Normal() {}

  /** The probability of values up to z, with relative errors below 1e-14; 0 or 1 beyond about 37. */
  public static double cdf(double z) {
    double x = z * ROOT_HALF;
    double size = Math.abs(x);
    if (size <= 0.46875) {
      double square = x * x;
      return 0.5 + 0.5 * x * polynomial(ERF_TOP, square) / polynomial(ERF_BOTTOM, square);
    }
    double rest = 0.5 * complement(size);
    return x < 0 ? rest : 1 - rest;
  }

  /** The complementary error function of x above 0.46875. */
  private static double complement(double x) {
    if (x > 27) {
      return 0;
    }
    double part;
    if (x <= 4) {
      part = polynomial(MIDDLE_TOP, x) / polynomial(MIDDLE_BOTTOM, x);
    } else {
      double square = 1 / (x * x);
      double ratio = square * polynomial(TAIL_TOP, square) / polynomial(TAIL_BOTTOM, square);
      part = (ONE_OVER_ROOT_PI - ratio) / x;
    }
    // The square in two parts, the first of which is exact: rounding would be magnified by the exponential.
    double head = StrictMath.floor(x * 16) / 16;
    double rest = (x - head) * (x + head);
    return StrictMath.exp(-head * head) * StrictMath.exp(-rest) * part;
  }

  /** The inverse of {@link #cdf}, with relative errors below 1e-14, for p within (0, 1); infinite at 0 and 1. */
  public static double quantile(double p) {
    double q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      double r = 0.180625 - q * q;
      return q * polynomial(CENTRE_TOP, r) / polynomial(CENTRE_BOTTOM, r);
    }
    double tail = q < 0 ? p : 1 - p;
    if (!(tail > 0)) {
      return q < 0 ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    double r = Math.sqrt(-StrictMath.log(tail));
    double found;
    if (r <= 5) {
      found = polynomial(NEAR_TOP, r - 1.6) / polynomial(NEAR_BOTTOM, r - 1.6);
    } else {
      found = polynomial(FAR_TOP, r - 5) / polynomial(FAR_BOTTOM, r - 5);
    }
    return q < 0 ? -found : found;
  }

  /** A polynomial by Horner's rule, the coefficient of the highest power first. */
  private static double polynomial(double[] coefficients, double x) {
    double sum = coefficients[0];
    for (int i = 1; i < coefficients.length; i++) {
      sum = sum * x + coefficients[i];
    }
    return sum;
  }
}
