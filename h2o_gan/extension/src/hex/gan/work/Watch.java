package hex.gan.work;

import java.util.function.Consumer;
import jsr166y.ForkJoinPool;
import water.DKV;
import water.Job;
import water.Key;

/**
 * Waits for a worker in the place of the computation that H2O's job expects, and passes on to that job
 * what the worker says.
 *
 * <p>It waits by a managed blocker: a waiting job must not keep one of the cluster's few threads.
 */
public final class Watch implements ForkJoinPool.ManagedBlocker {
  /** Units of work that a job which is watched has. */
  public static final int UNITS = 1000;

  private static final long POLL_MS = 100;
  /** How long a worker may take to hand in what it has once the job is cancelled. */
  private static final long GRACE_MS = 20_000;

  private final Key<WorkItem> key;
  private final Job<?> job;
  private final Consumer<WorkItem> listener;
  private WorkItem item;
  private int told;
  private String toldNote = "";
  private long cancelledAt;
  private boolean over;

  private Watch(Key<WorkItem> key, Job<?> job, Consumer<WorkItem> listener) {
    this.key = key;
    this.job = job;
    this.listener = listener;
  }

  /**
   * Returns when the item is done, has failed, or was cancelled and the worker had its time.
   *
   * @param listener hears of the item at each look at it
   * @return the item as it is at the end; null where the cluster was emptied meanwhile
   */
  public static WorkItem until(Key<WorkItem> key, Job<?> job, Consumer<WorkItem> listener) {
    Watch watch = new Watch(key, job, listener);
    try {
      ForkJoinPool.managedBlock(watch);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
    return watch.item;
  }

  @Override
  public boolean isReleasable() {
    return over;
  }

  @Override
  public boolean block() throws InterruptedException {
    Thread.sleep(POLL_MS);
    if (job.stop_requested() && cancelledAt == 0) {
      cancelledAt = System.currentTimeMillis();
      WorkBoard.cancel(key);
    }
    WorkBoard.tick(key);
    item = WorkItem.get(key);
    if (item == null || DKV.get(job._key) == null) {
      item = null;
      over = true;
      return true;
    }
    tell();
    listener.accept(item);
    over = item.state() == WorkItem.State.DONE || item.state() == WorkItem.State.FAILED
        || cancelledAt > 0
            && (item.state() == WorkItem.State.WAITING || System.currentTimeMillis() > cancelledAt + GRACE_MS);
    return over;
  }

  private void tell() {
    String note = item.note();
    if (note == null) {
      note = item.state() == WorkItem.State.WAITING ? "waiting for a worker" : "worker " + item.worker() + " has begun";
    }
    int now = (int) (UNITS * item.progress());
    if (now > told || !note.equals(toldNote)) {
      job.update(Math.max(0, now - told), note);
      told = Math.max(told, now);
      toldNote = note;
    }
  }
}
