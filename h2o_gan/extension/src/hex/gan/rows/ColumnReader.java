package hex.gan.rows;

import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import java.util.List;
import water.fvec.CStrChunk;
import water.fvec.Chunk;
import water.parser.BufferedString;

/** Reads the values of one column from chunks. Immutable, and used by any number of threads. */
final class ColumnReader {
  private static final char[] HEX = "0123456789abcdef".toCharArray();

  private final Kind kind;
  /** Of ENUM: the index in levels of each level of the frame; null where the indices are the same. */
  private final int[] levelOf;
  private final List<String> levels;

  /**
   * @param kind of the values to return
   * @param levelOf of ENUM, the index in levels of each level of the frame; null where the indices are the same
   */
  ColumnReader(Kind kind, int[] levelOf, List<String> levels) {
    this.kind = kind;
    this.levelOf = levelOf;
    this.levels = levels;
  }

  /** Reads consecutive rows of a chunk. */
  Values read(Chunk chunk, int first, int rows) {
    boolean[] missing = new boolean[rows];
    switch (kind) {
      case REAL:
        return reals(chunk, first, missing);
      case STRING:
        return strings(chunk, first, missing);
      case UUID:
        return uuids(chunk, first, missing);
      default:
        return wholes(chunk, first, missing);
    }
  }

  private Values wholes(Chunk chunk, int first, boolean[] missing) {
    long[] values = new long[missing.length];
    for (int i = 0; i < values.length; i++) {
      missing[i] = chunk.isNA(first + i);
      if (!missing[i]) {
        values[i] = chunk.at8(first + i);
      }
    }
    if (kind != Kind.ENUM) {
      return Values.whole(kind, values, missing);
    }
    if (levelOf != null) {
      for (int i = 0; i < values.length; i++) {
        values[i] = missing[i] ? 0 : levelOf[(int) values[i]];
      }
    }
    return Values.levels(values, levels, missing);
  }

  private static Values reals(Chunk chunk, int first, boolean[] missing) {
    double[] values = new double[missing.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = chunk.atd(first + i);
      missing[i] = values[i] != values[i];
    }
    return Values.real(values, missing);
  }

  private static Values strings(Chunk chunk, int first, boolean[] missing) {
    String[] values = new String[missing.length];
    // A chunk of missing values only is numeric.
    boolean textual = chunk instanceof CStrChunk || chunk.chk2() != null;
    BufferedString text = new BufferedString();
    for (int i = 0; i < values.length; i++) {
      missing[i] = !textual || chunk.atStr(text, first + i) == null;
      values[i] = missing[i] ? null : text.toString();
    }
    return Values.text(Kind.STRING, values, missing);
  }

  private static Values uuids(Chunk chunk, int first, boolean[] missing) {
    String[] values = new String[missing.length];
    for (int i = 0; i < values.length; i++) {
      missing[i] = chunk.isNA(first + i);
      // What H2O calls the low half is printed first.
      values[i] = missing[i] ? null : uuid(chunk.at16l(first + i), chunk.at16h(first + i));
    }
    return Values.text(Kind.UUID, values, missing);
  }

  private static String uuid(long first, long second) {
    char[] text = new char[36];
    int next = 0;
    for (int digit = 0; digit < 32; digit++) {
      if (digit == 8 || digit == 12 || digit == 16 || digit == 20) {
        text[next++] = '-';
      }
      long half = digit < 16 ? first : second;
      text[next++] = HEX[(int) (half >>> 60 - 4 * (digit & 15)) & 15];
    }
    return new String(text);
  }
}
