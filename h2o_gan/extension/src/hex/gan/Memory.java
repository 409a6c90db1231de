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

  /**
   * The reason why rows do not fit; null where they do.
   *
   * @param rowBytes of a row in the cluster
   * @param nodeBytes what each node needs besides, to make them
   */
  static String refusal(long rows, double rowBytes, long nodeBytes) {
    double wanted = rows * rowBytes;
    long members = H2O.CLOUD.size();
    double room = 0.9 * free() - (double) members * nodeBytes;
    if (wanted <= room) {
      return null;
    }
    if (room <= 0) {
      return String.format(
          "the model takes %.1f GB on each node to make rows, but the cluster has %.1f GB free", gigabytes(nodeBytes),
          gigabytes(free()));
    }
    return String.format(
        "rows=%d would take about %.1f GB, but the cluster has %.1f GB free: about %d rows fit", rows, gigabytes(wanted),
        gigabytes(free()), (long) (room / rowBytes));
  }

  private static double gigabytes(double bytes) {
    return bytes / (1 << 30);
  }

  private Memory() {}
}
