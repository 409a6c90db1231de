package hex.gan;

import hex.gan.work.Members;
import hex.gan.work.Task;
import hex.gan.work.TaskQueue;
import hex.gan.work.Watch;
import java.util.UUID;
import water.DKV;
import water.Futures;
import water.H2O;
import water.Job;
import water.Key;
import water.TAtomic;
import water.fvec.Frame;

/** A job that ends with a frame of generated rows, made by a worker. */
final class Generation extends H2O.H2OCountedCompleter<Generation> {
  private final Job<Frame> job;
  private final Task task;

  private Generation(Job<Frame> job, Task task) {
    this.job = job;
    this.task = task;
  }

  /**
   * Starts such a job.
   *
   * @param parameters what the worker is to generate, as JSON
   * @param patience seconds that it waits for a worker
   * @throws Requests.Refusal there are too many jobs
   */
  static Job<Frame> start(String model, String frame, String parameters, long rows, double patience)
      throws Requests.Refusal {
    Job<Frame> job = new Job<>(Key.make(frame), Frame.class.getName(), "gan generation");
    Task task = new Task(
        UUID.randomUUID().toString(), "generate", job._key.toString(), model, frame, parameters, rows, null, patience,
        0);
    String refusal = TaskQueue.post(task);
    if (refusal != null) {
      throw new Requests.Refusal(503, refusal, 5);
    }
    return job.start(new Generation(job, task), Watch.UNITS);
  }

  @Override
  public void compute2() {
    Watch.aside("gan " + task.frame, this, () -> {
      run();
      tryComplete();
    });
  }

  private void run() {
    Task last = null;
    try {
      Watch.until(task._key, job, now -> {});
      last = Task.get(task._key);
      if (last == null || job.stop_requested()) {
        throw new Job.JobCancelledException();
      }
      if (last.state() == Task.State.FAILED) {
        throw new IllegalStateException(reason(last));
      }
      publish(last.attemptFrame(last.attempts()), last);
    } finally {
      Task closed = TaskQueue.close(task._key);
      removeRows(closed);
      TaskQueue.takeOff(task._key);
    }
  }

  /** Why a task failed, and what to do where no worker ever came. */
  static String reason(Task failed) {
    boolean nobody = failed.abandoned() && failed.state() == Task.State.FAILED && failed.lost() == 0;
    return nobody ? failed.message() + "; start one with: " + Members.command() : failed.message();
  }

  /** Gives the rows of an attempt their name. */
  private static void publish(String attempt, Task task) {
    Frame rows = DKV.getGet(attempt);
    if (rows == null) {
      throw new IllegalStateException("worker " + task.worker() + " made no frame");
    }
    Name name = new Name(new Frame(Key.<Frame>make(task.frame), rows.names(), rows.vecs()));
    name.invoke(Key.make(task.frame));
    if (!name.done) {
      throw new IllegalStateException(
          "the cluster has something else under the key '" + task.frame + "' by now; choose another destination_frame");
    }
    DKV.remove(rows._key); // The frame alone: its columns are the other's now.
  }

  private static void removeRows(Task closed) {
    for (int attempt = 1; closed != null && attempt <= closed.attempts(); attempt++) {
      Frame rows = DKV.getGet(closed.attemptFrame(attempt));
      if (rows != null) {
        rows.remove(new Futures(), true).blockForPending();
      }
    }
  }

  private static final class Name extends TAtomic<Frame> {
    private final Frame frame;
    private boolean done;

    Name(Frame frame) {
      this.frame = frame;
    }

    @Override
    protected Frame atomic(Frame old) {
      done = old == null;
      return done ? frame : null;
    }
  }
}
