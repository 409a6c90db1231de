package hex.gan.core.io;

/** Constants of the Arrow format that reading and writing share. */
public final class ArrowFormat {
  public static final int CONTINUATION = -1;
  public static final int VERSION_4 = 3;
  public static final int VERSION_5 = 4;

  // Message headers.
  public static final int SCHEMA = 1;
  public static final int DICTIONARY_BATCH = 2;
  public static final int RECORD_BATCH = 3;

  // Types of fields.
  public static final int NULL = 1;
  public static final int INT = 2;
  public static final int FLOATING_POINT = 3;
  public static final int BINARY = 4;
  public static final int UTF8 = 5;
  public static final int BOOL = 6;
  public static final int DECIMAL = 7;
  public static final int DATE = 8;
  public static final int TIMESTAMP = 10;
  public static final int FIXED_SIZE_BINARY = 15;
  public static final int LARGE_UTF8 = 20;
  public static final int UTF8_VIEW = 24;

  private static final String[] TYPE_NAMES = {
    "none", "null", "int", "float", "binary", "string", "bool", "decimal", "date", "time", "timestamp",
    "interval", "list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration",
    "large binary", "large string", "large list", "run-end encoded", "binary view", "string view",
    "list view", "large list view",
  };

  public static final String UUID_EXTENSION = "arrow.uuid";
  public static final String EXTENSION_NAME = "ARROW:extension:name";
  public static final String EXTENSION_METADATA = "ARROW:extension:metadata";

  public static String typeName(int type) {
    return type > 0 && type < TYPE_NAMES.length ? TYPE_NAMES[type] : "number " + type;
  }

  /** Rounds up to a multiple of eight, the alignment of the parts of a message. */
  public static int padded(int size) {
    return (size + 7) & -8;
  }

  private ArrowFormat() {}
}
