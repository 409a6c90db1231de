package hex.gan.core.math;

/** Numbers that look random and follow from their arguments alone: SplitMix64 (Steele et al. 2014). */
public final class Mix {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private Mix() {}

  /** The output of SplitMix64 with this state. */
  public static long mix(long number) {
    long z = number + GOLDEN;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** A key that depends on another key and a number. */
  public static long key(long key, long number) {
    return mix(mix(key) ^ mix(number * GOLDEN + 0x632BE59BD9B4E019L));
  }

  /** Number i of the stream of a key, in [0, 1), with 53 bits. */
  public static double uniform(long key, long i) {
    return (mix(key + i * GOLDEN) >>> 11) * 0x1.0p-53;
  }

  /** Number i of the stream of a key, in [0, 1), with 24 bits. */
  public static float uniformFloat(long key, long i) {
    return (mix(key + i * GOLDEN) >>> 40) * 0x1.0p-24f;
  }
}
