package hex.gan.arrow;

/**
 * What a stream may make of the bytes that it has brought.
 *
 * <p>Arrow's views and dictionaries can name one text a million times; tables that do so in earnest
 * stay far below this.
 */
final class Allowance {
  private static final long FREE = 1 << 26;
  private static final int FACTOR = 16;

  /** Bytes to hold a chunk or a column, whatever is in it. */
  static final int ENTRY = 768;

  private long received;
  private long made;

  void receive(long bytes) {
    received += bytes;
  }

  void charge(long bytes) throws ArrowException {
    made += bytes;
    if (made > FREE + FACTOR * received) {
      throw new ArrowException(
          "a few bytes of the stream stand for very many: views, dictionaries or rows without values; "
              + "send the texts themselves, or the table in parts");
    }
  }
}
