package hex.gan.rows;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.LevelIndex;
import hex.gan.core.data.Values;
import java.util.List;
import water.Futures;
import water.fvec.Vec;

/** Collects the rows of one chunk of each column of a new frame. Threads may set different rows at the same time. */
public final class ChunkWriter {
  /** The columns of a new frame, which all chunks of a node share. */
  public static final class Columns {
    private final List<Column> columns;
    private final LevelIndex[] levels;

    public Columns(List<Column> columns) {
      this.columns = columns;
      levels = columns.stream().map(LevelIndex::new).toArray(LevelIndex[]::new);
    }
  }

  private final List<Column> columns;
  private final ColumnWriter[] writers;

  /**
   * @param of with the levels of the new frame
   * @param rows of the chunk
   */
  public ChunkWriter(Columns of, int rows) {
    columns = of.columns;
    writers = new ColumnWriter[columns.size()];
    for (int i = 0; i < writers.length; i++) {
      Column column = columns.get(i);
      writers[i] = new ColumnWriter(column, of.levels[i], rows);
    }
  }

  /**
   * Sets consecutive rows.
   *
   * @param at the first of these rows in the chunk
   * @param values of each column
   * @param from the index of its values
   * @param rows their number
   */
  public void put(int at, Values[] values, int from, int rows) {
    for (int i = 0; i < writers.length; i++) {
      writers[i].put(at, values[i], from, rows);
    }
  }

  /** Sets all rows from a chunk of the new frame that is stored. */
  public void load(NewFrame made, int chunk) {
    for (int i = 0; i < writers.length; i++) {
      Column column = columns.get(i);
      ColumnReader reader = new ColumnReader(column.kind, null, column.levels);
      writers[i].put(0, reader.read(made.get(i, chunk), 0, made.rows(chunk)), 0, made.rows(chunk));
    }
  }

  /** Stores the chunks, once all rows are set. Call it once. */
  public void store(NewFrame made, int chunk, Futures stored) {
    for (int i = 0; i < writers.length; i++) {
      made.put(i, chunk, writers[i].chunk(), stored);
    }
  }

  /** The types of columns as constants of Vec. */
  public static byte[] types(List<Column> columns) {
    byte[] types = new byte[columns.size()];
    for (int i = 0; i < types.length; i++) {
      types[i] = type(columns.get(i).kind);
    }
    return types;
  }

  private static byte type(Kind kind) {
    switch (kind) {
      case ENUM:
        return Vec.T_CAT;
      case TIME:
        return Vec.T_TIME;
      case STRING:
        return Vec.T_STR;
      case UUID:
        return Vec.T_UUID;
      default:
        return Vec.T_NUM;
    }
  }
}
