package hex.gan;

import java.util.Collections;
import java.util.List;
import water.api.RestApiContext;
import water.api.RestApiExtension;
import water.util.Log;

/**
 * Adds the algorithm to H2O's REST API.
 *
 * <p>An error here would stop the node, so all errors are caught: an H2O that does not fit starts without
 * the algorithm.
 */
public final class GanRestExtension implements RestApiExtension {
  private RestApiExtension registration;

  @Override
  public void registerEndPoints(RestApiContext context) {
    try {
      registration = new Registration();
      registration.registerEndPoints(context);
    } catch (Exception | LinkageError e) {
      registration = null;
      Log.warn("h2o_gan: this H2O does not fit the algorithm gan, which stays off: " + e);
    }
  }

  @Override
  public void registerSchemas(RestApiContext context) {
    try {
      if (registration != null) {
        registration.registerSchemas(context);
      }
    } catch (Exception | LinkageError e) {
      Log.warn("h2o_gan: this H2O does not fit the schemas of gan: " + e);
    }
  }

  @Override
  public String getName() {
    return "GAN";
  }

  @Override
  public List<String> getRequiredCoreExtensions() {
    return Collections.emptyList();
  }
}
