package hex.gan.arrow;

import water.TypeMap;
import water.fvec.Chunk;
import water.fvec.NewChunk;
import water.util.UnsafeUtils;

/**
 * Makes chunks in the smallest of H2O's classes that holds the values, without its step-by-step
 * builder, which takes apart every number; that one is left for what is sparse or constant.
 */
final class Chunks {
  /** How H2O marks a missing integer, and this package too. */
  static final long NA = Long.MIN_VALUE;

  /** A column is sparse where fewer values than one in so many differ from zero, as in H2O itself. */
  private static final int SPARSE = 8;

  static Chunk ofLongs(long[] values) {
    long min = Long.MAX_VALUE;
    long max = Long.MIN_VALUE;
    int missing = 0;
    int zeros = 0;
    for (long value : values) {
      if (value == NA) {
        missing++;
        continue;
      }
      min = Math.min(min, value);
      max = Math.max(max, value);
      if (value == 0) {
        zeros++;
      }
    }
    int rows = values.length;
    if (min >= max || (long) SPARSE * (rows - zeros) < rows || (long) SPARSE * (rows - missing) < rows) {
      return sparse(values);
    }
    if (min >= 0 && max <= 0xFF && missing == 0) {
      return bytes("water.fvec.C1NChunk", values, 0);
    }
    if (min >= 0 && max < 0xFF) {
      return bytes("water.fvec.C1Chunk", values, (byte) 0xFF);
    }
    if (min > Short.MIN_VALUE && max <= Short.MAX_VALUE) {
      byte[] made = new byte[2 * rows];
      for (int i = 0; i < rows; i++) {
        UnsafeUtils.set2(made, 2 * i, values[i] == NA ? Short.MIN_VALUE : (short) values[i]);
      }
      return raw("water.fvec.C2Chunk", made);
    }
    if (min > Integer.MIN_VALUE && max <= Integer.MAX_VALUE) {
      byte[] made = new byte[4 * rows];
      for (int i = 0; i < rows; i++) {
        UnsafeUtils.set4(made, 4 * i, values[i] == NA ? Integer.MIN_VALUE : (int) values[i]);
      }
      return raw("water.fvec.C4Chunk", made);
    }
    byte[] made = new byte[8 * rows];
    for (int i = 0; i < rows; i++) {
      UnsafeUtils.set8(made, 8 * i, values[i]);
    }
    return raw("water.fvec.C8Chunk", made);
  }

  private static Chunk bytes(String name, long[] values, int missing) {
    byte[] made = new byte[values.length];
    for (int i = 0; i < made.length; i++) {
      made[i] = (byte) (values[i] == NA ? missing : values[i]);
    }
    return raw(name, made);
  }

  private static Chunk sparse(long[] values) {
    NewChunk chunk = new NewChunk(null, 0);
    int next = 0;
    while (next < values.length) {
      int start = next;
      while (next < values.length && values[next] == 0) {
        next++;
      }
      if (next > start) {
        chunk.addZeros(next - start);
      } else if (values[next++] == NA) {
        chunk.addNA();
      } else {
        chunk.addNum(values[start], 0);
      }
    }
    return chunk.compress();
  }

  /** Doubles as H2O has them, NaN for what is missing. */
  static Chunk ofReals(double[] values) {
    boolean whole = true;
    for (double value : values) {
      whole &= value != value || value == (long) value && Math.abs(value) < 1L << 53;
    }
    if (whole) {
      long[] longs = new long[values.length];
      for (int i = 0; i < longs.length; i++) {
        longs[i] = values[i] != values[i] ? NA : (long) values[i];
      }
      return ofLongs(longs);
    }
    byte[] made = new byte[8 * values.length];
    for (int i = 0; i < values.length; i++) {
      UnsafeUtils.set8d(made, 8 * i, values[i]);
    }
    return raw("water.fvec.C8DChunk", made);
  }

  /** UUIDs, each 16 bytes in H2O's own order. */
  static Chunk ofUuids(byte[] made) {
    return raw("water.fvec.C16Chunk", made);
  }

  /** A chunk of a class that H2O keeps to itself, of its own kind of bytes. */
  private static Chunk raw(String name, byte[] bytes) {
    return ((Chunk) TypeMap.newFreezable(name)).reloadFromBytes(bytes);
  }

  private Chunks() {}
}
