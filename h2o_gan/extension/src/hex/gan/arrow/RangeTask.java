package hex.gan.arrow;

import java.util.Arrays;
import water.DKV;
import water.fvec.Chunk;
import water.fvec.Vec;

/** Looks through the numbers of some chunks on the node that they live on. */
final class RangeTask extends ColumnsTask<RangeTask> {
  private final int[] chunks;
  /** By column: whether all are whole numbers, and none infinite. */
  final boolean[] whole;
  /** The smallest of a column; infinite where there is none. */
  final double[] least;
  /** The largest. */
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
      // Columns of different groups may have theirs elsewhere.
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
