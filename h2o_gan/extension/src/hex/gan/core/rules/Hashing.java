package hex.gan.core.rules;

/** 64-bit hashes of values. */
final class Hashing {
  private static final long FNV_START = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;
  private static final long STEP = 0x9e3779b97f4a7c15L;

  private Hashing() {}

  /** The hash of two hashes, in this order. */
  static long combined(long first, long second) {
    return mixed(first * STEP + second);
  }

  /** The finalizer of MurmurHash3: a bijection that changes about half of the bits for each bit that changes. */
  static long mixed(long bits) {
    long hash = (bits ^ (bits >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return hash ^ (hash >>> 33);
  }

  /** Fowler, Noll and Vo's hash (1a) over UTF-16 units. */
  static long of(String text) {
    long hash = FNV_START;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * FNV_PRIME;
    }
    return hash;
  }

  /** Bits that are equal where numbers are: those of 0 for -0. */
  static long bits(double number) {
    return Double.doubleToLongBits(number + 0.0);
  }

  /** Slots of an open hash table for some entries: a power of two, at most half of them in use. */
  static int slots(int entries) {
    return Math.max(Integer.highestOneBit(Math.max(entries, 1)) << 2, 8);
  }
}
