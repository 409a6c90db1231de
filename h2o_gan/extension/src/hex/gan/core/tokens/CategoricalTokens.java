package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;

/**
 * One token: frequent codes are a choice each, rare ones share one.
 *
 * <p>Mirrors CategoricalTokens of h2o_gan/engine/data/tokens/categorical.py.
 */
final class CategoricalTokens extends ChoiceTokens {
  private final Token token;

  private CategoricalTokens(int index, LearnedCodec codec, Choices choices) {
    super(index, codec, choices);
    double[] sizes = members.masses().clone();
    double total = ArrayMath.sum(sizes);
    for (int choice = 0; choice < sizes.length; choice++) {
      sizes[choice] /= total;
    }
    token = Token.choice(index, sizes);
  }

  static CategoricalTokens restore(int index, LearnedCodec codec, NamedArrays arrays) throws DamagedException {
    return new CategoricalTokens(index, codec, Choices.restore(codec, arrays));
  }

  @Override
  public Token[] tokens() {
    return new Token[] {token};
  }

  @Override
  public int[] choices() {
    return choiceOf;
  }

  @Override
  public TokenTable[] tables() {
    return new TokenTable[] {choiceTable(choiceOf)};
  }

  @Override
  public int choiceOfRelation(int relation) {
    return choiceOf[codec.firstRelated() + relation];
  }

  @Override
  public double[][][] masks(Constraint constraint) {
    double[] shares = allowedShares(constraint);
    return new double[][][] {shares == null ? null : new double[][] {shares}};
  }

  @Override
  int[] choicesOf(float[][] values) {
    int[] choices = new int[values[0].length];
    for (int i = 0; i < choices.length; i++) {
      choices[i] = (int) values[0][i];
    }
    return choices;
  }
}
