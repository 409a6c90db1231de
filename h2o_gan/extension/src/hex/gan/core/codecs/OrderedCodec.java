package hex.gan.core.codecs;

import hex.gan.core.data.Condition;

/** A kind of column whose codes are ordered bins of numbers, then missing. */
public abstract class OrderedCodec extends LearnedCodec {
  /** The bins. */
  public final Quantiles quantiles;

  OrderedCodec(Quantiles quantiles, boolean hasMissing, int related) {
    super(hasMissing, related, quantiles.column);
    this.quantiles = quantiles;
  }

  /**
   * The smallest and the largest value that a condition allows, Longs or Doubles; null for missing.
   *
   * <p>Both are values of the column's resolution, and at least one value of the column's range lies between them.
   * Throws IllegalArgumentException where no value of the column meets the condition.
   */
  public abstract Number[] interval(Condition wanted);
}
