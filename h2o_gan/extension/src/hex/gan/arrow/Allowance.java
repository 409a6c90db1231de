package hex.gan.arrow;

/**
 * Bounds the memory that a stream may take, in proportion to the bytes that it has sent.
 *
 * <p>Views and dictionaries of Arrow can refer to one string a million times. Honest tables stay far below
 * the bound.
 */
final class Allowance {
  private static final long FREE = 1 << 26;
  private static final int FACTOR = 16;

  /** Bytes of an empty chunk or column. */
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
