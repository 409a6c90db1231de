package hex.gan.work;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import water.DKV;
import water.Key;
import water.Keyed;
import water.Paxos;
import water.TAtomic;

/** The cluster's list of jobs for workers, oldest first; every node sees the same. */
public final class WorkBoard extends Keyed<WorkBoard> {
  private static final String NAME = "gan_work_board";

  /** More jobs than this wait for workers at once only by mistake. */
  private static final int MOST_ITEMS = 1000;

  private Key<?>[] items = {};
  /** The model that each trains; null for other work. */
  private String[] trained = {};

  private WorkBoard(Key<WorkBoard> key) {
    super(key);
  }

  private static Key<WorkBoard> key() {
    return Key.makeUserHidden(NAME);
  }

  @Override
  protected long checksum_impl() {
    return Arrays.hashCode(items);
  }

  private static final class Add extends TAtomic<WorkBoard> {
    private final Key<?> item;
    private final String model;
    String refusal;

    Add(Key<?> item, String model) {
      this.item = item;
      this.model = model;
    }

    @Override
    protected WorkBoard atomic(WorkBoard old) {
      refusal = null;
      int size = old == null ? 0 : old.items.length;
      if (size >= MOST_ITEMS) {
        refusal = MOST_ITEMS + " gan jobs are waiting or running; wait for some of them to end, or cancel some";
      } else if (model != null && old != null && Arrays.asList(old.trained).contains(model)) {
        refusal = beingTrained(model);
      }
      if (refusal != null) {
        return null;
      }
      WorkBoard board = new WorkBoard(key());
      board.items = old == null ? new Key<?>[1] : Arrays.copyOf(old.items, size + 1);
      board.trained = old == null ? new String[1] : Arrays.copyOf(old.trained, size + 1);
      board.items[size] = item;
      board.trained[size] = model;
      return board;
    }
  }

  private static final class Remove extends TAtomic<WorkBoard> {
    private final Key<?> item;

    Remove(Key<?> item) {
      this.item = item;
    }

    @Override
    protected WorkBoard atomic(WorkBoard old) {
      int index = old == null ? -1 : Arrays.asList(old.items).indexOf(item);
      if (index < 0) {
        return null;
      }
      List<Key<?>> left = new ArrayList<>(Arrays.asList(old.items));
      List<String> models = new ArrayList<>(Arrays.asList(old.trained));
      left.remove(index);
      models.remove(index);
      WorkBoard board = new WorkBoard(key());
      board.items = left.toArray(new Key<?>[0]);
      board.trained = models.toArray(new String[0]);
      return board;
    }
  }

  private static String beingTrained(String model) {
    return "model '" + model + "' is being trained by another job: wait for that, or choose another model_id";
  }

  /** Why a training of this model cannot begin now; null where it can. */
  public static String refusal(String model) {
    WorkBoard board = board();
    return board != null && Arrays.asList(board.trained).contains(model) ? beingTrained(model) : null;
  }

  /**
   * Offers an item to workers.
   *
   * @return why it is not taken; null where it is
   */
  public static String post(WorkItem item) {
    DKV.put(item);
    Add add = new Add(item._key, item.kind.equals("train") ? item.model : null);
    add.invoke(key());
    if (add.refusal != null) {
      DKV.remove(item._key);
    }
    return add.refusal;
  }

  /**
   * Ends an item: from then on nobody can change it, and workers are told to leave it.
   *
   * @return the item as it was then; null where the cluster was emptied meanwhile
   */
  public static WorkItem close(Key<WorkItem> key) {
    Change.Close close = new Change.Close();
    close.on(key);
    return close.item;
  }

  /** Takes an item that was closed off the list. */
  public static void takeOff(Key<WorkItem> key) {
    new Remove(key).invoke(key());
    DKV.remove(key);
  }

  private static WorkBoard board() {
    // A look at the store would keep further nodes from joining a cluster that is still forming.
    return Paxos._cloudLocked ? DKV.<WorkBoard>getGet(key()) : null;
  }

  /** All items, oldest first. */
  public static List<WorkItem> items() {
    List<WorkItem> found = new ArrayList<>();
    WorkBoard board = board();
    if (board != null) {
      for (Key<?> key : board.items) {
        WorkItem item = DKV.getGet(key);
        if (item != null) {
          found.add(item);
        }
      }
    }
    return found;
  }

  /**
   * Gives the oldest item that this worker may have, of one job or of any; null where there is none.
   *
   * @param token by which the worker will hold it; the same again gives the same item again
   * @param mostRows that the worker generates
   */
  public static WorkItem claim(String worker, String token, long lease, String job, long mostRows) {
    for (WorkItem item : items()) {
      if (item.mayBeTakenBy(worker, token, mostRows) && (job == null || job.equals(item.job))) {
        Change.Claim claim = new Change.Claim(worker, token, lease, mostRows);
        if (claim.on(item._key)) {
          return claim.item;
        }
      }
    }
    return null;
  }

  public static boolean heartbeat(WorkItem item, String token, double progress, String note, String tables) {
    return new Change.Heartbeat(token, progress, note, tables).on(item._key);
  }

  /** The number of an upload that begins; 0 where it is not wanted. */
  public static int upload(WorkItem item, String token) {
    Change.Upload upload = new Change.Upload(token);
    upload.on(item._key);
    return upload.number;
  }

  /** Keeps what the worker has so far, unless a later upload was kept before. */
  public static boolean checkpoint(WorkItem item, String token, int number, Blob blob) {
    Change.Checkpoint change = new Change.Checkpoint(token, number, blob);
    boolean done = change.on(item._key);
    Blob useless = change.item == null ? blob : change.dropped;
    if (useless != null) {
      useless.remove();
    }
    return done;
  }

  /** Takes the worker's result, a blob or nothing. */
  public static boolean finish(WorkItem item, String token, Blob blob) {
    Change.Finish finish = new Change.Finish(token, blob);
    boolean done = finish.on(item._key);
    if (!done && blob != null) {
      blob.remove();
    }
    return done || finish.before;
  }

  public static boolean fail(WorkItem item, String token, String message) {
    return new Change.Fail(token, message).on(item._key);
  }

  public static boolean release(WorkItem item, String token) {
    return new Change.Release(token).on(item._key);
  }

  public static void cancel(Key<WorkItem> key) {
    new Change.Cancel().on(key);
  }

  /**
   * Lets time pass for an item.
   *
   * @param now the time on this node, which must be the item's
   * @param gap milliseconds before it, for which everything stood still
   */
  static void tick(Key<WorkItem> key, long now, long gap) {
    new Change.Tick(now, gap).on(key);
  }
}
