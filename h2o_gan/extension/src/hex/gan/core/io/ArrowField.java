package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Messages;

/** A column of an Arrow stream: its name and its type. */
final class ArrowField {
  final String name;
  /** A constant of {@link ArrowFormat}: of the values, for a dictionary. */
  final int type;
  /** Bytes of a value or of an index; 0 for texts. */
  final int width;
  final boolean isSigned;
  /** The id of the dictionary, or -1. */
  final long dictionary;
  /** Values in a second, of timestamps. */
  final long perSecond;

  private final int buffers;

  ArrowField(FlatTable field) {
    name = field.text(0);
    type = field.get8(2, 0);
    FlatTable own = field.table(3);
    FlatTable levels = field.table(4);
    dictionary = levels == null ? -1 : levels.get64(0, 0);
    FlatTable index = levels == null ? null : levels.table(1);
    if (levels != null) {
      width = index == null ? 4 : index.get32(0, 32) / 8;
      isSigned = index == null || index.get8(1, 1) != 0;
    } else {
      isSigned = type != ArrowFormat.INT || (own != null && own.get8(1, 0) != 0);
      width = width(type, own);
    }
    int unit = type == ArrowFormat.TIMESTAMP && own != null ? own.get16(0, 0) : 0;
    perSecond = new long[] {1, 1000, 1_000_000, 1_000_000_000}[unit & 3];
    boolean isText = levels == null && (type == ArrowFormat.UTF8 || type == ArrowFormat.LARGE_UTF8
        || type == ArrowFormat.BINARY);
    buffers = type == ArrowFormat.NULL ? 0 : isText ? 3 : 2;
    boolean isNested = field.count(5, 4) > 0 || type == 11 || type > ArrowFormat.LARGE_UTF8;
    if (isNested) {
      throw new IllegalArgumentException(
          "column " + Messages.quoted(name) + " of the file is of type " + ArrowFormat.typeName(type)
          + ", which is not read.");
    }
  }

  private static int width(int type, FlatTable own) {
    if (own == null) {
      return 0;
    }
    switch (type) {
      case ArrowFormat.INT:
        return own.get32(0, 0) / 8;
      case ArrowFormat.FLOATING_POINT:
        return 2 << own.get16(0, 0);
      case ArrowFormat.TIMESTAMP:
        return 8;
      case ArrowFormat.FIXED_SIZE_BINARY:
        return own.get32(0, 0);
      default:
        return 0;
    }
  }

  boolean isDictionary() {
    return dictionary >= 0;
  }

  boolean isLarge() {
    return type == ArrowFormat.LARGE_UTF8;
  }

  boolean isText() {
    return type == ArrowFormat.UTF8 || isLarge();
  }

  /** Number of buffers of a column in a record batch. */
  int buffers() {
    return buffers;
  }

  /** Throws IllegalArgumentException unless values of this type can be those of a column. */
  void check(Column column) {
    boolean fits;
    switch (column.kind) {
      case ENUM:
      case STRING:
        fits = isText();
        break;
      case UUID:
        fits = (type == ArrowFormat.FIXED_SIZE_BINARY && width == 16) || isText();
        break;
      case TIME:
        fits = !isDictionary() && (type == ArrowFormat.TIMESTAMP || (type == ArrowFormat.INT && width == 8));
        break;
      default:
        fits = !isDictionary() && ((type == ArrowFormat.INT && width >= 1 && width <= 8 && (width & width - 1) == 0)
            || (type == ArrowFormat.FLOATING_POINT && (width == 4 || width == 8)));
    }
    boolean isIndex = !isDictionary() || width == 1 || width == 2 || width == 4 || width == 8;
    if (!(fits && isIndex) && type != ArrowFormat.NULL) {
      throw new IllegalArgumentException("column " + Messages.quoted(name) + " is not " + column.kind.word()
          + ": the file has " + ArrowFormat.typeName(type) + ".");
    }
  }
}
