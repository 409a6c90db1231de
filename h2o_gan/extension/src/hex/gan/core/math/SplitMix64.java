package hex.gan.core.math;

/** The mixing function of the generator SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits. */
public final class SplitMix64 {
  /** Odd; consecutive multiples of it, mixed, are as good as random. */
  public static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private static final long FIRST = 0xBF58476D1CE4E5B9L;
  private static final long SECOND = 0x94D049BB133111EBL;
  /** Inverses of the factors, modulo 2^64. */
  private static final long FIRST_INVERSE = 0x96DE1B173F119089L;
  private static final long SECOND_INVERSE = 0x319642B2D24D8EC3L;

  private SplitMix64() {}

  public static long mix(long number) {
    long z = number + GOLDEN;
    z = (z ^ (z >>> 30)) * FIRST;
    z = (z ^ (z >>> 27)) * SECOND;
    return z ^ (z >>> 31);
  }

  /** The number that {@link #mix} makes this of. */
  public static long unmix(long mixed) {
    long z = (mixed ^ (mixed >>> 31) ^ (mixed >>> 62)) * SECOND_INVERSE;
    z = (z ^ (z >>> 27) ^ (z >>> 54)) * FIRST_INVERSE;
    return (z ^ (z >>> 30) ^ (z >>> 60)) - GOLDEN;
  }

  /** A number of 64 bits without sign modulo a positive one; Java 8's own is slow. */
  public static long remainder(long number, long divisor) {
    if (number >= 0) {
      return number % divisor;
    }
    long rest = number - ((number >>> 1) / divisor << 1) * divisor;
    return rest < 0 || rest >= divisor ? rest - divisor : rest;
  }
}
