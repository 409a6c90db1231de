package hex.gan.core.tokens;

import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;

/** The tokens of one learned codec; mirrors ColumnTokens of h2o_gan/engine/data/protocol.py. */
public abstract class ColumnTokens {
  /** Index of the codec among the learned ones. */
  public final int index;
  public final LearnedCodec codec;

  ColumnTokens(int index, LearnedCodec codec) {
    this.index = index;
    this.codec = codec;
  }

  /** The tokens, in order. */
  public abstract Token[] tokens();

  /** (width,) the choice of each code, negative for none, if one choice is all there is; else null. */
  public int[] choices() {
    return null;
  }

  /** The choices of codes, (rows,), of a column of which one choice is all there is; negative for none. */
  public final int[] choicesOf(int[] codes) {
    int[] choiceOf = choices();
    int[] found = new int[codes.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = codes[i] < 0 ? -1 : choiceOf[codes[i]];
    }
    return found;
  }

  /** How codes become tokens, for each token. */
  public abstract TokenTable[] tables();

  /**
   * The relations that give the values of rows.
   *
   * @param values (tokens, rows)
   * @return (rows,) -1 for none; null where the column has no relations
   */
  public int[] related(float[][] values) {
    return null;
  }

  /** The choice of the first token that stands for a relation. */
  public int choiceOfRelation(int relation) {
    throw new IllegalStateException("the column has no relations");
  }

  /**
   * Decodes tokens.
   *
   * @param values (tokens, rows)
   * @param uniforms (rows,) in [0, 1), which decide what tokens leave open
   * @param constraint what values may be; null for anything
   * @return the values of each column of the codec
   */
  public abstract Values[] decode(float[][] values, double[] uniforms, Constraint constraint);

  /**
   * What a constraint leaves of each token: null where it leaves everything.
   *
   * <p>Of a choice one row, (1, size), the share of each choice that is allowed; of the second token of a pair (size of
   * the first, size); of a number {{low, high}}, its bounds, the second below the first where no number is allowed.
   */
  public abstract double[][][] masks(Constraint constraint);

  /** What a condition allows. Throws IllegalArgumentException where no value of the column meets it. */
  public Constraint constraint(String column, Condition wanted) {
    return codec.constraint(column, wanted);
  }

  /** The constraint that allows everything but missing values. */
  public Constraint present() {
    boolean[] codes = new boolean[codec.width()];
    java.util.Arrays.fill(codes, 0, codes.length - (codec.hasMissing ? 1 : 0), true);
    return Constraint.ofCodes(codes, null);
  }
}
