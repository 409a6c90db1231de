package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The columns of one record batch, in order. Broken ones end in an IndexOutOfBoundsException at the latest. */
final class ArrowColumns {
  final int rows;

  private final FlatTable batch;
  private final ByteBuffer body;
  private int node;
  private int buffer;
  /** Start and size of the current buffer. */
  private int start;
  private int size;

  ArrowColumns(FlatTable batch, ByteBuffer body) {
    this.batch = batch;
    this.body = body;
    long length = batch.get64(0, 0);
    if (batch.has(3)) {
      throw new IllegalArgumentException("the file's record batches are compressed: write them uncompressed.");
    }
    // A row has a bit of some column at least, unless all are without buffers.
    if (length < 0 || length > 8L * body.limit() + 64) {
      throw ArrowReader.broken("a record batch has " + length + " rows");
    }
    rows = (int) length;
  }

  /** Goes to the next buffer, which has at least so many bytes. */
  private void next(long needed) {
    if (buffer >= batch.count(2, 16)) {
      throw ArrowReader.broken("a buffer is missing");
    }
    long from = batch.element64(2, 2 * buffer);
    long length = batch.element64(2, 2 * buffer++ + 1);
    if (from < 0 || length < needed || from > body.limit() || length > body.limit() - from) {
      throw ArrowReader.broken("a buffer lies outside of its message");
    }
    start = (int) from;
    size = (int) length;
  }

  void skip(ArrowField field) {
    node++;
    for (int i = 0; i < field.buffers(); i++) {
      next(0);
    }
  }

  /** Begins a column: which values are missing. */
  private boolean[] missing() {
    if (node >= batch.count(1, 16) || batch.element64(1, 2 * node) != rows) {
      throw ArrowReader.broken("a column has another length than its record batch");
    }
    boolean hasNulls = batch.element64(1, 2 * node++ + 1) != 0;
    next(0);
    boolean[] missing = new boolean[rows];
    if (hasNulls && size > 0) {
      for (int i = 0; i < rows; i++) {
        missing[i] = (body.get(within(i >> 3, 1)) >> (i & 7) & 1) == 0;
      }
    }
    return missing;
  }

  private int within(long offset, int width) {
    if (offset < 0 || offset > size - width) {
      throw ArrowReader.broken("a buffer is too short for its rows");
    }
    return start + (int) offset;
  }

  /** The texts of a column, null where they are missing. */
  String[] texts(boolean large) {
    boolean[] missing = missing();
    int width = large ? 8 : 4;
    next(rows == 0 ? 0 : (long) width * (rows + 1));
    int offsets = start;
    next(0);
    String[] texts = new String[rows];
    for (int i = 0; i < rows; i++) {
      int at = offsets + width * i;
      long from = large ? body.getLong(at) : body.getInt(at);
      long end = large ? body.getLong(at + 8) : body.getInt(at + 4);
      if (from < 0 || end < from || end > size) {
        throw ArrowReader.broken("a text lies outside of its buffer");
      }
      texts[i] = missing[i] ? null : text(start + (int) from, (int) (end - from));
    }
    return texts;
  }

  private String text(int from, int length) {
    try {
      CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body.array(), from, length));
      return text.toString();
    } catch (CharacterCodingException error) {
      throw ArrowReader.broken("a text is not UTF-8");
    }
  }

  /** The values of the next column. */
  Values values(ArrowField field, Column column, Map<Long, String[]> dictionaries, boolean fractions) {
    if (field.type == ArrowFormat.NULL) {
      node++;
      return Values.none(column, rows);
    }
    if (field.isDictionary() || field.isText()) {
      String[] texts = field.isDictionary() ? looked(field, dictionaries) : texts(field.isLarge());
      return TextValues.of(column, texts, fractions);
    }
    boolean[] missing = missing();
    next((long) field.width * rows);
    if (field.type == ArrowFormat.FIXED_SIZE_BINARY) {
      return uuids(missing);
    }
    return field.type == ArrowFormat.FLOATING_POINT
        ? reals(field, column, missing, fractions)
        : wholes(field, column, missing);
  }

  private String[] looked(ArrowField field, Map<Long, String[]> dictionaries) {
    boolean[] missing = missing();
    next((long) field.width * rows);
    String[] levels = dictionaries.get(field.dictionary);
    String[] texts = new String[rows];
    for (int i = 0; i < rows; i++) {
      if (!missing[i]) {
        long index = whole(i, field);
        if (levels == null || index < 0 || index >= levels.length) {
          throw ArrowReader.broken("an index is not one of its dictionary");
        }
        texts[i] = levels[(int) index];
      }
    }
    return texts;
  }

  private long whole(int row, ArrowField field) {
    int at = start + field.width * row;
    switch (field.width) {
      case 1:
        return field.isSigned ? body.get(at) : body.get(at) & 0xFF;
      case 2:
        return field.isSigned ? body.getShort(at) : body.getShort(at) & 0xFFFF;
      case 4:
        return field.isSigned ? body.getInt(at) : body.getInt(at) & 0xFFFFFFFFL;
      default:
        return body.getLong(at);
    }
  }

  private Values wholes(ArrowField field, Column column, boolean[] missing) {
    long[] wholes = new long[rows];
    for (int i = 0; i < rows; i++) {
      wholes[i] = missing[i] ? 0 : whole(i, field);
      if (!field.isSigned && field.width == 8 && wholes[i] < 0) {
        throw new IllegalArgumentException("column " + Messages.quoted(column.name) + " has numbers over 64 bits.");
      }
      if (field.type == ArrowFormat.TIMESTAMP && field.perSecond != 1000) {
        wholes[i] = field.perSecond == 1
            ? Math.multiplyExact(wholes[i], 1000L)
            : Math.floorDiv(wholes[i], field.perSecond / 1000);
      }
    }
    if (column.kind != Kind.REAL) {
      return Values.whole(column.kind, wholes, missing);
    }
    double[] reals = new double[rows];
    for (int i = 0; i < rows; i++) {
      reals[i] = wholes[i];
    }
    return Values.real(reals, missing);
  }

  private Values reals(ArrowField field, Column column, boolean[] missing, boolean fractions) {
    double[] reals = new double[rows];
    long[] wholes = new long[rows];
    boolean allWhole = column.kind == Kind.INT;
    for (int i = 0; i < rows; i++) {
      int at = start + field.width * i;
      reals[i] = field.width == 4 ? body.getFloat(at) : body.getDouble(at);
      missing[i] |= Double.isNaN(reals[i]);
      wholes[i] = (long) reals[i];
      allWhole &= missing[i] || TextValues.isWhole(reals[i]);
    }
    if (column.kind == Kind.INT && !allWhole && !fractions) {
      throw new IllegalArgumentException("column " + Messages.quoted(column.name) + " is not int: it has fractions.");
    }
    return allWhole ? Values.whole(Kind.INT, wholes, missing) : Values.real(reals, missing);
  }

  private Values uuids(boolean[] missing) {
    String[] texts = new String[rows];
    for (int i = 0; i < rows; i++) {
      if (!missing[i]) {
        int at = start + 16 * i;
        texts[i] = TextValues.uuid(String.format(
            "%016x%016x", Long.reverseBytes(body.getLong(at)), Long.reverseBytes(body.getLong(at + 8))));
      }
    }
    return Values.text(Kind.UUID, texts, missing);
  }
}
