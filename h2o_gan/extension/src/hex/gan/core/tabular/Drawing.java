package hex.gan.core.tabular;

import hex.gan.core.math.Floats;
import hex.gan.core.math.Normal;
import hex.gan.core.tokens.Token;
import java.util.Arrays;

/** Draws rows from the generator, token by token; mirrors h2o_gan/engine/tabular/drawing.py. */
public final class Drawing {
  private static final double LEAST_RANK = 1e-6;

  private final Generator generator;
  private final Token[] tokens;
  private final Workspace space;
  /** (rows,) each. */
  private final boolean[] present;
  private final boolean[] added;
  private final float[] pick;
  private final float[] second;
  private final float[] drawn;
  private final float[] totals;
  private final float[] targets;
  private final int[] chosen;
  private final double[] logs;
  private final double[] low;
  private final double[] high;
  private boolean withLog;

  public Drawing(Generator generator, Token[] tokens, Workspace space) {
    this.generator = generator;
    this.tokens = tokens;
    this.space = space;
    int rows = space.rows;
    present = new boolean[rows];
    added = new boolean[rows];
    pick = new float[rows];
    second = new float[rows];
    drawn = new float[rows];
    totals = new float[rows];
    targets = new float[rows];
    chosen = new int[rows];
    logs = new double[rows];
    low = new double[rows];
    high = new double[rows];
  }

  /**
   * Draws the tokens of candidates that are not given.
   *
   * @param out the candidates, which are filled
   * @param n their number
   * @param given what is given, by row of the block; null for nothing
   * @param owners (n,) the row of the block that each is for; null where nothing depends on rows
   * @param order the tokens, from the first to the last
   * @param bounds by token, null for none; null for none at all
   * @param temperature of choices and, as a factor of the variance, of numbers
   * @param withLog whether log probabilities are needed
   */
  void draw(
      Candidates out, int n, Given given, int[] owners, int[] order, Bounds[] bounds, Noise noise,
      float temperature, boolean withLog) {
    this.withLog = withLog;
    float[][] summary = space.summary;
    start(out, n, given, owners, summary);
    for (int step = 0; step < order.length; step++) {
      int token = order[step];
      boolean[] known = given == null ? null : given.known[token];
      if (known != null && all(known, owners, n)) {
        continue;
      }
      Bounds bound = bounds == null ? null : bounds[token];
      drawToken(token, out, n, owners, bound, noise, temperature, summary, given == null && step == 0);
      float[] values = out.values[token];
      boolean[] active = out.active[token];
      for (int b = 0; b < n; b++) {
        boolean isGiven = known != null && known[owners[b]];
        added[b] = !isGiven && present[b];
        if (!isGiven) {
          values[b] = present[b] ? drawn[b] : 0;
          active[b] = present[b];
        }
        if (withLog && added[b]) {
          out.logDrawn[b] += logs[b];
        }
      }
      if (step + 1 < order.length) {
        generator.addToken(token, values, added, n, summary, space);
        generator.addCrosses(token, out.values, out.active, added, n, summary);
      }
    }
  }

  private void start(Candidates out, int n, Given given, int[] owners, float[][] summary) {
    Arrays.fill(out.logDrawn, 0, n, 0);
    for (int t = 0; t < tokens.length; t++) {
      for (int b = 0; b < n; b++) {
        boolean there = given != null && given.known[t][owners[b]] && given.active[t][owners[b]];
        out.active[t][b] = there;
        out.values[t][b] = there ? given.values[t][owners[b]] : 0;
      }
    }
    if (given != null) {
      generator.summarize(out.values, out.active, n, summary, space);
    } else {
      for (float[] row : summary) {
        Floats.fill(row, 0, n);
      }
    }
  }

  private static boolean all(boolean[] known, int[] owners, int n) {
    for (int b = 0; b < n; b++) {
      if (!known[owners[b]]) {
        return false;
      }
    }
    return true;
  }

  private void drawToken(
      int index, Candidates out, int n, int[] owners, Bounds bound, Noise noise, float temperature,
      float[][] summary, boolean isFirst) {
    Token token = tokens[index];
    if (token.isPlaced()) {
      drawPlaced(index, out, n, noise);
      return;
    }
    float[][] output = output(index, out, n, summary, isFirst);
    noise.uniforms(index, 0, pick, n);
    if (!token.isNumber()) {
      Arrays.fill(present, 0, n, true);
      drawChoice(index, output, out, n, owners, bound, temperature);
      return;
    }
    presence(index, out.values, n, present);
    int components = generator.components(index);
    if (bound == null || bound.isOpen()) {
      noise.normals(index, second, n);
      Mixture.draw(output, components, temperature, pick, second, n, drawn);
      if (withLog) {
        Mixture.logDensity(output, components, drawn, n, logs);
      }
      return;
    }
    for (int b = 0; b < n; b++) {
      Bounds own = bound.of(out.values, b);
      low[b] = own.low;
      high[b] = own.high;
    }
    noise.uniforms(index, 1, second, n);
    double[] mass = new double[n];
    Mixture.drawWithin(output, components, temperature, low, high, pick, second, n, drawn, mass);
    Mixture.logDensity(output, components, drawn, n, logs);
    for (int b = 0; b < n; b++) {
      logs[b] -= mass[b];
    }
  }

  /** The output of a token's network; that of the first token, if nothing is given, is the same for all rows. */
  private float[][] output(int index, Candidates out, int n, float[][] summary, boolean isFirst) {
    float[][] output = generator.output(index, summary, out.values, out.active, isFirst ? 1 : n, space);
    for (int unit = 0; isFirst && unit < generator.width(index); unit++) {
      Floats.fill(output[unit], output[unit][0], n);
    }
    return output;
  }

  private void drawPlaced(int index, Candidates out, int n, Noise noise) {
    noise.uniforms(index, 1, second, n);
    for (int b = 0; b < n; b++) {
      double[] ranks = placedRanks(index, out.values, b);
      present[b] = !Double.isNaN(ranks[0]);
      logs[b] = 0;
      if (present[b]) {
        double rank = Math.min(Math.max(ranks[0] + ranks[1] * second[b], LEAST_RANK), 1 - LEAST_RANK);
        drawn[b] = (float) Normal.quantile(rank);
      }
    }
  }

  /** The first rank of a placed number and the length of its ranks; NaN where there is no number. */
  private double[] placedRanks(int index, float[][] values, int row) {
    Token token = tokens[index];
    int at = index - token.before;
    int choice = (int) values[at][row];
    if (tokens[at + 1].isSecond()) {
      choice = choice * tokens[at + 1].size + (int) values[at + 1][row];
    }
    return token.ranks[choice];
  }

  /** Which rows have a learned number, as the choice of its column before it decides. */
  private void presence(int index, float[][] values, int n, boolean[] out) {
    if (tokens[index].before == 0) {
      Arrays.fill(out, 0, n, true);
      return;
    }
    int last = tokens[index - 1].size - 1;
    for (int b = 0; b < n; b++) {
      out[b] = (int) values[index - 1][b] == last;
    }
  }

  private void drawChoice(
      int index, float[][] output, Candidates out, int n, int[] owners, Bounds bound, float temperature) {
    int size = tokens[index].size;
    softmax(output, size, n, temperature);
    if (bound != null) {
      maskedChoice(index, output, out, n, owners, bound);
      return;
    }
    Floats.fill(totals, 0, n);
    for (int c = 0; c < size; c++) {
      Floats.add(totals, output[c], n);
    }
    for (int b = 0; b < n; b++) {
      targets[b] = pick[b] * (1 - 1e-6f) * totals[b];
      chosen[b] = -1;
      second[b] = 0;
    }
    for (int c = 0; c < size; c++) {
      Floats.add(second, output[c], n);
      for (int b = 0; b < n; b++) {
        // The first choice whose sum is above the target.
        chosen[b] = chosen[b] < 0 && second[b] > targets[b] ? c : chosen[b];
      }
    }
    for (int b = 0; b < n; b++) {
      int choice = chosen[b] < 0 ? size - 1 : chosen[b];
      drawn[b] = choice;
      logs[b] = withLog ? Floats.logRatio(output[choice][b], totals[b]) : 0;
    }
  }

  /** Turns logits into probabilities times a constant of the row. */
  private void softmax(float[][] logits, int size, int n, float temperature) {
    if (temperature != 1) {
      for (int c = 0; c < size; c++) {
        for (int b = 0; b < n; b++) {
          logits[c][b] /= temperature;
        }
      }
    }
    System.arraycopy(logits[0], 0, totals, 0, n);
    for (int c = 1; c < size; c++) {
      Floats.larger(totals, logits[c], n);
    }
    for (int c = 0; c < size; c++) {
      Floats.subtract(logits[c], totals, n);
      Floats.exp(logits[c], n);
    }
  }

  private void maskedChoice(int index, float[][] shares, Candidates out, int n, int[] owners, Bounds bound) {
    int size = tokens[index].size;
    for (int b = 0; b < n; b++) {
      float[] mask = bound.of(out.values, b).maskOf(owners[b]);
      int from = tokens[index].isSecond() ? (int) out.values[index - 1][b] * size : 0;
      float total = 0;
      for (int c = 0; c < size; c++) {
        total += mask == null ? shares[c][b] : shares[c][b] * mask[from + c];
      }
      float target = pick[b] * (1 - 1e-6f) * total;
      int choice = 0;
      float sum = mask == null ? shares[0][b] : shares[0][b] * mask[from];
      while (sum <= target && choice < size - 1) {
        choice++;
        sum += mask == null ? shares[choice][b] : shares[choice][b] * mask[from + choice];
      }
      drawn[b] = choice;
      // A choice that is allowed in part counts in full: its part is in the total alone, so that weights by
      // likelihood keep it.
      boolean allowed = total > 0 && (mask == null || mask[from + choice] > 0);
      logs[b] = allowed ? Floats.logRatio(shares[choice][b], total) : Double.NEGATIVE_INFINITY;
    }
  }
}
