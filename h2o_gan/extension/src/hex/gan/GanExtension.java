package hex.gan;

import hex.gan.work.Members;
import water.AbstractH2OExtension;
import water.H2O;
import water.util.Log;

/**
 * The entry point of the jar when a node starts.
 *
 * <p>A failure here would stop the node, so it does little and catches everything.
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
      Log.warn("h2o_gan: the version is missing at /3/About: " + e);
    }
  }

  @Override
  public void onLocalNodeStarted() {
    try {
      Members.join(Version.PROTOCOL, Version.TEXT);
    } catch (RuntimeException | LinkageError e) {
      Log.warn("h2o_gan: this node cannot announce the extension: " + e);
    }
  }
}
