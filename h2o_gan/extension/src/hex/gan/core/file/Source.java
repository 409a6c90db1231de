package hex.gan.core.file;

import java.io.IOException;

/** Bytes that can be read at any place, such as a file. Used by one thread at a time. */
public interface Source {
  long size() throws IOException;

  /** Reads exactly length bytes from a position, which lie within {@link #size}. */
  void read(long position, byte[] into, int offset, int length) throws IOException;
}
