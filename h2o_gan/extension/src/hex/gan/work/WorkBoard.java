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

  private Key<?>[] items = {};

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

    Add(Key<?> item) {
      this.item = item;
    }

    @Override
    protected WorkBoard atomic(WorkBoard old) {
      WorkBoard board = new WorkBoard(key());
      board.items = old == null ? new Key<?>[1] : Arrays.copyOf(old.items, old.items.length + 1);
      board.items[board.items.length - 1] = item;
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
      if (old == null) {
        return null;
      }
      List<Key<?>> left = new ArrayList<>(Arrays.asList(old.items));
      left.remove(item);
      WorkBoard board = new WorkBoard(key());
      board.items = left.toArray(new Key<?>[0]);
      return board;
    }
  }

  /** Offers an item to workers. */
  public static void post(WorkItem item) {
    DKV.put(item);
    new Add(item._key).invoke(key());
  }

  /** Takes an item away, with its checkpoint, and with its result unless that is kept. */
  public static void remove(Key<WorkItem> key, boolean keepResult) {
    WorkItem item = WorkItem.get(key);
    new Remove(key).invoke(key());
    DKV.remove(key);
    if (item == null) {
      return;
    }
    if (item.checkpoint() != null && !(keepResult && item.result() == null)) {
      item.checkpoint().remove();
    }
    if (item.result() != null && !keepResult) {
      item.result().remove();
    }
  }

  /** All items, oldest first. */
  public static List<WorkItem> items() {
    List<WorkItem> found = new ArrayList<>();
    // A look at the store would keep further nodes from joining a cluster that is still forming.
    WorkBoard board = Paxos._cloudLocked ? DKV.<WorkBoard>getGet(key()) : null;
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

  /** The item of that name; null where there is none (any more). */
  public static WorkItem find(String id) {
    for (WorkItem item : items()) {
      if (item.id.equals(id)) {
        return item;
      }
    }
    return null;
  }

  /** Gives the oldest item that this worker may have, of one job or of any; null where there is none. */
  public static WorkItem claim(String worker, long lease, String job) {
    for (WorkItem item : items()) {
      if (item.mayBeTakenBy(worker) && (job == null || job.equals(item.job))
          && new WorkItem.Claim(worker, lease).on(item._key)) {
        return WorkItem.get(item._key);
      }
    }
    return null;
  }

  public static boolean heartbeat(WorkItem item, String worker, double progress, String note, String tables) {
    return new WorkItem.Heartbeat(worker, progress, note, tables).on(item._key);
  }

  /** Keeps what the worker has so far, in place of what it had before. */
  public static boolean checkpoint(WorkItem item, String worker, Blob blob) {
    return replaced(item, blob, new WorkItem.Checkpoint(worker, blob).on(item._key));
  }

  public static boolean finish(WorkItem item, String worker, Blob blob) {
    boolean done = new WorkItem.Finish(worker, blob).on(item._key);
    if (!done) {
      blob.remove();
    }
    return done;
  }

  private static boolean replaced(WorkItem before, Blob blob, boolean done) {
    Blob old = done ? before.checkpoint() : blob;
    if (old != null) {
      old.remove();
    }
    return done;
  }

  public static boolean fail(WorkItem item, String worker, String message) {
    return new WorkItem.Fail(worker, message).on(item._key);
  }

  public static boolean release(WorkItem item, String worker) {
    return new WorkItem.Release(worker).on(item._key);
  }

  public static void cancel(Key<WorkItem> key) {
    new WorkItem.Cancel().on(key);
  }

  /** Lets time pass for an item. */
  public static void tick(Key<WorkItem> key) {
    new WorkItem.Tick().on(key);
  }
}
