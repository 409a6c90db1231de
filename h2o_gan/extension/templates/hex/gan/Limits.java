package hex.gan;

import java.util.Arrays;
import java.util.List;

/** Words and bounds for the rules over several parameters, generated from h2o_gan/parameters. */
final class Limits {
${constants}

  private Limits() {}
}
