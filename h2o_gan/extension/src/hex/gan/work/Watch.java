package hex.gan.work;

import java.util.function.Consumer;
import water.DKV;
import water.Job;
import water.Key;

/**
 * Waits for a worker where H2O's job expects a computation, and passes the worker's progress on to the job.
 *
 * <p>It waits in an ordinary thread. H2O's fork/join threads are few: a wait in one of them would block
 * parsing, other trainings and the reading of frames.
 */
public final class Watch {
  /** Units of work of a job that is one task. */
  public static final int UNITS = 1000;

  private static final long POLL_MS = 100;
  /** A longer time between two polls means that the node, or the whole machine, was paused. */
  private static final long PAUSE_MS = 3_000;
  /** Time for a worker to hand in its model after the job is cancelled. */
  private static final long GRACE_MS = 20_000;
  /** Waiting time after which the job says how to start a worker. */
  private static final long HINT_MS = 1_500;

  private final Key<Task> key;
  private final Job<?> job;
  private final Consumer<Task> listener;
  private final int units;
  private final long began = Clock.now();
  private long looked = began;
  private int told;
  private String toldNote = "";
  private long cancelledAt;

  private Watch(Key<Task> key, Job<?> job, int units, Consumer<Task> listener) {
    this.key = key;
    this.job = job;
    this.units = units;
    this.listener = listener;
  }

  /**
   * Runs work in a new ordinary thread, and completes H2O's completer exceptionally where the work fails.
   *
   * @param work completes the completer itself where it succeeds
   */
  public static void aside(String name, jsr166y.CountedCompleter completer, Runnable work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (Throwable e) { // The job must end with it, whatever it is.
        completer.completeExceptionally(e);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Returns when the task is done, has failed, or was cancelled and the worker had its time to hand in.
   *
   * @param units units of the job's work that the task is
   * @param listener called with the task at each poll
   */
  public static void until(Key<Task> key, Job<?> job, int units, Consumer<Task> listener) {
    Watch watch = new Watch(key, job, units, listener);
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
      TaskQueue.cancel(key);
    }
    adopt(now, gap);
    TaskQueue.tick(key, now, gap);
    Task task = Task.get(key);
    if (task == null || DKV.get(job._key) == null) {
      return true;
    }
    if (task.cancelled() && cancelledAt == 0) {
      cancelledAt = now;
    }
    tell(task, now);
    listener.accept(task);
    return task.state() == Task.State.DONE || task.state() == Task.State.FAILED
        || cancelledAt > 0 && (task.state() == Task.State.WAITING || now > cancelledAt + GRACE_MS);
  }

  /** Finishes a task whose worker wrote its rows but was lost before it reported them. */
  private void adopt(long now, long gap) {
    Task task = gap > 0 ? null : Task.get(key);
    if (task != null && task.overdue(now) && DKV.get(task.attemptFrame(task.attempts())) != null) {
      TaskQueue.finish(task, task.token(), null);
    }
  }

  private void tell(Task task, long now) {
    String note = task.note();
    if (task.state() == Task.State.WAITING) {
      note = (note == null ? "waiting for a worker" : note) + (now - began > HINT_MS ? hint(task) : "");
    } else if (note == null) {
      note = "worker " + task.worker() + " has begun";
    }
    int share = (int) (units * task.progress());
    if (share > told || !note.equals(toldNote)) {
      job.update(Math.max(0, share - told), note);
      told = Math.max(told, share);
      toldNote = note;
    }
  }

  private static String hint(Task task) {
    return Members.anyWorker() ? "" : "; none is connected. Start one: " + Members.command()
        + " (this job waits " + task.patienceSeconds() + " s)";
  }
}
