package hex.gan.arrow;

import java.util.Arrays;
import water.DKV;
import water.fvec.Chunk;
import water.fvec.Vec;

/** Computes the ranges of the numbers in some chunks, on the node that stores them. */
final class RangeTask extends ColumnsTask<RangeTask> {
  private final int[] chunks;
  /** Whether all values of each column are finite integers. */
  final boolean[] whole;
  /** The smallest value of each column; infinite where there is none. */
  final double[] least;
  /** The largest value of each column. */
  final double[] most;

  RangeTask(Columns columns, int[] chunks) {
    super(columns);
    this.chunks = chunks;
    whole = new boolean[columns.vecs.length];
    least = new double[columns.vecs.length];
    most = new double[columns.vecs.length];
    Arrays.fill(whole, true);
    Arrays.fill(least, Double.POSITIVE_INFINITY);
    Arrays.fill(most, Double.NEGATIVE_INFINITY);
  }

  @Override
  void run(Vec[] columns) {
    for (int chunk : chunks) {
      // Columns of another group may have their chunks on other nodes.
      for (Vec column : columns) {
        DKV.prefetch(column.chunkKey(chunk));
      }
      for (int i = 0; i < columns.length; i++) {
        look(columns[i].chunkForChunkIdx(chunk), i);
      }
    }
  }

  private void look(Chunk chunk, int column) {
    double low = least[column];
    double high = most[column];
    boolean integers = whole[column];
    for (int row = 0; row < chunk.len(); row++) {
      double value = chunk.atd(row);
      if (!Double.isNaN(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
        integers &= (long) value == value && !Double.isInfinite(value);
      }
    }
    whole[column] = integers;
    least[column] = low;
    most[column] = high;
  }

  void add(RangeTask other) {
    for (int i = 0; i < whole.length; i++) {
      whole[i] &= other.whole[i];
      least[i] = Math.min(least[i], other.least[i]);
      most[i] = Math.max(most[i], other.most[i]);
    }
  }
}
