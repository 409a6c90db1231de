package hex.gan.rows;

import hex.gan.core.data.Column;
import hex.gan.core.data.Values;
import java.util.List;
import water.fvec.Chunk;

/** Reads rows of a frame as blocks of a model's columns. Immutable, and used by any number of threads. */
public final class ChunkReader {
  private final FrameColumns found;
  private final ColumnReader[] readers;

  public ChunkReader(FrameColumns found, List<Column> columns) {
    this.found = found;
    readers = found.readers(columns);
  }

  /** The rows of one chunk of each column. */
  public static final class Rows {
    private final ColumnReader[] readers;
    private final Chunk[] chunks;

    private Rows(ColumnReader[] readers, Chunk[] chunks) {
      this.readers = readers;
      this.chunks = chunks;
    }

    /** Reads consecutive rows: the values of each column. */
    public Values[] read(int first, int rows) {
      Values[] values = new Values[readers.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = readers[i].read(chunks[i], first, rows);
      }
      return values;
    }
  }

  public Rows open(int chunk) {
    return new Rows(readers, found.chunks(chunk));
  }
}
