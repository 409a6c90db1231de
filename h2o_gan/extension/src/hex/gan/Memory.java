package hex.gan;

import water.H2O;
import water.H2ONode;

/** The free memory of the cluster, and what fits into it. */
final class Memory {
  private static final long MOST_MODEL_BYTES = Integer.MAX_VALUE;

  /** Free bytes of all nodes, by their last heartbeats. */
  static long free() {
    long free = 0;
    for (H2ONode node : H2O.CLOUD.members()) {
      free += node._heartbeat.get_free_mem();
    }
    return free;
  }

  /** Largest size of a model file, in bytes. */
  static long forModel() {
    return Math.min(MOST_MODEL_BYTES, free() / 2);
  }

  /** The reason why rows do not fit; null where they do. */
  static String refusal(long rows, double rowBytes) {
    double wanted = rows * rowBytes;
    long free = free();
    if (wanted <= 0.9 * free) {
      return null;
    }
    return String.format(
        "rows=%d would take about %.1f GB, but the cluster has %.1f GB free: about %d rows fit", rows, wanted / (1 << 30),
        (double) free / (1 << 30), (long) (0.9 * free / rowBytes));
  }

  private Memory() {}
}
