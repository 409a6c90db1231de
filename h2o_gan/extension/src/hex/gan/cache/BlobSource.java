package hex.gan.cache;

import hex.gan.core.file.Source;
import hex.gan.work.Blob;
import java.io.IOException;

/** A blob as a source of bytes. */
final class BlobSource implements Source {
  private final Blob blob;

  BlobSource(Blob blob) {
    this.blob = blob;
  }

  @Override
  public long size() {
    return blob.size;
  }

  @Override
  public void read(long position, byte[] into, int offset, int length) throws IOException {
    blob.read(position, into, offset, length);
  }
}
