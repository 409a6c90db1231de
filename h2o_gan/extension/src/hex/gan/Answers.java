package hex.gan;

import hex.gan.work.Blob;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.server.ServletUtils;

/** Responses: JSON, blobs, and errors in the form of H2O's errors. */
final class Answers {
  static void send(HttpServletResponse response, int status, String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    response.setContentType("application/json;charset=UTF-8");
    response.setContentLength(bytes.length);
    ServletUtils.setResponseStatus(response, status);
    response.getOutputStream().write(bytes);
  }

  /** Sends a blob as it is. A stream that fails is shorter than its Content-Length. */
  static void send(HttpServletRequest request, HttpServletResponse response, Blob blob) throws IOException {
    try (Streams.Ticket place = Streams.enter(request, response)) {
      if (place != null) {
        response.setContentType("application/octet-stream");
        response.setContentLengthLong(blob.size);
        ServletUtils.setResponseStatus(response, 200);
        blob.send(response.getOutputStream());
      }
    }
  }

  static void refuse(HttpServletResponse response, int status, String message) throws IOException {
    String text = quote(message);
    send(response, status,
        "{\"__meta\":{\"schema_version\":3,\"schema_name\":\"H2OErrorV3\",\"schema_type\":\"H2OError\"},"
            + "\"http_status\":" + status + ",\"msg\":" + text + ",\"dev_msg\":" + text + ",\"error_url\":\"\","
            + "\"exception_type\":\"\",\"exception_msg\":" + text + ",\"stacktrace\":[],\"values\":{},"
            + "\"timestamp\":" + System.currentTimeMillis() + "}");
  }

  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        quoted.append(String.format("\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  private Answers() {}
}
