package hex.gan;

import hex.gan.arrow.ArrowException;
import hex.gan.arrow.FrameBuilder;
import hex.gan.arrow.FrameStream;
import hex.gan.work.Task;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.DKV;
import water.H2O;
import water.H2ONode;
import water.Iced;
import water.Value;
import water.fvec.Frame;
import water.server.ServletUtils;
import water.util.Log;

/** {@code GET} and {@code POST /3/GAN/frames/{id}.arrow}: a frame as an Arrow IPC stream, both ways. */
public final class FramesServlet extends GanServlet {
  private static final long serialVersionUID = 1;
  private static final String SUFFIX = ".arrow";
  private static final String CONTENT_TYPE = "application/vnd.apache.arrow.stream";
  private static final int BUFFER = 1 << 20;
  private static final long DRAIN_MS = 20_000;
  private static final String LEFT = "this worker no longer holds the job; stop working on it";

  @Override
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    try (Streams.Ticket place = Streams.enter(request, response)) {
      if (place != null) {
        send(request, response);
      }
    }
  }

  @Override
  void post(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try (Streams.Ticket place = Streams.enter(request, response)) {
      if (place != null) {
        take(request, response);
      }
    }
  }

  private static void send(HttpServletRequest request, HttpServletResponse response)
      throws IOException, Requests.Refusal {
    Frame frame = frame(id(request));
    FrameStream stream;
    try {
      stream = new FrameStream(
          frame, columns(request, frame), number(request, "row_offset", 0), number(request, "row_count", Long.MAX_VALUE),
          node(request), "narrow".equals(request.getParameter("ints")),
          !"none".equals(request.getParameter("levels")));
    } catch (RuntimeException e) {
      Log.warn("h2o_gan: a frame that cannot be read", e);
      throw new Requests.Refusal(409, "the frame was changed or removed while it was being read");
    }
    response.setContentType(CONTENT_TYPE);
    response.setBufferSize(BUFFER);
    ServletUtils.setResponseStatus(response, 200);
    // An exception from here on closes the connection; the missing end mark shows it to the reader.
    stream.send(response.getOutputStream());
  }

  private static void take(HttpServletRequest request, HttpServletResponse response) throws IOException {
    InputStream in = request.getInputStream();
    int status;
    String message;
    try (FrameBuilder builder = new FrameBuilder(in, free(id(request)))) {
      BooleanSupplier awaited = awaited(request);
      if (!awaited.getAsBoolean()) {
        throw new Requests.Refusal(409, LEFT);
      }
      Frame frame = builder.build(awaited);
      drain(in);
      Answers.send(response, 200,
          "{\"frame_id\":{\"name\":" + Answers.quote(frame._key.toString()) + "},\"rows\":" + frame.numRows()
              + ",\"num_columns\":" + frame.numCols() + "}");
      return;
    } catch (Requests.Refusal refusal) {
      status = refusal.status;
      message = refusal.getMessage();
    } catch (FrameBuilder.UnwantedException e) {
      status = 409;
      message = LEFT;
    } catch (FrameBuilder.TakenException e) {
      status = 409;
      message = e.getMessage();
    } catch (FrameBuilder.MemoryException e) {
      status = e.busy ? 503 : 413;
      message = e.getMessage();
      if (e.busy) {
        response.setHeader("Retry-After", "1");
      }
    } catch (ArrowException e) {
      status = 400;
      message = e.getMessage();
    } catch (RuntimeException e) {
      Log.err("h2o_gan: a table that could not be taken in", e);
      status = 500;
      message = "the cluster failed on this table: " + e;
    } catch (OutOfMemoryError e) {
      status = 413;
      message = "the cluster has not enough memory for this frame";
    }
    drain(in);
    Answers.refuse(response, status, message);
  }

  /** Whether the job that the rows belong to still waits for them; true for rows without a job. */
  private static BooleanSupplier awaited(HttpServletRequest request) throws Requests.Refusal {
    String job = Requests.query(request, "job");
    String token = Requests.query(request, "token");
    if (job == null) {
      return () -> true;
    }
    return () -> {
      Task task = Task.named(job);
      return task != null && token != null && task.awaits(token);
    };
  }

  /** Reads the rest of the body: a client whose connection is closed early would not read the answer. */
  private static void drain(InputStream in) throws IOException {
    byte[] rest = new byte[BUFFER];
    long end = System.currentTimeMillis() + DRAIN_MS;
    while (in.read(rest) >= 0 && System.currentTimeMillis() < end) {
      continue;
    }
  }

  private static String id(HttpServletRequest request) throws Requests.Refusal {
    String path = request.getPathInfo();
    if (path == null || !path.endsWith(SUFFIX) || path.length() <= 1 + SUFFIX.length()) {
      throw new Requests.Refusal(404, "the address of a frame is /3/GAN/frames/{frame_id}.arrow");
    }
    return path.substring(1, path.length() - SUFFIX.length());
  }

  /** Checks that a frame can have this key, and returns it. */
  static String free(String id) throws Requests.Refusal {
    for (int i = 0; i < id.length(); i++) {
      if (id.charAt(i) < ' ') {
        throw new Requests.Refusal(400, "a frame_id must not have control characters");
      }
    }
    return id;
  }

  private static Frame frame(String id) throws Requests.Refusal {
    Value value = DKV.get(id);
    Iced<?> found = value == null ? null : value.get();
    if (!(found instanceof Frame)) {
      throw new Requests.Refusal(404, "there is no frame '" + id + "' in the cluster");
    }
    return (Frame) found;
  }

  /** Indices of columns by name, {@code column=a&column=b}, or number, {@code columns=0-3,7}; by default all. */
  private static int[] columns(HttpServletRequest request, Frame frame) throws Requests.Refusal {
    Set<Integer> wanted = new LinkedHashSet<>();
    String[] names = request.getParameterValues("column");
    if (names != null) {
      for (String name : names) {
        int index = frame.find(name);
        if (index < 0) {
          throw new Requests.Refusal(404, "the frame has no column '" + name + "'");
        }
        add(wanted, index);
      }
    }
    String ranges = request.getParameter("columns");
    for (String part : ranges == null ? new String[0] : ranges.split(",", -1)) {
      int dash = part.indexOf('-');
      int first = index(dash < 0 ? part : part.substring(0, dash), frame);
      int last = dash < 0 ? first : index(part.substring(dash + 1), frame);
      for (int i = first; i <= last; i++) {
        add(wanted, i);
      }
    }
    if (names == null && ranges == null) {
      for (int i = 0; i < frame.numCols(); i++) {
        wanted.add(i);
      }
    }
    return wanted.stream().mapToInt(Integer::intValue).toArray();
  }

  private static void add(Set<Integer> wanted, int index) throws Requests.Refusal {
    if (!wanted.add(index)) {
      throw new Requests.Refusal(400, "column number " + index + " is asked for twice");
    }
  }

  private static int index(String text, Frame frame) throws Requests.Refusal {
    try {
      int index = Integer.parseInt(text);
      if (index >= 0 && index < frame.numCols()) {
        return index;
      }
    } catch (NumberFormatException e) {
      throw new Requests.Refusal(400, "columns are numbers and ranges from 0 on, for example columns=0-3,7");
    }
    throw new Requests.Refusal(404, "the frame has no column number " + text + ", it has " + frame.numCols() + " columns");
  }

  private static long number(HttpServletRequest request, String name, long otherwise) throws Requests.Refusal {
    String text = request.getParameter(name);
    if (text == null) {
      return otherwise;
    }
    try {
      long number = Long.parseLong(text);
      if (number >= 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw new Requests.Refusal(400, name + " must be a whole number from 0 on, not '" + text + "'");
  }

  private static H2ONode node(HttpServletRequest request) throws Requests.Refusal {
    if (request.getParameter("node") == null) {
      return null;
    }
    H2ONode[] nodes = H2O.CLOUD.members();
    long index = number(request, "node", 0);
    if (index >= nodes.length) {
      throw new Requests.Refusal(404, "there is no node " + index + ", the cluster has " + nodes.length);
    }
    return nodes[(int) index];
  }
}
