package hex.gan.generate;

/** A set of longs in a table of twice their number, at least. */
final class LongSet {
  /** Bytes of a set for each of its longs, at most. */
  static final int BYTES = 32;

  private static final long MOST = 1L << 29;

  private final long[] table;
  private final int mask;
  private boolean hasZero;

  /**
   * @param most number of longs that it may get
   */
  LongSet(long most) {
    int size = size(most);
    table = new long[size];
    mask = size - 1;
  }

  /** Bytes of a set of so many longs. */
  static long bytes(long most) {
    return 8L * size(most);
  }

  private static int size(long most) {
    if (most > MOST) {
      throw new IllegalArgumentException(
          most + " rows are too many for a rule of unique values: at most " + MOST + " can be compared.");
    }
    return Integer.highestOneBit((int) Math.max(8, 2 * most - 1)) << 1;
  }

  boolean contains(long value) {
    return value == 0 ? hasZero : table[slot(value)] == value;
  }

  void add(long value) {
    if (value == 0) {
      hasZero = true;
    } else {
      table[slot(value)] = value;
    }
  }

  /** Index of a value, or of the free slot for it. */
  private int slot(long value) {
    long mixed = value * 0x9E3779B97F4A7C15L;
    int slot = (int) (mixed >>> 32) & mask;
    while (table[slot] != 0 && table[slot] != value) {
      slot = slot + 1 & mask;
    }
    return slot;
  }
}
