package hex.gan.arrow;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The threads that encode and decode for all requests: as many as cores, none while idle. */
final class Workers {
  static final int COUNT = Math.max(2, Runtime.getRuntime().availableProcessors());
  /** Most pieces of one transfer in memory at once. */
  static final int WINDOW = Math.min(COUNT + 2, 16);

  /** Most bytes of a piece, except for a single row that is larger. */
  static final int PIECE_BYTES = 1 << 23;

  /**
   * Bounds the pieces of all transfers in memory, beyond one of each transfer, to an eighth of the memory, even
   * if clients read slowly.
   */
  static final Semaphore EXTRA =
      new Semaphore((int) Math.max(2, Math.min(1 << 12, Runtime.getRuntime().maxMemory() / 8 / PIECE_BYTES)));

  static final ExecutorService POOL = pool();

  private static ExecutorService pool() {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor pool = new ThreadPoolExecutor(
        COUNT, COUNT, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
        task -> {
          Thread thread = new Thread(task, "gan-arrow-" + number.getAndIncrement());
          thread.setDaemon(true);
          return thread;
        });
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  private Workers() {}
}
