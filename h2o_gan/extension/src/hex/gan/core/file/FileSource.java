package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The bytes of an open file. */
public final class FileSource implements Source, Closeable {
  private final FileChannel channel;

  /**
   * Opens a file.
   *
   * @throws DamagedException it is not a regular file: a pipe would wait for a writer, a device has no end
   */
  public FileSource(Path path) throws IOException {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new DamagedException("it is not a regular file");
    }
    channel = FileChannel.open(path, StandardOpenOption.READ);
  }

  @Override
  public long size() throws IOException {
    return channel.size();
  }

  @Override
  public void read(long position, byte[] into, int offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, offset, length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position() - offset) < 0) {
        throw new EOFException("the file has become shorter while it is read");
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
