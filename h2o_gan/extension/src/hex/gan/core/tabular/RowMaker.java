package hex.gan.core.tabular;

import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.math.KeyedStream;
import hex.gan.core.math.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Makes the rows of a sample: each from candidates of its own, of which the first that is accepted and breaks no rule
 * is the row. One thread uses it at a time.
 *
 * <p>Discriminator rejection sampling (Azadi et al. 2019, arXiv 1810.06758): the critic is a log density ratio of real
 * to generated rows, and a candidate is accepted with a probability in proportion to that ratio, clipped. Rows with
 * conditions are drawn in an order that begins with the conditions' columns, which the generator knows less well than
 * its usual order; they are weighted by the likelihood in the usual order over the one they were drawn with, times the
 * critic's ratio. Python's RejectionSampler and Completion do the same for a block at once; here a row depends on its
 * index and the seed alone.
 */
final class RowMaker {
  private static final int MOST = GanModel.BLOCK_ROWS;
  /** Candidates of a row after which the best of the refused ones is taken. */
  private static final int WINDOW = 256;
  /** Candidates of a row where each row has its own conditions. */
  private static final int ROW_CANDIDATES = 12;
  /** Accepted candidates of a row that may break rules. */
  private static final int MOST_BROKEN = 1 << 14;
  /** The same where each row has its own conditions: each of these is one of several candidates. */
  private static final int MOST_BROKEN_BY_ROW = 24 * 64;
  /** The same where no row of the block has been made. */
  private static final int HOPELESS = 4 * 64;
  private static final int BROAD = 16;
  private static final double CLIP = 0.98;
  private static final int SHOWN = 3;
  private static final String UNREACHABLE = "no row of the model meets the conditions together: loosen them.";
  /** Streams of random numbers of a candidate, beyond those of tokens. */
  private static final long ACCEPT = 1L << 40;
  private static final long GUMBEL = ACCEPT + 1;
  private static final long DECODE = ACCEPT + 2;

  private final TableModel model;
  private final TableEncoder encoder;
  private final int[] order;
  private final float temperature;
  private final Workspace space;
  private final Drawing drawing;
  private final Likelihood likelihood;
  private final Candidates candidates;
  private final long[] keys = new long[MOST];
  private final int[] owners = new int[MOST];
  private final KeyedNoise noise = new KeyedNoise(keys);
  private final double[] weights = new double[MOST];
  private final double[][] logs;
  /** Accepted candidates: the tokens of each, its row and its key. */
  private final float[][] picked;
  private final int[] pickedRow = new int[MOST];
  private final long[] pickedKey = new long[MOST];
  /** By row of the block, the best refused candidate. */
  private final float[][] reserve;
  private final double[] reserveScore = new double[MOST];
  private final long[] reserveKey = new long[MOST];

  /** @param order the tokens as they are drawn */
  RowMaker(TableModel model, int[] order, float temperature) {
    this.model = model;
    this.order = order;
    this.temperature = temperature;
    encoder = model.encoder;
    int tokens = model.tokens.length;
    space = new Workspace(model.generator, model.critic, MOST);
    drawing = new Drawing(model.generator, model.tokens, space);
    likelihood = new Likelihood(model.generator, model.tokens, space);
    candidates = new Candidates(tokens, MOST);
    logs = new double[tokens][MOST];
    picked = new float[tokens][MOST];
    reserve = new float[tokens][MOST];
  }

  /**
   * The log weight above which candidates are always accepted: a high quantile of the weights of some.
   *
   * @param key of the random numbers
   * @param count number of candidates
   */
  float pilot(Conditions conditions, long key, int count) {
    double[] all = new double[count];
    int possible = 0;
    for (int start = 0; start < count; start += MOST) {
      int n = Math.min(MOST, count - start);
      for (int b = 0; b < n; b++) {
        keys[b] = KeyedStream.key(key, start + b);
        owners[b] = b;
      }
      draw(new BlockConditions(conditions, start, n, keys), n, true);
      for (int b = 0; b < n; b++) {
        if (weights[b] > Double.NEGATIVE_INFINITY) {
          all[possible++] = weights[b];
        }
      }
    }
    if (possible == 0) {
      return 0;
    }
    Arrays.sort(all, 0, possible);
    double at = CLIP * (possible - 1);
    int left = (int) at;
    int right = Math.min(left + 1, possible - 1);
    return (float) (all[left] + (at - left) * (all[right] - all[left]));
  }

  /** Draws the first n candidates, by owners and keys, and computes their log weights. */
  private void draw(BlockConditions block, int n, boolean conditioned) {
    drawing.draw(candidates, n, block.given, owners, order, block.bounds, noise, temperature, conditioned);
    for (int b = 0; b < n; b++) {
      weights[b] = candidates.logDrawn[b] == Double.NEGATIVE_INFINITY ? Double.NEGATIVE_INFINITY : 0;
    }
    if (temperature != 1) {
      return;
    }
    if (conditioned) {
      likelihood.givenBefore(candidates.values, candidates.active, model.usualOrder, n, logs);
      for (int b = 0; b < n; b++) {
        double total = 0;
        for (double[] token : logs) {
          total += token[b];
        }
        double weight = weights[b] + total - candidates.logDrawn[b];
        weights[b] = weight != weight ? Double.NEGATIVE_INFINITY : weight;
      }
    }
    if (model.critic != null) {
      float[] ratio = model.critic.logRatio(candidates.values, candidates.active, n, space);
      for (int b = 0; b < n; b++) {
        weights[b] += ratio[b];
      }
    }
  }

  /**
   * Makes consecutive rows.
   *
   * @param ceiling the log weight from which a candidate is always accepted; NaN where each row takes the best of
   *     several by their weights
   */
  Values[] rows(
      Conditions conditions, long start, int rows, long seed, int attempt, float ceiling,
      BooleanSupplier isCancelled) {
    Block block = new Block(conditions, start, rows, seed, attempt, ceiling);
    while (block.left > 0) {
      if (isCancelled.getAsBoolean()) {
        throw new CancellationException();
      }
      block.step();
    }
    return block.result;
  }

  /** The rows in progress. */
  private final class Block {
    private final Conditions conditions;
    private final BlockConditions bounds;
    private final Completion completion;
    private final long start;
    private final float ceiling;
    private final boolean conditioned;
    private final long[] rowKeys;
    private final Values[] generated;
    private final Values[] result;
    private final boolean[] done;
    private final int[] next;
    private final int[] windows;
    private final int[] broken;
    private int left;
    private double rate = 1;

    Block(Conditions conditions, long start, int rows, long seed, int attempt, float ceiling) {
      this.conditions = conditions;
      this.start = start;
      this.ceiling = ceiling;
      conditioned = !conditions.isEmpty();
      rowKeys = new long[rows];
      long key = KeyedStream.key(SplitMix64.mix(seed), attempt);
      for (int row = 0; row < rows; row++) {
        rowKeys[row] = KeyedStream.key(key, start + row);
      }
      bounds = new BlockConditions(conditions, start, rows, rowKeys);
      completion = new Completion(encoder, model.layout, conditions);
      generated = encoder.generated(start, rows, seed);
      shareLevels();
      result = space(rows);
      done = new boolean[rows];
      next = new int[rows];
      broken = new int[rows];
      windows = new int[rows];
      for (int row = 0; row < rows; row++) {
        boolean several = Float.isNaN(ceiling) && temperature == 1 && !(bounds.given != null && bounds.whole[row]);
        windows[row] = several ? ROW_CANDIDATES : Float.isNaN(ceiling) ? 1 : WINDOW;
        reserveScore[row] = Double.NEGATIVE_INFINITY;
      }
      left = rows;
    }

    /** Gives new levels of identifiers, and given ones, one list. */
    private void shareLevels() {
      for (int column = 0; column < generated.length; column++) {
        Values cells = conditions.cells[column];
        if (cells == null || generated[column] == null || cells.kind != Kind.ENUM) {
          continue;
        }
        List<String> levels = new ArrayList<>(cells.levels);
        levels.addAll(generated[column].levels);
        long[] moved = generated[column].whole.clone();
        for (int row = 0; row < moved.length; row++) {
          moved[row] += cells.levels.size();
        }
        generated[column] = Values.levels(moved, levels, generated[column].missing);
        conditions.cells[column] = cells.withLevels(levels);
      }
    }

    private Values[] space(int rows) {
      List<Column> columns = encoder.table.columns;
      Values[] space = new Values[columns.size()];
      for (int column = 0; column < space.length; column++) {
        Column own = columns.get(column);
        Values cells = conditions.cells[column];
        boolean fresh = own.kind == Kind.ENUM && generated[column] != null;
        List<String> levels = fresh ? generated[column].levels : cells == null ? own.levels : cells.levels;
        space[column] = Values.space(own.kind, levels, rows);
      }
      return space;
    }

    /** Draws candidates for all rows that are left, and completes those that are accepted. */
    void step() {
      int n = fill();
      draw(bounds, n, conditioned);
      int count = pick(n);
      if (count > 0) {
        complete(count);
      }
      for (int row = 0; row < done.length; row++) {
        if (isGivenUp(row)) {
          throw new UnreachableException(place(row) + UNREACHABLE);
        }
      }
    }

    private boolean isGivenUp(int row) {
      int most = conditions.byRow() ? MOST_BROKEN_BY_ROW : MOST_BROKEN;
      return !done[row] && broken[row] >= (left < done.length ? most : HOPELESS);
    }

    private int fill() {
      int wanted = (int) Math.ceil(1 / Math.max(rate, 1.0 / MOST));
      int copies = Math.max(1, Math.min(MOST / left, Math.max(wanted, BROAD / left)));
      int n = 0;
      for (int row = 0; row < done.length; row++) {
        int some = done[row] ? 0 : Math.min(copies, windows[row] - next[row] % windows[row]);
        for (int copy = 0; copy < some && n < MOST; copy++) {
          owners[n] = row;
          keys[n++] = KeyedStream.key(rowKeys[row], next[row]++);
        }
      }
      return n;
    }

    /** Collects the accepted candidates, in the order of each row's. Returns their number. */
    private int pick(int n) {
      int count = 0;
      for (int b = 0; b < n; b++) {
        int row = owners[b];
        boolean accepted = !Float.isNaN(ceiling) && weights[b] > Double.NEGATIVE_INFINITY
            && StrictMath.log(uniform(keys[b], ACCEPT)) < Math.min(weights[b], ceiling) - ceiling;
        if (accepted) {
          count = take(candidates.values, b, row, keys[b], count);
          reserveScore[row] = Double.NEGATIVE_INFINITY;
          continue;
        }
        double score = weights[b] - StrictMath.log(-StrictMath.log(uniform(keys[b], GUMBEL)));
        if (score > reserveScore[row]) { // The largest under Gumbel noise is a draw by weight.
          reserveScore[row] = score;
          reserveKey[row] = keys[b];
          for (int t = 0; t < reserve.length; t++) {
            reserve[t][row] = candidates.values[t][b];
          }
        }
        boolean isLast = b + 1 == n || owners[b + 1] != row;
        if (isLast && next[row] % windows[row] == 0) {
          if (reserveScore[row] == Double.NEGATIVE_INFINITY) {
            throw new UnreachableException(place(row) + UNREACHABLE);
          }
          count = take(reserve, row, row, reserveKey[row], count);
          reserveScore[row] = Double.NEGATIVE_INFINITY;
        }
      }
      return count;
    }

    private double uniform(long key, long stream) {
      return Math.min(Math.max(KeyedStream.uniform(key, stream), 1e-12), 1 - 1e-7);
    }

    private int take(float[][] values, int from, int row, long key, int at) {
      for (int t = 0; t < values.length; t++) {
        picked[t][at] = values[t][from];
      }
      pickedRow[at] = row;
      pickedKey[at] = key;
      return at + 1;
    }

    /** Turns accepted candidates into rows, and keeps the first good one of each row. */
    private void complete(int count) {
      float[][] values = new float[picked.length][];
      for (int t = 0; t < values.length; t++) {
        values[t] = Arrays.copyOf(picked[t], count);
      }
      double[][] uniforms = new double[encoder.learned.length][count];
      for (int i = 0; i < uniforms.length; i++) {
        for (int b = 0; b < count; b++) {
          uniforms[i][b] = KeyedStream.uniform(pickedKey[b], DECODE + i);
        }
      }
      int[] rows = Arrays.copyOf(pickedRow, count);
      Values[] learned = model.layout.decode(values, uniforms, conditions.constraints);
      int[][] byCodec = model.layout.related(values);
      Values[] all = new Values[result.length];
      int[][] related = new int[result.length][];
      int at = 0;
      for (int i = 0; i < encoder.learned.length; i++) {
        int[] own = encoder.columnsOf[encoder.learnedAt[i]];
        for (int column : own) {
          all[column] = learned[at++];
        }
        related[own[0]] = byCodec[i];
      }
      int[] cells = new int[count];
      for (int b = 0; b < count; b++) {
        cells[b] = conditions.cellsOf(start + rows[b]);
      }
      for (int column = 0; column < all.length; column++) {
        all[column] = generated[column] == null ? all[column] : generated[column].take(rows);
      }
      Drawn drawn = completion.completed(all, related, cells, count);
      for (Reason reason : drawn.hopeless) {
        for (int b = 0; b < count; b++) {
          if (reason.rows[b]) {
            throw new UnreachableException(place(rows[b]) + "the conditions break " + Messages.quoted(reason.text)
                + ": change or leave out one.");
          }
        }
      }
      boolean[] wrong = drawn.broken(count);
      int good = 0;
      for (int b = 0; b < count; b++) {
        int row = rows[b];
        if (wrong[b]) {
          broken[row]++;
        } else {
          good++;
          if (!done[row]) {
            for (int column = 0; column < result.length; column++) {
              result[column].set(row, drawn.values[column], b);
            }
            done[row] = true;
            left--;
          }
        }
      }
      rate = (double) good / count;
      for (int b = 0; b < count; b++) {
        if (isGivenUp(rows[b])) {
          throw new UnreachableException(unreachable(drawn, rows, rows[b], count));
        }
      }
    }

    /** What candidates break: what all of them do, if there is anything. */
    private String unreachable(Drawn drawn, int[] rows, int row, int count) {
      List<Reason> all = new ArrayList<>();
      for (Reason reason : drawn.wrong) {
        if (reason.count(count) == count) {
          all.add(reason);
        }
      }
      List<Reason> reasons = new ArrayList<>(all.isEmpty() ? drawn.wrong : all);
      reasons.sort((one, other) -> Integer.compare(other.count(count), one.count(count)));
      reasons = reasons.subList(0, Math.min(SHOWN, reasons.size()));
      List<String> texts = new ArrayList<>();
      boolean[] about = new boolean[result.length];
      for (Reason reason : reasons) {
        texts.add(reason.text);
        for (int i = 0; reason.columns != null && i < reason.columns.length; i++) {
          about[reason.columns[i]] = true;
        }
      }
      List<String> named = new ArrayList<>();
      for (String name : conditions.names()) {
        if (about[encoder.table.of(name)]) {
          named.add(name);
        }
      }
      String on = named.isEmpty() ? "" : " on " + Messages.listed(named);
      return place(row) + "no row of the model meets " + String.join(", ", texts) + " with the conditions" + on
          + ": loosen them.";
    }

    /** The row that a message is about, if they differ. */
    private String place(int row) {
      return conditions.byRow() ? "row " + (conditions.cellsOf(start + row) + conditions.origin) + ": " : "";
    }
  }
}
