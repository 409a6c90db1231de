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
 * Between which values the numbers of each column are, and whether they are whole.
 *
 * <p>H2O looks through a column at a time and keeps what it saw: two or three trips between its nodes for
 * each, and one only to ask whether it is known. A wide table of few values is looked through here, in one
 * task a node, every time.
 */
final class Ranges {
  private static final int MANY = 256; // columns
  private static final long FEW = 1 << 24; // values: what H2O keeps pays for more, and each read looks anew

  private final Vec[] vecs;
  /** Which of the numbers counted here is a column's; null where H2O has counted. */
  private final int[] place;
  private final RangeTask count;

  /**
   * @param anchor the column that says where rows live
   * @throws RuntimeException the columns are gone
   * @throws IOException a node that holds them is
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
        one.cancel(false); // Nothing happens to those that are done.
      }
    }
    return all;
  }

  /** Has H2O count all columns at once; one after the other, each would wait for its trips. */
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
      // Infinities count as whole numbers inside H2O, but no integer type has room for them.
      return ColumnType.of(vec.isInt() && vec.pinfs() + vec.ninfs() == 0, vec.min(), vec.max(), narrow);
    }
    int own = place[column];
    return ColumnType.of(count.whole[own], count.least[own], count.most[own], narrow);
  }
}
