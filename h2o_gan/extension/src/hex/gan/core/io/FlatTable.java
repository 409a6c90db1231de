package hex.gan.core.io;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads a table of an untrusted FlatBuffer.
 *
 * <p>The buffer checks the bounds of every access, so broken metadata ends in an IndexOutOfBoundsException,
 * and no allocation is larger than the buffer.
 */
public final class FlatTable {
  private final ByteBuffer bytes;
  /** Bytes of strings that may still be read; it bounds tables that refer to the same string again and again. */
  private final int[] texts;
  private final int start;
  private final int vtable;
  private final int fields;

  private FlatTable(ByteBuffer bytes, int[] texts, int start) {
    this.bytes = bytes;
    this.texts = texts;
    this.start = start;
    this.vtable = start - bytes.getInt(start);
    this.fields = ((bytes.getShort(vtable) & 0xFFFF) - 4) / 2;
  }

  /** The root table of a little-endian buffer. */
  public static FlatTable root(ByteBuffer bytes) {
    return new FlatTable(bytes, new int[] {2 * Math.min(bytes.limit(), 1 << 29)}, bytes.getInt(0));
  }

  /** Offset of a field's value; 0 where the field is not set. */
  private int slot(int field) {
    if (field >= fields) {
      return 0;
    }
    int offset = bytes.getShort(vtable + 4 + 2 * field) & 0xFFFF;
    return offset == 0 ? 0 : start + offset;
  }

  public boolean has(int field) {
    return slot(field) != 0;
  }

  public int get8(int field, int otherwise) {
    int slot = slot(field);
    return slot == 0 ? otherwise : bytes.get(slot);
  }

  public int get16(int field, int otherwise) {
    int slot = slot(field);
    return slot == 0 ? otherwise : bytes.getShort(slot);
  }

  public int get32(int field, int otherwise) {
    int slot = slot(field);
    return slot == 0 ? otherwise : bytes.getInt(slot);
  }

  public long get64(int field, long otherwise) {
    int slot = slot(field);
    return slot == 0 ? otherwise : bytes.getLong(slot);
  }

  /** The table that a field refers to; null where the field is not set. */
  public FlatTable table(int field) {
    int slot = slot(field);
    return slot == 0 ? null : new FlatTable(bytes, texts, target(slot));
  }

  /** The string that a field refers to; empty where the field is not set. */
  public String text(int field) {
    int slot = slot(field);
    if (slot == 0) {
      return "";
    }
    int text = target(slot);
    int length = fitting(bytes.getInt(text), 1);
    texts[0] -= length + 4;
    if (texts[0] < 0) {
      throw new IndexOutOfBoundsException();
    }
    byte[] utf8 = new byte[length];
    for (int i = 0; i < length; i++) {
      utf8[i] = bytes.get(text + 4 + i);
    }
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /** Number of elements, of at least so many bytes each, of a vector field. */
  public int count(int field, int elementSize) {
    int slot = slot(field);
    return slot == 0 ? 0 : fitting(bytes.getInt(target(slot)), elementSize);
  }

  /** An element of a vector of tables. */
  public FlatTable element(int field, int index) {
    return new FlatTable(bytes, texts, target(target(slot(field)) + 4 + 4 * index));
  }

  /** A long of a vector of longs, or of structs made of longs. */
  public long element64(int field, int index) {
    return bytes.getLong(target(slot(field)) + 4 + 8 * index);
  }

  private int target(int slot) {
    return slot + bytes.getInt(slot);
  }

  private int fitting(int count, int elementSize) {
    if (count < 0 || count > bytes.limit() / elementSize) {
      throw new IndexOutOfBoundsException();
    }
    return count;
  }
}
