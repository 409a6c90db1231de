package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries of a model file, a zip, with bounds that are checked before they are read.
 *
 * <p>Mirrors h2o_gan/engine/storage/entries.py, but for the state of training, which is not read here.
 */
final class Entries {
  static final String MANIFEST = "model.json";
  static final String WEIGHTS = "weights.safetensors";
  static final String COLUMNS = "columns.safetensors";
  /** Up to format 2, in place of {@link #COLUMNS}. */
  static final String ENCODER = "encoder.safetensors";

  private static final String TRAINING = "training.safetensors";
  /** Larger zips have another structure. */
  private static final long MAX_BYTES = Integer.MAX_VALUE;
  /** Largest size of a compressed entry, uncompressed; larger entries are stored. */
  private static final long MAX_DEFLATED_BYTES = 1 << 28;
  private static final int MAX_ENTRIES = 64;
  private static final int MAX_DIRECTORY = 1 << 16;
  private static final int END_BYTES = 22;
  private static final int DIRECTORY_BYTES = 46;
  private static final int LOCAL_BYTES = 30;
  private static final int ENCRYPTED = 1 | 1 << 5 | 1 << 6;
  private static final int UTF_8 = 1 << 11;
  /** 6.3, the last version of the format. */
  private static final int MAX_VERSION = 63;

  private final Source file;
  private final Map<String, Entry> entries = new HashMap<>();

  Entries(Source file) throws IOException {
    this.file = file;
    long size = file.size();
    if (size > MAX_BYTES) {
      throw new DamagedException(String.format("its %,d bytes are more than a model has", size));
    }
    List<Entry> found = directory(size);
    for (Entry entry : found) {
      if (entries.put(entry.name, entry) != null) {
        throw new DamagedException("it has two entries " + entry.name);
      }
    }
    if (!has(MANIFEST) || !has(WEIGHTS) || !(has(COLUMNS) || has(ENCODER))) {
      throw new DamagedException("it is a zip, but not an h2o_gan model");
    }
    for (String name : new String[] {MANIFEST, WEIGHTS, TRAINING, COLUMNS, ENCODER}) {
      if (has(name)) {
        check(entries.get(name), size);
      }
    }
  }

  boolean has(String name) {
    return entries.containsKey(name);
  }

  /** The bytes of an entry. */
  Source open(String name) throws IOException {
    if (!has(name)) {
      throw new DamagedException("it has no entry " + name);
    }
    return entries.get(name).open(file);
  }

  /** The manifest's JSON. */
  Json manifest() throws IOException {
    Source entry = open(MANIFEST);
    byte[] text = new byte[(int) entry.size()];
    entry.read(0, text, 0, text.length);
    return Json.parse(text);
  }

  private ByteBuffer bytes(long position, long length) throws IOException {
    byte[] bytes = new byte[(int) length];
    file.read(position, bytes, 0, bytes.length);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static long unsigned(int number) {
    return number & 0xFFFFFFFFL;
  }

  /** All entries, in the order of their bytes, which do not overlap. */
  private List<Entry> directory(long size) throws IOException {
    long tail = Math.max(size - END_BYTES - (1 << 16), 0);
    ByteBuffer end = bytes(tail, size - tail);
    int at = end.limit() - END_BYTES;
    while (at >= 0 && end.getInt(at) != 0x06054b50) {
      at--;
    }
    if (at < 0 || at + END_BYTES + (end.getShort(at + 20) & 0xFFFF) != end.limit()) {
      throw new DamagedException("it is not a zip, or it is truncated");
    }
    int count = end.getShort(at + 10) & 0xFFFF;
    long length = unsigned(end.getInt(at + 12));
    long start = unsigned(end.getInt(at + 16));
    boolean is64 = at >= 20 && end.getInt(at - 20) == 0x07064b50;
    if (count > MAX_ENTRIES || length > MAX_DIRECTORY || is64) {
      throw new DamagedException("it is a zip, but not an h2o_gan model");
    }
    if (start + length != tail + at || end.getShort(at + 8) != end.getShort(at + 10)) {
      throw new DamagedException("the directory of its entries is not where it should be");
    }
    List<Entry> found = entries(bytes(start, length), count);
    found.sort(Comparator.comparingLong(entry -> entry.header));
    for (int i = 0; i < found.size(); i++) {
      locate(found.get(i), i + 1 < found.size() ? found.get(i + 1).header : start);
    }
    return found;
  }

  private static List<Entry> entries(ByteBuffer directory, int count) throws DamagedException {
    List<Entry> found = new ArrayList<>();
    while (directory.hasRemaining()) {
      int at = directory.position();
      if (directory.remaining() < DIRECTORY_BYTES || directory.getInt(at) != 0x02014b50
          || (directory.get(at + 6) & 0xFF) > MAX_VERSION) {
        throw new DamagedException("the directory of its entries is not valid");
      }
      byte[] name = new byte[directory.getShort(at + 28) & 0xFFFF];
      int more = (directory.getShort(at + 30) & 0xFFFF) + (directory.getShort(at + 32) & 0xFFFF);
      if (directory.remaining() < DIRECTORY_BYTES + name.length + more) {
        throw new DamagedException("the directory of its entries is not valid");
      }
      directory.position(at + DIRECTORY_BYTES);
      directory.get(name);
      directory.position(directory.position() + more);
      int flags = directory.getShort(at + 8);
      found.add(new Entry(
          text(name, flags), flags, directory.getShort(at + 10), unsigned(directory.getInt(at + 16)),
          unsigned(directory.getInt(at + 20)), unsigned(directory.getInt(at + 24)),
          unsigned(directory.getInt(at + 42))));
    }
    if (found.size() != count) {
      throw new DamagedException("the directory of its entries is not valid");
    }
    return found;
  }

  /** A name, of which only those of a model file matter. */
  private static String text(byte[] name, int flags) throws DamagedException {
    for (byte c : name) {
      if (c == 0) {
        throw new DamagedException("the directory of its entries is not valid");
      }
    }
    return new String(name, (flags & UTF_8) == 0 ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
  }

  /** Finds an entry's bytes, which end before another place. */
  private void locate(Entry entry, long end) throws IOException {
    DamagedException wrong = new DamagedException("its entries are not where its directory says");
    if (entry.header > end - LOCAL_BYTES) {
      throw wrong;
    }
    ByteBuffer header = bytes(entry.header, LOCAL_BYTES);
    int length = header.getShort(26) & 0xFFFF;
    entry.start = entry.header + LOCAL_BYTES + length + (header.getShort(28) & 0xFFFF);
    if (header.getInt(0) != 0x04034b50 || entry.start > end || entry.packedSize > end - entry.start) {
      throw wrong;
    }
    byte[] name = bytes(entry.header + LOCAL_BYTES, length).array();
    int flags = header.getShort(6);
    if (header.getShort(8) != entry.method || !text(name, flags).equals(entry.name)) {
      throw wrong;
    }
  }

  private static void check(Entry entry, long size) throws DamagedException {
    boolean packed = entry.name.equals(COLUMNS) && entry.method == Entry.DEFLATED;
    boolean stored = entry.method == Entry.STORED && entry.packedSize == entry.size;
    if (!(packed || stored) || entry.size > (packed ? MAX_DEFLATED_BYTES : size)) {
      throw new DamagedException("its entry " + entry.name + " is compressed or lies about its size");
    }
    if ((entry.flags & ENCRYPTED) != 0) {
      throw new DamagedException("its entry " + entry.name + " is encrypted");
    }
    if (entry.name.equals(MANIFEST) && entry.size > JsonParser.MAX_BYTES) {
      throw new DamagedException("its entry " + MANIFEST + " is too large");
    }
  }
}
