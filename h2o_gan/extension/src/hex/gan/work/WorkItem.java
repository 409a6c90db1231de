package hex.gan.work;

import water.DKV;
import water.H2O;
import water.Key;
import water.Keyed;
import water.TAtomic;

/**
 * A job that a worker, a process outside of the cluster, is to do: what it is, who does it, how far it is.
 *
 * <p>It lives in the key-value store, on the node of whoever waits for it, so that all times are told by
 * one clock. A worker holds it by a lease, which every sign of life prolongs.
 */
public final class WorkItem extends Keyed<WorkItem> {
  /** What becomes of an item. */
  public enum State { WAITING, WORKING, DONE, FAILED }

  /** How many workers may be lost before the job is given up. */
  private static final int ATTEMPTS = 3;

  /** The item's own name, by which workers speak of it. */
  public final String id;
  /** {@code train} or {@code generate}. */
  public final String kind;
  /** The job that H2O shows. */
  public final String job;
  public final String model;
  /** The frame to learn from, or the one to make. */
  public final String frame;
  /** What to do it with, as JSON. */
  public final String parameters;
  /** The only worker that may take it; null for any. */
  private String wish;

  private final long patience;
  private long waitingSince;
  private String worker;
  private long lease;
  private long leaseUntil;
  private int attempts;
  private boolean cancelled;
  private State state = State.WAITING;
  private String message;
  private double progress;
  private String note;
  private String tables;
  private Blob checkpoint;
  private Blob result;

  /**
   * @param patience seconds that it waits for a worker
   */
  public WorkItem(
      String id, String kind, String job, String model, String frame, String parameters, String wish, double patience) {
    super(Key.make("gan_work_" + id, Key.HIDDEN_USER_KEY, true, H2O.SELF));
    this.id = id;
    this.kind = kind;
    this.job = job;
    this.model = model;
    this.frame = frame;
    this.parameters = parameters;
    this.wish = wish == null || wish.isEmpty() ? null : wish;
    this.patience = (long) (1000 * patience);
    waitingSince = System.currentTimeMillis();
  }

  @Override
  protected long checksum_impl() {
    return _key.hashCode();
  }

  public static WorkItem get(Key<WorkItem> key) {
    return DKV.getGet(key);
  }

  public State state() {
    return state;
  }

  public String message() {
    return message;
  }

  public double progress() {
    return progress;
  }

  /** What the worker says that it is doing; may be null. */
  public String note() {
    return note;
  }

  /** The worker's tables of the model as JSON; may be null. */
  public String tables() {
    return tables;
  }

  public String worker() {
    return worker;
  }

  public boolean cancelled() {
    return cancelled;
  }

  public Blob checkpoint() {
    return checkpoint;
  }

  public Blob result() {
    return result;
  }

  public int attempts() {
    return attempts;
  }

  /** The one that was to do it is gone: anyone may go on from its checkpoint. */
  private void offerAgain(String why) {
    state = State.WAITING;
    waitingSince = System.currentTimeMillis();
    wish = null;
    worker = null;
    note = why;
  }

  boolean mayBeTakenBy(String who) {
    return state == State.WAITING && !cancelled && (wish == null || wish.equals(who));
  }

  boolean heldBy(String who) {
    return state == State.WORKING && worker.equals(who);
  }

  /** A change that happens at once, or not at all, on the node that the item lives on. */
  private abstract static class Change extends TAtomic<WorkItem> {
    boolean done;

    @Override
    protected final WorkItem atomic(WorkItem item) {
      done = item != null && apply(item);
      return done ? item : null;
    }

    /** Changes the item, its own copy; false where it may not. */
    abstract boolean apply(WorkItem item);

    final boolean on(Key<WorkItem> key) {
      invoke(key);
      return done;
    }
  }

  static final class Claim extends Change {
    private final String worker;
    private final long lease;

    Claim(String worker, long lease) {
      this.worker = worker;
      this.lease = lease;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.mayBeTakenBy(worker)) {
        return false;
      }
      item.state = State.WORKING;
      item.worker = worker;
      item.lease = lease;
      item.leaseUntil = System.currentTimeMillis() + lease;
      item.attempts++;
      return true;
    }
  }

  static final class Heartbeat extends Change {
    private final String worker;
    private final double progress;
    private final String note;
    private final String tables;

    Heartbeat(String worker, double progress, String note, String tables) {
      this.worker = worker;
      this.progress = progress;
      this.note = note;
      this.tables = tables;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.heldBy(worker)) {
        return false;
      }
      item.leaseUntil = System.currentTimeMillis() + item.lease;
      item.progress = Math.max(item.progress, Math.min(1, progress));
      item.note = note == null ? item.note : note;
      item.tables = tables == null ? item.tables : tables;
      return true;
    }
  }

  static final class Checkpoint extends Change {
    private final String worker;
    private final Blob blob;

    Checkpoint(String worker, Blob blob) {
      this.worker = worker;
      this.blob = blob;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.heldBy(worker)) {
        return false;
      }
      item.leaseUntil = System.currentTimeMillis() + item.lease;
      item.checkpoint = blob;
      return true;
    }
  }

  static final class Finish extends Change {
    private final String worker;
    private final Blob blob;

    Finish(String worker, Blob blob) {
      this.worker = worker;
      this.blob = blob;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.heldBy(worker)) {
        return false;
      }
      item.result = blob;
      item.state = State.DONE;
      return true;
    }
  }

  static final class Fail extends Change {
    private final String worker;
    private final String message;

    Fail(String worker, String message) {
      this.worker = worker;
      this.message = message;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.heldBy(worker)) {
        return false;
      }
      item.message = message;
      item.state = State.FAILED;
      return true;
    }
  }

  /** The worker leaves, and is not lost: another goes on from its checkpoint. */
  static final class Release extends Change {
    private final String worker;

    Release(String worker) {
      this.worker = worker;
    }

    @Override
    boolean apply(WorkItem item) {
      if (!item.heldBy(worker)) {
        return false;
      }
      item.attempts--;
      item.offerAgain("worker " + worker + " has left, waiting for another");
      return true;
    }
  }

  static final class Cancel extends Change {
    @Override
    boolean apply(WorkItem item) {
      if (item.cancelled) {
        return false;
      }
      item.cancelled = true;
      return true;
    }
  }

  /** What time brings: a lease that runs out, a wait that has been too long. */
  static final class Tick extends Change {
    @Override
    boolean apply(WorkItem item) {
      long now = System.currentTimeMillis();
      if (item.state == State.WORKING && now > item.leaseUntil) {
        if (item.attempts >= ATTEMPTS) {
          item.state = State.FAILED;
          item.message = "lost " + ATTEMPTS + " workers, one after the other; their logs say why";
          return true;
        }
        item.offerAgain("lost worker " + item.worker + ", waiting for another");
        return true;
      }
      if (item.state == State.WAITING && now - item.waitingSince > item.patience) {
        item.state = State.FAILED;
        item.message = "no worker took this job within " + item.patience / 1000
            + " s; start one with: h2o-gan worker --url http://<this cluster>:54321";
        return true;
      }
      return false;
    }
  }
}
