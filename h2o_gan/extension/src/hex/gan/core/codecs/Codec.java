package hex.gan.core.codecs;

import hex.gan.core.data.Column;
import hex.gan.core.data.Values;

/** A kind of column; mirrors Codec of h2o_gan/engine/data/protocol.py. */
public abstract class Codec {
  /** The columns that it encodes, one or two. */
  public final Column[] columns;

  Codec(Column... columns) {
    this.columns = columns;
  }

  /**
   * Log probability of values by themselves: the density, for numbers.
   *
   * @param values of each of the columns
   * @param rows number of training rows
   * @param related (values,) the relation that gives a value, -1 for none; null where the column has no relations
   * @return (values,) finite; 0 for kinds that say nothing of a row
   */
  public double[] logMarginal(Values[] values, long rows, int[] related) {
    return new double[values[0].size()];
  }
}
