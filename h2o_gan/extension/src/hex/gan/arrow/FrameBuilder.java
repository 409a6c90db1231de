package hex.gan.arrow;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import water.DKV;
import water.Futures;
import water.Key;
import water.Value;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * Makes a frame of an Arrow IPC stream.
 *
 * <p>Rows are dealt into chunks of even size, whatever the size of the record batches, and a few chunks
 * are made at the same time. The frame appears when all of them are in place, or all of them go.
 */
public final class FrameBuilder implements AutoCloseable {
  private static final int CHUNK_ROWS = 1 << 16;
  private static final int CHUNK_VALUES = 1 << 22;

  /** The key is taken. */
  public static final class TakenException extends Exception {
    TakenException(String key) {
      super("the cluster already has something under the key '" + key + "'; choose another one or remove it first");
    }
  }

  private final StreamReader reader;
  private final Key<Frame> key;
  private Incoming[] columns = {};
  private final Map<Long, List<Levels>> dictionaries = new HashMap<>();
  private Key<Vec>[] vecs;
  private int rowsPerChunk;
  private List<Incoming.Slice>[] open;
  private int openRows;
  private final List<Long> starts = new ArrayList<>(Arrays.asList(0L));
  private final ArrayDeque<Future<?>> working = new ArrayDeque<>();
  private boolean published;

  public FrameBuilder(InputStream in, String key) {
    this.reader = new StreamReader(in);
    this.key = Key.make(key);
  }

  /**
   * Reads the whole stream and publishes the frame.
   *
   * @throws ArrowException the stream is broken, or holds what H2O cannot hold
   * @throws TakenException there is something under the key
   * @throws IOException the sender is gone
   */
  public Frame build() throws ArrowException, TakenException, IOException {
    mustBeFree();
    try {
      read();
    } catch (IndexOutOfBoundsException | NegativeArraySizeException e) {
      throw new ArrowException("the stream is broken: its metadata refers to what is not there");
    }
    return publish();
  }

  private void mustBeFree() throws TakenException {
    if (DKV.get(key) != null) {
      throw new TakenException(key.toString());
    }
  }

  private void read() throws ArrowException, IOException {
    if (!reader.next() || reader.type != ArrowFormat.SCHEMA) {
      throw new ArrowException("the stream does not begin with a schema");
    }
    readSchema(reader.header);
    while (reader.next()) {
      if (reader.type == ArrowFormat.RECORD_BATCH) {
        readBatch();
      } else if (reader.type == ArrowFormat.DICTIONARY_BATCH) {
        readDictionary();
      } else {
        throw new ArrowException("the stream is broken: a message of type " + reader.type);
      }
    }
    // A frame without rows has a chunk too.
    if (openRows > 0 || starts.size() == 1) {
      closeChunk();
    }
    while (!working.isEmpty()) {
      await(working.remove());
    }
  }

  private void readSchema(FlatTable schema) throws ArrowException {
    if (schema.get16(0, 0) != 0) {
      throw new ArrowException("the stream is big-endian; send it little-endian");
    }
    int count = schema.count(1, 4);
    if (count == 0) {
      throw new ArrowException("the table has no columns; a frame needs at least one");
    }
    Set<String> names = new HashSet<>();
    Incoming[] found = new Incoming[count];
    for (int i = 0; i < count; i++) {
      found[i] = Incoming.of(schema.element(1, i));
      if (!names.add(found[i].name)) {
        throw new ArrowException("the table has two columns named " + Incoming.quoted(found[i].name) + "; rename one");
      }
      Levels levels = found[i].levels;
      if (levels != null && levels.fromDictionary()) {
        dictionaries.computeIfAbsent(levels.id, id -> new ArrayList<>()).add(levels);
      }
    }
    vecs = new Vec.VectorGroup().addVecs(count);
    rowsPerChunk = Math.max(1, Math.min(CHUNK_ROWS, CHUNK_VALUES / count));
    columns = found;
    openChunk();
  }

  private void readDictionary() throws ArrowException {
    FlatTable header = reader.header;
    List<Levels> learners = dictionaries.get(header.get64(0, 0));
    if (learners == null) {
      throw new ArrowException("the stream is broken: a dictionary that no column has");
    }
    for (Levels levels : learners) {
      BatchParser parser = new BatchParser(header.table(1), reader.body);
      levels.learn(parser, header.get8(2, 0) != 0);
    }
  }

  private void readBatch() throws ArrowException, IOException {
    BatchParser parser = new BatchParser(reader.header, reader.body);
    Incoming.Values[] values = new Incoming.Values[columns.length];
    for (int i = 0; i < columns.length; i++) {
      values[i] = parser.next(columns[i]);
    }
    parser.end();
    int row = 0;
    while (row < parser.rows) {
      int count = Math.min(parser.rows - row, rowsPerChunk - openRows);
      for (int i = 0; i < columns.length; i++) {
        open[i].add(new Incoming.Slice(values[i], row, count));
      }
      row += count;
      openRows += count;
      if (openRows == rowsPerChunk) {
        closeChunk();
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
  }

  private void closeChunk() throws ArrowException, IOException {
    if (working.size() >= Workers.WINDOW) {
      await(working.remove());
    }
    int index = starts.size() - 1;
    List<Incoming.Slice>[] slices = open;
    int rows = openRows;
    starts.add(starts.get(index) + rows);
    working.add(Workers.POOL.submit(() -> {
      Futures stored = new Futures();
      for (int i = 0; i < columns.length; i++) {
        DKV.put(Vec.chunkKey(vecs[i], index), columns[i].chunk(slices[i], rows), stored, true);
      }
      stored.blockForPending();
      return null;
    }));
    openChunk();
  }

  private static void await(Future<?> work) throws ArrowException, IOException {
    try {
      work.get();
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof ArrowException) {
        throw (ArrowException) cause;
      }
      if (cause instanceof IndexOutOfBoundsException) {
        throw (IndexOutOfBoundsException) cause;
      }
      if (cause instanceof Error) {
        throw (Error) cause;
      }
      throw new IllegalStateException(cause);
    }
  }

  private Frame publish() throws TakenException {
    long[] layout = starts.stream().mapToLong(Long::longValue).toArray();
    int number = Vec.ESPC.rowLayout(vecs[0], layout);
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
    Futures last = new Futures();
    if (DKV.DputIfMatch(key, new Value(key, frame), null, last) != null) {
      throw new TakenException(key.toString());
    }
    published = true;
    last.blockForPending();
    return frame;
  }

  /** Removes whatever there is of a frame that was not published. */
  @Override
  public void close() {
    if (published || vecs == null) {
      return;
    }
    for (Future<?> work : working) {
      // Not cancelled: its chunks must not come after the removal.
      try {
        work.get();
      } catch (InterruptedException | ExecutionException e) {
        // The first error is the one that is told.
      }
    }
    Futures removed = new Futures();
    for (Key<Vec> vec : vecs) {
      for (int chunk = 0; chunk + 1 < starts.size(); chunk++) {
        DKV.remove(Vec.chunkKey(vec, chunk), removed);
      }
      DKV.remove(vec, removed);
    }
    removed.blockForPending();
  }
}
