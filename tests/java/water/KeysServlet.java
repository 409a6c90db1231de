package water;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.server.ServletMeta;
import water.server.ServletProvider;

/**
 * {@code GET /3/TestKeys}: every key of the cluster with the class of its value, a line each.
 *
 * <p>H2O's own lists show neither vectors nor chunks nor pieces of files, and its count of keys lags.
 * In H2O's package, for there is no public way to tell a removed value from one that stays.
 */
public final class KeysServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  /** Tells H2O of the servlet. */
  public static final class Provider implements ServletProvider {
    @Override
    public List<ServletMeta> servlets() {
      return Collections.singletonList(new ServletMeta("/3/TestKeys", KeysServlet.class));
    }

    @Override
    public int priority() {
      return 1;
    }
  }

  private static final class Collect extends MRTask<Collect> {
    private String[] lines = {};

    @Override
    protected void setupLocal() {
      List<String> found = new ArrayList<>();
      for (Key<?> key : H2O.localKeySet()) {
        Value value = key.home() ? Value.STORE_get(key) : null;
        if (value != null) {
          found.add(value.className() + " " + key.toString().replace('\n', ' '));
        }
      }
      lines = found.toArray(new String[0]);
    }

    @Override
    public void reduce(Collect other) {
      String[] all = Arrays.copyOf(lines, lines.length + other.lines.length);
      System.arraycopy(other.lines, 0, all, lines.length, other.lines.length);
      lines = all;
    }
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    response.setContentType("text/plain;charset=UTF-8");
    response.getWriter().write(String.join("\n", new Collect().doAllNodes().lines));
  }
}
