package hex.gan.rows;

import hex.gan.core.GanModel;
import java.util.concurrent.atomic.AtomicLong;
import water.DKV;
import water.Job;
import water.Key;

/** What the threads of one node share while they make the rows of a frame: progress, and whether to go on. */
final class Progress {
  private static final long LOOK_NS = 200_000_000;
  /** Nanoseconds from which a block takes long. */
  private static final long LONG_NS = 500_000_000;
  /** Fewest rows of a block that takes long. */
  private static final int LEAST_ROWS = 8;

  private final Job<?> job;
  private final Key<Stop> stop;
  /** Units of the job for each row. */
  private final double unit;
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong looked = new AtomicLong(System.nanoTime() - LOOK_NS);
  private long reported;
  private volatile int blockRows = GanModel.BLOCK_ROWS;
  private volatile boolean stopped;

  /**
   * @param job null for none
   * @param unit units of the job for each row
   */
  Progress(Key<?> job, double unit, Key<Stop> stop) {
    this.job = job == null ? null : DKV.<Job<?>>getGet(job);
    this.unit = unit;
    this.stop = stop;
  }

  /** Number of rows of a block: few where rows of very wide tables take long, since a cancelled job has to end soon. */
  int blockRows() {
    return blockRows;
  }

  /** Adds rows that are done, and the nanoseconds that they took. */
  void add(int rows, long time) {
    done.addAndGet(rows);
    if (time > LONG_NS) {
      blockRows = Math.max(LEAST_ROWS, Math.min(blockRows, rows / 2));
    } else if (rows >= blockRows && time < LONG_NS / 4) { // Only the collector of garbage took long before.
      blockRows = Math.min(GanModel.BLOCK_ROWS, 2 * rows);
    }
  }

  /** Whether to stop; asks the store a few times a second, and reports the progress then. */
  boolean isStopped() {
    long last = looked.get();
    long now = System.nanoTime();
    if (!stopped && now - last >= LOOK_NS && looked.compareAndSet(last, now)) {
      stopped = Stop.isStopped(job) || Stop.isSet(stop);
      report();
    }
    return stopped;
  }

  /** Stops all nodes. */
  void fail() {
    stopped = true;
    Stop.set(stop);
  }

  /** Passes progress on to the job. */
  synchronized void report() {
    long units = (long) (unit * done.get());
    if (job != null && units > reported) {
      job.update(units - reported);
      reported = units;
    }
  }
}
