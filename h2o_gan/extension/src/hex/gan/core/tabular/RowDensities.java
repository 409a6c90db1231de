package hex.gan.core.tabular;

/** What a model says of rows; mirrors RowDensities of h2o_gan/engine/tabular/density.py. */
final class RowDensities {
  /** (codecs, rows) the log density, in nats, of each column's value given those before it. */
  final double[][] columns;
  /** (codecs, rows) log densities of values by themselves. */
  final double[][] marginals;
  /** (codecs, rows) log densities given the columns before and given all others, each less that alone. */
  final double[][] evidence;
  /** (rows,) the critic's log ratio; 0 without one. */
  final double[] ratio;

  RowDensities(double[][] columns, double[][] marginals, double[][] evidence, double[] ratio) {
    this.columns = columns;
    this.marginals = marginals;
    this.evidence = evidence;
    this.ratio = ratio;
  }

  /** Zeros, to be filled. */
  RowDensities(int codecs, int rows) {
    this(new double[codecs][rows], new double[codecs][rows], new double[codecs][rows], new double[rows]);
  }

  /** Replaces some rows, from one on. */
  void set(int start, RowDensities other) {
    int n = other.ratio.length;
    System.arraycopy(other.ratio, 0, ratio, start, n);
    for (int c = 0; c < columns.length; c++) {
      System.arraycopy(other.columns[c], 0, columns[c], start, n);
      System.arraycopy(other.marginals[c], 0, marginals[c], start, n);
      System.arraycopy(other.evidence[c], 0, evidence[c], start, n);
    }
  }

  /** (rows,) the log density by generator and critic, in nats. */
  double[] logDensity() {
    double[] density = ratio.clone();
    for (double[] column : columns) {
      for (int b = 0; b < density.length; b++) {
        density[b] += column[b];
      }
    }
    return density;
  }
}
