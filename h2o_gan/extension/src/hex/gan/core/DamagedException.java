package hex.gan.core;

import java.io.IOException;

/** A file is not a valid h2o_gan model file; the message says why. */
public final class DamagedException extends IOException {
  private static final long serialVersionUID = 1;

  public DamagedException(String reason) {
    super("not a valid h2o_gan model file: " + reason);
  }
}
