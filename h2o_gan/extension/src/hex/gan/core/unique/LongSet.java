package hex.gan.core.unique;

/** A set of longs, in an open hash table at least half of which is free. */
public final class LongSet {
  /** Bytes of a set for each of its longs, at most. */
  public static final int BYTES = 32;

  private static final long MOST = 1L << 29;
  private static final long FACTOR = 0x9E3779B97F4A7C15L;

  private long[] table;
  private int size;
  private boolean hasZero;

  /**
   * @param expected number of longs for which there is room at once; it may get more
   * @throws IllegalArgumentException these are too many
   */
  public LongSet(long expected) {
    table = new long[length(expected)];
  }

  /** Bytes of a set of so many longs. */
  public static long bytes(long expected) {
    return 8L * length(expected);
  }

  private static int length(long expected) {
    if (expected > MOST) {
      throw new IllegalArgumentException(
          expected + " rows are too many for a rule of unique values: at most " + MOST + " can be compared.");
    }
    return Integer.highestOneBit((int) Math.max(8, 2 * expected - 1)) << 1;
  }

  public boolean contains(long value) {
    return value == 0 ? hasZero : table[slot(table, value)] == value;
  }

  /** Adds a long; whether it was new. */
  public boolean add(long value) {
    if (value == 0) {
      boolean isNew = !hasZero;
      hasZero = true;
      return isNew;
    }
    int slot = slot(table, value);
    if (table[slot] == value) {
      return false;
    }
    table[slot] = value;
    if (++size > table.length / 2) {
      grow();
    }
    return true;
  }

  private void grow() {
    long[] larger = new long[length(size)];
    for (long value : table) {
      if (value != 0) {
        larger[slot(larger, value)] = value;
      }
    }
    table = larger;
  }

  /** Index of a value, or of the free slot for it. */
  private static int slot(long[] table, long value) {
    int mask = table.length - 1;
    int slot = (int) (value * FACTOR >>> 32) & mask;
    while (table[slot] != 0 && table[slot] != value) {
      slot = slot + 1 & mask;
    }
    return slot;
  }
}
