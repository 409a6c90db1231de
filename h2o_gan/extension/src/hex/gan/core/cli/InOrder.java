package hex.gan.core.cli;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does parts of a work in threads, and hands on what they make in the order of the parts. */
final class InOrder {
  private InOrder() {}

  /** The parts, one after the other. */
  interface Parts<T> {
    /** The next part; null after the last one. */
    Callable<T> next() throws IOException;
  }

  /** Takes what the parts make. */
  interface Sink<T> {
    void take(T made) throws IOException;
  }

  /** Runs all parts. At most two for each thread are under way or wait to be taken. */
  static <T> void run(int threads, Parts<T> parts, Sink<T> sink) throws IOException {
    ExecutorService pool = Executors.newFixedThreadPool(threads, work -> {
      Thread thread = new Thread(work);
      thread.setDaemon(true);
      return thread;
    });
    try {
      Deque<Future<T>> begun = new ArrayDeque<>();
      Callable<T> next = parts.next();
      while (next != null || !begun.isEmpty()) {
        while (next != null && begun.size() < 2 * threads) {
          begun.add(pool.submit(next));
          next = parts.next();
        }
        sink.take(begun.remove().get());
      }
    } catch (InterruptedException error) {
      throw new IOException("interrupted");
    } catch (ExecutionException error) {
      throw unwrapped(error.getCause());
    } finally {
      pool.shutdownNow();
    }
  }

  private static IOException unwrapped(Throwable cause) {
    if (cause instanceof RuntimeException) {
      throw (RuntimeException) cause;
    }
    if (cause instanceof Error) {
      throw (Error) cause;
    }
    return cause instanceof IOException ? (IOException) cause : new IOException(cause);
  }
}
