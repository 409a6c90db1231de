package hex.gan;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Semaphore;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;

/**
 * Bounds the long transfers of this node: their number, and how long a client may be idle.
 *
 * <p>Each transfer holds a thread of the web server and some memory. Without a bound, clients that read or
 * send too slowly would keep H2O from answering.
 */
public final class Streams {
  /** Most transfers at once. */
  static final int MOST = Math.max(16, Math.min(64, 2 * Runtime.getRuntime().availableProcessors()));

  /** Idle time after which the connection of a client is closed. */
  private static final int IDLE_MS = Integer.getInteger("h2o_gan.idle_ms", 30_000);

  private static final Semaphore PLACES = new Semaphore(MOST);
  /** Bounds the refused requests whose bodies are read for a moment. */
  private static final Semaphore DRAINS = new Semaphore(16);

  private static final long DRAIN_MS = 1000;
  private static final int BUFFER = 1 << 16;

  /** A permit for one transfer; closing returns it. */
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
   * Takes a permit; call it before the request is read or the response written.
   *
   * @return the permit, or null where all are taken; the request is then answered with 503
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

  /** Reads a part of the body: a client whose connection is closed early may not read the answer. */
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
      // The answer was sent already.
    } finally {
      DRAINS.release();
      idle(request, before);
    }
  }

  /**
   * Sets how long a read or a write may wait for the client.
   *
   * @param limit milliseconds; negative to leave it as it is
   * @return the former limit; negative where this web server does not allow changes
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
      // Another version of Jetty: H2O's limit stays in force.
      return -1;
    }
  }

  private Streams() {}
}
