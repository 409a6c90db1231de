package hex.gan.work;

import java.util.Arrays;
import water.Key;
import water.Keyed;

/** A part of some bytes that are too many for one value of the key-value store. */
public final class Piece extends Keyed<Piece> {
  byte[] bytes;

  Piece(Key<Piece> key, byte[] bytes) {
    super(key);
    this.bytes = bytes;
  }

  @Override
  protected long checksum_impl() {
    return Arrays.hashCode(bytes);
  }
}
