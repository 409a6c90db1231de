package hex.gan.arrow;

import hex.gan.core.io.ArrowFormat;
import java.nio.ByteBuffer;

/**
 * The strings of one column in one message, in any of Arrow's three layouts.
 *
 * <p>It stores the position of the last string, so each thread needs its own instance.
 */
final class Texts {
  private final ByteBuffer body;
  private final byte[] bytes;
  private final int layout;
  private final int places;
  /** Start and end of each data buffer; string views may have several, other layouts one. */
  private final int[] starts;
  private final int[] ends;

  /** Start and end of the last string in the body. */
  int from;
  int to;

  Texts(ByteBuffer body, int layout, int places, int[] starts, int[] ends) {
    this.body = body;
    this.bytes = body.array();
    this.layout = layout;
    this.places = places;
    this.starts = starts;
    this.ends = ends;
  }

  /** A copy for another thread. */
  Texts own() {
    return new Texts(body, layout, places, starts, ends);
  }

  byte[] bytes() {
    return bytes;
  }

  /** Finds a string. */
  void find(int row) throws ArrowException {
    if (layout == ArrowFormat.UTF8_VIEW) {
      int view = places + 16 * row;
      int length = body.getInt(view);
      if (length >= 0 && length <= 12) {
        from = view + 4;
        to = from + length;
        return;
      }
      int buffer = body.getInt(view + 8);
      if (buffer < 0 || buffer >= starts.length) {
        throw broken();
      }
      set(buffer, body.getInt(view + 12), (long) body.getInt(view + 12) + length);
    } else if (layout == ArrowFormat.LARGE_UTF8) {
      set(0, body.getLong(places + 8 * row), body.getLong(places + 8 * row + 8));
    } else {
      set(0, body.getInt(places + 4 * row), body.getInt(places + 4 * row + 4));
    }
  }

  /**
   * Bytes of the strings of consecutive rows.
   *
   * @throws ArrowException the offsets decrease
   */
  long size(Incoming.Values values, int first, int rows) throws ArrowException {
    long size = 0;
    if (layout == ArrowFormat.UTF8_VIEW) {
      for (int row = first; row < first + rows; row++) {
        size += values.isNull(row) ? 0 : Math.max(0, body.getInt(places + 16 * row));
      }
      return size;
    }
    long last = rows == 0 ? 0 : place(first);
    for (int row = first; row < first + rows; row++) {
      long next = place(row + 1);
      if (next < last) {
        throw broken();
      }
      size += next - last;
      last = next;
    }
    return size;
  }

  private long place(int row) {
    return layout == ArrowFormat.LARGE_UTF8 ? body.getLong(places + 8 * row) : body.getInt(places + 4 * row);
  }

  /** Whether rows may share a string. */
  boolean shared() {
    return layout == ArrowFormat.UTF8_VIEW;
  }

  private void set(int buffer, long first, long end) throws ArrowException {
    if (first < 0 || end < first || end > ends[buffer] - starts[buffer]) {
      throw broken();
    }
    from = starts[buffer] + (int) first;
    to = starts[buffer] + (int) end;
  }

  private static ArrowException broken() {
    return new ArrowException("the stream is broken: a text lies outside of its buffer");
  }
}
