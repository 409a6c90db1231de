package hex.gan.core.tabular;

import hex.gan.core.math.Floats;
import hex.gan.core.tokens.Token;
import java.util.Arrays;

/** Log probabilities of tokens by the generator; mirrors log_likelihood and log_conditionals of its Python class. */
public final class Likelihood {
  private final Generator generator;
  private final Token[] tokens;
  private final Workspace space;
  /** (tokens, rows) the tokens before the current one. */
  private final boolean[][] seen;

  public Likelihood(Generator generator, Token[] tokens, Workspace space) {
    this.generator = generator;
    this.tokens = tokens;
    this.space = space;
    seen = new boolean[tokens.length][space.rows];
  }

  /**
   * Computes the log probability (density, for numbers) of each token given those before it.
   *
   * @param values (tokens, n)
   * @param active (tokens, n) which tokens rows have
   * @param order the tokens, from the first to the last
   * @param out (tokens, n) filled, in nats; 0 for tokens that rows do not have, and for placed numbers
   */
  public void givenBefore(float[][] values, boolean[][] active, int[] order, int n, double[][] out) {
    float[][] summary = space.summary;
    for (float[] row : summary) {
      Floats.fill(row, 0, n);
    }
    for (boolean[] row : seen) {
      Arrays.fill(row, 0, n, false);
    }
    for (int step = 0; step < order.length; step++) {
      int token = order[step];
      logs(token, summary, values, active, seen, n, out[token]);
      if (step + 1 < order.length) {
        System.arraycopy(active[token], 0, seen[token], 0, n);
        generator.addToken(token, values[token], active[token], n, summary, space);
        generator.addCrosses(token, values, seen, active[token], n, summary);
      }
    }
  }

  /**
   * Computes the log probability of each token given all other columns, and those before it of its own.
   *
   * <p>The sum over tokens is the log pseudo-likelihood (Besag 1975). Arguments are those of {@link #givenBefore}.
   */
  public void givenOthers(float[][] values, boolean[][] active, int n, double[][] out) {
    float[][] total = space.other;
    for (float[] row : total) {
      Floats.fill(row, 0, n);
    }
    for (int t = 0; t < tokens.length; t++) {
      generator.addToken(t, values[t], active[t], n, total, space);
    }
    float[][] summary = space.summary;
    int start = 0;
    while (start < tokens.length) {
      int end = start + 1;
      while (end < tokens.length && tokens[end].column == tokens[start].column) {
        end++;
      }
      for (float[] row : summary) {
        Floats.fill(row, 0, n);
      }
      for (int t = start; t < end; t++) {
        generator.addToken(t, values[t], active[t], n, summary, space);
      }
      for (int r = 0; r < summary.length; r++) {
        Floats.negate(summary[r], n);
        Floats.add(summary[r], total[r], n);
      }
      generator.addCrossesOfOthers(tokens[start].column, values, active, n, summary);
      for (int t = start; t < end; t++) {
        logs(t, summary, values, active, active, n, out[t]);
        if (t + 1 < end) {
          generator.addToken(t, values[t], active[t], n, summary, space);
        }
      }
      start = end;
    }
  }

  private void logs(
      int index, float[][] summary, float[][] values, boolean[][] active, boolean[][] known, int n, double[] out) {
    Token token = tokens[index];
    Arrays.fill(out, 0, n, 0);
    boolean any = false;
    for (int b = 0; b < n; b++) {
      any |= active[index][b];
    }
    if (token.isPlaced() || !any) {
      return;
    }
    float[][] output = generator.output(index, summary, values, known, n, space);
    if (token.isNumber()) {
      Mixture.logDensity(output, generator.components(index), values[index], n, out);
    } else {
      logChoice(output, token.size, values[index], n, out);
    }
    for (int b = 0; b < n; b++) {
      out[b] = active[index][b] ? out[b] : 0;
    }
  }

  private void logChoice(float[][] logits, int size, float[] choices, int n, double[] out) {
    float[] largest = space.scratch[0];
    float[] sums = space.scratch[1];
    System.arraycopy(logits[0], 0, largest, 0, n);
    for (int c = 1; c < size; c++) {
      Floats.larger(largest, logits[c], n);
    }
    for (int b = 0; b < n; b++) {
      out[b] = logits[(int) choices[b]][b] - largest[b];
    }
    Floats.fill(sums, 0, n);
    for (int c = 0; c < size; c++) {
      Floats.subtract(logits[c], largest, n);
      Floats.exp(logits[c], n);
      Floats.add(sums, logits[c], n);
    }
    for (int b = 0; b < n; b++) {
      out[b] -= StrictMath.log(sums[b]);
    }
  }
}
