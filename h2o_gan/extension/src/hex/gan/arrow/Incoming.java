package hex.gan.arrow;

import static hex.gan.core.io.ArrowFormat.BOOL;
import static hex.gan.core.io.ArrowFormat.DATE;
import static hex.gan.core.io.ArrowFormat.DECIMAL;
import static hex.gan.core.io.ArrowFormat.FIXED_SIZE_BINARY;
import static hex.gan.core.io.ArrowFormat.FLOATING_POINT;
import static hex.gan.core.io.ArrowFormat.INT;
import static hex.gan.core.io.ArrowFormat.LARGE_UTF8;
import static hex.gan.core.io.ArrowFormat.NULL;
import static hex.gan.core.io.ArrowFormat.TIMESTAMP;
import static hex.gan.core.io.ArrowFormat.UTF8;
import static hex.gan.core.io.ArrowFormat.UTF8_VIEW;

import hex.gan.core.io.ArrowFormat;
import hex.gan.core.io.FlatTable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.List;
import water.fvec.CStrChunk;
import water.fvec.Chunk;
import water.fvec.Vec;
import water.util.UnsafeUtils;

/** A received column: its Arrow type, its type in H2O, and the conversion of its values to chunks. */
final class Incoming {
  final String name;
  /** Type of the column in H2O, a constant of Vec. */
  final byte vecType;
  /** The levels of a column of enums; null for others. */
  final Levels levels;
  /** Number of buffers of the column in a record batch; string views may have more or fewer. */
  final int buffers;

  private final int type;
  /** Bits of an integer, a float's or a decimal's width, a time's unit. */
  private final int size;
  private final boolean signed;
  private final int scale;

  /** The same column with levels that it shares with other columns. */
  Incoming with(Levels shared) {
    return new Incoming(name, vecType, type, size, signed, scale, shared);
  }

  private Incoming(
      String name, byte vecType, int type, int size, boolean signed, int scale, Levels levels) {
    this.name = name;
    this.vecType = vecType;
    this.type = type;
    this.size = size;
    this.signed = signed;
    this.scale = scale;
    this.levels = levels;
    buffers = type == NULL ? 0 : textual(type) ? 3 : 2;
  }

  static boolean textual(int type) {
    return type == UTF8 || type == LARGE_UTF8 || type == UTF8_VIEW;
  }

  boolean textual() {
    return textual(type);
  }

  /** Layouts of a string column in Arrow. */
  int layout() {
    return type;
  }

  static String quoted(String name) {
    return "'" + name + "'";
  }

  /**
   * @param field the column in the schema message
   * @throws ArrowException H2O has no such type
   */
  static Incoming of(FlatTable field) throws ArrowException {
    String name = field.text(0);
    int type = field.get8(2, 0);
    FlatTable details = field.table(3);
    FlatTable dictionary = field.table(4);
    if (dictionary != null) {
      if (!textual(type)) {
        throw unfit(name, "dictionary of " + ArrowFormat.typeName(type), "cast it to its value type");
      }
      FlatTable index = dictionary.table(1);
      int bits = index == null ? 32 : index.get32(0, 0);
      boolean signed = index == null || index.get8(1, 0) != 0;
      return new Incoming(name, Vec.T_CAT, INT, bytesOf(name, bits), signed, 0,
          new Levels(name, dictionary.get64(0, 0), type));
    }
    if (details == null) {
      throw new ArrowException("the stream is broken: column " + quoted(name) + " has no type");
    }
    switch (type) {
      case NULL:
        return new Incoming(name, Vec.T_NUM, type, 0, false, 0, null);
      case INT:
        return new Incoming(name, Vec.T_NUM, type, bytesOf(name, details.get32(0, 0)), details.get8(1, 0) != 0, 0,
            null);
      case FLOATING_POINT:
        return new Incoming(name, Vec.T_NUM, type, 2 << unit(name, details.get16(0, 0), 3), false, 0, null);
      case DECIMAL:
        int bits = details.get32(2, 128);
        if (bits != 32 && bits != 64 && bits != 128 && bits != 256) {
          throw new ArrowException("the stream is broken: column " + quoted(name) + " is a decimal of " + bits + " bits");
        }
        return new Incoming(name, Vec.T_NUM, type, bits / 8, false, details.get32(1, 0), null);
      case BOOL:
        return new Incoming(name, Vec.T_CAT, type, 0, false, 0, Levels.ofBooleans(name));
      case DATE:
        return new Incoming(name, Vec.T_TIME, type, unit(name, details.get16(0, 1), 2) == 0 ? 4 : 8, true, 0, null);
      case TIMESTAMP:
        return new Incoming(name, Vec.T_TIME, type, 8, true, unit(name, details.get16(0, 0), 4), null);
      case UTF8:
      case LARGE_UTF8:
      case UTF8_VIEW:
        return new Incoming(name, Vec.T_STR, type, 0, false, 0, null);
      case FIXED_SIZE_BINARY:
        if (details.get32(0, 0) == 16 && isUuid(field)) {
          return new Incoming(name, Vec.T_UUID, type, 16, false, 0, null);
        }
        throw unfit(name, ArrowFormat.typeName(type), "cast it to string, or to the extension type arrow.uuid");
      default:
        throw unfit(name, ArrowFormat.typeName(type), "cast, flatten or drop it");
    }
  }

  /** Reads a unit or precision, an enum of Arrow with so many values. */
  private static int unit(String name, int unit, int units) throws ArrowException {
    if (unit < 0 || unit >= units) {
      throw new ArrowException("the stream is broken: column " + quoted(name) + " has a unit of number " + unit);
    }
    return unit;
  }

  private static int bytesOf(String name, int bits) throws ArrowException {
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64) {
      throw new ArrowException("the stream is broken: column " + quoted(name) + " has integers of " + bits + " bits");
    }
    return bits / 8;
  }

  private static boolean isUuid(FlatTable field) {
    for (int i = field.count(6, 4) - 1; i >= 0; i--) {
      FlatTable entry = field.element(6, i);
      if (ArrowFormat.EXTENSION_NAME.equals(entry.text(0)) && ArrowFormat.UUID_EXTENSION.equals(entry.text(1))) {
        return true;
      }
    }
    return false;
  }

  private static ArrowException unfit(String name, String type, String cure) {
    return new ArrowException(
        "column " + quoted(name) + " is of Arrow type " + type + ", which H2O has nothing for; " + cure);
  }

  private ArrowException refuse(String what, String cure) {
    return new ArrowException("column " + quoted(name) + " holds " + what + "; " + cure);
  }

  /** Smallest size in bytes of a buffer of values for so many rows. */
  long bytesFor(int rows) {
    if (type == BOOL) {
      return (rows + 7L) / 8;
    }
    return textual() ? placesFor(type, rows) : (long) size * rows;
  }

  /** Smallest size in bytes of a buffer of offsets or views for so many rows. */
  static long placesFor(int layout, int rows) {
    if (layout == UTF8_VIEW) {
      return 16L * rows;
    }
    return rows == 0 ? 0 : (layout == UTF8 ? 4L : 8L) * (rows + 1L);
  }

  /** The part of a column in one message. */
  static final class Values {
    final ByteBuffer body;
    /** Offset of the validity bitmap; -1 where no value is null. */
    final int validity;
    final int data;
    /** The strings; null for other columns. */
    final Texts texts;
    /** Index of the level of each dictionary entry; null for other columns. */
    final int[] codes;
    /** Number of dictionary entries. */
    final int entries;

    Values(ByteBuffer body, int validity, int data, Texts texts, int[] codes, int entries) {
      this.body = body;
      this.validity = validity;
      this.data = data;
      this.texts = texts;
      this.codes = codes;
      this.entries = entries;
    }

    boolean isNull(int row) {
      return validity >= 0 && (body.get(validity + (row >> 3)) >> (row & 7) & 1) == 0;
    }
  }

  /** Consecutive rows of one message. */
  static final class Slice {
    final Values values;
    final int first;
    final int rows;

    Slice(Values values, int first, int rows) {
      this.values = values;
      this.first = first;
      this.rows = rows;
    }
  }

  /** Makes one chunk from consecutive slices. */
  Chunk chunk(List<Slice> slices, int rows) throws ArrowException {
    if (type == NULL) {
      return Chunks.ofNothing(rows);
    }
    switch (vecType) {
      case Vec.T_STR:
        return strings(slices, rows);
      case Vec.T_UUID:
        return uuids(slices, rows);
      default:
        return type == FLOATING_POINT || type == DECIMAL ? reals(slices, rows) : longs(slices, rows);
    }
  }

  private Chunk longs(List<Slice> slices, int rows) throws ArrowException {
    long[] longs = new long[rows];
    int next = 0;
    for (Slice slice : slices) {
      int end = slice.first + slice.rows;
      for (int row = slice.first; row < end; row++) {
        longs[next++] = slice.values.isNull(row) ? Chunks.NA : longAt(slice.values, row);
      }
    }
    return Chunks.ofLongs(longs);
  }

  /** A value as H2O stores it; Chunks.NA for a null level. */
  private long longAt(Values values, int row) throws ArrowException {
    if (type == BOOL) {
      return values.body.get(values.data + (row >> 3)) >> (row & 7) & 1;
    }
    long value = integerAt(values, row);
    if (levels != null) {
      if (value < 0 || value >= values.entries) {
        throw new ArrowException(
            "the stream is broken: column " + quoted(name) + " refers to a level that its dictionary does not have");
      }
      int code = values.codes[(int) value];
      return code < 0 ? Chunks.NA : code;
    }
    if (type == TIMESTAMP || type == DATE) {
      value = milliseconds(value);
      if (value == Chunks.NA) {
        throw refuse("a time that means NA inside H2O", "make it null");
      }
      return value;
    }
    if (!signed && value < 0 && size == 8) {
      throw refuse("integers above 2**63 - 1, which H2O cannot hold", "cast it to float64 or string");
    }
    if (value == Chunks.NA) {
      throw refuse("-2**63, which means NA inside H2O", "make it null or cast it to float64");
    }
    return value;
  }

  private long integerAt(Values values, int row) {
    ByteBuffer body = values.body;
    int data = values.data;
    switch (size) {
      case 1:
        return signed ? body.get(data + row) : body.get(data + row) & 0xFF;
      case 2:
        return signed ? body.getShort(data + 2 * row) : body.getShort(data + 2 * row) & 0xFFFF;
      case 4:
        return signed ? body.getInt(data + 4 * row) : body.getInt(data + 4 * row) & 0xFFFFFFFFL;
      default:
        return body.getLong(data + 8 * row);
    }
  }

  private long milliseconds(long value) throws ArrowException {
    try {
      if (type == DATE) {
        return size == 4 ? Math.multiplyExact(value, 86_400_000L) : value;
      }
      switch (scale) {
        case 0:
          return Math.multiplyExact(value, 1000L);
        case 1:
          return value;
        case 2:
          return Math.floorDiv(value, 1000L);
        default:
          return Math.floorDiv(value, 1_000_000L);
      }
    } catch (ArithmeticException e) {
      throw refuse("times too far from 1970 for milliseconds", "make them null");
    }
  }

  private Chunk reals(List<Slice> slices, int rows) {
    double[] reals = new double[rows];
    int next = 0;
    for (Slice slice : slices) {
      int end = slice.first + slice.rows;
      for (int row = slice.first; row < end; row++) {
        // Adding 0.0 turns -0.0 into 0.0, as everywhere in H2O.
        reals[next++] = slice.values.isNull(row) ? Double.NaN : realAt(slice.values, row) + 0.0;
      }
    }
    return Chunks.ofReals(reals);
  }

  private double realAt(Values values, int row) {
    ByteBuffer body = values.body;
    int data = values.data;
    if (type == DECIMAL) {
      byte[] digits = new byte[size];
      for (int i = 0; i < size; i++) {
        digits[size - 1 - i] = body.get(data + size * row + i);
      }
      return new BigDecimal(new BigInteger(digits), scale).doubleValue();
    }
    switch (size) {
      case 2:
        return half(body.getShort(data + 2 * row));
      case 4:
        return body.getFloat(data + 4 * row);
      default:
        return body.getDouble(data + 8 * row);
    }
  }

  private static double half(short bits) {
    int exponent = bits >> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    double size;
    if (exponent == 0) {
      size = fraction * 0x1p-24;
    } else if (exponent == 31) {
      size = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else {
      size = (1 + fraction * 0x1p-10) * Math.scalb(1.0, exponent - 15);
    }
    return bits < 0 ? -size : size;
  }

  private Chunk strings(List<Slice> slices, int rows) throws ArrowException {
    long total = 0;
    for (Slice slice : slices) {
      Texts source = slice.values.texts.own();
      for (int row = slice.first; row < slice.first + slice.rows; row++) {
        if (!slice.values.isNull(row)) {
          source.find(row);
          total += source.to - source.from + 1;
        }
      }
    }
    if (total > 1 << 30) {
      throw refuse("more than 1 GB of text in a few rows, too much for one chunk of H2O", "shorten it");
    }
    Utf8 utf8 = new Utf8();
    byte[] texts = new byte[(int) total];
    int[] places = new int[rows];
    int next = 0;
    int i = 0;
    for (Slice slice : slices) {
      Texts source = slice.values.texts.own();
      for (int row = slice.first; row < slice.first + slice.rows; row++) {
        if (slice.values.isNull(row)) {
          places[i++] = -1;
          continue;
        }
        source.find(row);
        utf8.check(source.bytes(), source.from, source.to, name);
        System.arraycopy(source.bytes(), source.from, texts, next, source.to - source.from);
        places[i++] = next;
        next += source.to - source.from + 1;
      }
    }
    return new CStrChunk(next, texts, rows, rows, null, places);
  }

  private Chunk uuids(List<Slice> slices, int rows) throws ArrowException {
    byte[] bytes = Chunks.bytes(16 * rows);
    int next = 0;
    for (Slice slice : slices) {
      for (int row = slice.first; row < slice.first + slice.rows; row++) {
        long first = Chunks.NA;
        long second = 0;
        if (!slice.values.isNull(row)) {
          // What H2O calls the low half is printed first.
          first = Long.reverseBytes(slice.values.body.getLong(slice.values.data + 16 * row));
          second = Long.reverseBytes(slice.values.body.getLong(slice.values.data + 16 * row + 8));
          if (first == Chunks.NA && second == 0) {
            throw refuse("the uuid 80000000-0000-0000-0000-000000000000, which means NA inside H2O",
                "make it null or cast the column to string");
          }
        }
        UnsafeUtils.set8(bytes, next, first);
        UnsafeUtils.set8(bytes, next + 8, second);
        next += 16;
      }
    }
    return Chunks.ofUuids(bytes);
  }
}
