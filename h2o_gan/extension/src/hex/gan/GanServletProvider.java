package hex.gan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import water.server.ServletMeta;
import water.server.ServletProvider;
import water.util.Log;

/** The addresses below /3/GAN; on an H2O that does not fit, the node starts without them. */
public final class GanServletProvider implements ServletProvider {
  @Override
  public List<ServletMeta> servlets() {
    try {
      return new ArrayList<>(Arrays.asList(
          new ServletMeta("/3/GAN", AboutServlet.class),
          new ServletMeta("/3/GAN/frames/*", FramesServlet.class),
          new ServletMeta("/3/GAN/jobs/*", JobsServlet.class),
          new ServletMeta("/3/GAN/models/*", ModelsServlet.class)));
    } catch (RuntimeException | LinkageError e) {
      Log.warn("h2o_gan: this H2O does not fit the extension, which stays off: " + e);
      return Collections.emptyList();
    }
  }

  @Override
  public int priority() {
    return 1;
  }
}
