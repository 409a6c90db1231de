package hex.gan.rows;

import hex.gan.arrow.Publication;
import hex.gan.core.data.Column;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import water.DKV;
import water.Futures;
import water.Iced;
import water.Key;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Chunk;
import water.fvec.Frame;
import water.fvec.Vec;
import water.util.UnsafeUtils;

/**
 * A frame that is being made: its columns have keys and a layout, and nodes store chunks.
 *
 * <p>It is published whole, or all of its chunks are removed. Columns behind those of the frame are for the makers alone:
 * they are removed when the frame is published.
 */
public final class NewFrame extends Iced<NewFrame> {
  private final Key<Vec>[] vecs;
  private final String[] names;
  private final byte[] types;
  private final String[][] domains;
  /** First row of each chunk, and the number of rows at the end. */
  private final long[] starts;
  private final Key<Stop> stop;

  private NewFrame(
      Vec.VectorGroup group, String[] names, byte[] types, String[][] domains, int hidden, long[] starts) {
    vecs = group.addVecs(names.length + hidden);
    this.names = names;
    this.types = types;
    this.domains = domains;
    this.starts = starts;
    stop = Stop.key();
  }

  /**
   * A frame whose chunks are as those of a column, and on the same nodes.
   *
   * @param types constants of Vec
   * @param domains levels by column; null for columns without
   * @param hidden number of columns for the makers
   */
  public static NewFrame beside(Vec column, String[] names, byte[] types, String[][] domains, int hidden) {
    return new NewFrame(column.group(), names, types, domains, hidden, column.espc());
  }

  /**
   * A frame of its own.
   *
   * @param starts first row of each chunk, and the number of rows at the end
   */
  public static NewFrame of(long[] starts, String[] names, byte[] types, String[][] domains, int hidden) {
    return new NewFrame(new Vec.VectorGroup(), names, types, domains, hidden, starts);
  }

  /** Columns of a model with the levels of this frame. */
  public List<Column> columns(List<Column> columns) {
    List<Column> all = new ArrayList<>();
    for (int i = 0; i < domains.length; i++) {
      Column column = columns.get(i);
      List<String> levels = domains[i] == null ? column.levels : Arrays.asList(domains[i]);
      all.add(levels.equals(column.levels) ? column : new Column(column.name, column.kind, levels));
    }
    return all;
  }

  /** Number of columns of the frame. */
  public int columns() {
    return names.length;
  }

  public int chunks() {
    return starts.length - 1;
  }

  public long rows() {
    return starts[starts.length - 1];
  }

  /** Index of a chunk's first row. */
  public long start(int chunk) {
    return starts[chunk];
  }

  /** Number of rows of a chunk. */
  public int rows(int chunk) {
    return (int) (starts[chunk + 1] - starts[chunk]);
  }

  /** The keys of some chunks of the first column, each of which stands for the rows of all columns. */
  public Key<?>[] keys(int[] chunks) {
    return Arrays.stream(chunks).mapToObj(chunk -> Vec.chunkKey(vecs[0], chunk)).toArray(Key[]::new);
  }

  /** The chunk that one of the {@link #keys} stands for. */
  public static int chunkOf(Key<?> key) {
    return UnsafeUtils.get4(key._kb, Vec.KEY_PREFIX_LEN - 4);
  }

  /** A chunk of a column that was stored; hidden columns follow those of the frame. */
  public Chunk get(int column, int chunk) {
    Chunk found = DKV.getGet(Vec.chunkKey(vecs[column], chunk));
    if (found == null) {
      throw new IllegalStateException("the cluster was emptied while a frame was being made");
    }
    return found;
  }

  /** Stores a chunk of a column. */
  public void put(int column, int chunk, Chunk values, Futures stored) {
    DKV.put(Vec.chunkKey(vecs[column], chunk), values, stored, true);
  }

  /** The key of the flag that asks all nodes to stop. */
  public Key<Stop> stop() {
    return stop;
  }

  /**
   * Publishes the frame.
   *
   * @throws H2OIllegalArgumentException the key is taken, and nothing has changed
   */
  public Frame publish(Key<Frame> key) {
    Frame frame = frame(key);
    if (!new Publication(frame).made(key)) {
      removeVecs();
      throw new H2OIllegalArgumentException(
          "another object has taken the key '" + key + "' meanwhile; choose another destination_frame");
    }
    removeHidden();
    return frame;
  }

  /** The frame, in place of what the key has; under no key where it is null. */
  public Frame finish(Key<Frame> key) {
    Frame frame = frame(key);
    if (key != null) {
      DKV.put(frame);
    }
    removeHidden();
    return frame;
  }

  private Frame frame(Key<Frame> key) {
    int layout = Vec.ESPC.rowLayout(vecs[0], starts);
    Futures stored = new Futures();
    Vec[] made = new Vec[names.length];
    for (int i = 0; i < made.length; i++) {
      made[i] = new Vec(vecs[i], layout, domains[i], types[i]);
      DKV.put(made[i], stored);
    }
    stored.blockForPending();
    return new Frame(key, names, made);
  }

  private void removeVecs() {
    Futures removed = new Futures();
    for (Key<Vec> vec : vecs) {
      DKV.remove(vec, removed);
    }
    removed.blockForPending();
  }

  private void removeHidden() {
    Futures removed = new Futures();
    remove(names.length, removed);
    removed.blockForPending();
  }

  private void remove(int first, Futures removed) {
    for (int column = first; column < vecs.length; column++) {
      for (int chunk = 0; chunk < chunks(); chunk++) {
        DKV.remove(Vec.chunkKey(vecs[column], chunk), removed);
      }
    }
  }

  /** Removes all chunks. */
  public void discard() {
    Futures removed = new Futures();
    remove(0, removed);
    DKV.remove(stop, removed);
    removed.blockForPending();
  }
}
