package hex.gan.work;

import java.util.Arrays;
import water.DKV;
import water.H2O;
import water.H2ONode;
import water.Key;
import water.Keyed;

/**
 * Work for a worker, a process outside the cluster: what to do, which worker does it, and its progress.
 *
 * <p>The key-value store keeps it on the node that waits for it, so that one clock measures all times. A
 * worker holds it by a token until its lease ends; every request of the worker extends the lease. The methods
 * are the transitions of the state: each changes the task, or returns false and changes nothing.
 * {@link TaskQueue} runs them atomically. All times are milliseconds of a monotonic clock.
 */
public final class Task extends Keyed<Task> {
  /** States of a task. */
  public enum State { WAITING, WORKING, DONE, FAILED }

  /** Number of workers lost in a row after which the task fails. */
  private static final int MOST_LOST = 2;

  /** Name of the task in requests of workers. */
  public final String id;
  /** {@code train} or {@code generate}. */
  public final String kind;
  /** Key of the job that H2O shows. */
  public final String job;
  public final String model;
  /** The training frame, or the frame to make. */
  public final String frame;
  /** Parameters, as JSON. */
  public final String parameters;
  /** Number of rows to generate; 0 for a training. */
  public final long rows;
  /** Name of the only worker that may take the task; null for any. */
  private String wish;

  private final long patience;
  /** Longest time that a worker may take; 0 for no limit. */
  private final long limit;
  private long waitingSince;
  private String worker;
  private String token;
  private long lease;
  private long leaseUntil;
  private long workingSince;
  private int attempts;
  private int lost;
  private boolean cancelled;
  private boolean closed;
  private State state = State.WAITING;
  private boolean abandoned;
  private String message;
  private double progress;
  private String note;
  private String tables;
  private int uploads;
  private int newest;
  private Blob checkpoint;
  private Blob result;

  /**
   * @param patience seconds to wait for a worker
   * @param limit seconds after which a working task is cancelled; 0 for no limit
   */
  public Task(
      String name, String kind, String job, String model, String frame, String parameters, long rows, String wish,
      double patience, double limit) {
    this(key(name + "-" + H2O.SELF.index(), H2O.SELF), name + "-" + H2O.SELF.index(), kind, job, model, frame,
        parameters, rows, wish, patience, limit, Clock.now());
  }

  Task(
      Key<Task> key, String id, String kind, String job, String model, String frame, String parameters, long rows,
      String wish, double patience, double limit, long now) {
    super(key);
    this.id = id;
    this.kind = kind;
    this.job = job;
    this.model = model;
    this.frame = frame;
    this.parameters = parameters;
    this.rows = rows;
    this.wish = wish == null || wish.isEmpty() ? null : wish;
    this.patience = (long) (1000 * patience);
    this.limit = (long) (1000 * limit);
    waitingSince = now;
  }

  private static Key<Task> key(String id, H2ONode home) {
    return Key.make("gan_task_" + id, Key.HIDDEN_USER_KEY, true, home);
  }

  /** The task with a name; null where it does not exist, or no longer. */
  public static Task named(String id) {
    try {
      int home = Integer.parseInt(id.substring(id.lastIndexOf('-') + 1));
      H2ONode[] nodes = H2O.CLOUD.members();
      return home < 0 || home >= nodes.length ? null : get(key(id, nodes[home]));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  public static Task get(Key<Task> key) {
    return DKV.getGet(key);
  }

  @Override
  protected long checksum_impl() {
    return _key.hashCode();
  }

  public State state() {
    return state;
  }

  public String message() {
    return message;
  }

  /** Whether it failed because no worker took it or workers were lost, and not because a worker reported a failure. */
  public boolean abandoned() {
    return abandoned;
  }

  public double progress() {
    return progress;
  }

  /** The worker's last progress message; may be null. */
  public String note() {
    return note;
  }

  /** The model's tables that the worker sent, as JSON; may be null. */
  public String tables() {
    return tables;
  }

  public String worker() {
    return worker;
  }

  /** The token of the worker that holds, or held, the task. */
  public String token() {
    return token;
  }

  public boolean cancelled() {
    return cancelled;
  }

  /** The last checkpoint; null where there is none. */
  public Blob checkpoint() {
    return checkpoint;
  }

  public Blob result() {
    return result;
  }

  /** Number of workers lost since the last checkpoint. */
  public int lost() {
    return lost;
  }

  public int attempts() {
    return attempts;
  }

  /** Seconds that the task waits for a worker. */
  public long patienceSeconds() {
    return patience / 1000;
  }

  /** Key of the frame that an attempt writes; attempts count from 1. */
  public String attemptFrame(int attempt) {
    return "gan_rows_" + id + "_" + attempt;
  }

  // ---- transitions

  boolean claim(String who, String by, long leaseMs, long mostRows, long now) {
    if (heldBy(by)) { // The answer to the first claim was lost.
      leaseUntil = now + lease;
      return true;
    }
    if (closed || cancelled || state != State.WAITING || wish != null && !wish.equals(who) || rows > mostRows) {
      return false;
    }
    if (by.equals(token)) {
      return touch(by, now);
    }
    attempts++;
    worker = who;
    token = by;
    lease = leaseMs;
    begin(now);
    return true;
  }

  private void begin(long now) {
    state = State.WORKING;
    workingSince = now;
    leaseUntil = now + lease;
  }

  boolean mayBeTakenBy(String who, String by, long mostRows) {
    return heldBy(by)
        || !closed && !cancelled && state == State.WAITING && (wish == null || wish.equals(who)) && rows <= mostRows;
  }

  boolean heldBy(String by) {
    return !closed && state == State.WORKING && by.equals(token);
  }

  /** Whether rows written with this token are still needed. */
  public boolean awaits(String by) {
    // A worker whose lease has ended may take the task back until another worker takes it.
    return !closed && by.equals(token) && state != State.FAILED;
  }

  /** Extends the lease. A worker whose lease has ended takes the task back, unless another worker has it. */
  boolean touch(String by, long now) {
    if (!closed && state == State.WAITING && by.equals(token)) {
      lost--;
      note = null;
      begin(now);
    }
    if (!heldBy(by)) {
      return false;
    }
    leaseUntil = now + lease;
    return true;
  }

  boolean heartbeat(String by, double share, String text, String json, long now) {
    if (!touch(by, now)) {
      return false;
    }
    progress = Math.max(progress, Math.min(1, share));
    note = text == null ? note : text;
    tables = json == null ? tables : json;
    return true;
  }

  /** Starts an upload and returns its number; 0 where the worker does not hold the task. */
  int upload(String by, long now) {
    return touch(by, now) ? ++uploads : 0;
  }

  /**
   * Stores a checkpoint, unless a later one is stored already.
   *
   * @return the blob to remove: the former checkpoint, or this one; null where there is none
   */
  Blob checkpoint(int upload, Blob blob) {
    if (upload <= newest) {
      return blob;
    }
    Blob before = checkpoint;
    newest = upload;
    checkpoint = blob;
    lost = 0;
    return before;
  }

  boolean finish(String by, Blob blob, long now) {
    if (!touch(by, now)) {
      return false;
    }
    result = blob;
    state = State.DONE;
    return true;
  }

  /** Whether this token finished the task; its worker may have missed the answer. */
  boolean finishedBy(String by) {
    return !closed && state == State.DONE && by.equals(token);
  }

  boolean fail(String by, String why, long now) {
    if (!touch(by, now)) {
      return false;
    }
    state = State.FAILED;
    message = why;
    return true;
  }

  /** Gives the task back: another worker continues from the last checkpoint. */
  boolean release(String by, long now) {
    if (!touch(by, now)) {
      return false;
    }
    offerAgain("worker " + worker + " has left, waiting for another", now);
    token = null;
    return true;
  }

  boolean cancel() {
    if (cancelled) {
      return false;
    }
    cancelled = true;
    return true;
  }

  /** Ends the task: later transitions change nothing. */
  boolean close() {
    if (closed) {
      return false;
    }
    closed = true;
    return true;
  }

  /** Whether the lease has ended. */
  boolean overdue(long now) {
    return state == State.WORKING && now > leaseUntil;
  }

  /**
   * Applies the passing of time: ends a lease, a wait or a training that takes too long.
   *
   * @param gap milliseconds for which the node, or the whole machine, was paused; they do not count
   */
  boolean tick(long now, long gap) {
    if (closed || state == State.DONE || state == State.FAILED) {
      return false;
    }
    leaseUntil += gap;
    waitingSince += gap;
    workingSince += gap;
    boolean changed = gap > 0;
    if (overdue(now)) {
      lose(now);
      changed = true;
    } else if (state == State.WAITING && now - waitingSince > patience) {
      giveUp("no worker took this job within " + patience / 1000 + " s");
      changed = true;
    } else if (state == State.WORKING && limit > 0 && !cancelled && now - workingSince > limit) {
      cancelled = true;
      message = "the worker went on for long after max_runtime_secs";
      changed = true;
    }
    return changed;
  }

  private void lose(long now) {
    if (++lost >= MOST_LOST) {
      giveUp("lost " + MOST_LOST + " workers, one after the other; their logs say why");
    } else {
      offerAgain("lost worker " + worker + ", waiting for another", now);
    }
  }

  private void giveUp(String why) {
    state = State.FAILED;
    abandoned = true;
    message = why;
  }

  /** Offers the task to every worker again, which continues from the last checkpoint. */
  private void offerAgain(String why, long now) {
    state = State.WAITING;
    waitingSince = now;
    wish = null;
    note = why;
  }

  /** The blobs to remove once the task is closed, all but the one that was taken. */
  public Blob[] leftovers(Blob taken) {
    return Arrays.stream(new Blob[] {checkpoint, result})
        .filter(blob -> blob != null && !blob.is(taken)).toArray(Blob[]::new);
  }
}
