package hex.gan.core.tabular;

/** The tokens of a block that are given; mirrors Given of h2o_gan/engine/tabular/sampling.py. */
final class Given {
  /** (tokens, rows) */
  final float[][] values;
  /** (tokens, rows) which tokens rows have. */
  final boolean[][] active;
  /** (tokens, rows) which of the above is given, given absences among them. */
  final boolean[][] known;

  Given(float[][] values, boolean[][] active, boolean[][] known) {
    this.values = values;
    this.active = active;
    this.known = known;
  }
}
