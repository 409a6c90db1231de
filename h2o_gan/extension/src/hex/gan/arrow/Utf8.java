package hex.gan.arrow;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;

/** Checks that bytes are strings that H2O can store. */
final class Utf8 {
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();

  /** Whether all bytes are ASCII, none of them zero. */
  static boolean plain(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] <= 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * @throws ArrowException the bytes are not UTF-8, or contain the character zero, which ends a string in H2O
   */
  void check(byte[] bytes, int from, int to, String column) throws ArrowException {
    if (plain(bytes, from, to)) {
      return;
    }
    for (int i = from; i < to; i++) {
      if (bytes[i] == 0) {
        throw new ArrowException(
            "column " + Incoming.quoted(column) + " holds text with the character U+0000, at which H2O would end "
                + "it; replace that character");
      }
    }
    decode(bytes, from, to, column);
  }

  String decode(byte[] bytes, int from, int to, String column) throws ArrowException {
    try {
      CharBuffer text = decoder.decode(ByteBuffer.wrap(bytes, from, to - from));
      return text.toString();
    } catch (CharacterCodingException e) {
      throw new ArrowException("column " + Incoming.quoted(column) + " holds text that is not UTF-8");
    }
  }
}
