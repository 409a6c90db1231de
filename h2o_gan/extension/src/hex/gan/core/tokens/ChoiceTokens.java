package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Values;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import java.util.Arrays;

/** Choices, and the codes of each; mirrors _ChoiceTokens of h2o_gan/engine/data/tokens/categorical.py. */
abstract class ChoiceTokens extends ColumnTokens {
  /** (codes,) the choice of each code, or UNSEEN. */
  final int[] choiceOf;
  final Members members;
  /** (choices,) the relation that a choice stands for, -1 for none; null where the column has no relations. */
  private final int[] relationOf;

  ChoiceTokens(int index, LearnedCodec codec, Choices choices) {
    super(index, codec);
    this.choiceOf = choices.choiceOf;
    this.members = new Members(choices.choiceOf, choices.shares);
    relationOf = codec.related == 0 ? null : new int[members.masses().length];
    if (relationOf != null) {
      Arrays.fill(relationOf, -1);
      for (int relation = 0; relation < codec.related; relation++) {
        relationOf[choiceOf[codec.firstRelated() + relation]] = relation;
      }
    }
  }

  /** The choices of a codec's codes, checked. */
  static final class Choices {
    final double[] shares;
    final int[] choiceOf;

    private Choices(double[] shares, int[] choiceOf) {
      this.shares = shares;
      this.choiceOf = choiceOf;
    }

    static Choices restore(LearnedCodec codec, NamedArrays arrays) throws DamagedException {
      double[] shares = arrays.doubles("shares");
      int[] choiceOf = arrays.ints("choice_of");
      int width = codec.width();
      boolean isValid = choiceOf.length == width && shares.length == width && ArrayMath.isDistribution(shares);
      int size = 0;
      for (int choice : choiceOf) {
        isValid &= choice >= Members.UNSEEN && choice < width;
        size = Math.max(size, choice + 1);
      }
      int[] counts = new int[isValid ? size : 0];
      for (int i = 0; i < width && isValid; i++) {
        if (choiceOf[i] >= 0) {
          counts[choiceOf[i]]++;
        }
      }
      isValid &= size > 0;
      for (int count : counts) {
        isValid &= count > 0;
      }
      if (!isValid) {
        throw codec.columns[0].wrong("its choices do not match its values");
      }
      for (int relation = 0; relation < codec.related; relation++) {
        int choice = choiceOf[codec.firstRelated() + relation];
        if (choice < 0 || counts[choice] > 1) {
          throw codec.columns[0].wrong("a relation shares its choice");
        }
      }
      return new Choices(shares, choiceOf);
    }
  }

  /** The choices of tokens, (tokens, rows); (rows,). */
  abstract int[] choicesOf(float[][] values);

  @Override
  public final int[] related(float[][] values) {
    if (relationOf == null) {
      return null;
    }
    // Frequent enough for a choice of its own, a relation is the only code behind it.
    int[] found = choicesOf(values);
    for (int i = 0; i < found.length; i++) {
      found[i] = relationOf[found[i]];
    }
    return found;
  }

  /** The codes of tokens, (rows,); see {@link #decode}. */
  final int[] codes(float[][] values, double[] uniforms, Constraint constraint) {
    return members.draw(choicesOf(values), uniforms, constraint == null ? null : constraint.codes);
  }

  @Override
  public final Values[] decode(float[][] values, double[] uniforms, Constraint constraint) {
    return codec.decode(codes(values, uniforms, constraint), uniforms, constraint);
  }

  /** (choices,) the share of each choice that a constraint allows; null for all. */
  final double[] allowedShares(Constraint constraint) {
    if (constraint.codes == null) {
      return null;
    }
    double[] allowed = new double[choiceOf.length];
    for (int code = 0; code < allowed.length; code++) {
      allowed[code] = !constraint.codes[code] ? 0 : constraint.shares == null ? 1 : constraint.shares[code];
    }
    return members.allowedShares(allowed);
  }

  /** The table of a token that is the choice of each code, (codes,); UNSEEN for none. */
  static TokenTable choiceTable(int[] choices) {
    double[] start = new double[choices.length];
    boolean[] active = new boolean[choices.length];
    for (int code = 0; code < choices.length; code++) {
      active[code] = choices[code] >= 0;
      start[code] = Math.max(choices[code], 0);
    }
    return new TokenTable(start, new double[choices.length], active);
  }
}
