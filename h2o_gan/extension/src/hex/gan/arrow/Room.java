package hex.gan.arrow;

import java.util.concurrent.atomic.AtomicLong;
import water.DTask;
import water.H2O;
import water.H2ONode;
import water.RPC;

/**
 * The memory that there is for frames on their way in: of this node for what is received but not yet
 * in chunks, and of all nodes for the chunks, asked for again as they become more.
 */
final class Room {
  /** There is not enough memory in the cluster. */
  static final class FullException extends Exception {
    FullException(String message) {
      super(message);
    }
  }

  /** Other transfers have all the memory that there is for them now. */
  static final class BusyException extends Exception {
    BusyException() {
      super("other transfers have taken all the memory that this node has for them; try again in a second");
    }
  }

  private static final long HEAP = Runtime.getRuntime().maxMemory();
  static final AtomicLong TAKEN = new AtomicLong();
  /** Of each node's memory, one part in so many is left alone. */
  private static final int SPARED = 8;

  private static final long STEP = 1 << 22;

  /** How many bytes of chunks may be there before the nodes are asked again. */
  private long next;

  /** Takes memory of this node, for bytes that have come or are about to. */
  static void take(long bytes) throws BusyException {
    if (TAKEN.addAndGet(bytes) > HEAP / 3) {
      TAKEN.addAndGet(-bytes);
      throw new BusyException();
    }
  }

  static void give(long bytes) {
    TAKEN.addAndGet(-bytes);
  }

  /**
   * @param stored how many bytes of chunks there are already
   * @throws FullException a node has hardly any memory left
   */
  void check(long stored) throws FullException {
    // Where H2O spills to disk, a frame may be larger than memory.
    if (stored < next || H2O.ARGS.cleaner) {
      return;
    }
    H2ONode[] nodes = H2O.CLOUD.members();
    long told = Long.MAX_VALUE;
    for (H2ONode node : nodes) {
      told = Math.min(told, told(node));
    }
    // Heartbeats are some seconds old: all of these chunks may be missing in them.
    long spare = told * nodes.length - stored;
    if (spare < told * nodes.length / 2) {
      spare = counted(nodes) * nodes.length;
    }
    if (spare <= 0) {
      throw new FullException(
          "the cluster has not enough memory for this frame: with " + (stored >> 20) + " MB of it in place, "
              + "a node has less than one part in " + SPARED + " of its memory left");
    }
    next = stored + Math.max(STEP, spare / 8);
  }

  private static long told(H2ONode node) {
    long free = node._heartbeat.get_free_mem();
    long all = free + node._heartbeat.get_kv_mem() + node._heartbeat.get_pojo_mem();
    return free - all / SPARED;
  }

  private static long counted(H2ONode[] nodes) {
    long least = Long.MAX_VALUE;
    for (H2ONode node : nodes) {
      Count answer = node == H2O.SELF ? new Count().here() : new RPC<>(node, new Count()).call().get();
      least = Math.min(least, answer == null ? 0 : answer.spare);
    }
    return least;
  }

  /** Counts a node's free memory, after a collection of garbage if there seems to be little. */
  private static final class Count extends DTask<Count> {
    private static final Object ONE_AT_A_TIME = new Object();
    long spare;

    Count() {
      super(H2O.GUI_PRIORITY);
    }

    @Override
    public void compute2() {
      Workers.POOL.execute(() -> {
        here();
        tryComplete();
      });
    }

    Count here() {
      synchronized (ONE_AT_A_TIME) {
        spare = now();
        if (spare < HEAP / SPARED) {
          System.gc();
          spare = now();
        }
      }
      return this;
    }

    private static long now() {
      Runtime here = Runtime.getRuntime();
      return HEAP - (here.totalMemory() - here.freeMemory()) - HEAP / SPARED;
    }
  }
}
