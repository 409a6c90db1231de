package hex.gan.core.tabular;

/** The arrays that one thread needs to run the networks on a block of rows. */
public final class Workspace {
  /** Rows of a block at most. */
  final int rows;
  /** (features + 1, rows) the last one is whether the token is known. */
  final float[][] features;
  final float[][] encoded;
  final float[][] hidden;
  final float[][] inner;
  final float[][] output;
  /** (critic's hidden units, rows) twice, and its features. */
  final float[][] criticFirst;
  final float[][] criticSecond;
  final float[][] criticFeatures;
  final float[][] score;
  /** (4, rows) */
  final float[][] scratch;
  /** (summary, rows) for those who keep one. */
  public final float[][] summary;
  public final float[][] other;

  Workspace(Generator generator, Critic critic, int rows) {
    this.rows = rows;
    Sizes sizes = generator.sizes;
    features = new float[sizes.features + 1][rows];
    encoded = new float[sizes.knots + 1][rows];
    hidden = new float[sizes.hidden][rows];
    inner = new float[sizes.hidden][rows];
    output = new float[generator.widest()][rows];
    scratch = new float[4][rows];
    summary = new float[sizes.summary][rows];
    other = new float[sizes.summary][rows];
    int units = critic == null ? 0 : critic.hidden;
    criticFirst = new float[units][rows];
    criticSecond = new float[units][rows];
    criticFeatures = new float[critic == null ? 0 : critic.features()][rows];
    score = new float[1][rows];
  }

  /** Bytes of a workspace. */
  static long bytes(Generator generator, Critic critic, int rows) {
    Sizes sizes = generator.sizes;
    long units = sizes.features + sizes.knots + 2L * sizes.hidden + generator.widest() + 2L * sizes.summary + 8;
    units += critic == null ? 0 : 2L * critic.hidden + critic.features();
    return 4 * units * rows;
  }
}
