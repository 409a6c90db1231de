package hex.gan.arrow;

import static hex.gan.core.io.ArrowFormat.EXTENSION_METADATA;
import static hex.gan.core.io.ArrowFormat.EXTENSION_NAME;
import static hex.gan.core.io.ArrowFormat.FIXED_SIZE_BINARY;
import static hex.gan.core.io.ArrowFormat.FLOATING_POINT;
import static hex.gan.core.io.ArrowFormat.INT;
import static hex.gan.core.io.ArrowFormat.TIMESTAMP;
import static hex.gan.core.io.ArrowFormat.UTF8;
import static hex.gan.core.io.ArrowFormat.UUID_EXTENSION;

import hex.gan.core.io.FlatWriter;
import water.fvec.Vec;

/** H2O's column types, and the Arrow type that each is sent as. */
enum ColumnType {
  INT8(1),
  INT16(2),
  INT32(4),
  INT64(8),
  FLOAT64(8),
  LEVELS(4),
  TIME(8),
  STRING(0),
  UUID(16);

  /** Bytes of a value; 0 where values differ in size. */
  final int width;

  ColumnType(int width) {
    this.width = width;
  }

  /** Whether the Arrow type depends on the range of the values. */
  static boolean hasRange(Vec vec) {
    return !vec.isCategorical() && !vec.isUUID() && !vec.isString() && !vec.isTime();
  }

  /** The type of a column that does not depend on its values. */
  static ColumnType of(Vec vec) {
    if (vec.isCategorical()) {
      return LEVELS;
    }
    if (vec.isUUID()) {
      return UUID;
    }
    return vec.isString() ? STRING : TIME;
  }

  /**
   * The type of a numeric column.
   *
   * @param whole whether all values are finite integers
   * @param least the smallest value; NaN or infinite where there is none
   * @param most the largest value
   * @param narrow whether integers are sent in as few bytes as their range takes, rather than eight
   */
  static ColumnType of(boolean whole, double least, double most, boolean narrow) {
    if (!whole) {
      return FLOAT64;
    }
    if (narrow) {
      for (ColumnType type : new ColumnType[] {INT8, INT16, INT32}) {
        double limit = Math.scalb(1.0, 8 * type.width - 1);
        // Negated, so that a column of NA only, whose bounds are NaN, is narrow too.
        if (!(least < -limit) && !(most >= limit)) {
          return type;
        }
      }
    }
    return INT64;
  }

  /** Describes a column of this type in a schema message. */
  void describe(FlatWriter.Table field, String name, long dictionary) {
    field.put(0, name).put8(1, 1);
    switch (this) {
      case INT8:
      case INT16:
      case INT32:
      case INT64:
        field.put8(2, INT).table(3, 2).put32(0, 8 * width).put8(1, 1);
        break;
      case FLOAT64:
        field.put8(2, FLOATING_POINT).table(3, 1).put16(0, 2);
        break;
      case LEVELS:
        field.put8(2, UTF8).table(3, 0);
        field.table(4, 2).put64(0, dictionary).table(1, 2).put32(0, 32).put8(1, 1);
        break;
      case TIME:
        field.put8(2, TIMESTAMP).table(3, 2).put16(0, 1).put(1, "UTC");
        break;
      case STRING:
        field.put8(2, UTF8).table(3, 0);
        break;
      case UUID:
        field.put8(2, FIXED_SIZE_BINARY).table(3, 1).put32(0, 16);
        FlatWriter.Tables metadata = field.tables(6, 2);
        metadata.add(2).put(0, EXTENSION_NAME).put(1, UUID_EXTENSION);
        metadata.add(2).put(0, EXTENSION_METADATA).put(1, "");
        break;
    }
    field.tables(5, 0);
  }
}
