package hex.gan.core.codecs;

import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;

/** A kind of column that no network learns: values come from the codec alone. */
public abstract class GeneratedCodec extends Codec {
  GeneratedCodec(Column... columns) {
    super(columns);
  }

  /**
   * Values of consecutive rows.
   *
   * @param start index of the first row in the sample
   * @param rows their number
   * @param seed of the sample
   */
  public abstract Values generate(long start, int rows, long seed);

  /** Throws IllegalArgumentException unless generated values of a column meet a condition. */
  public abstract void checkCondition(String column, Condition wanted);
}
