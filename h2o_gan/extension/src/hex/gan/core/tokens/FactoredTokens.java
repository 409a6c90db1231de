package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;

/**
 * Two tokens: a block of choices, and the index in the block.
 *
 * <p>Mirrors FactoredTokens of h2o_gan/engine/data/tokens/categorical.py.
 */
final class FactoredTokens extends ChoiceTokens {
  /** (choices,) the choices in the order that is cut into blocks. */
  private final int[] order;
  /** Number of choices in a block. */
  private final int size;
  private final int blocks;
  private final Token[] tokens;

  private FactoredTokens(int index, LearnedCodec codec, Choices choices, int[] order, int size) {
    super(index, codec, choices);
    this.order = order;
    this.size = size;
    this.blocks = (order.length + size - 1) / size;
    double[] masses = members.masses();
    double total = ArrayMath.sum(masses);
    double[] blockShares = new double[blocks];
    double[][] grid = new double[blocks][size];
    for (int block = 0; block < blocks; block++) {
      for (int i = 0; i < size && block * size + i < order.length; i++) {
        grid[block][i] = masses[order[block * size + i]] / total;
      }
      blockShares[block] = ArrayMath.sum(grid[block]);
      for (int i = 0; i < size; i++) {
        grid[block][i] /= blockShares[block];
      }
    }
    tokens = new Token[] {Token.choice(index, blockShares), Token.second(index, grid)};
  }

  static FactoredTokens restore(int index, LearnedCodec codec, Json item, NamedArrays arrays)
      throws DamagedException {
    Choices choices = Choices.restore(codec, arrays);
    int[] order = arrays.ints("choice_at");
    int known = 0;
    for (int choice : choices.choiceOf) {
      known = Math.max(known, choice + 1);
    }
    boolean isValid = order.length == known;
    boolean[] used = new boolean[known];
    for (int choice : order) {
      isValid &= choice >= 0 && choice < known && !used[choice];
      if (isValid) {
        used[choice] = true;
      }
    }
    if (!isValid || !item.get("size").isWhole()) {
      throw codec.columns[0].wrong("its blocks do not match");
    }
    return new FactoredTokens(index, codec, choices, order, item.get("size").count(1, known));
  }

  @Override
  public Token[] tokens() {
    return tokens.clone();
  }

  @Override
  public TokenTable[] tables() {
    int[] rank = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      rank[order[i]] = i;
    }
    int[] block = new int[choiceOf.length];
    int[] inBlock = new int[choiceOf.length];
    for (int code = 0; code < choiceOf.length; code++) {
      int choice = choiceOf[code];
      block[code] = choice < 0 ? Members.UNSEEN : rank[choice] / size;
      inBlock[code] = choice < 0 ? Members.UNSEEN : rank[choice] % size;
    }
    return new TokenTable[] {choiceTable(block), choiceTable(inBlock)};
  }

  @Override
  public double[][][] masks(Constraint constraint) {
    double[] shares = allowedShares(constraint);
    if (shares == null) {
      return new double[2][][];
    }
    double[] any = new double[blocks];
    double[][] grid = new double[blocks][size];
    for (int i = 0; i < order.length; i++) {
      grid[i / size][i % size] = shares[order[i]];
      if (shares[order[i]] > 0) {
        any[i / size] = 1;
      }
    }
    return new double[][][] {{any}, grid};
  }

  @Override
  int[] choicesOf(float[][] values) {
    int[] choices = new int[values[0].length];
    for (int i = 0; i < choices.length; i++) {
      // The last block may be larger than the number of choices that are left.
      choices[i] = order[Math.min((int) values[0][i] * size + (int) values[1][i], order.length - 1)];
    }
    return choices;
  }
}
