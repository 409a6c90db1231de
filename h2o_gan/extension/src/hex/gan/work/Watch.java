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
  /** How long a task waits before the job says what it lacks. */
  private static final long HINT_MS = 1_500;

  private final Key<Task> key;
  private final Job<?> job;
  private final Consumer<Task> listener;
  private final long began = Clock.now();
  private long looked = began;
  private int told;
  private String toldNote = "";
  private long cancelledAt;

  private Watch(Key<Task> key, Job<?> job, Consumer<Task> listener) {
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
   * Returns when the task is done, has failed, or was cancelled and the worker had its time.
   *
   * @param listener hears of the task at each look at it
   */
  public static void until(Key<Task> key, Job<?> job, Consumer<Task> listener) {
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

  /** Takes the rows of a worker that was lost between writing them and saying so. */
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
    int share = (int) (UNITS * task.progress());
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
