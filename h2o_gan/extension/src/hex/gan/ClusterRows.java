package hex.gan;

import hex.gan.cache.ModelCache;
import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.generate.Making;
import hex.gan.generate.Recipe;
import java.io.IOException;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;

/** The rows that a model of a table makes in the cluster, for callers that wait. Frames have no keys. */
public final class ClusterRows {
  private final GANModel model;

  public ClusterRows(GANModel model) {
    this.model = model;
  }

  /**
   * Generates rows.
   *
   * @param seed null for a random one
   * @throws H2OIllegalArgumentException the model is not one of a table, or there is not enough memory
   */
  public Frame generate(long rows, Long seed) {
    GanModel loaded = loaded();
    Recipe recipe = Recipe.sample(rows, seed(seed), null, null, 1);
    return made(rows, model._row_bytes, loaded, Making.sample(model.artifact(), loaded, recipe));
  }

  /**
   * Fills the missing values of a frame, as a new frame.
   *
   * @param seed null for a random one
   * @throws IllegalArgumentException the frame does not fit the model
   * @throws H2OIllegalArgumentException the model is not one of a table, or there is not enough memory
   */
  public Frame impute(Frame frame, Long seed) {
    GanModel loaded = loaded();
    Making making = Making.imputation(model.artifact(), loaded, Recipe.imputation(seed(seed)), frame);
    return made(frame.numRows(), GANModel.rowBytes(frame), loaded, making);
  }

  private static long seed(Long seed) {
    return seed == null ? RowsRequest.randomSeed() : seed;
  }

  private GanModel loaded() {
    if (model.artifact() == null) {
      throw new H2OIllegalArgumentException("model '" + model._key + "' is still being trained");
    }
    try {
      return ModelCache.get(model.artifact());
    } catch (IOException e) {
      throw new H2OIllegalArgumentException(e.getMessage());
    }
  }

  private static Frame made(long rows, double rowBytes, GanModel loaded, Making making) {
    String full = Memory.refusal(rows, rowBytes + Making.rowBytes(loaded), Making.nodeBytes(loaded));
    if (full != null) {
      throw new H2OIllegalArgumentException(full);
    }
    try {
      return making.make(null, null, 0);
    } catch (UnreachableException e) {
      throw new H2OIllegalArgumentException(e.getMessage());
    }
  }
}
