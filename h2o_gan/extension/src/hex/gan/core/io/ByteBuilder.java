package hex.gan.core.io;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Text in UTF-8 that grows. */
final class ByteBuilder {
  private byte[] bytes = new byte[1 << 14];
  private int size;

  private void reserve(int more) {
    if (bytes.length - size < more) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
    }
  }

  void append(char ascii) {
    reserve(1);
    bytes[size++] = (byte) ascii;
  }

  void append(byte[] more) {
    reserve(more.length);
    System.arraycopy(more, 0, bytes, size, more.length);
    size += more.length;
  }

  void append(String text) {
    append(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Digits of a whole number. */
  void append(long number) {
    if (number == Long.MIN_VALUE) {
      append(Long.toString(number));
      return;
    }
    if (number < 0) {
      append('-');
    }
    appendDigits(Math.abs(number), 1);
  }

  /** Digits of a number that is not negative, with zeros before them up to a width. */
  void appendDigits(long number, int width) {
    int digits = 1;
    for (long rest = number; rest >= 10; rest /= 10) {
      digits++;
    }
    digits = Math.max(digits, width);
    reserve(digits);
    long rest = number;
    for (int at = size + digits - 1; at >= size; at--) {
      bytes[at] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    size += digits;
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }
}
