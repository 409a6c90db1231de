package hex.gan.generate;

import hex.gan.core.GanModel;
import water.H2O;
import water.H2ONode;

/** The chunks of a frame of generated rows. */
final class Layout {
  private static final int BLOCK = GanModel.BLOCK_ROWS;
  /** As many as H2O's parser makes for each core, so that all cores end at about the same time. */
  private static final int CHUNKS_PER_CORE = 4;
  /** Doubles of so many rows fit twice into a region of Java's collector where the heap is below four gigabytes. */
  private static final int MOST_ROWS = 254 * BLOCK;
  /** Most values of a chunk of all columns, since each thread holds those of one until it stores them. */
  private static final int MOST_VALUES = 1 << 20;

  /** First row of each chunk, a multiple of a block's rows, and the number of rows at the end. */
  static long[] starts(long rows, int columns) {
    long cores = 0;
    for (H2ONode node : H2O.CLOUD.members()) {
      cores += node._heartbeat._num_cpus;
    }
    long wanted = rows / Math.max(1, CHUNKS_PER_CORE * cores) + 1;
    long most = Math.min(MOST_ROWS, MOST_VALUES / columns);
    long size = Math.max(1, (Math.min(wanted, most) + BLOCK - 1) / BLOCK) * BLOCK;
    int count = (int) ((rows + size - 1) / size);
    long[] starts = new long[count + 1];
    for (int i = 0; i < count; i++) {
      starts[i] = i * size;
    }
    starts[count] = rows;
    return starts;
  }

  private Layout() {}
}
