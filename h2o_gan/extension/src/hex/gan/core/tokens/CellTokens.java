package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Cells;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.CoordinatesCodec;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import hex.gan.core.math.Normal;
import java.util.Arrays;

/**
 * The choice of a cell, in one or two tokens, then a placed number for each column.
 *
 * <p>Mirrors CellTokens of h2o_gan/engine/data/codecs/coordinates.py.
 */
final class CellTokens extends ColumnTokens {
  private final CoordinatesCodec codec;
  /** The tokens of the choice. */
  private final ChoiceTokens choice;
  private final Token[] tokens;

  private CellTokens(int index, CoordinatesCodec codec, ChoiceTokens choice) {
    super(index, codec);
    this.codec = codec;
    this.choice = choice;
    Token[] choices = choice.tokens();
    TokenTable[] tables = choice.tables();
    int size = choices[choices.length - 1].size;
    int combinations = choices.length == 1 ? size : choices[0].size * size;
    tokens = Arrays.copyOf(choices, choices.length + 2);
    for (int side = 0; side < 2; side++) {
      double[][] ranks = new double[combinations][];
      Arrays.setAll(ranks, i -> new double[] {Double.NaN, Double.NaN});
      for (int cell = 0; cell < codec.cells.size(); cell++) {
        int at = (int) tables[0].start[cell];
        at = choices.length == 1 ? at : at * size + (int) tables[1].start[cell];
        ranks[at] = new double[] {codec.cells.start[side][cell], codec.cells.length[side][cell]};
      }
      tokens[choices.length + side] = Token.placed(index, choices.length + side, ranks);
    }
  }

  static CellTokens restore(int index, CoordinatesCodec codec, Json item, NamedArrays arrays)
      throws DamagedException {
    ChoiceTokens choice = item.has("size")
        ? FactoredTokens.restore(index, codec, item, arrays)
        : CategoricalTokens.restore(index, codec, arrays);
    for (int code = 0; code < choice.choiceOf.length; code++) {
      if (choice.choiceOf[code] != code) {
        throw codec.columns[0].wrong("its choices are not cells");
      }
    }
    return new CellTokens(index, codec, choice);
  }

  @Override
  public Token[] tokens() {
    return tokens.clone();
  }

  @Override
  public TokenTable[] tables() {
    Cells cells = codec.cells;
    int width = codec.width();
    TokenTable[] choices = choice.tables();
    TokenTable[] found = Arrays.copyOf(choices, choices.length + 2);
    boolean[] active = new boolean[width];
    Arrays.fill(active, 0, cells.size(), true);
    for (int side = 0; side < 2; side++) {
      double[] start = new double[width];
      Arrays.fill(start, 0.5);
      System.arraycopy(cells.start[side], 0, start, 0, cells.size());
      found[choices.length + side] = new TokenTable(start, Arrays.copyOf(cells.length[side], width), active);
    }
    return found;
  }

  @Override
  public Values[] decode(float[][] values, double[] uniforms, Constraint constraint) {
    Cells cells = codec.cells;
    int[] codes = choice.codes(values, uniforms, constraint);
    double[][] fractions = new double[2][codes.length];
    for (int side = 0; side < 2; side++) {
      float[] scores = values[values.length - 2 + side];
      for (int i = 0; i < codes.length; i++) {
        if (codes[i] < cells.size()) {
          double part = (Normal.cdf(scores[i]) - cells.start[side][codes[i]]) / cells.length[side][codes[i]];
          fractions[side][i] = ArrayMath.clip(part, 0, 1);
        }
      }
    }
    return codec.points(codes, fractions, constraint);
  }

  @Override
  public double[][][] masks(Constraint constraint) {
    double[][][] choices = choice.masks(constraint);
    return Arrays.copyOf(choices, choices.length + 2);
  }
}
