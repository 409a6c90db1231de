package hex.gan.core.codecs;

import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;

/**
 * A kind of column that networks learn; mirrors LearnedCodec of h2o_gan/engine/data/protocol.py.
 *
 * <p>Codes run from 0 to {@code width() - 1}; the last one is missing, where there are missing values. One code for
 * each relation stands before it.
 */
public abstract class LearnedCodec extends Codec {
  /** Code of a value that training never saw, and of missing values where they are not learned. */
  public static final int UNKNOWN = -1;

  public final boolean hasMissing;
  /** Number of relations that give the value in a part of the rows. */
  public final int related;

  LearnedCodec(boolean hasMissing, int related, Column... columns) {
    super(columns);
    this.hasMissing = hasMissing;
    this.related = related;
  }

  /** (width,) probabilities of the codes; not to be changed. */
  public abstract double[] shares();

  /** Number of codes. */
  public final int width() {
    return shares().length;
  }

  /** The code of the first relation. */
  public final int firstRelated() {
    return width() - (hasMissing ? 1 : 0) - related;
  }

  /** Whether the codes but missing are levels of one column, which can be balanced. */
  public boolean hasLevels() {
    return false;
  }

  /**
   * Encodes values.
   *
   * @param values of each of the columns
   * @param related (rows,) the relation that gives a row's value, -1 for none; null where the column has no relations
   * @return (rows,) codes; UNKNOWN for values that training never saw
   */
  public abstract int[] encode(Values[] values, int[] related);

  /**
   * Decodes codes.
   *
   * @param codes (rows,)
   * @param uniforms (rows,) in [0, 1), which decide what codes leave open
   * @param constraint what values may be; null for anything
   */
  public abstract Values[] decode(int[] codes, double[] uniforms, Constraint constraint);

  /** The codes that a condition allows. Throws IllegalArgumentException where no value of the column meets it. */
  public abstract Constraint constraint(String column, Condition wanted);

  /** The constraint of conditions on several columns of this codec, from their combination. */
  public Constraint joined(Constraint constraint) {
    return constraint;
  }

  /**
   * The codes that a row can have of which only some columns are given.
   *
   * @param values of each of the columns
   * @param row index of the row
   * @param given for each column, whether its value in the row is given
   * @return (width,) the share of each code that agrees with the given values
   */
  public double[] possible(Values[] values, int row, boolean[] given) {
    double[] all = new double[width()];
    java.util.Arrays.fill(all, 1);
    return all;
  }
}
