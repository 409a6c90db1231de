package hex.gan;

import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.H2O;

/** {@code GET /3/GAN}: the extension's version, and which of the cluster's nodes answers. */
public final class AboutServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    Answers.send(response, 200,
        "{\"version\":" + Answers.quote(Version.TEXT)
            + ",\"cloud_name\":" + Answers.quote(H2O.ARGS.name)
            + ",\"cloud_size\":" + H2O.CLOUD.size()
            + ",\"node\":" + H2O.SELF.index() + "}");
  }
}
