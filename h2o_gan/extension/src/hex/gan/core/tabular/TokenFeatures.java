package hex.gan.core.tabular;

import hex.gan.core.file.Tensors;
import hex.gan.core.math.Floats;
import hex.gan.core.math.Normal;
import hex.gan.core.tokens.Token;
import java.io.IOException;

/** Features of tokens, the inputs of a table's networks; mirrors h2o_gan/engine/tabular/features.py. */
final class TokenFeatures {
  /** Number of features of a token. */
  final int size;
  /** Number of pieces of a number's encoding. */
  final int knots;
  private final Token[] tokens;
  /** (all choices, size), flat. */
  private final float[] levels;
  /** By token, the row of its first choice in {@link #levels}, or of a number its index among the numbers. */
  private final int[] first;
  /** By number, from (knots + 1) pieces to features. */
  private final Layer[] lines;
  private final float[] at;

  /**
   * @param prefix of the names of the tensors, such as "generator.features."
   * @throws hex.gan.core.DamagedException a tensor is missing or has another shape
   */
  TokenFeatures(Token[] tokens, int size, int knots, Tensors tensors, String prefix) throws IOException {
    this.tokens = tokens;
    this.size = size;
    this.knots = knots;
    first = new int[tokens.length];
    int choices = 0;
    int numbers = 0;
    for (int t = 0; t < tokens.length; t++) {
      first[t] = tokens[t].isNumber() ? numbers++ : choices;
      choices += tokens[t].size;
    }
    levels = tensors.floats(prefix + "levels", choices, size);
    float[] all = tensors.floats(prefix + "lines", numbers, knots + 1, size);
    lines = new Layer[numbers];
    for (int i = 0; i < numbers; i++) {
      lines[i] = Layer.transposed(all, i * (knots + 1) * size, knots + 1, size, null);
    }
    at = new float[knots + 1];
    at[0] = -3.5f;
    at[knots] = 3.5f;
    for (int i = 1; i < knots; i++) {
      at[i] = (float) Normal.quantile((double) i / knots);
    }
  }

  /**
   * Computes the features of one token.
   *
   * @param values (n,)
   * @param active (n,) which rows have the token; the features of others are zero
   * @param out (size, n)
   * @param encoded (knots + 1, n) scratch
   */
  void of(int token, float[] values, boolean[] active, int n, float[][] out, float[][] encoded) {
    if (tokens[token].isNumber()) {
      encode(values, active, n, encoded);
      lines[first[token]].apply(encoded, out, n);
      return;
    }
    for (int b = 0; b < n; b++) {
      if (active[b]) {
        int from = (first[token] + (int) values[b]) * size;
        for (int e = 0; e < size; e++) {
          out[e][b] = levels[from + e];
        }
      } else {
        for (int e = 0; e < size; e++) {
          out[e][b] = 0;
        }
      }
    }
  }

  private void encode(float[] values, boolean[] active, int n, float[][] encoded) {
    float[] scores = encoded[0];
    boolean whole = true;
    for (int b = 0; b < n; b++) {
      whole &= active[b];
    }
    for (int i = 0; i < knots; i++) {
      piece(encoded[i + 1], values, at[i], at[i + 1] - at[i], n);
    }
    for (int b = 0; b < n; b++) {
      scores[b] = values[b] * 0.5f;
    }
    if (whole) {
      return;
    }
    for (int b = 0; b < n; b++) {
      if (!active[b]) {
        for (int i = 0; i <= knots; i++) {
          encoded[i][b] = 0;
        }
      }
    }
  }

  private static void piece(float[] out, float[] values, float from, float width, int n) {
    for (int b = 0; b < n; b++) {
      out[b] = (values[b] - from) / width;
    }
    Floats.clamp(out, 0, 1, n);
  }
}
