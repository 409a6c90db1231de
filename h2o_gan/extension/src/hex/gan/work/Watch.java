package hex.gan.work;

import java.util.function.Consumer;
import water.DKV;
import water.Job;
import water.Key;

/**
 * Waits for a worker in the place of the computation that H2O's job expects, and passes on to that job
 * what the worker says.
 *
 * <p>It waits in an ordinary thread. H2O's own threads are few, and whoever kept one for as long as a worker
 * takes would keep parses, other trainings and the reading of frames from running.
 */
public final class Watch {
  /** Units of work that a job which is watched has. */
  public static final int UNITS = 1000;

  private static final long POLL_MS = 100;
  /** A look that comes later than this found the node or the whole machine standing still. */
  private static final long PAUSE_MS = 3_000;
  /** How long a worker may take to hand in what it has once the job is cancelled. */
  private static final long GRACE_MS = 20_000;
  /** How long an item waits before the job says what it lacks. */
  private static final long HINT_MS = 1_500;

  private final Key<WorkItem> key;
  private final Job<?> job;
  private final Consumer<WorkItem> listener;
  private final long began = Clock.now();
  private long looked = began;
  private int told;
  private String toldNote = "";
  private long cancelledAt;

  private Watch(Key<WorkItem> key, Job<?> job, Consumer<WorkItem> listener) {
    this.key = key;
    this.job = job;
    this.listener = listener;
  }

  /**
   * Runs work in an ordinary thread of its own and completes a task of H2O's accordingly.
   *
   * @param work ends the task itself where it goes well
   */
  public static void aside(String name, jsr166y.CountedCompleter task, Runnable work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (Throwable e) { // Whatever it is, it is the job's, and not this thread's.
        task.completeExceptionally(e);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Returns when the item is done, has failed, or was cancelled and the worker had its time.
   *
   * @param listener hears of the item at each look at it
   */
  public static void until(Key<WorkItem> key, Job<?> job, Consumer<WorkItem> listener) {
    Watch watch = new Watch(key, job, listener);
    try {
      do {
        Thread.sleep(POLL_MS);
      } while (!watch.isOver());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isOver() {
    long now = Clock.now();
    long gap = now - looked > PAUSE_MS ? now - looked : 0;
    looked = now;
    if (job.stop_requested() && cancelledAt == 0) {
      WorkBoard.cancel(key);
    }
    adopt(now, gap);
    WorkBoard.tick(key, now, gap);
    WorkItem item = WorkItem.get(key);
    if (item == null || DKV.get(job._key) == null) {
      return true;
    }
    if (item.cancelled() && cancelledAt == 0) {
      cancelledAt = now;
    }
    tell(item, now);
    listener.accept(item);
    return item.state() == WorkItem.State.DONE || item.state() == WorkItem.State.FAILED
        || cancelledAt > 0 && (item.state() == WorkItem.State.WAITING || now > cancelledAt + GRACE_MS);
  }

  /** Takes the rows of a worker that was lost between writing them and saying so. */
  private void adopt(long now, long gap) {
    WorkItem item = gap > 0 ? null : WorkItem.get(key);
    if (item != null && item.overdue(now) && DKV.get(item.attemptFrame(item.attempts())) != null) {
      WorkBoard.finish(item, item.token(), null);
    }
  }

  private void tell(WorkItem item, long now) {
    String note = item.note();
    if (item.state() == WorkItem.State.WAITING) {
      note = (note == null ? "waiting for a worker" : note) + (now - began > HINT_MS ? hint(item) : "");
    } else if (note == null) {
      note = "worker " + item.worker() + " has begun";
    }
    int share = (int) (UNITS * item.progress());
    if (share > told || !note.equals(toldNote)) {
      job.update(Math.max(0, share - told), note);
      told = Math.max(told, share);
      toldNote = note;
    }
  }

  private static String hint(WorkItem item) {
    return Members.anyWorker() ? "" : "; none is connected. Start one: " + Members.command()
        + " (this job waits " + item.patienceSeconds() + " s)";
  }
}
