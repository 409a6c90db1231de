package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** One entry of a zip, as its directory describes it. */
final class Entry {
  static final int STORED = 0;
  static final int DEFLATED = 8;

  private static final int PIECE = 1 << 18;
  /** Deflate makes at most 1,032 bytes from one. */
  private static final long MAX_RATIO = 1032;

  final String name;
  final int flags;
  final int method;
  final long crc;
  /** Bytes in the file, and in all. */
  final long packedSize;
  final long size;
  /** Position of the local header. */
  final long header;
  /** Position of the bytes; set by {@link Entries}. */
  long start;

  Entry(String name, int flags, int method, long crc, long packedSize, long size, long header) {
    this.name = name;
    this.flags = flags;
    this.method = method;
    this.crc = crc;
    this.packedSize = packedSize;
    this.size = size;
    this.header = header;
  }

  /** The entry's bytes, whose checksum is verified; those of a stored one stay where they are. */
  Source open(Source file) throws IOException {
    if (method == DEFLATED) {
      return new BytesSource(inflated(file));
    }
    Region bytes = new Region(file, start, size);
    CRC32 found = new CRC32();
    byte[] piece = new byte[(int) Math.min(PIECE, size)];
    for (long at = 0; at < size; at += piece.length) {
      int length = (int) Math.min(piece.length, size - at);
      bytes.read(at, piece, 0, length);
      found.update(piece, 0, length);
    }
    check(found);
    return bytes;
  }

  private void check(CRC32 found) throws DamagedException {
    if (found.getValue() != crc) {
      throw new DamagedException("the checksum of its entry " + name + " is wrong");
    }
  }

  /** All bytes of a deflated entry, of which its directory has told the number. */
  private byte[] inflated(Source file) throws IOException {
    if (size > MAX_RATIO * (packedSize + 1)) {
      throw new DamagedException("its entry " + name + " is shorter than stated");
    }
    byte[] bytes = new byte[(int) size];
    byte[] piece = new byte[(int) Math.min(PIECE, packedSize)];
    byte[] beyond = new byte[1];
    Inflater inflater = new Inflater(true);
    try {
      int done = 0;
      long at = 0;
      while (!inflater.finished()) {
        if (inflater.needsInput()) {
          int length = (int) Math.min(piece.length, packedSize - at);
          file.read(start + at, piece, 0, length);
          at += length;
          inflater.setInput(piece, 0, length);
        }
        int got = done < size ? inflater.inflate(bytes, done, (int) size - done) : inflater.inflate(beyond);
        if (done == size && got > 0) {
          throw new DamagedException("its entry " + name + " is longer than stated");
        }
        done += got;
        if (got == 0 && !inflater.finished() && (inflater.needsDictionary() || at == packedSize)) {
          break;
        }
      }
      if (done < size || !inflater.finished()) {
        throw new DamagedException("its entry " + name + " is shorter than stated");
      }
    } catch (DataFormatException error) {
      throw new DamagedException("its entry " + name + " cannot be decompressed");
    } finally {
      inflater.end();
    }
    CRC32 found = new CRC32();
    found.update(bytes, 0, bytes.length);
    check(found);
    return bytes;
  }
}
