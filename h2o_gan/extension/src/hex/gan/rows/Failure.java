package hex.gan.rows;

import hex.gan.core.UnreachableException;
import java.io.IOException;
import water.H2O;
import water.Iced;
import water.Job;
import water.exceptions.H2OIllegalArgumentException;
import water.util.Log;

/** Why a node could not make its rows, for the node that waits for all. */
public final class Failure extends Iced<Failure> {
  /** Whether the user can help it. */
  private final boolean user;
  private final boolean cancelled;
  private final String message;

  private Failure(boolean user, boolean cancelled, String message) {
    this.user = user;
    this.cancelled = cancelled;
    this.message = message;
  }

  static Failure cancelled() {
    return new Failure(false, true, "");
  }

  static Failure of(Throwable error) {
    if (error instanceof UnreachableException || error instanceof IllegalArgumentException
        || error instanceof IOException) { // The model was removed, or there is not enough memory for it.
      return new Failure(true, false, error.getMessage());
    }
    if (error instanceof OutOfMemoryError) {
      return new Failure(true, false, "node " + H2O.SELF.getIpPortString() + " has not enough memory for these rows");
    }
    Log.err("h2o_gan: rows could not be made or rated", error);
    return new Failure(
        false, false, "node " + H2O.SELF.getIpPortString() + " failed; its log says more: " + error);
  }

  /** The one to report: a cancellation last, since a failure of one node stops the others. */
  static Failure first(Failure one, Failure other) {
    return one == null || one.cancelled && other != null ? other : one;
  }

  /** Throws the failure, where there is one. */
  public static void check(Failure failure, Job<?> job) {
    if (failure == null) {
      return;
    }
    if (failure.cancelled) {
      throw new Job.JobCancelledException(job);
    }
    throw failure.user
        ? new H2OIllegalArgumentException(failure.message) : new IllegalStateException(failure.message);
  }
}
