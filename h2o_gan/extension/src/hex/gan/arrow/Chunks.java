package hex.gan.arrow;

import water.H2O;
import water.MemoryManager;
import water.TypeMap;
import water.fvec.C0DChunk;
import water.fvec.Chunk;
import water.fvec.NewChunk;
import water.util.UnsafeUtils;

/**
 * Makes chunks of the class that H2O's parser would choose. H2O's builder, which is slow because it handles
 * each number alone, is used only for sparse or constant chunks and for those with few different values.
 */
public final class Chunks {
  /** The value that stands for a missing integer, as in H2O. */
  public static final long NA = Long.MIN_VALUE;

  /** A column is sparse where fewer than one value in so many differs from zero, as in H2O. */
  private static final int SPARSE = 8;

  /** Largest integer up to which doubles hold all integers. */
  private static final long EXACT = 1L << 53;

  /** Number of different values of one, two and four bytes, without NA. */
  private static final long BYTE = 255;

  private static final long SHORT = 65_535;
  private static final long INT = 4_294_967_295L;

  /** Bytes before the values of H2O's scaled classes: bias, scale, width. */
  private static final int HEAD = 16;

  public static Chunk ofLongs(long[] values) {
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
    if (min >= max || sparse(values.length, zeros, missing)) {
      return built(values);
    }
    if (min == 0 && max == 1) {
      return bits(values, missing == 0 ? 1 : 2);
    }
    if (min >= 0 && max <= 0xFF && missing == 0) {
      return plain("water.fvec.C1NChunk", values, 1, 0);
    }
    if (min >= 0 && max < 0xFF) {
      return plain("water.fvec.C1Chunk", values, 1, 0xFF);
    }
    return ofWideLongs(values, min, max);
  }

  private static Chunk ofWideLongs(long[] values, long min, long max) {
    boolean exact = min >= -EXACT && max <= EXACT;
    int scale = exact ? zerosAtEnd(values) : 0;
    long unit = power(scale);
    long range = exact ? max / unit - min / unit : Long.MAX_VALUE;
    if (range < BYTE) {
      return scaled(values, 1, min / unit, scale);
    }
    if (min > Short.MIN_VALUE && max <= Short.MAX_VALUE) {
      return plain("water.fvec.C2Chunk", values, 2, Short.MIN_VALUE);
    }
    if (range < SHORT) {
      return scaled(values, 2, min / unit + Short.MAX_VALUE, scale);
    }
    if (min > Integer.MIN_VALUE && max <= Integer.MAX_VALUE) {
      return plain("water.fvec.C4Chunk", values, 4, Integer.MIN_VALUE);
    }
    return plain("water.fvec.C8Chunk", values, 8, NA);
  }

  private static boolean sparse(int rows, int zeros, int missing) {
    return (long) SPARSE * (rows - zeros) < rows || (long) SPARSE * (rows - missing) < rows;
  }

  /** Number of trailing decimal zeros that all numbers share: 1 for 1300 and 20. */
  private static int zerosAtEnd(long[] values) {
    int common = 18;
    for (long value : values) {
      while (common > 0 && value != NA && value % power(common) != 0) {
        common--;
      }
      if (common == 0) {
        break;
      }
    }
    return common;
  }

  private static long power(int exponent) {
    long power = 1;
    for (int i = 0; i < exponent; i++) {
      power *= 10;
    }
    return power;
  }

  /** Stores numbers unscaled. */
  private static Chunk plain(String name, long[] values, int width, long missing) {
    byte[] made = bytes(width * values.length);
    for (int i = 0; i < values.length; i++) {
      set(made, width * i, width, values[i] == NA ? missing : values[i]);
    }
    return raw(name, made);
  }

  /** Stores numbers as differences from the smallest, in units of a power of ten. */
  private static Chunk scaled(long[] values, int width, long bias, int scale) {
    byte[] made = head(values.length, width, bias, scale, false);
    long unit = power(scale);
    for (int i = 0; i < values.length; i++) {
      set(made, HEAD + width * i, width, values[i] == NA ? missing(width) : values[i] / unit - bias);
    }
    return raw(scaledName(width), made);
  }

  private static String scaledName(int width) {
    return "water.fvec.C" + width + "SChunk";
  }

  private static long missing(int width) {
    return width == 1 ? 0xFF : width == 2 ? Short.MIN_VALUE : Integer.MIN_VALUE;
  }

  /**
   * Writes the header of a scaled chunk.
   *
   * @param divided whether values are divided by a power of ten, which is exact, where multiplying by 0.1 is not
   */
  private static byte[] head(int rows, int width, long bias, int scale, boolean divided) {
    int log = width == 1 ? 0 : width == 2 ? 1 : 2;
    byte[] made = bytes(HEAD + width * rows);
    UnsafeUtils.set8(made, 0, bias);
    UnsafeUtils.set4(made, 8, scale);
    UnsafeUtils.set4(made, 12, divided ? -log - 1 : log);
    return made;
  }

  private static void set(byte[] made, int place, int width, long value) {
    if (width == 1) {
      made[place] = (byte) value;
    } else if (width == 2) {
      UnsafeUtils.set2(made, place, (short) value);
    } else if (width == 4) {
      UnsafeUtils.set4(made, place, (int) value);
    } else {
      UnsafeUtils.set8(made, place, value);
    }
  }

  /** Stores zeros and ones in one bit each, or in two where some are missing. */
  private static Chunk bits(long[] values, int width) {
    int rest = (8 - (values.length * width & 7)) & 7;
    byte[] made = bytes(2 + (int) (((long) values.length * width + 7) / 8));
    made[0] = (byte) rest;
    made[1] = (byte) width;
    for (int i = 0; i < values.length; i++) {
      int bit = width * i;
      made[2 + (bit >> 3)] |= (byte) ((values[i] == NA ? 2 : (int) values[i]) << (bit & 7));
    }
    return raw("water.fvec.CBSChunk", made);
  }

  private static Chunk built(long[] values) {
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

  /** Stores doubles, NaN for missing values. Overwrites the array. */
  public static Chunk ofReals(double[] values) {
    boolean whole = true;
    boolean floats = true;
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    int missing = 0;
    int zeros = 0;
    for (double value : values) {
      if (value != value) {
        missing++;
        continue;
      }
      whole &= value == (long) value && Math.abs(value) < EXACT;
      floats &= value == (float) value;
      min = Math.min(min, value);
      max = Math.max(max, value);
      if (value == 0) {
        zeros++;
      }
    }
    if (whole) {
      return ofLongs(longs(values));
    }
    if (min == max && missing == 0 || sparse(values.length, zeros, missing)) {
      return new NewChunk(values).compress();
    }
    Chunk decimals = decimals(values, min, max);
    if (decimals != null) {
      return decimals;
    }
    if (Few.are(values)) {
      return new NewChunk(values).compress();
    }
    return floats ? ofFloats(values) : ofDoubles(values);
  }

  private static long[] longs(double[] values) {
    long[] longs = new long[values.length];
    for (int i = 0; i < longs.length; i++) {
      longs[i] = values[i] != values[i] ? NA : (long) values[i];
    }
    return longs;
  }

  private static Chunk ofFloats(double[] values) {
    byte[] made = bytes(4 * values.length);
    for (int i = 0; i < values.length; i++) {
      UnsafeUtils.set4f(made, 4 * i, (float) values[i]);
    }
    return raw("water.fvec.C4FChunk", made);
  }

  private static Chunk ofDoubles(double[] values) {
    byte[] made = bytes(8 * values.length);
    for (int i = 0; i < values.length; i++) {
      UnsafeUtils.set8d(made, 8 * i, values[i]);
    }
    return raw("water.fvec.C8DChunk", made);
  }

  /** Numbers of few decimals as integers in units of the last decimal; null where they have more. */
  private static Chunk decimals(double[] values, double min, double max) {
    int places = 0;
    double unit = 1;
    for (double value : values) {
      while (value == value && !(Math.rint(value * unit) / unit == value)) {
        unit *= 10;
        if (++places > 10 || (max - min) * unit >= INT) {
          return null;
        }
      }
    }
    double lowest = Math.rint(min * unit);
    double highest = Math.rint(max * unit);
    if (!(Math.abs(lowest) < EXACT / 16 && Math.abs(highest) < EXACT / 16)) {
      return null;
    }
    long low = (long) lowest;
    long range = (long) highest - low;
    boolean near = low == (int) low && highest == (int) highest;
    int width = near && range < BYTE ? 1 : near && range < SHORT ? 2 : 4;
    if (range >= INT) {
      return null;
    }
    long bias = width == 1 ? low : low + (width == 2 ? Short.MAX_VALUE : Integer.MAX_VALUE);
    byte[] made = head(values.length, width, bias, -places, true);
    for (int i = 0; i < values.length; i++) {
      long value = values[i] != values[i] ? missing(width) : (long) Math.rint(values[i] * unit) - bias;
      set(made, HEAD + width * i, width, value);
    }
    return raw(scaledName(width), made);
  }

  /** Whether there are so few different values that H2O stores a table of them. */
  private static final class Few {
    private static final int MOST = 256;
    private static final int SIZE = 1024;

    static boolean are(double[] values) {
      long[] seen = new long[SIZE];
      boolean[] used = new boolean[SIZE];
      int count = 0;
      for (double value : values) {
        long bits = Double.doubleToLongBits(value);
        int place = (int) ((bits ^ bits >>> 32) * 0x9E3779B9 >>> 16) & SIZE - 1;
        while (used[place] && seen[place] != bits) {
          place = place + 1 & SIZE - 1;
        }
        if (!used[place]) {
          if (++count > MOST) {
            return false;
          }
          used[place] = true;
          seen[place] = bits;
        }
      }
      return true;
    }
  }

  /** A chunk of NA only. */
  static Chunk ofNothing(int rows) {
    return new C0DChunk(Double.NaN, rows);
  }

  /** A chunk of UUIDs, each of 16 bytes in H2O's order. */
  public static Chunk ofUuids(byte[] made) {
    return raw("water.fvec.C16Chunk", made);
  }

  /**
   * Allocates memory for a chunk. Where H2O may spill to disk, its MemoryManager waits for that; where it may
   * not, the manager would wait for ever, so it is not used.
   */
  public static byte[] bytes(int size) {
    return H2O.ARGS.cleaner ? MemoryManager.malloc1(size) : new byte[size];
  }

  /** Makes a chunk of a class that is private in H2O, from its bytes. */
  private static Chunk raw(String name, byte[] bytes) {
    return ((Chunk) TypeMap.newFreezable(name)).reloadFromBytes(bytes);
  }

  private Chunks() {}
}
