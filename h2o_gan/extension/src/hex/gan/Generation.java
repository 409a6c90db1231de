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

/** A job in which a worker generates rows as a new frame. */
final class Generation extends H2O.H2OCountedCompleter<Generation> {
  private final Job<Frame> job;
  private final Task task;

  private Generation(Job<Frame> job, Task task) {
    this.job = job;
    this.task = task;
  }

  /**
   * Starts a job.
   *
   * @param parameters what to generate, as JSON
   * @param patience seconds to wait for a worker
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
      await(task, job, Watch.UNITS);
      tryComplete();
    });
  }

  /**
   * Waits until a worker has generated the rows of a posted task, and puts them under the key of the frame.
   *
   * @param units units of the job's work that the task is
   */
  static void await(Task task, Job<?> job, int units) {
    Task last = null;
    try {
      Watch.until(task._key, job, units, now -> {});
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

  /** The reason of a failure, and how to start a worker where none took the task. */
  static String reason(Task failed) {
    boolean nobody = failed.abandoned() && failed.state() == Task.State.FAILED && failed.lost() == 0;
    return nobody ? failed.message() + "; start one with: " + Members.command() : failed.message();
  }

  /** Puts the rows of an attempt under the key that the user asked for. */
  private static void publish(String attempt, Task task) {
    Frame rows = DKV.getGet(attempt);
    if (rows == null) {
      throw new IllegalStateException("worker " + task.worker() + " made no frame");
    }
    Name name = new Name(new Frame(Key.<Frame>make(task.frame), rows.names(), rows.vecs()));
    name.invoke(Key.make(task.frame));
    if (!name.done) {
      throw new IllegalStateException(
          "another object has taken the key '" + task.frame + "' meanwhile; choose another destination_frame");
    }
    DKV.remove(rows._key); // Removes only the frame: the published frame has its columns.
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
