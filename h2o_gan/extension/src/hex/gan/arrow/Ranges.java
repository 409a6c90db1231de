package hex.gan.arrow;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import water.DKV;
import water.Futures;
import water.H2ONode;
import water.fvec.Vec;

/**
 * The ranges of numeric columns, and whether their values are integers.
 *
 * <p>H2O computes the summary of one column at a time and stores it, with two or three messages between nodes for
 * each column. The ranges of a wide table with few values are computed here each time, in one task a node.
 */
final class Ranges {
  private static final int MANY = 256; // columns
  private static final long FEW = 1 << 24; // values: for more, the stored summaries of H2O are faster

  private final Vec[] vecs;
  /** Index of each column in the task's results; null where H2O computed the ranges. */
  private final int[] place;
  private final RangeTask count;

  /**
   * @param anchor the column that decides on which node rows are
   * @throws RuntimeException the columns were removed
   * @throws IOException a node that stores them was lost
   */
  Ranges(Vec[] vecs, Vec anchor) throws IOException {
    this.vecs = vecs;
    Vec[] numbers = Arrays.stream(vecs).filter(ColumnType::hasRange).toArray(Vec[]::new);
    if (numbers.length < MANY || numbers[0].length() > FEW / numbers.length) {
      place = null;
      count = null;
      summarise(numbers);
      return;
    }
    place = new int[vecs.length];
    for (int i = 0, next = 0; i < vecs.length; i++) {
      place[i] = ColumnType.hasRange(vecs[i]) ? next++ : -1;
    }
    count = count(numbers, anchor);
  }

  private static RangeTask count(Vec[] numbers, Vec anchor) throws IOException {
    Map<H2ONode, List<Integer>> homes = new LinkedHashMap<>();
    for (int chunk = 0; chunk < anchor.nChunks(); chunk++) {
      homes.computeIfAbsent(anchor.chunkKey(chunk).home_node(), home -> new ArrayList<>()).add(chunk);
    }
    ColumnsTask.Columns columns = new ColumnsTask.Columns(numbers);
    List<Future<RangeTask>> begun = new ArrayList<>();
    homes.forEach((home, chunks) -> {
      int[] own = chunks.stream().mapToInt(Integer::intValue).toArray();
      begun.add(new RangeTask(columns, own).start(home));
    });
    RangeTask all = new RangeTask(columns, new int[0]);
    try {
      for (Future<RangeTask> one : begun) {
        RangeTask done = one.get();
        if (done == null) {
          throw new IOException("a node of the cluster is gone");
        }
        all.add(done);
      }
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error) {
        throw (Error) e.getCause();
      }
      throw new IllegalStateException(e);
    } finally {
      for (Future<RangeTask> one : begun) {
        one.cancel(false); // Has no effect on those that are done.
      }
    }
    return all;
  }

  /** Lets H2O compute the summaries of all columns at the same time. */
  private static void summarise(Vec[] numbers) {
    for (Vec vec : numbers) {
      DKV.prefetch(vec.rollupStatsKey());
    }
    Futures counted = new Futures();
    for (Vec vec : numbers) {
      vec.startRollupStats(counted);
    }
    counted.blockForPending();
  }

  /** The type of a column. */
  ColumnType type(int column, boolean narrow) {
    Vec vec = vecs[column];
    if (!ColumnType.hasRange(vec)) {
      return ColumnType.of(vec);
    }
    if (count == null) {
      // H2O counts infinities as integers, but integer types cannot hold them.
      return ColumnType.of(vec.isInt() && vec.pinfs() + vec.ninfs() == 0, vec.min(), vec.max(), narrow);
    }
    int own = place[column];
    return ColumnType.of(count.whole[own], count.least[own], count.most[own], narrow);
  }
}
