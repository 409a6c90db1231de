package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;

/**
 * {@code unique(order_id)}: no two rows have the same values in these columns.
 *
 * <p>Rows in which one of them is missing may repeat, as in SQL.
 */
public final class Unique extends Rule {
  private Unique(String text, int[] columns) {
    super(text, columns);
  }

  static Unique restore(String text, Json data, ColumnIndex table) throws DamagedException {
    return new Unique(text, namedColumns(data, table, 1));
  }

  /** All but the first of equal rows, (rows,). */
  @Override
  public boolean[] broken(Values[] values) {
    int rows = values[columns[0]].size();
    boolean[] present = new boolean[rows];
    long[] hashes = hashes(values, present);
    int[] slots = new int[Hashing.slots(rows)]; // 1 more than the index of a row, 0 for none
    boolean[] repeated = new boolean[rows];
    for (int row = 0; row < rows; row++) {
      if (!present[row]) {
        continue;
      }
      int at = (int) hashes[row] & (slots.length - 1);
      while (slots[at] != 0 && !isSame(values, slots[at] - 1, row)) {
        at = (at + 1) & (slots.length - 1);
      }
      repeated[row] = slots[at] != 0;
      slots[at] = repeated[row] ? slots[at] : row + 1;
    }
    return repeated;
  }

  private boolean isSame(Values[] values, int one, int other) {
    for (int column : columns) {
      Values of = values[column];
      boolean same;
      if (of.real != null) {
        same = of.real[one] == of.real[other];
      } else if (of.kind.isWhole()) {
        same = of.whole[one] == of.whole[other];
      } else {
        same = of.label(one).equals(of.label(other));
      }
      if (!same) {
        return false;
      }
    }
    return true;
  }

  /**
   * Hashes of the columns' values; those of levels are of their texts.
   *
   * @param present (rows,) filled with whether none of the values is missing
   * @return (rows,) 64 bits; of any value where one is missing
   */
  public long[] hashes(Values[] values, boolean[] present) {
    java.util.Arrays.fill(present, true);
    long[] hashes = new long[present.length];
    for (int column : columns) {
      Values of = values[column];
      boolean[] missing = of.absent();
      for (int row = 0; row < hashes.length; row++) {
        present[row] &= !missing[row];
        if (present[row]) {
          hashes[row] = Hashing.combined(hashes[row], bits(of, row));
        }
      }
    }
    return hashes;
  }

  private static long bits(Values of, int row) {
    if (of.real != null) {
      return Hashing.bits(of.real[row]);
    }
    return of.kind.isWhole() ? of.whole[row] : Hashing.of(of.label(row));
  }
}
