package hex.gan.core;

/** How odd rows are; higher is odder. */
public final class Ratings {
  /** (rows,) anomaly scores: about 0 for a usual row. */
  public final double[] scores;
  /** (rows,) log density in nats, by generator and critic. */
  public final double[] logDensity;
  /** (scored columns, rows) the share of each column in the score. */
  public final double[][] shares;

  public Ratings(double[] scores, double[] logDensity, double[][] shares) {
    this.scores = scores;
    this.logDensity = logDensity;
    this.shares = shares;
  }
}
