package hex.gan.core.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes FlatBuffers, the form of Arrow's metadata, front to back: a table first, then what it refers to.
 *
 * <p>Every field takes a slot of eight bytes, which satisfies the alignment of all of them. See the
 * "FlatBuffer Internals" page of the FlatBuffers documentation.
 */
public final class FlatWriter {
  private ByteBuffer bytes = allocate(1024);

  private static ByteBuffer allocate(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A table whose fields are filled in afterwards. */
  public final class Table {
    private final int vtable;
    private final int start;

    private Table(int vtable, int start) {
      this.vtable = vtable;
      this.start = start;
    }

    private int slot(int field) {
      bytes.putShort(vtable + 4 + 2 * field, (short) (4 + 8 * field));
      return start + 4 + 8 * field;
    }

    public Table put8(int field, int value) {
      bytes.put(slot(field), (byte) value);
      return this;
    }

    public Table put16(int field, int value) {
      bytes.putShort(slot(field), (short) value);
      return this;
    }

    public Table put32(int field, int value) {
      bytes.putInt(slot(field), value);
      return this;
    }

    public Table put64(int field, long value) {
      bytes.putLong(slot(field), value);
      return this;
    }

    public Table put(int field, String text) {
      int slot = slot(field);
      // In two steps, because writing the string may replace the buffer.
      int written = write(text);
      bytes.putInt(slot, written - slot);
      return this;
    }

    /** A new table that a field refers to. */
    public Table table(int field, int fields) {
      int slot = slot(field);
      Table made = FlatWriter.this.table(fields);
      bytes.putInt(slot, made.start - slot);
      return made;
    }

    /** A vector of tables, which are made one by one by {@link Tables#add}. */
    public Tables tables(int field, int count) {
      int slot = slot(field);
      int vector = vector(count, 4);
      bytes.putInt(slot, vector - slot);
      return new Tables(vector + 4);
    }

    /** A vector of structs of two longs each. */
    public void pairs(int field, long[] firsts, long[] seconds, int count) {
      int slot = slot(field);
      int vector = vector(count, 16);
      bytes.putInt(slot, vector - slot);
      for (int i = 0; i < count; i++) {
        bytes.putLong(vector + 4 + 16 * i, firsts[i]);
        bytes.putLong(vector + 12 + 16 * i, seconds[i]);
      }
    }
  }

  /** The elements of a vector of tables. */
  public final class Tables {
    private int next;

    private Tables(int next) {
      this.next = next;
    }

    public Table add(int fields) {
      int slot = next;
      next += 4;
      Table made = table(fields);
      bytes.putInt(slot, made.start - slot);
      return made;
    }
  }

  /** The root table; to be called once, before anything else. */
  public Table root(int fields) {
    take(4, 4);
    Table root = table(fields);
    bytes.putInt(0, root.start);
    return root;
  }

  /** The written bytes, padded to a multiple of eight. */
  public byte[] finish() {
    take(0, 8);
    byte[] all = new byte[bytes.position()];
    System.arraycopy(bytes.array(), 0, all, 0, all.length);
    return all;
  }

  private Table table(int fields) {
    int vtable = take(4 + 2 * fields, 2);
    int start = take(0, 8) + 4;
    take(8 + 8 * fields, 4);
    bytes.putShort(vtable, (short) (4 + 2 * fields));
    bytes.putShort(vtable + 2, (short) (4 + 8 * fields));
    bytes.putInt(start, start - vtable);
    return new Table(vtable, start);
  }

  private int vector(int count, int elementSize) {
    // The elements must be aligned; their count before them takes four bytes.
    int start = elementSize > 4 ? take(0, 8) + 4 : take(0, 4);
    take(start - bytes.position() + 4 + count * elementSize, 1);
    bytes.putInt(start, count);
    return start;
  }

  private int write(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    int start = take(4 + utf8.length + 1, 4);
    bytes.putInt(start, utf8.length);
    System.arraycopy(utf8, 0, bytes.array(), start + 4, utf8.length);
    return start;
  }

  /** Reserves zeroed bytes at the next aligned place, and returns that place. */
  private int take(int size, int alignment) {
    int start = (bytes.position() + alignment - 1) & -alignment;
    int end = start + size;
    if (end > bytes.capacity()) {
      ByteBuffer grown = allocate(Math.max(end, 2 * bytes.capacity()));
      System.arraycopy(bytes.array(), 0, grown.array(), 0, bytes.position());
      bytes = grown;
    }
    bytes.position(end);
    return start;
  }
}
