package hex.gan.rows;

import hex.gan.cache.ModelCache;
import hex.gan.core.GanModel;
import hex.gan.work.Blob;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import water.H2O;
import water.Job;
import water.Key;
import water.LocalMR;
import water.MRTask;
import water.MrFun;

/**
 * Makes the chunks of a frame by a model, each on the node that stores it, in blocks of rows.
 *
 * <p>It is a computation of H2O's fork/join pool that waits for nothing but chunks. Each thread asks after each block
 * whether to stop.
 */
public abstract class RowsTask<T extends RowsTask<T>> extends MRTask<T> {
  private static final int BLOCK = GanModel.BLOCK_ROWS;

  /** Work on consecutive rows of a chunk. */
  protected interface Block {
    void run(int first, int rows);
  }

  private final Blob file;
  private final Key<?> job;
  private final double unit;
  protected final NewFrame made;
  private Failure failure;

  private transient Progress progress;
  private transient GanModel model;
  private transient Throwable broken;

  /**
   * @param file of the model
   * @param made the frame to make
   * @param job to report to; null for none
   * @param units of the job for all rows
   */
  protected RowsTask(Blob file, NewFrame made, Job<?> job, double units) {
    this.file = file;
    this.made = made;
    this.job = job == null ? null : job._key;
    unit = units / Math.max(1, made.rows());
  }

  /** Prepares this node. */
  protected abstract void prepare(GanModel model) throws IOException;

  /** Makes and stores the rows of a chunk; throws nothing where {@link #isStopped} turns true. */
  protected abstract void make(int chunk);

  @Override
  protected final void setupLocal() {
    progress = new Progress(job, unit, made.stop());
    try {
      model = ModelCache.get(file);
      prepare(model);
    } catch (IOException | RuntimeException | Error e) {
      broken = e;
    }
  }

  @Override
  @SuppressWarnings("rawtypes")
  public final void map(Key key) {
    try {
      if (broken != null) {
        failure = Failure.of(broken);
        progress.fail();
      } else if (!progress.isStopped()) {
        make(NewFrame.chunkOf(key));
      }
    } catch (CancellationException e) {
      assert progress.isStopped();
    } catch (RuntimeException | Error e) {
      failure = Failure.of(e);
      progress.fail();
    }
    if (failure == null && progress.isStopped()) {
      failure = Failure.cancelled();
    }
  }

  @Override
  protected final void closeLocal() {
    progress.report();
  }

  @Override
  public final void reduce(T other) {
    failure = Failure.first(failure, ((RowsTask<?>) other).failure);
    add(other);
  }

  /** Adds the results of another part of the chunks. */
  protected void add(T other) {}

  /** Runs on all nodes for some chunks, and waits. */
  public final T on(int[] chunks) {
    return doAll(made.keys(chunks));
  }

  /** Why the rows could not be made; null where they were. */
  public final Failure failure() {
    return failure;
  }

  protected final boolean isStopped() {
    return progress.isStopped();
  }

  /** Does work on all rows of a chunk, in several threads where the frame has fewer chunks than the cluster cores. */
  protected final void inBlocks(int chunk, Block block) {
    int rows = made.rows(chunk);
    if (rows == 0) { // Filters leave empty chunks.
      return;
    }
    long start = made.start(chunk);
    int windows = (int) ((start + rows - 1) / BLOCK - start / BLOCK) + 1;
    int strands = Math.min(windows, made.chunks() < H2O.CLOUD.size() * H2O.NUMCPUS ? H2O.NUMCPUS : 1);
    Strands work = new Strands(this, block, start, rows, strands);
    if (strands == 1) {
      work.map(0);
    } else {
      H2O.submitTask(new LocalMR<>(work, strands)).join();
    }
  }

  /** The blocks of a chunk for several threads. They begin at multiples of their number of rows in the frame. */
  private static final class Strands extends MrFun<Strands> {
    private final transient RowsTask<?> task;
    private final transient Block block;
    private final long start;
    private final int rows;
    private final int strands;

    Strands(RowsTask<?> task, Block block, long start, int rows, int strands) {
      this.task = task;
      this.block = block;
      this.start = start;
      this.rows = rows;
      this.strands = strands;
    }

    @Override
    protected Strands makeCopy() {
      return this;
    }

    @Override
    protected void map(int strand) {
      long last = (start + rows - 1) / BLOCK;
      for (long window = start / BLOCK + strand; window <= last; window += strands) {
        int end = (int) (Math.min(start + rows, (window + 1) * BLOCK) - start);
        int row = (int) (Math.max(start, window * BLOCK) - start);
        while (row < end) {
          if (task.progress.isStopped()) {
            return;
          }
          int count = Math.min(end - row, task.progress.blockRows());
          long began = System.nanoTime();
          block.run(row, count);
          task.progress.add(count, System.nanoTime() - began);
          row += count;
        }
      }
    }
  }
}
