package hex.gan.arrow;

import hex.gan.core.io.ArrowFormat;
import hex.gan.core.io.FlatTable;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import water.DKV;
import water.Futures;
import water.Key;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * Builds a frame from an Arrow IPC stream.
 *
 * <p>Chunks have equal numbers of rows, whatever the sizes of the record batches, and some are made in parallel.
 * The frame is published when all chunks are stored; otherwise all are removed.
 */
public final class FrameBuilder implements AutoCloseable {
  /**
   * Doubles of so many rows fit twice into a region of Java's collector where the heap is below four
   * gigabytes; with some more, each chunk would have a region for itself and half of it would be waste.
   */
  private static final int CHUNK_ROWS = 65_000;
  private static final int CHUNK_VALUES = 1 << 22;
  /** Most bytes of strings in the chunks of the same rows, except for a single row with more. */
  private static final int CHUNK_TEXT = 1 << 24;

  /** Most bytes of record batches that wait until their chunks are full. */
  private static final int OPEN_BYTES = 1 << 26;

  /** Approximate bytes of a column, and of a column's part in a record batch, without values. */
  private static final int COLUMN_BYTES = 2048;

  private static final int PART_BYTES = 160;

  /** Another object has the key. */
  public static final class TakenException extends Exception {
    TakenException(Key<Frame> key) {
      super("the cluster already has something under the key '" + key + "'; choose another one or remove it first");
    }
  }

  /** The frame is no longer needed. */
  public static final class UnwantedException extends Exception {
    UnwantedException() {
      super("the rows came too late: whoever sent them does not hold their job any more");
    }
  }

  /** The frame does not fit into memory. */
  public static final class MemoryException extends Exception {
    /** Whether memory may be free soon. */
    public final boolean busy;

    MemoryException(String message, boolean busy) {
      super(message);
      this.busy = busy;
    }
  }

  private final Allowance allowance = new Allowance();
  private final StreamReader reader;
  private final Key<Frame> key;
  private Incoming[] columns = {};
  private final Map<Long, Levels> dictionaries = new HashMap<>();
  private Key<Vec>[] vecs;
  private ChunkStore chunks;
  /** Number of columns whose values take no bytes. */
  private int emptyColumns;
  private int rowsPerChunk;
  private List<Incoming.Slice>[] open;
  private int openRows;
  private long openText;
  /** Memory of batches whose last row is in the open chunk. */
  private long openBytes;

  private boolean published;

  public FrameBuilder(InputStream in, String key) {
    this.reader = new StreamReader(in, allowance);
    this.key = Key.make(key);
  }

  /**
   * Reads the whole stream and publishes the frame.
   *
   * @param wanted whether the frame is still needed; asked just before and just after it is published
   * @throws ArrowException the stream is broken, or has values that H2O cannot store
   * @throws TakenException another object has the key
   * @throws UnwantedException the frame is no longer needed
   * @throws MemoryException there is not enough memory for it
   * @throws IOException the client has closed the connection
   */
  public Frame build(BooleanSupplier wanted)
      throws ArrowException, TakenException, UnwantedException, MemoryException, IOException {
    if (DKV.get(key) != null) {
      throw new TakenException(key);
    }
    try {
      read();
    } catch (IndexOutOfBoundsException | NegativeArraySizeException e) {
      throw new ArrowException("the stream is broken: its metadata refers to what is not there");
    } catch (Room.FullException e) {
      throw new MemoryException(e.getMessage(), false);
    } catch (Room.BusyException e) {
      throw new MemoryException(e.getMessage(), true);
    }
    return publish(wanted);
  }

  private void read() throws ArrowException, IOException, Room.FullException, Room.BusyException {
    if (!reader.next() || reader.type != ArrowFormat.SCHEMA) {
      throw new ArrowException("the stream does not begin with a schema");
    }
    readSchema(reader.header);
    reader.give(reader.held);
    while (reader.next()) {
      if (reader.type == ArrowFormat.RECORD_BATCH) {
        readBatch();
      } else if (reader.type == ArrowFormat.DICTIONARY_BATCH) {
        readDictionary();
      } else {
        throw new ArrowException("the stream is broken: a message of type " + reader.type);
      }
    }
    // A frame without rows has one chunk too.
    if (openRows > 0 || chunks.count() == 0) {
      closeChunk();
    }
    chunks.finish();
    allowance.charge(domains());
  }

  private void readSchema(FlatTable schema) throws ArrowException, Room.FullException {
    if (schema.get16(0, 0) != 0) {
      throw new ArrowException("the stream is big-endian; send it little-endian");
    }
    int count = schema.count(1, 4);
    if (count == 0) {
      throw new ArrowException("the table has no columns; a frame needs at least one");
    }
    Room room = new Room();
    room.check((long) COLUMN_BYTES * count);
    Set<String> names = new HashSet<>();
    Incoming[] found = new Incoming[count];
    for (int i = 0; i < count; i++) {
      found[i] = shared(Incoming.of(schema.element(1, i)));
      if (!names.add(found[i].name)) {
        throw new ArrowException("the table has two columns named " + Incoming.quoted(found[i].name) + "; rename one");
      }
      emptyColumns += found[i].buffers == 0 ? 1 : 0;
    }
    vecs = new Vec.VectorGroup().addVecs(count);
    rowsPerChunk = Math.max(1, Math.min(CHUNK_ROWS, CHUNK_VALUES / count));
    columns = found;
    chunks = new ChunkStore(columns, vecs, room, reader);
    openChunk();
  }

  /** The column; it shares the levels of other columns with the same dictionary. */
  private Incoming shared(Incoming column) throws ArrowException {
    Levels levels = column.levels;
    if (levels == null || !levels.fromDictionary()) {
      return column;
    }
    Levels first = dictionaries.putIfAbsent(levels.id, levels);
    if (first != null && first.layout != levels.layout) {
      throw new ArrowException("the stream is broken: two columns have one dictionary of two types");
    }
    return first == null ? column : column.with(first);
  }

  private void readDictionary() throws ArrowException, Room.FullException {
    FlatTable header = reader.header;
    Levels levels = dictionaries.get(header.get64(0, 0));
    if (levels == null) {
      throw new ArrowException("the stream is broken: a dictionary that no column has");
    }
    BatchParser parser = new BatchParser(header.table(1), reader.body);
    chunks.expect((long) PART_BYTES * parser.rows);
    levels.learn(parser, header.get8(2, 0) != 0, allowance);
    reader.give(reader.body.limit());
  }

  private void readBatch() throws ArrowException, IOException, Room.FullException, Room.BusyException {
    BatchParser parser = new BatchParser(reader.header, reader.body);
    Incoming.Values[] values = new Incoming.Values[columns.length];
    for (int i = 0; i < columns.length; i++) {
      values[i] = parser.next(columns[i]);
    }
    parser.end();
    // Checked before any chunk is made: a few bytes can declare billions of rows without values.
    allowance.charge((long) parser.rows * emptyColumns);
    long bytes = reader.body.limit();
    if (parser.rows > 0) {
      bytes += reader.take((long) PART_BYTES * columns.length);
    }
    int row = 0;
    while (row < parser.rows) {
      int count = fitting(values, row, Math.min(parser.rows - row, rowsPerChunk - openRows));
      for (int i = 0; i < columns.length; i++) {
        open[i].add(new Incoming.Slice(values[i], row, count));
      }
      row += count;
      openRows += count;
      if (openRows == rowsPerChunk || openText >= CHUNK_TEXT || row < parser.rows) {
        closeChunk();
      }
    }
    if (parser.rows == 0) {
      reader.give(bytes);
      return;
    }
    openBytes += bytes;
    if (openBytes > OPEN_BYTES && openRows > 0) {
      closeChunk();
    }
  }

  /** Number of next rows whose strings fit into the open chunk; at least one if it is empty. */
  private int fitting(Incoming.Values[] values, int first, int wanted) throws ArrowException {
    long size = textSize(values, first, wanted);
    int rows = wanted;
    if (openText + size > CHUNK_TEXT) {
      size = 0;
      rows = 0;
      while (rows < wanted) {
        long more = textSize(values, first + rows, 1);
        if (openText + size + more > CHUNK_TEXT && openRows + rows > 0) {
          break;
        }
        size += more;
        rows++;
      }
    }
    openText += size;
    chargeTexts(values, first, rows);
    return rows;
  }

  private long textSize(Incoming.Values[] values, int first, int rows) throws ArrowException {
    long size = 0;
    for (Incoming.Values column : values) {
      size += column.texts == null ? 0 : column.texts.size(column, first, rows);
    }
    return size;
  }

  private void chargeTexts(Incoming.Values[] values, int first, int rows) throws ArrowException {
    for (Incoming.Values column : values) {
      if (column.texts != null && column.texts.shared()) {
        allowance.charge(column.texts.size(column, first, rows));
      }
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private void openChunk() {
    open = new List[columns.length];
    for (int i = 0; i < open.length; i++) {
      open[i] = new ArrayList<>(1);
    }
    openRows = 0;
    openText = 0;
    openBytes = 0;
  }

  private void closeChunk() throws ArrowException, IOException, Room.FullException {
    if (openRows > 0 || chunks.count() == 0) {
      allowance.charge((long) Allowance.ENTRY * columns.length);
      chunks.add(open, openRows, openBytes);
    }
    openChunk();
  }

  /** Bytes of the levels of all columns; each column stores its own in the cluster. */
  private long domains() {
    long bytes = 0;
    for (Incoming column : columns) {
      bytes += column.levels == null ? 0 : column.levels.size();
    }
    return bytes;
  }

  private Frame publish(BooleanSupplier wanted) throws TakenException, UnwantedException {
    if (!wanted.getAsBoolean()) {
      throw new UnwantedException();
    }
    int number = Vec.ESPC.rowLayout(vecs[0], chunks.layout());
    Futures stored = new Futures();
    Vec[] made = new Vec[columns.length];
    String[] names = new String[columns.length];
    for (int i = 0; i < columns.length; i++) {
      names[i] = columns[i].name;
      String[] domain = columns[i].levels == null ? null : columns[i].levels.domain();
      made[i] = new Vec(vecs[i], number, domain, columns[i].vecType);
      DKV.put(made[i], stored);
    }
    stored.blockForPending();
    Frame frame = new Frame(key, names, made);
    if (!new Publication(frame).made(key)) {
      throw new TakenException(key);
    }
    published = true;
    if (!wanted.getAsBoolean()) {
      // After a rename, another frame would own the columns.
      if (DKV.get(key) != null) {
        frame.remove();
      }
      throw new UnwantedException();
    }
    return frame;
  }

  /** Removes the parts of a frame that was not published. */
  @Override
  public void close() {
    if (chunks != null) {
      chunks.close();
      if (!published) {
        chunks.remove();
      }
    }
    reader.give(reader.held);
  }
}
