package hex.gan;

import hex.Model;
import hex.ModelCategory;
import hex.ModelMetrics;
import hex.gan.cache.ModelCache;
import hex.gan.score.Prediction;
import hex.gan.work.Blob;
import hex.gan.work.Watch;
import hex.tree.isofor.ModelMetricsAnomaly;
import water.AutoBuffer;
import water.Futures;
import water.Job;
import water.Key;
import water.Keyed;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;
import water.udf.CFuncRef;
import water.util.TwoDimTable;

/** A trained GAN: the model file, which workers write and nodes read, and what H2O shows of the model. */
public final class GANModel extends Model<GANModel, GANModel.GANParameters, GANModel.GANOutput>
    implements Model.DeepFeatures {
  private static final String METRICS =
      "mean_score: of anomaly_score; mean_normalized_score: the mean share of training rows that score lower";

  /** The parameters of a training. */
  public static final class GANParameters extends DeclaredParameters {
    public GANParameters() {
      _auto_rebalance = false; // The worker reads the frame as it is, so a balanced copy has no use.
    }

    @Override
    public String algoName() {
      return "GAN";
    }

    @Override
    public String fullName() {
      return "Generative Adversarial Network";
    }

    @Override
    public String javaName() {
      return GANModel.class.getName();
    }

    @Override
    public long progressUnits() {
      return Watch.UNITS + (_generate_rows > 0 ? GeneratedRows.UNITS : 0);
    }
  }

  /** What H2O shows of the model. */
  public static final class GANOutput extends Model.Output {
    public TwoDimTable _column_summary;
    /** Null where nothing is known to hold between columns: H2O's client cannot show a table without rows. */
    public TwoDimTable _relation_summary;
    /** Null until the model is complete. */
    public TwoDimTable _quality;
    /** Figures of a report on the model's rows; null where none was made, as are the other tables of it. */
    public TwoDimTable _report;
    public TwoDimTable _report_columns;
    public TwoDimTable _report_attacks;
    /** The frame of rows that the training was asked to generate; null where it was asked for none. */
    Key<Frame> _rows;

    GANOutput(GAN builder) {
      super(builder);
    }

    void clearReport() {
      _report = _report_columns = _report_attacks = null;
    }

    @Override
    public ModelCategory getModelCategory() {
      return ModelCategory.AnomalyDetection;
    }
  }

  /** The model file; null during training. */
  Blob _artifact;
  /** Average bytes of a row of the training frame in the cluster. */
  double _row_bytes;

  GANModel(Key<GANModel> key, GANParameters parameters, GANOutput output) {
    super(key, parameters, output);
  }

  public Blob artifact() {
    return _artifact;
  }

  static double rowBytes(Frame frame) {
    return (double) frame.byteSize() / Math.max(1, frame.numRows());
  }

  /** Sorts grids by {@link ModelMetricsGAN#residual_deviance}. */
  @Override
  public GridSortBy getDefaultGridSortBy() {
    return GridSortBy.RESDEV;
  }

  /**
   * Rates the rows of a frame: {@code predict} where the parameter contamination is set, {@code anomaly_score} and
   * {@code log_density}.
   *
   * <p>Levels are those of the frame, not adapted to the training frame's: one that training never saw is unlikely, not
   * missing.
   */
  @Override
  @SuppressWarnings("rawtypes")
  public Frame score(Frame frame, String destination, Job job, boolean metrics, CFuncRef custom) {
    return rate(frame, Key.make(destination), Prediction.Kind.PREDICTION, job, metrics);
  }

  /** The share of each column in the anomaly scores, or the scores alone. */
  @Override
  @SuppressWarnings({"rawtypes", "unchecked"})
  public Frame scoreAutoEncoder(Frame frame, Key destination, boolean perFeature) {
    return rate(frame, destination, perFeature ? Prediction.Kind.SHARES : Prediction.Kind.SCORE, null, true);
  }

  private Frame rate(Frame frame, Key<Frame> destination, Prediction.Kind kind, Job<?> job, boolean metrics) {
    if (_artifact == null) {
      throw new H2OIllegalArgumentException("model '" + _key + "' is still being trained");
    }
    Prediction prediction = new Prediction(_artifact, frame, kind);
    String full = Memory.refusal(frame.numRows(), prediction.rowBytes(), prediction.nodeBytes());
    if (full != null) {
      throw new H2OIllegalArgumentException(full);
    }
    Frame made = prediction.make(destination, true, job);
    if (metrics) {
      // R's h2o.anomaly finds the new frame by the metrics.
      long rows = frame.numRows();
      addModelMetrics(new ModelMetricsAnomaly(
          this, frame, null, rows, rows * prediction.meanScore(), rows * prediction.meanRank(), METRICS));
    }
    return made;
  }

  @Override
  public Frame scoreDeepFeatures(Frame frame, int layer) {
    throw noFeatures();
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Frame scoreDeepFeatures(Frame frame, int layer, Job job) {
    throw noFeatures();
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Frame scoreDeepFeatures(Frame frame, String layer, Job job) {
    throw noFeatures();
  }

  private static H2OIllegalArgumentException noFeatures() {
    return new H2OIllegalArgumentException("a GAN has no deep features: leave deep_features_hidden_layer out");
  }

  @Override
  public ModelMetrics.MetricBuilder<?> makeMetricBuilder(String[] domain) {
    return new ModelMetricsAnomaly.MetricBuilderAnomaly(METRICS, false);
  }

  @Override
  protected double[] score0(double[] data, double[] predictions) {
    throw new UnsupportedOperationException("a GAN rates the rows of a frame in blocks: use score(Frame)");
  }

  @Override
  protected Futures remove_impl(Futures removed, boolean cascade) {
    if (_artifact != null) {
      ModelCache.forget(_artifact, removed);
      _artifact.remove(removed);
    }
    return super.remove_impl(removed, cascade);
  }

  @Override
  protected AutoBuffer writeAll_impl(AutoBuffer out) {
    if (_artifact != null) {
      _artifact.save(out);
    }
    return super.writeAll_impl(out);
  }

  @Override
  protected Keyed<?> readAll_impl(AutoBuffer in, Futures stored) {
    if (_artifact != null) {
      _artifact.load(in, stored);
    }
    return super.readAll_impl(in, stored);
  }
}
