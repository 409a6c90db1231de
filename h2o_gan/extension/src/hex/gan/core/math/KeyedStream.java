package hex.gan.core.math;

/** Streams of numbers that look random and follow from a key and an index alone; see {@link SplitMix64}. */
public final class KeyedStream {
  private KeyedStream() {}

  /** A key that depends on another key and a number. */
  public static long key(long key, long number) {
    return SplitMix64.mix(SplitMix64.mix(key) ^ SplitMix64.mix(number * SplitMix64.GOLDEN + 0x632BE59BD9B4E019L));
  }

  /** Number i of the stream of a key, in [0, 1), with 53 bits. */
  public static double uniform(long key, long i) {
    return (SplitMix64.mix(key + i * SplitMix64.GOLDEN) >>> 11) * 0x1.0p-53;
  }

  /** Number i of the stream of a key, in [0, 1), with 24 bits. */
  public static float uniformFloat(long key, long i) {
    return (SplitMix64.mix(key + i * SplitMix64.GOLDEN) >>> 40) * 0x1.0p-24f;
  }
}
