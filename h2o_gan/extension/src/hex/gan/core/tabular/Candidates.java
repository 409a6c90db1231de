package hex.gan.core.tabular;

/** Rows in progress, as tokens. */
public final class Candidates {
  /** Rows at most. */
  public final int most;
  /** (tokens, most) */
  public final float[][] values;
  /** (tokens, most) which tokens rows have. */
  public final boolean[][] active;
  /** (most,) log probability of what was drawn. */
  public final double[] logDrawn;

  public Candidates(int tokens, int most) {
    this.most = most;
    values = new float[tokens][most];
    active = new boolean[tokens][most];
    logDrawn = new double[most];
  }
}
