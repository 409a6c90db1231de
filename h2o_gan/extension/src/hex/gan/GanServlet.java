package hex.gan;

import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.server.ServletUtils;
import water.util.Log;

/**
 * The base of all addresses below /3/GAN: every error is answered as H2O's JSON, and every request has its
 * line in H2O's log.
 */
abstract class GanServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  /** Answers a GET. */
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    throw new Requests.Refusal(405, "this address does not answer GET");
  }

  /** Answers a POST. */
  void post(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    throw new Requests.Refusal(405, "this address does not answer POST");
  }

  @Override
  protected final void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try {
      answer(request, response);
    } catch (Requests.Refusal refusal) {
      if (refusal.retryAfter > 0) {
        response.setHeader("Retry-After", Integer.toString(refusal.retryAfter));
      }
      Answers.refuse(response, refusal.status, refusal.getMessage());
    } catch (IOException e) {
      if (response.isCommitted()) {
        throw e;
      }
      fail(response, 500, "the cluster failed on this request: " + e.getMessage(), e);
    } catch (OutOfMemoryError e) {
      fail(response, 413, "the cluster has not enough memory for this request", e);
    } catch (RuntimeException | Error e) {
      fail(response, 500, "the cluster failed on this request; its log says more: " + e, e);
    } finally {
      log(request, response);
    }
  }

  private void answer(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    switch (request.getMethod()) {
      case "GET":
        get(request, response);
        break;
      case "POST":
        post(request, response);
        break;
      default:
        throw new Requests.Refusal(405, "this address answers GET and POST, not " + request.getMethod());
    }
  }

  /** Answers with an error, or closes the connection where a stream has begun already. */
  private static void fail(HttpServletResponse response, int status, String message, Throwable error)
      throws IOException {
    Log.err("h2o_gan: a request failed", error);
    if (response.isCommitted()) {
      throw new IOException(message, error);
    }
    response.reset();
    Answers.refuse(response, status, message);
  }

  private static void log(HttpServletRequest request, HttpServletResponse response) {
    try {
      ServletUtils.logRequest(request.getMethod(), request, response);
    } catch (RuntimeException e) {
      Log.warn("h2o_gan: a request could not be logged: " + e);
    }
  }
}
