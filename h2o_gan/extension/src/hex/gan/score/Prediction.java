package hex.gan.score;

import hex.gan.cache.ModelCache;
import hex.gan.core.GanModel;
import hex.gan.core.data.Column;
import hex.gan.generate.Making;
import hex.gan.rows.Failure;
import hex.gan.rows.FrameColumns;
import hex.gan.rows.NewFrame;
import hex.gan.rows.Stop;
import hex.gan.work.Blob;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import water.Job;
import water.Key;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;
import water.fvec.Vec;

/** How odd the rows of a frame are, as a frame beside it; the caller waits. */
public final class Prediction {
  private static final int QUANTILES = 1001;
  private static final String[] ANSWERS = {"0", "1"};

  /** What the new frame has. */
  public enum Kind {
    /** {@code predict}, where the parameter contamination is set, {@code anomaly_score} and {@code log_density}. */
    PREDICTION,
    /** {@code anomaly_score}. */
    SCORE,
    /** The share of each column in the score. */
    SHARES
  }

  private final Blob file;
  private final GanModel model;
  private final FrameColumns columns;
  private final Frame frame;
  private final Kind kind;
  private final double[] quantiles;
  private double scores;
  private double ranks;

  /**
   * Prepares the rating of a frame's rows; its columns are found by name, and others are ignored.
   *
   * @param file of the model
   * @throws H2OIllegalArgumentException the model is not one of a table, or the frame does not fit it
   */
  public Prediction(Blob file, Frame frame, Kind kind) {
    this.file = file;
    this.frame = frame;
    this.kind = kind;
    try {
      model = ModelCache.get(file);
      columns = FrameColumns.of(model.scoredColumns(), frame);
      quantiles = quantiles(model);
    } catch (IOException | IllegalArgumentException e) {
      throw new H2OIllegalArgumentException(e.getMessage());
    }
  }

  private static double[] quantiles(GanModel model) {
    double[] found = new double[QUANTILES];
    for (int i = 0; i < QUANTILES; i++) {
      found[i] = model.threshold(1 - (double) i / (QUANTILES - 1));
    }
    return found;
  }

  /**
   * Makes the new frame.
   *
   * @param key of the frame
   * @param replaces whether whatever the key names is replaced; otherwise the key must be free
   * @param job to report to, and to be cancelled by; null for none
   * @throws H2OIllegalArgumentException the key was taken meanwhile
   */
  public Frame make(Key<Frame> key, boolean replaces, Job<?> job) {
    NewFrame made = newFrame();
    boolean done = false;
    try {
      double threshold = answers() ? model.threshold(model.contamination()) : Double.NaN;
      RateTask task =
          new RateTask(file, made, columns, kind, threshold, quantiles, job, job == null ? 0 : job.getWork());
      task.on(IntStream.range(0, made.chunks()).toArray());
      Failure.check(task.failure(), job);
      Stop.check(job);
      scores = task.scores;
      ranks = task.ranks;
      Frame frame = replaces ? made.finish(key) : made.publish(key);
      done = true;
      return frame;
    } finally {
      if (!done) {
        made.discard();
      }
    }
  }

  /** Bytes of a row of the new frame, at most. */
  public double rowBytes() {
    return (double) Double.BYTES * (kind == Kind.SHARES ? model.scoredColumns().size() : 3);
  }

  /** Bytes that each node needs beside the frame. */
  public long nodeBytes() {
    return Making.nodeBytes(model);
  }

  /** Mean anomaly score of the rows. */
  public double meanScore() {
    return scores / frame.numRows();
  }

  /** Mean share of training rows that score lower than the rows. */
  public double meanRank() {
    return ranks / frame.numRows();
  }

  private boolean answers() {
    return kind == Kind.PREDICTION && model.contamination() >= 0;
  }

  private NewFrame newFrame() {
    String[] names;
    if (kind == Kind.SHARES) {
      names = model.scoredColumns().stream().map((Column column) -> column.name).toArray(String[]::new);
    } else if (kind == Kind.SCORE) {
      names = new String[] {"anomaly_score"};
    } else if (answers()) {
      names = new String[] {"predict", "anomaly_score", "log_density"};
    } else {
      names = new String[] {"anomaly_score", "log_density"};
    }
    byte[] types = new byte[names.length];
    Arrays.fill(types, Vec.T_NUM);
    String[][] domains = new String[names.length][];
    if (answers()) {
      types[0] = Vec.T_CAT;
      domains[0] = ANSWERS;
    }
    return NewFrame.beside(frame.anyVec(), names, types, domains, 0);
  }
}
