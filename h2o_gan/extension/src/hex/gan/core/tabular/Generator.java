package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.file.Tensors;
import hex.gan.core.math.Floats;
import hex.gan.core.tokens.Token;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The probability of each token of a row given others; mirrors h2o_gan/engine/tabular/generator.py.
 *
 * <p>Arrays are (units, n): units, features or choices by the rows of a block.
 */
public final class Generator {
  static final float LEAST_LOG_SD = -5.5f;
  static final float LEAST_LOG_CHANGE = -8;
  static final float MOST_LOG_SD = 2;

  final Sizes sizes;
  private final Token[] tokens;
  private final TokenFeatures features;
  private final Layer[] project;
  private final Layer[] first;
  private final Layer[] second;
  private final Layer[] heads;
  /** By token; of the second of a pair one row for each choice of the first, else one row. */
  private final float[][] biases;
  private final Cross[] crosses;
  /** By token, the crosses that it is in. */
  private final int[][] crossesOf;
  /** By cross, the row of its cell 0 in {@link #vectors}. */
  private final int[] crossStart;
  /** (cells + 1, summary), flat. */
  private final float[] vectors;
  /** By token, or null. */
  private final Anchor[] anchors;

  /**
   * @param model the object "model" of the file
   * @throws DamagedException it does not fit the tokens, or a tensor is missing or has another shape
   */
  public Generator(Token[] tokens, Json model, Tensors tensors) throws IOException {
    this.tokens = tokens;
    sizes = new Sizes(model.get("sizes"));
    int count = tokens.length;
    anchors = new Anchor[count];
    Json layout = model.get("layout");
    for (Json item : list(layout, "anchors")) {
      Anchor anchor = new Anchor(item, tokens);
      if (anchors[anchor.token] != null) {
        throw item.wrong("a number has one anchor");
      }
      anchors[anchor.token] = anchor;
    }
    features = new TokenFeatures(tokens, sizes.features, sizes.knots, tensors, "generator.features.");
    int hidden = sizes.hidden;
    int summary = sizes.summary;
    project = layers(tensors, "project", sizes.features + 1, summary, null);
    first = layers(tensors, "first", summary, hidden, tensors.floats("generator.first_bias", count, 1, hidden));
    second = layers(tensors, "second", hidden, hidden, tensors.floats("generator.second_bias", count, 1, hidden));
    long headSize = 0;
    long biasSize = 0;
    for (int t = 0; t < count; t++) {
      headSize += (long) hidden * width(t);
      biasSize += (long) tokens[t].shares.length * tokens[t].size + (tokens[t].isNumber() ? width(t) : 0);
    }
    if (headSize > Integer.MAX_VALUE || biasSize > Integer.MAX_VALUE) {
      throw new DamagedException("its heads are too large");
    }
    float[] flatHeads = tensors.floats("generator.heads", (int) headSize);
    float[] flatBiases = tensors.floats("generator.biases", (int) biasSize);
    heads = new Layer[count];
    biases = new float[count][];
    int headAt = 0;
    int biasAt = 0;
    for (int t = 0; t < count; t++) {
      int rows = tokens[t].isSecond() ? tokens[t].shares.length : 1;
      biases[t] = new float[rows * width(t)];
      System.arraycopy(flatBiases, biasAt, biases[t], 0, biases[t].length);
      biasAt += biases[t].length;
      heads[t] = Layer.transposed(flatHeads, headAt, hidden, width(t), tokens[t].isSecond() ? null : biases[t]);
      headAt += hidden * width(t);
    }
    List<Json> items = list(layout, "crosses");
    crosses = new Cross[items.size()];
    crossStart = new int[crosses.length];
    int cells = 0;
    for (int i = 0; i < crosses.length; i++) {
      crosses[i] = new Cross(items.get(i), tokens);
      crossStart[i] = cells;
      cells += crosses[i].count;
    }
    vectors = crosses.length == 0 ? null : tensors.floats("generator.crosses.vectors", cells + 1, summary);
    crossesOf = new int[count][];
    for (int t = 0; t < count; t++) {
      List<Integer> own = new ArrayList<>();
      for (int i = 0; i < crosses.length; i++) {
        if (crosses[i].has(t)) {
          own.add(i);
        }
      }
      crossesOf[t] = own.stream().mapToInt(Integer::intValue).toArray();
    }
  }

  private static List<Json> list(Json layout, String key) throws DamagedException {
    Json found = layout.find(key); // Older files have none.
    return found == null ? new ArrayList<>() : found.items();
  }

  private Layer[] layers(Tensors tensors, String name, int inputs, int outputs, float[] biases)
      throws IOException {
    float[] all = tensors.floats("generator." + name, tokens.length, inputs, outputs);
    Layer[] layers = new Layer[tokens.length];
    for (int t = 0; t < layers.length; t++) {
      float[] bias = null;
      if (biases != null) {
        bias = new float[outputs];
        System.arraycopy(biases, t * outputs, bias, 0, outputs);
      }
      layers[t] = Layer.transposed(all, t * inputs * outputs, inputs, outputs, bias);
    }
    return layers;
  }

  /** Outputs of a token's network: logits of a choice, or three for each component of a number's mixture. */
  int width(int token) {
    return tokens[token].isNumber() ? 3 * components(token) : tokens[token].size;
  }

  /** Components of a number's mixture. */
  int components(int token) {
    return sizes.components + (anchors[token] == null ? 0 : Anchor.COMPONENTS);
  }

  int widest() {
    int widest = 1;
    for (int t = 0; t < tokens.length; t++) {
      widest = Math.max(widest, width(t));
    }
    return widest;
  }

  /** Number of weights. */
  long weights() {
    long count = vectors == null ? 0 : vectors.length;
    for (int t = 0; t < tokens.length; t++) {
      count += (long) (sizes.features + 1) * sizes.summary + (long) sizes.summary * sizes.hidden;
      count += (long) sizes.hidden * sizes.hidden + (long) sizes.hidden * width(t) + biases[t].length;
      count += (long) sizes.features * (tokens[t].isNumber() ? sizes.knots + 1 : tokens[t].size);
    }
    return count;
  }

  /**
   * Adds a token to summaries, without crosses.
   *
   * @param values (n,) of the token
   * @param active (n,) the rows to which it is added
   * @param summary (summary, n)
   */
  void addToken(int token, float[] values, boolean[] active, int n, float[][] summary, Workspace space) {
    float[][] part = space.features;
    features.of(token, values, active, n, part, space.encoded);
    float[] known = part[sizes.features];
    for (int b = 0; b < n; b++) {
      known[b] = active[b] ? 1 : 0;
    }
    project[token].add(part, summary, n);
  }

  /**
   * Adds the crosses that a token completes.
   *
   * @param values (tokens, n)
   * @param active (tokens, n) the known tokens, this one among them
   * @param rows (n,) the rows to which they are added
   */
  void addCrosses(int token, float[][] values, boolean[][] active, boolean[] rows, int n, float[][] summary) {
    for (int cross : crossesOf[token]) {
      for (int b = 0; b < n; b++) {
        if (rows[b]) {
          addCross(cross, values, active, b, summary);
        }
      }
    }
  }

  private void addCross(int cross, float[][] values, boolean[][] active, int row, float[][] summary) {
    int cell = crosses[cross].cell(values, active, row);
    if (cell > 0) {
      int from = (crossStart[cross] + cell) * sizes.summary;
      for (int r = 0; r < summary.length; r++) {
        summary[r][row] += vectors[from + r];
      }
    }
  }

  /** Adds all crosses of which no token belongs to a column. */
  void addCrossesOfOthers(int column, float[][] values, boolean[][] active, int n, float[][] summary) {
    for (int i = 0; i < crosses.length; i++) {
      boolean other = true;
      for (int token : crosses[i].tokens) {
        other &= tokens[token].column != column;
      }
      for (int b = 0; other && b < n; b++) {
        addCross(i, values, active, b, summary);
      }
    }
  }

  /** Sets summaries to those of the tokens that rows have. */
  void summarize(float[][] values, boolean[][] active, int n, float[][] summary, Workspace space) {
    for (float[] row : summary) {
      Floats.fill(row, 0, n);
    }
    for (int t = 0; t < tokens.length; t++) {
      boolean any = false;
      for (int b = 0; b < n; b++) {
        any |= active[t][b];
      }
      if (any) {
        addToken(t, values[t], active[t], n, summary, space);
      }
    }
    for (int i = 0; i < crosses.length; i++) {
      for (int b = 0; b < n; b++) {
        addCross(i, values, active, b, summary);
      }
    }
  }

  /**
   * Computes the output of a token's network, into the workspace's output.
   *
   * @param summary (summary, n)
   * @param values (tokens, n), for the second token of a pair and the anchor of a number
   * @param active (tokens, n) the known tokens
   * @return (width, n): logits of a choice; of a number logits, means and log standard deviations of its components
   */
  float[][] output(int token, float[][] summary, float[][] values, boolean[][] active, int n, Workspace space) {
    first[token].apply(summary, space.hidden, n);
    for (float[] unit : space.hidden) {
      Floats.silu(unit, space.scratch, n);
    }
    second[token].apply(space.hidden, space.inner, n);
    for (int h = 0; h < sizes.hidden; h++) {
      Floats.silu(space.inner[h], space.scratch, n);
      Floats.add(space.hidden[h], space.inner[h], n);
    }
    float[][] output = space.output;
    heads[token].apply(space.hidden, output, n);
    if (tokens[token].isSecond()) {
      int width = tokens[token].size;
      for (int b = 0; b < n; b++) {
        int from = (int) values[token - 1][b] * width;
        for (int c = 0; c < width; c++) {
          output[c][b] += biases[token][from + c];
        }
      }
    } else if (tokens[token].isNumber()) {
      finishMixture(token, output, values, active, n);
    }
    return output;
  }

  private void finishMixture(int token, float[][] output, float[][] values, boolean[][] active, int n) {
    int components = components(token);
    int plain = sizes.components;
    for (int i = 0; i < components; i++) {
      Floats.clamp(output[2 * components + i], i < plain ? LEAST_LOG_SD : LEAST_LOG_CHANGE, MOST_LOG_SD, n);
    }
    Anchor anchor = anchors[token];
    if (anchor == null) {
      return;
    }
    for (int b = 0; b < n; b++) {
      boolean known = active[anchor.source][b];
      float centre = known ? anchor.centre(values[anchor.source][b]) : 0;
      for (int i = plain; i < components; i++) {
        output[components + i][b] += centre;
        if (!known) {
          output[i][b] = -1e9f;
        }
      }
    }
  }
}
