package hex.gan.core.file;

import java.io.IOException;

/** A part of a source. */
final class Region implements Source {
  private final Source whole;
  private final long start;
  private final long size;

  Region(Source whole, long start, long size) {
    this.whole = whole;
    this.start = start;
    this.size = size;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long position, byte[] into, int offset, int length) throws IOException {
    if (position < 0 || length < 0 || position > size - length) {
      throw new IndexOutOfBoundsException(length + " bytes at " + position + " of " + size);
    }
    whole.read(start + position, into, offset, length);
  }
}
