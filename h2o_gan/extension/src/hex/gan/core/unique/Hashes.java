package hex.gan.core.unique;

/** A set of 64-bit numbers, in 16 bytes for each. */
final class Hashes {
  private long[] table = new long[1 << 10];
  private boolean hasZero;
  private int size;

  boolean contains(long hash) {
    return hash == 0 ? hasZero : table[place(table, hash)] == hash;
  }

  /** Adds a number; whether it was new. */
  boolean add(long hash) {
    if (hash == 0) {
      boolean isNew = !hasZero;
      hasZero = true;
      return isNew;
    }
    int place = place(table, hash);
    if (table[place] == hash) {
      return false;
    }
    table[place] = hash;
    if (++size > table.length / 2) {
      long[] larger = new long[Math.multiplyExact(2, table.length)];
      for (long each : table) {
        if (each != 0) {
          larger[place(larger, each)] = each;
        }
      }
      table = larger;
    }
    return true;
  }

  /** Where a number is, or would be. */
  private static int place(long[] table, long hash) {
    int at = (int) (hash ^ hash >>> 32) & table.length - 1;
    while (table[at] != 0 && table[at] != hash) {
      at = at + 1 & table.length - 1;
    }
    return at;
  }
}
