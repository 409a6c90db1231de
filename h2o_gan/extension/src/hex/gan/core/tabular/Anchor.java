package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.tokens.Token;

/** A number whose value is close to that of another one; mirrors h2o_gan/engine/tabular/anchors.py. */
final class Anchor {
  /** Components of the number's mixture that are centred at the other number. */
  static final int COMPONENTS = 6;

  private static final int GRID = 257;
  private static final float ENDS = 4;

  final int token;
  /** Index of the other number's token. */
  final int source;
  private final float[] scores;

  Anchor(Json json, Token[] tokens) throws DamagedException {
    token = json.get("token").count(0, tokens.length - 1);
    source = json.get("source").count(0, tokens.length - 1);
    double[] table = json.get("scores").numbers();
    if (table.length != GRID || token == source || !isLearned(tokens[token]) || !isLearned(tokens[source])) {
      throw json.wrong("an anchor is of two numbers");
    }
    scores = new float[GRID];
    for (int i = 0; i < GRID; i++) {
      scores[i] = (float) table[i];
      if (!(Math.abs(scores[i]) < 100)) {
        throw json.wrong("an anchor's scores are out of range");
      }
    }
  }

  private static boolean isLearned(Token token) {
    return token.isNumber() && !token.isPlaced();
  }

  /** The centre of the components where the source has a value. */
  float centre(float value) {
    float at = (Math.min(Math.max(value, -ENDS), ENDS) + ENDS) * ((GRID - 1) / (2 * ENDS));
    int left = Math.min((int) at, GRID - 2);
    return scores[left] + (at - left) * (scores[left + 1] - scores[left]);
  }
}
