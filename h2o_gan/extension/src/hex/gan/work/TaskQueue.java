package hex.gan.work;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import water.DKV;
import water.Key;
import water.Keyed;
import water.Paxos;
import water.TAtomic;

/** The cluster's queue of tasks for workers, oldest first; all nodes see the same queue. */
public final class TaskQueue extends Keyed<TaskQueue> {
  private static final String NAME = "gan_task_queue";

  /** Bound of the queue: so many tasks at once are a mistake. */
  private static final int MOST_TASKS = 1000;

  private Key<?>[] tasks = {};
  /** The model that each task trains; null for other tasks. */
  private String[] trained = {};

  private TaskQueue(Key<TaskQueue> key) {
    super(key);
  }

  private static Key<TaskQueue> key() {
    return Key.makeUserHidden(NAME);
  }

  @Override
  protected long checksum_impl() {
    return Arrays.hashCode(tasks);
  }

  private static final class Add extends TAtomic<TaskQueue> {
    private final Key<?> task;
    private final String model;
    String refusal;

    Add(Key<?> task, String model) {
      this.task = task;
      this.model = model;
    }

    @Override
    protected TaskQueue atomic(TaskQueue old) {
      refusal = null;
      int size = old == null ? 0 : old.tasks.length;
      if (size >= MOST_TASKS) {
        refusal = MOST_TASKS + " gan jobs are waiting or running; wait for some of them to end, or cancel some";
      } else if (model != null && old != null && Arrays.asList(old.trained).contains(model)) {
        refusal = beingTrained(model);
      }
      if (refusal != null) {
        return null;
      }
      TaskQueue queue = new TaskQueue(key());
      queue.tasks = old == null ? new Key<?>[1] : Arrays.copyOf(old.tasks, size + 1);
      queue.trained = old == null ? new String[1] : Arrays.copyOf(old.trained, size + 1);
      queue.tasks[size] = task;
      queue.trained[size] = model;
      return queue;
    }
  }

  private static final class Remove extends TAtomic<TaskQueue> {
    private final Key<?> task;

    Remove(Key<?> task) {
      this.task = task;
    }

    @Override
    protected TaskQueue atomic(TaskQueue old) {
      int index = old == null ? -1 : Arrays.asList(old.tasks).indexOf(task);
      if (index < 0) {
        return null;
      }
      List<Key<?>> left = new ArrayList<>(Arrays.asList(old.tasks));
      List<String> models = new ArrayList<>(Arrays.asList(old.trained));
      left.remove(index);
      models.remove(index);
      TaskQueue queue = new TaskQueue(key());
      queue.tasks = left.toArray(new Key<?>[0]);
      queue.trained = models.toArray(new String[0]);
      return queue;
    }
  }

  private static String beingTrained(String model) {
    return "model '" + model + "' is being trained by another job: wait for that, or choose another model_id";
  }

  /** The reason why a training of this model cannot start now; null where it can. */
  public static String refusal(String model) {
    TaskQueue queue = queue();
    return queue != null && Arrays.asList(queue.trained).contains(model) ? beingTrained(model) : null;
  }

  /**
   * Offers a task to workers.
   *
   * @return the reason why the queue refuses it; null where it does not
   */
  public static String post(Task task) {
    DKV.put(task);
    Add add = new Add(task._key, task.kind.equals("train") ? task.model : null);
    add.invoke(key());
    if (add.refusal != null) {
      DKV.remove(task._key);
    }
    return add.refusal;
  }

  /**
   * Closes a task: nothing changes it from then on, and its worker is told to stop.
   *
   * @return the closed task; null where the cluster was emptied meanwhile
   */
  public static Task close(Key<Task> key) {
    Change.Close close = new Change.Close();
    close.on(key);
    return close.task;
  }

  /** Removes a closed task from the queue. */
  public static void takeOff(Key<Task> key) {
    new Remove(key).invoke(key());
    DKV.remove(key);
  }

  private static TaskQueue queue() {
    // Reading the store locks a cluster that is still forming, and further nodes could not join.
    return Paxos._cloudLocked ? DKV.<TaskQueue>getGet(key()) : null;
  }

  /** All tasks, oldest first. */
  public static List<Task> tasks() {
    List<Task> found = new ArrayList<>();
    TaskQueue queue = queue();
    if (queue != null) {
      for (Key<?> key : queue.tasks) {
        Task task = DKV.getGet(key);
        if (task != null) {
          found.add(task);
        }
      }
    }
    return found;
  }

  /**
   * Assigns to a worker the oldest task that it may take, of one job or of any; returns null where there is none.
   *
   * @param token the token to hold the task by; a claim with the same token returns the same task
   * @param mostRows the most rows that the worker generates
   */
  public static Task claim(String worker, String token, long lease, String job, long mostRows) {
    for (Task task : tasks()) {
      if (task.mayBeTakenBy(worker, token, mostRows) && (job == null || job.equals(task.job))) {
        Change.Claim claim = new Change.Claim(worker, token, lease, mostRows);
        if (claim.on(task._key)) {
          return claim.task;
        }
      }
    }
    return null;
  }

  public static boolean heartbeat(Task task, String token, double progress, String note, String tables) {
    return new Change.Heartbeat(token, progress, note, tables).on(task._key);
  }

  /** Starts an upload and returns its number; 0 where the worker does not hold the task. */
  public static int upload(Task task, String token) {
    Change.Upload upload = new Change.Upload(token);
    upload.on(task._key);
    return upload.number;
  }

  /** Stores a checkpoint, unless a later upload is stored already. */
  public static boolean checkpoint(Task task, String token, int number, Blob blob) {
    Change.Checkpoint change = new Change.Checkpoint(token, number, blob);
    boolean done = change.on(task._key);
    Blob useless = change.task == null ? blob : change.dropped;
    if (useless != null) {
      useless.remove();
    }
    return done;
  }

  /** Finishes a task with the worker's result, a blob or null. */
  public static boolean finish(Task task, String token, Blob blob) {
    Change.Finish finish = new Change.Finish(token, blob);
    boolean done = finish.on(task._key);
    if (!done && blob != null) {
      blob.remove();
    }
    return done || finish.before;
  }

  public static boolean fail(Task task, String token, String message) {
    return new Change.Fail(token, message).on(task._key);
  }

  public static boolean release(Task task, String token) {
    return new Change.Release(token).on(task._key);
  }

  public static void cancel(Key<Task> key) {
    new Change.Cancel().on(key);
  }

  /**
   * Applies the passing of time to a task.
   *
   * @param now the time on this node, which must be the task's node
   * @param gap milliseconds before it for which the node was paused
   */
  static void tick(Key<Task> key, long now, long gap) {
    new Change.Tick(now, gap).on(key);
  }
}
