package hex.gan.arrow;

/** Constants of the Arrow format that reading and writing share. */
final class ArrowFormat {
  static final int CONTINUATION = -1;
  static final int VERSION_4 = 3;
  static final int VERSION_5 = 4;

  // Message headers.
  static final int SCHEMA = 1;
  static final int DICTIONARY_BATCH = 2;
  static final int RECORD_BATCH = 3;

  // Types of fields.
  static final int NULL = 1;
  static final int INT = 2;
  static final int FLOATING_POINT = 3;
  static final int BINARY = 4;
  static final int UTF8 = 5;
  static final int BOOL = 6;
  static final int DECIMAL = 7;
  static final int DATE = 8;
  static final int TIMESTAMP = 10;
  static final int FIXED_SIZE_BINARY = 15;
  static final int LARGE_UTF8 = 20;
  static final int UTF8_VIEW = 24;

  private static final String[] TYPE_NAMES = {
    "none", "null", "int", "float", "binary", "string", "bool", "decimal", "date", "time", "timestamp",
    "interval", "list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration",
    "large binary", "large string", "large list", "run-end encoded", "binary view", "string view",
    "list view", "large list view",
  };

  static final String UUID_EXTENSION = "arrow.uuid";
  static final String EXTENSION_NAME = "ARROW:extension:name";
  static final String EXTENSION_METADATA = "ARROW:extension:metadata";

  static String typeName(int type) {
    return type > 0 && type < TYPE_NAMES.length ? TYPE_NAMES[type] : "number " + type;
  }

  /** Rounds up to a multiple of eight, the alignment of the parts of a message. */
  static int padded(int size) {
    return (size + 7) & -8;
  }

  private ArrowFormat() {}
}
