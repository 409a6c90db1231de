package hex.gan.score;

import hex.gan.arrow.Chunks;
import hex.gan.core.GanModel;
import hex.gan.core.Ratings;
import hex.gan.rows.ChunkReader;
import hex.gan.rows.FrameColumns;
import hex.gan.rows.NewFrame;
import hex.gan.rows.RowsTask;
import hex.gan.work.Blob;
import java.util.Arrays;
import water.Futures;
import water.Job;

/** Rates the rows of a frame: how odd they are, and the share of each column in that. */
final class RateTask extends RowsTask<RateTask> {
  private final FrameColumns columns;
  private final Prediction.Kind kind;
  /** Score above which a row is an anomaly; NaN where there is none. */
  private final double threshold;
  /** Quantiles of the scores of training rows, ascending. */
  private final double[] quantiles;

  private transient GanModel model;
  private transient ChunkReader reader;

  /** Sums over all rows. */
  double scores;
  double ranks;

  RateTask(
      Blob file, NewFrame made, FrameColumns columns, Prediction.Kind kind, double threshold,
      double[] quantiles, Job<?> job, double units) {
    super(file, made, job, units);
    this.columns = columns;
    this.kind = kind;
    this.threshold = threshold;
    this.quantiles = quantiles;
  }

  @Override
  protected void prepare(GanModel loaded) {
    model = loaded;
    reader = new ChunkReader(columns, loaded.scoredColumns());
  }

  @Override
  protected void make(int chunk) {
    int rows = made.rows(chunk);
    ChunkReader.Rows source = reader.open(chunk);
    boolean asShares = kind == Prediction.Kind.SHARES;
    double[] score = new double[rows];
    double[] density = new double[rows];
    double[][] shares = new double[asShares ? made.columns() : 0][rows];
    inBlocks(chunk, (first, count) -> {
      Ratings ratings = model.rate(source.read(first, count));
      System.arraycopy(ratings.scores, 0, score, first, count);
      System.arraycopy(ratings.logDensity, 0, density, first, count);
      for (int i = 0; i < shares.length; i++) {
        System.arraycopy(ratings.shares[i], 0, shares[i], first, count);
      }
    });
    if (isStopped()) {
      return;
    }
    for (double value : score) {
      scores += value;
      ranks += rank(value);
    }
    Futures stored = new Futures();
    if (asShares) {
      for (int i = 0; i < shares.length; i++) {
        made.put(i, chunk, Chunks.ofReals(shares[i]), stored);
      }
    } else {
      store(chunk, score, density, stored);
    }
    stored.blockForPending();
  }

  /** The share of the training rows that score lower. */
  private double rank(double score) {
    int at = Arrays.binarySearch(quantiles, score);
    return (double) (at < 0 ? Math.min(-at - 1, quantiles.length - 1) : at) / (quantiles.length - 1);
  }

  private void store(int chunk, double[] score, double[] density, Futures stored) {
    int column = 0;
    if (threshold == threshold) {
      long[] answers = new long[score.length];
      for (int i = 0; i < answers.length; i++) {
        answers[i] = score[i] > threshold ? 1 : 0;
      }
      made.put(column++, chunk, Chunks.ofLongs(answers), stored);
    }
    made.put(column++, chunk, Chunks.ofReals(score), stored);
    if (kind == Prediction.Kind.PREDICTION) {
      made.put(column, chunk, Chunks.ofReals(density), stored);
    }
  }

  @Override
  protected void add(RateTask other) {
    scores += other.scores;
    ranks += other.ranks;
  }
}
