package hex.gan.core.io;

import static hex.gan.core.io.ArrowFormat.padded;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;

/** Builds the body of one record batch: lengths, null counts and buffers of the columns, in order. */
public final class Body {
  private final int rows;
  private final long[] lengths;
  private final long[] nulls;
  private final long[] starts;
  private final long[] sizes;
  private int column;
  private int buffer;
  private byte[] bytes;
  private int used;

  /**
   * @param expected expected size in bytes
   */
  public Body(int rows, int columns, long expected) {
    this.rows = rows;
    lengths = new long[columns];
    nulls = new long[columns];
    starts = new long[3 * columns];
    sizes = new long[3 * columns];
    bytes = new byte[(int) Math.min(expected + 64L * columns, 1 << 28)];
  }

  /** Ends a column with its null count. */
  public void endColumn(int nullCount) {
    lengths[column] = rows;
    nulls[column++] = nullCount;
  }

  /** Adds an empty buffer: the validity of a column without nulls. */
  public void emptyBuffer() {
    addBuffer(0);
  }

  /**
   * Adds a zeroed buffer and returns its offset in {@link #bytes()}, where the caller fills it. The array may be
   * another one after the next call.
   */
  public int addBuffer(int size) {
    long end = (long) used + padded(size);
    if (end > Integer.MAX_VALUE - 8) {
      throw new IllegalStateException("a record batch of more than 2 GB");
    }
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.max(end, Math.min(2L * bytes.length, Integer.MAX_VALUE - 8)));
    }
    int start = used;
    starts[buffer] = start;
    sizes[buffer++] = size;
    used = (int) end;
    return start;
  }

  public byte[] bytes() {
    return bytes;
  }

  /** The record batch as one encoded message. */
  public byte[] message() {
    FlatWriter writer = new FlatWriter();
    FlatWriter.Table message = writer.root(4);
    message.put16(0, ArrowFormat.VERSION_5).put8(1, ArrowFormat.RECORD_BATCH).put64(3, used);
    describe(message.table(2, 3));
    byte[] metadata = writer.finish();
    byte[] all = new byte[8 + metadata.length + used];
    ArrowMessages.prefix(all, metadata);
    System.arraycopy(bytes, 0, all, 8 + metadata.length, used);
    return all;
  }

  /** Sends the body as a dictionary batch. */
  public void sendDictionary(OutputStream out, long id) throws IOException {
    FlatWriter writer = new FlatWriter();
    FlatWriter.Table message = writer.root(4);
    message.put16(0, ArrowFormat.VERSION_5).put8(1, ArrowFormat.DICTIONARY_BATCH).put64(3, used);
    FlatWriter.Table dictionary = message.table(2, 2);
    describe(dictionary.put64(0, id).table(1, 3));
    ArrowMessages.send(out, writer.finish());
    out.write(bytes, 0, used);
  }

  private void describe(FlatWriter.Table batch) {
    batch.put64(0, rows);
    batch.pairs(1, lengths, nulls, column);
    batch.pairs(2, starts, sizes, buffer);
  }
}
