package hex.gan.rows;

import hex.gan.arrow.Chunks;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.LevelIndex;
import hex.gan.core.data.Values;
import java.nio.charset.StandardCharsets;
import water.fvec.CStrChunk;
import water.fvec.Chunk;
import water.util.UnsafeUtils;

/** Collects the values of one column for one chunk. Threads may set different rows at the same time. */
final class ColumnWriter {
  private static final int MOST_TEXT = 1 << 30;

  private final String name;
  private final Kind kind;
  /** Of ENUM: the levels of the frame to make, and their number. */
  private final LevelIndex levels;
  private final int count;
  private final long[] whole;
  private final double[] real;
  private final byte[][] text;
  private final byte[] uuids;

  /**
   * @param levels of the column
   * @param rows of the chunk
   */
  ColumnWriter(Column column, LevelIndex levels, int rows) {
    name = column.name;
    kind = column.kind;
    this.levels = levels;
    count = column.levels.size();
    whole = kind.isWhole() || kind == Kind.ENUM ? new long[rows] : null;
    real = kind == Kind.REAL ? new double[rows] : null;
    text = kind == Kind.STRING ? new byte[rows][] : null;
    uuids = kind == Kind.UUID ? Chunks.bytes(16 * rows) : null;
  }

  /**
   * Sets consecutive rows.
   *
   * @param at the first of these rows in the chunk
   * @param from the index of its value
   * @param rows their number
   */
  void put(int at, Values values, int from, int rows) {
    switch (kind) {
      case REAL:
        for (int i = 0; i < rows; i++) {
          real[at + i] = values.missing[from + i] ? Double.NaN : values.number(from + i);
        }
        break;
      case STRING:
        for (int i = 0; i < rows; i++) {
          String value = values.missing[from + i] ? null : values.text[from + i];
          text[at + i] = value == null ? null : value.getBytes(StandardCharsets.UTF_8);
        }
        break;
      case UUID:
        for (int i = 0; i < rows; i++) {
          putUuid(at + i, values.missing[from + i] ? null : values.text[from + i]);
        }
        break;
      case ENUM:
        putLevels(at, values, from, rows);
        break;
      default:
        for (int i = 0; i < rows; i++) {
          whole[at + i] = values.missing[from + i] ? Chunks.NA : wholeOf(values, from + i);
        }
    }
  }

  private long wholeOf(Values values, int row) {
    if (values.whole != null) {
      return values.whole[row];
    }
    double value = values.real[row];
    if (value != (long) value) {
      throw new IllegalArgumentException("column '" + name + "' has the value " + value + ", but the model was trained "
          + "on whole numbers: round it.");
    }
    return (long) value;
  }

  private void putLevels(int at, Values values, int from, int rows) {
    int[] indices = levels.of(values);
    for (int i = 0; i < rows; i++) {
      boolean missing = values.missing[from + i];
      if (!missing && indices[from + i] == count) {
        throw new IllegalStateException(
            "column '" + name + "': '" + values.label(from + i) + "' is not a level of the new frame");
      }
      whole[at + i] = missing ? Chunks.NA : indices[from + i];
    }
  }

  private void putUuid(int row, String value) {
    long first = Chunks.NA;
    long second = 0;
    if (value != null) {
      java.util.UUID parsed = java.util.UUID.fromString(value);
      // What H2O calls the low half is printed first.
      first = parsed.getMostSignificantBits();
      second = parsed.getLeastSignificantBits();
    }
    UnsafeUtils.set8(uuids, 16 * row, first);
    UnsafeUtils.set8(uuids, 16 * row + 8, second);
  }

  /** The chunk, once all rows are set. Call it once. */
  Chunk chunk() {
    switch (kind) {
      case REAL:
        return Chunks.ofReals(real);
      case STRING:
        return strings();
      case UUID:
        return Chunks.ofUuids(uuids);
      default:
        return Chunks.ofLongs(whole);
    }
  }

  private Chunk strings() {
    int[] places = new int[text.length];
    long total = 0;
    for (byte[] value : text) {
      total += value == null ? 0 : value.length + 1;
    }
    if (total > MOST_TEXT) {
      throw new IllegalStateException("column '" + name + "' has more than 1 GB of text in one chunk of the frame");
    }
    byte[] bytes = new byte[(int) total];
    int next = 0;
    for (int i = 0; i < places.length; i++) {
      if (text[i] == null) {
        places[i] = -1;
        continue;
      }
      System.arraycopy(text[i], 0, bytes, next, text[i].length);
      places[i] = next;
      next += text[i].length + 1;
    }
    return new CStrChunk(next, bytes, places.length, places.length, null, places);
  }
}
