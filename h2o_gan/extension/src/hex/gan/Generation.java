package hex.gan;

import hex.gan.work.Watch;
import hex.gan.work.WorkBoard;
import hex.gan.work.WorkItem;
import java.util.UUID;
import water.DKV;
import water.H2O;
import water.Job;
import water.Key;
import water.fvec.Frame;

/** A job that ends with a frame of generated rows, made by a worker. */
final class Generation extends H2O.H2OCountedCompleter<Generation> {
  private final Job<Frame> job;
  private final WorkItem item;

  private Generation(Job<Frame> job, WorkItem item) {
    this.job = job;
    this.item = item;
  }

  /**
   * Starts such a job.
   *
   * @param parameters what the worker is to generate, as JSON
   * @param patience seconds that it waits for a worker
   */
  static Job<Frame> start(String model, String frame, String parameters, double patience) {
    Key<Frame> key = Key.make(frame);
    Job<Frame> job = new Job<>(key, Frame.class.getName(), "gan generation");
    WorkItem item = new WorkItem(
        UUID.randomUUID().toString(), "generate", job._key.toString(), model, frame, parameters, null, patience);
    return job.start(new Generation(job, item), Watch.UNITS);
  }

  @Override
  public void compute2() {
    WorkBoard.post(item);
    try {
      WorkItem last = Watch.until(item._key, job, now -> {});
      if (last != null && last.state() == WorkItem.State.FAILED) {
        throw new IllegalStateException(last.message());
      }
      if (last != null && last.state() == WorkItem.State.DONE && DKV.get(job._result) == null) {
        throw new IllegalStateException("worker " + last.worker() + " made no frame");
      }
    } finally {
      WorkBoard.remove(item._key, false);
    }
    tryComplete();
  }
}
