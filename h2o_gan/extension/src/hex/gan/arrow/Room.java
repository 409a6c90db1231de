package hex.gan.arrow;

import java.util.concurrent.atomic.AtomicLong;
import water.DTask;
import water.H2O;
import water.H2ONode;
import water.RPC;

/**
 * Bounds the memory of received frames: on this node for bytes that are not yet in chunks, and on all nodes for
 * the chunks, checked again as they grow.
 */
final class Room {
  /** The cluster has too little memory. */
  static final class FullException extends Exception {
    FullException(String message) {
      super(message);
    }
  }

  /** Other transfers use all memory for transfers at the moment. */
  static final class BusyException extends Exception {
    BusyException() {
      super("other transfers have taken all the memory that this node has for them; try again in a second");
    }
  }

  private static final long HEAP = Runtime.getRuntime().maxMemory();
  static final AtomicLong TAKEN = new AtomicLong();
  /**
   * The fraction of each node's memory to keep free is one in so many. G1 keeps a tenth to evacuate regions and a
   * twentieth for new objects: with less than both free, an allocation can fail before a full collection.
   */
  private static final int SPARED = 5;

  private static final long STEP = 1 << 22;

  /** Bytes of chunks at which the nodes are checked again. */
  private long next;

  /** Reserves memory of this node for received or expected bytes. */
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
   * @param stored bytes of chunks that are stored already
   * @throws FullException a node has too little memory left
   */
  void check(long stored) throws FullException {
    // A frame may be larger than memory where H2O spills to disk.
    if (stored < next || H2O.ARGS.cleaner) {
      return;
    }
    H2ONode[] nodes = H2O.CLOUD.members();
    long told = Long.MAX_VALUE;
    for (H2ONode node : nodes) {
      told = Math.min(told, told(node));
    }
    // Heartbeats are some seconds old and may not count these chunks yet.
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

  /** Measures a node's free memory, after a garbage collection if it seems low. */
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
