package hex.gan.rows;

import water.DKV;
import water.H2O;
import water.Job;
import water.Key;
import water.Keyed;

/** A flag in the store: the nodes that make a frame stop, because one of them failed. */
public final class Stop extends Keyed<Stop> {
  private Stop(Key<Stop> key) {
    super(key);
  }

  static Key<Stop> key() {
    return Key.make("gan_stop_" + Key.rand(), Key.HIDDEN_USER_KEY, true, H2O.SELF);
  }

  static void set(Key<Stop> key) {
    DKV.put(new Stop(key));
  }

  static boolean isSet(Key<Stop> key) {
    return DKV.get(key) != null;
  }

  /** Whether a job was cancelled, or removed with all else in the cluster; false where there is none. */
  static boolean isStopped(Job<?> job) {
    return job != null && (DKV.get(job._key) == null || job.stop_requested());
  }

  /** Throws JobCancelledException where a job is to stop. */
  public static void check(Job<?> job) {
    if (isStopped(job)) {
      throw new Job.JobCancelledException(job);
    }
  }

  @Override
  protected long checksum_impl() {
    return _key.hashCode();
  }
}
