package hex.gan;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Semaphore;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;

/**
 * The long transfers of this node: how many there may be at once, and how long one may stand still.
 *
 * <p>Each holds one of the web server's threads and some memory; without a bound, clients that do not
 * read, or hardly send, would keep H2O itself from answering.
 */
public final class Streams {
  /** How many at once. */
  static final int MOST = Math.max(16, Math.min(64, 2 * Runtime.getRuntime().availableProcessors()));

  /** A client that takes nothing, or gives nothing, for so long is cut off. */
  private static final int IDLE_MS = Integer.getInteger("h2o_gan.idle_ms", 30_000);

  private static final Semaphore PLACES = new Semaphore(MOST);
  /** Bodies of refused requests are read for a moment only, and of few requests at a time. */
  private static final Semaphore DRAINS = new Semaphore(16);

  private static final long DRAIN_MS = 1000;
  private static final int BUFFER = 1 << 16;

  /** A place among the transfers; closing gives it back. */
  public static final class Ticket implements AutoCloseable {
    private final HttpServletRequest request;
    private final long idleBefore;

    private Ticket(HttpServletRequest request) {
      this.request = request;
      idleBefore = idle(request, IDLE_MS);
    }

    @Override
    public void close() {
      PLACES.release();
      idle(request, idleBefore);
    }
  }

  /**
   * Takes a place, before anything is read from the request or written to the response.
   *
   * @return the place, or null where all are taken: the request is answered then, with 503
   */
  public static Ticket enter(HttpServletRequest request, HttpServletResponse response) throws IOException {
    if (PLACES.tryAcquire()) {
      return new Ticket(request);
    }
    response.setHeader("Retry-After", "1");
    Answers.refuse(response, 503, "this node serves " + MOST + " transfers already; try again in a second");
    response.flushBuffer();
    drain(request);
    return null;
  }

  /** Reads some of what is on its way: a sender that is cut off at once may never see its answer. */
  private static void drain(HttpServletRequest request) {
    boolean waits = request.getHeader("Expect") != null;
    if (waits || "GET".equals(request.getMethod()) || !DRAINS.tryAcquire()) {
      return;
    }
    long before = idle(request, DRAIN_MS);
    try {
      InputStream in = request.getInputStream();
      byte[] rest = new byte[BUFFER];
      long start = System.nanoTime();
      while (in.read(rest) >= 0 && System.nanoTime() - start < DRAIN_MS * 1_000_000) {
        continue;
      }
    } catch (IOException e) {
      // It was told why.
    } finally {
      DRAINS.release();
      idle(request, before);
    }
  }

  /**
   * Sets for how long a read or a write may wait for the client; a wait for anything else doesn't count.
   *
   * @param limit milliseconds; negative: as it is
   * @return what it was; negative where this web server does not let us
   */
  private static long idle(HttpServletRequest request, long limit) {
    if (limit < 0) {
      return limit;
    }
    try {
      EndPoint client = Request.getBaseRequest(request).getHttpChannel().getEndPoint();
      long before = client.getIdleTimeout();
      client.setIdleTimeout(limit);
      return before;
    } catch (RuntimeException | LinkageError e) {
      // Another Jetty; H2O's own limit stays in force.
      return -1;
    }
  }

  private Streams() {}
}
