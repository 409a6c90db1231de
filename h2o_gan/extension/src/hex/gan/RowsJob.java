package hex.gan;

import hex.gan.work.Watch;
import water.H2O;
import water.Job;
import water.Key;
import water.fvec.Frame;

/** A job in which the nodes make a frame. An ordinary thread waits for them, not one of H2O's fork/join threads. */
final class RowsJob extends H2O.H2OCountedCompleter<RowsJob> {
  /** Makes the frame and reports to the job; the job ends with what it throws. */
  interface Work {
    void run(Job<Frame> job);
  }

  private final transient Job<Frame> job;
  private final transient Work work;

  private RowsJob(Job<Frame> job, Work work) {
    this.job = job;
    this.work = work;
  }

  /**
   * Starts a job.
   *
   * @param rows number of rows, the job's units of work
   */
  static Job<Frame> start(Key<Frame> frame, String description, long rows, Work work) {
    Job<Frame> job = new Job<>(frame, Frame.class.getName(), description);
    return job.start(new RowsJob(job, work), rows);
  }

  @Override
  public void compute2() {
    Watch.aside("gan " + job._result, this, () -> {
      work.run(job);
      tryComplete();
    });
  }
}
