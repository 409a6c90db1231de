package hex.gan;

import hex.gan.work.Members;
import water.AbstractH2OExtension;
import water.H2O;
import water.util.Log;

/**
 * What H2O sees of this jar when a node comes up.
 *
 * <p>H2O does not survive an extension that fails here, so there is next to nothing in it.
 */
public final class GanExtension extends AbstractH2OExtension {
  @Override
  public String getExtensionName() {
    return "GAN";
  }

  @Override
  public void init() {
    try {
      H2O.addAboutEntry("h2o_gan version", Version.TEXT);
    } catch (RuntimeException | LinkageError e) {
      Log.warn("h2o_gan: cannot say its version at /3/About: " + e);
    }
  }

  @Override
  public void onLocalNodeStarted() {
    try {
      Members.join(Version.PROTOCOL, Version.TEXT);
    } catch (RuntimeException | LinkageError e) {
      Log.warn("h2o_gan: this node cannot say that it has the extension: " + e);
    }
  }
}
