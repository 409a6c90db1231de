package hex.gan.arrow;

import hex.gan.core.io.ArrowFormat;
import hex.gan.core.io.FlatTable;
import java.nio.ByteBuffer;

/** Parses a record batch into its columns, and checks each against the bounds of the body. */
final class BatchParser {
  private final FlatTable batch;
  private final ByteBuffer body;
  /** Number of rows of the batch. */
  final int rows;
  private int node;
  private int buffer;
  private int view;
  private final int nodes;
  private final int buffers;

  BatchParser(FlatTable batch, ByteBuffer body) throws ArrowException {
    if (batch == null) {
      throw broken("a record batch without a header");
    }
    if (batch.has(3)) {
      throw new ArrowException("the stream's record batches are compressed; send them uncompressed");
    }
    this.batch = batch;
    this.body = body;
    long length = batch.get64(0, 0);
    if (length < 0 || length > Integer.MAX_VALUE - 64) {
      throw broken("a record batch of " + length + " rows");
    }
    rows = (int) length;
    nodes = batch.count(1, 16);
    buffers = batch.count(2, 16);
  }

  private static ArrowException broken(String what) {
    return new ArrowException("the stream is broken: " + what);
  }

  /** Reads the next column. */
  Incoming.Values next(Incoming column) throws ArrowException {
    boolean nullable = startColumn(column.name);
    if (column.buffers == 0) {
      return new Incoming.Values(body, -1, 0, null, null, 0);
    }
    int validity = validity(column.name, nullable);
    if (column.textual()) {
      return new Incoming.Values(body, validity, 0, texts(column.name, column.layout(), column.bytesFor(rows)), null, 0);
    }
    int data = buffer(column.name, column.bytesFor(rows));
    Levels levels = column.levels;
    return new Incoming.Values(
        body, validity, data, null, levels == null ? null : levels.current(), levels == null ? 0 : levels.entries());
  }

  /** Reads the values of a dictionary. */
  Incoming.Values dictionary(String column, int layout) throws ArrowException {
    boolean nullable = startColumn(column);
    int validity = validity(column, nullable);
    return new Incoming.Values(body, validity, 0, texts(column, layout, Incoming.placesFor(layout, rows)), null, 0);
  }

  /** Checks that no buffer is left after the last column. */
  void end() throws ArrowException {
    if (node != nodes || buffer != buffers) {
      throw broken("a record batch with more columns than the schema");
    }
  }

  private boolean startColumn(String column) throws ArrowException {
    if (node >= nodes) {
      throw broken("a record batch without column " + Incoming.quoted(column));
    }
    if (batch.element64(1, 2 * node) != rows) {
      throw broken("column " + Incoming.quoted(column) + " has another length than its record batch");
    }
    return batch.element64(1, 2 * node++ + 1) != 0;
  }

  private int validity(String column, boolean nullable) throws ArrowException {
    long size = buffer < buffers ? batch.element64(2, 2 * buffer + 1) : 0;
    int start = buffer(column, nullable && size != 0 ? (rows + 7L) / 8 : 0);
    return nullable && size != 0 ? start : -1;
  }

  private Texts texts(String column, int layout, long size) throws ArrowException {
    int places = buffer(column, size);
    int count = 1;
    if (layout == ArrowFormat.UTF8_VIEW) {
      long told = view < batch.count(4, 8) ? batch.element64(4, view++) : -1;
      if (told < 0 || told > buffers - buffer) {
        throw broken("column " + Incoming.quoted(column) + " has " + told + " buffers of text");
      }
      count = (int) told;
    }
    int[] starts = new int[count];
    int[] ends = new int[count];
    for (int i = 0; i < count; i++) {
      starts[i] = buffer(column, 0);
      ends[i] = starts[i] + (int) batch.element64(2, 2 * (buffer - 1) + 1);
    }
    return new Texts(body, layout, places, starts, ends);
  }

  /** The offset of the next buffer, which must have at least so many bytes. */
  private int buffer(String column, long needed) throws ArrowException {
    if (buffer >= buffers) {
      throw broken("column " + Incoming.quoted(column) + " lacks a buffer");
    }
    long start = batch.element64(2, 2 * buffer);
    long size = batch.element64(2, 2 * buffer + 1);
    buffer++;
    if (start < 0 || size < 0 || start > body.limit() || size > body.limit() - start) {
      throw broken("a buffer of column " + Incoming.quoted(column) + " lies outside of its message");
    }
    if (size < needed) {
      throw broken("a buffer of column " + Incoming.quoted(column) + " is too short for its rows");
    }
    return (int) start;
  }
}
