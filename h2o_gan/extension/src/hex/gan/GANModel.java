package hex.gan;

import hex.Model;
import hex.ModelCategory;
import hex.ModelMetrics;
import hex.gan.work.Blob;
import hex.gan.work.Watch;
import water.AutoBuffer;
import water.Futures;
import water.Job;
import water.Key;
import water.Keyed;
import water.fvec.Frame;
import water.udf.CFuncRef;
import water.util.TwoDimTable;

/** A trained GAN: the model file, which workers read and write, and what H2O shows of the model. */
public final class GANModel extends Model<GANModel, GANModel.GANParameters, GANModel.GANOutput> {
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
      return Watch.UNITS;
    }
  }

  /** What H2O shows of the model. */
  public static final class GANOutput extends Model.Output {
    public TwoDimTable _column_summary;
    /** Null where nothing is known to hold between columns: H2O's client cannot show a table without rows. */
    public TwoDimTable _relation_summary;

    GANOutput(GAN builder) {
      super(builder);
    }

    @Override
    public ModelCategory getModelCategory() {
      return ModelCategory.Unknown;
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

  private static UnsupportedOperationException noScoring() {
    return new UnsupportedOperationException(
        "a GAN does not score inside the cluster: generate rows (POST /3/GAN/models/{id}/generate), "
            + "or use predict of the Python class H2OGANEstimator");
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Frame score(Frame frame, String destination, Job job, boolean metrics, CFuncRef custom) {
    throw noScoring();
  }

  @Override
  public ModelMetrics.MetricBuilder<?> makeMetricBuilder(String[] domain) {
    throw noScoring();
  }

  @Override
  protected double[] score0(double[] data, double[] predictions) {
    throw noScoring();
  }

  @Override
  protected Futures remove_impl(Futures removed, boolean cascade) {
    if (_artifact != null) {
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
