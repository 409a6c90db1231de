package hex.gan.generate;

import hex.gan.core.GanModel;
import hex.gan.core.data.Values;
import hex.gan.rows.Stop;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import water.Job;
import water.fvec.Chunk;
import water.fvec.Vec;

/**
 * The levels of identifiers that are enums: each row has a new one.
 *
 * <p>The list of levels is a part of the frame, and the nodes need it to store the first row, so it is made before.
 */
final class NewLevels {
  /** Bytes of a level on each node: the text, and its place in the index. */
  static final int BYTES = 200;

  /** Most levels of a column of H2O. */
  private static final int MOST = 10_000_000;

  private final GanModel model;
  private final int column;
  private final long seed;
  private final Job<?> job;

  /**
   * @param column one that {@link GanModel#hasNewLevels}
   * @param job which ends the work; null for none
   */
  NewLevels(GanModel model, int column, long seed, Job<?> job) {
    this.model = model;
    this.column = column;
    this.seed = seed;
    this.job = job;
  }

  /** Those of a sample, in the order of rows. */
  List<String> ofSample(long rows) {
    Collection<String> found = new LinkedHashSet<>();
    for (long start = 0; start < rows; start += GanModel.BLOCK_ROWS) {
      add(start, (int) Math.min(GanModel.BLOCK_ROWS, rows - start), null, 0, found);
    }
    return new ArrayList<>(found);
  }

  /**
   * Those of a frame, and behind them those of its missing cells, in the order of rows.
   *
   * @param known the levels of the frame
   */
  List<String> ofGaps(Vec vec, List<String> known) {
    Collection<String> found = new LinkedHashSet<>(known);
    for (int index = 0; vec.naCnt() > 0 && index < vec.nChunks(); index++) {
      Chunk chunk = vec.chunkForChunkIdx(index);
      for (int first = 0; first < chunk._len; first += GanModel.BLOCK_ROWS) {
        add(chunk.start() + first, Math.min(GanModel.BLOCK_ROWS, chunk._len - first), chunk, first, found);
      }
    }
    return new ArrayList<>(found);
  }

  /** Adds the levels of a block's rows; where a chunk is given, those of its missing cells. */
  private void add(long start, int rows, Chunk gaps, int first, Collection<String> found) {
    Stop.check(job);
    Values values = model.newLevels(column, start, rows, seed);
    for (int row = 0; row < rows; row++) {
      if (!values.missing[row] && (gaps == null || gaps.isNA(first + row))) {
        found.add(values.label(row));
      }
    }
    if (found.size() > MOST) {
      throw new IllegalArgumentException("column '" + model.columns().get(column).name + "' is an identifier, so each "
          + "row has a level of its own, but an enum of H2O has at most " + MOST
          + " levels: generate fewer rows, or train on it as a string.");
    }
  }
}
