package hex.gan.work;

import java.util.Arrays;
import water.DKV;
import water.H2O;
import water.H2ONode;
import water.Key;
import water.Keyed;

/**
 * A job that a worker, a process outside of the cluster, is to do: what it is, who does it, how far it is.
 *
 * <p>It lives in the key-value store, on the node of whoever waits for it, so that all times are told by
 * one clock. A worker holds it by a token, for as long as a lease lasts; every sign of life prolongs that.
 * Its methods are the transitions of its state: each changes the task, or returns false and changes nothing.
 * {@link TaskQueue} runs them atomically; all times are milliseconds of a clock that never goes back.
 */
public final class Task extends Keyed<Task> {
  /** What becomes of a task. */
  public enum State { WAITING, WORKING, DONE, FAILED }

  /** How many workers may be lost, one after the other, before the job is given up. */
  private static final int MOST_LOST = 2;

  /** The task's own name, by which workers speak of it. */
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
  /** How many rows there are to make; 0 for a training. */
  public final long rows;
  /** The only worker that may take it; null for any. */
  private String wish;

  private final long patience;
  /** How long a worker may work on it; 0 for no limit. */
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
   * @param patience seconds that it waits for a worker
   * @param limit seconds that a worker may take before the job is cancelled; 0 for no limit
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

  /** The task of that name; null where there is none (any more). */
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

  /** Whether it failed for want of a worker, and not by a worker's word. */
  public boolean abandoned() {
    return abandoned;
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

  /** What a claim gave its worker. */
  public String token() {
    return token;
  }

  public boolean cancelled() {
    return cancelled;
  }

  /** The last that a worker has handed in on its way; null where there is none. */
  public Blob checkpoint() {
    return checkpoint;
  }

  public Blob result() {
    return result;
  }

  /** How many workers were lost since the last checkpoint. */
  public int lost() {
    return lost;
  }

  public int attempts() {
    return attempts;
  }

  /** Seconds that it waits for a worker. */
  public long patienceSeconds() {
    return patience / 1000;
  }

  /** The key of the rows of an attempt, counted from 1. */
  public String attemptFrame(int attempt) {
    return "gan_rows_" + id + "_" + attempt;
  }

  // ---- transitions

  boolean claim(String who, String by, long leaseMs, long mostRows, long now) {
    if (heldBy(by)) { // Its answer was lost, and it asks again.
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

  /** Whether rows that were written by this token are still of use. */
  public boolean awaits(String by) {
    // A worker that has lost its lease may take the job back while nobody else has it.
    return !closed && by.equals(token) && state != State.FAILED;
  }

  /** A sign of life. Who has lost the lease takes the job back while nobody else has it. */
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

  /** The number of an upload that begins; 0 where it is not wanted. */
  int upload(String by, long now) {
    return touch(by, now) ? ++uploads : 0;
  }

  /**
   * Takes what the worker has so far, unless a later one was taken before.
   *
   * @return what is of no use any more: the one before, or this one; null where there is nothing
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

  /** Whether it was finished by this token, whose worker may not have heard the answer. */
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

  /** The worker leaves, and is not lost: another goes on from its checkpoint. */
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

  /** Ends it for good: nothing changes it from then on. */
  boolean close() {
    if (closed) {
      return false;
    }
    closed = true;
    return true;
  }

  /** Whether the worker has not been heard of for too long. */
  boolean overdue(long now) {
    return state == State.WORKING && now > leaseUntil;
  }

  /**
   * What time brings: a lease that runs out, a wait or a training that takes too long.
   *
   * @param gap milliseconds for which the node, or the whole machine, stood still
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

  /** The one that was to do it is gone: anyone may go on from its checkpoint. */
  private void offerAgain(String why, long now) {
    state = State.WAITING;
    waitingSince = now;
    wish = null;
    note = why;
  }

  /** The pieces that nobody needs once it is closed and this one was taken. */
  public Blob[] leftovers(Blob taken) {
    return Arrays.stream(new Blob[] {checkpoint, result})
        .filter(blob -> blob != null && !blob.is(taken)).toArray(Blob[]::new);
  }
}
