package hex.gan.core.file;

/** Bytes in memory. */
public final class BytesSource implements Source {
  private final byte[] bytes;

  public BytesSource(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public void read(long position, byte[] into, int offset, int length) {
    System.arraycopy(bytes, Math.toIntExact(position), into, offset, length);
  }
}
