package hex.gan.core.tabular;

import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Values;
import hex.gan.core.math.KeyedStream;
import hex.gan.core.tokens.ColumnTokens;
import hex.gan.core.tokens.Dependency;
import hex.gan.core.tokens.RowLayout;
import hex.gan.core.tokens.Token;
import java.util.Arrays;

/** The conditions on one block of rows, as tokens. */
final class BlockConditions {
  private static final long RANKS = 0x52414e4b53L;

  /** Null where nothing is given. */
  final Given given;
  /** By token, null for none. */
  final Bounds[] bounds;
  /** (rows,) whether all tokens of a row are given. */
  final boolean[] whole;

  private final Conditions conditions;
  private final RowLayout layout;
  private final int rows;
  /** (rows,) the row of given cells. */
  private final int[] picked;

  /**
   * @param start index of the first row in the sample
   * @param keys (rows,) of the rows, which draw the rank of a given number among its ties
   */
  BlockConditions(Conditions conditions, long start, int rows, long[] keys) {
    this.conditions = conditions;
    this.rows = rows;
    layout = conditions.layout;
    bounds = conditions.bounds.clone();
    whole = new boolean[rows];
    picked = new int[rows];
    for (int row = 0; row < rows; row++) {
      picked[row] = conditions.cellsOf(start + row);
    }
    if (conditions.codes == null) {
      given = null;
      return;
    }
    int[][] codes = new int[conditions.codes.length][rows];
    for (int i = 0; i < codes.length; i++) {
      for (int row = 0; row < rows; row++) {
        codes[i][row] = conditions.codes[i][picked[row]];
      }
    }
    given = given(codes, keys);
    for (int i = 0; i < codes.length; i++) {
      if (conditions.partial[i]) {
        addPartial(i);
      }
      addDependent(i, codes[i]);
    }
    for (int learned : conditions.filled) {
      addFilled(learned, codes[learned]);
    }
  }

  private Given given(int[][] codes, long[] keys) {
    Token[] tokens = layout.tokens.toArray(new Token[0]);
    float[][] values = new float[tokens.length][rows];
    boolean[][] active = new boolean[tokens.length][rows];
    boolean[][] known = new boolean[tokens.length][rows];
    float[][] noise = new float[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      if (tokens[t].isNumber()) {
        noise[t] = new float[rows];
        for (int row = 0; row < rows; row++) {
          noise[t][row] = KeyedStream.uniformFloat(keys[row] ^ RANKS, t);
        }
      }
    }
    layout.tables.expand(codes, noise, values, active);
    Arrays.fill(whole, true);
    for (int t = 0; t < tokens.length; t++) {
      for (int row = 0; row < rows; row++) {
        // A code that the network does not see, or a number that is absent, is known nonetheless.
        known[t][row] = codes[tokens[t].column][row] >= 0;
        active[t][row] &= known[t][row];
        whole[row] &= known[t][row];
      }
    }
    return new Given(values, active, known);
  }

  private void addRows(int token, float[][] masks) {
    bounds[token] = bounds[token] == null ? Bounds.rows(masks) : bounds[token].withRows(masks);
  }

  /** Bounds the tokens of a codec of which only some columns are given. */
  private void addPartial(int learned) {
    LearnedCodec codec = conditions.encoder.learned[learned];
    ColumnTokens column = layout.columns.get(learned);
    int[] own = conditions.encoder.columnsOf[conditions.encoder.learnedAt[learned]];
    Values[] values = new Values[own.length];
    for (int i = 0; i < own.length; i++) {
      Values cells = conditions.cells[own[i]];
      values[i] = cells == null ? Values.none(codec.columns[i], conditions.count) : cells;
    }
    int start = layout.start(learned);
    float[][][] masks = new float[column.tokens().length][][];
    for (int row = 0; row < rows; row++) {
      boolean[] isGiven = new boolean[own.length];
      int known = 0;
      for (int i = 0; i < own.length; i++) {
        isGiven[i] = conditions.given[own[i]] != null && conditions.given[own[i]][picked[row]];
        known += isGiven[i] ? 1 : 0;
      }
      if (known == 0 || known == own.length) {
        continue;
      }
      double[] shares = codec.possible(values, picked[row], isGiven);
      boolean[] allowed = new boolean[shares.length];
      for (int code = 0; code < shares.length; code++) {
        allowed[code] = shares[code] > 0;
      }
      double[][][] parts = column.masks(Constraint.ofCodes(allowed, shares));
      for (int i = 0; i < parts.length; i++) {
        if (parts[i] != null && !layout.tokens.get(start + i).isNumber()) {
          masks[i] = masks[i] == null ? new float[rows][] : masks[i];
          masks[i][row] = Conditions.flat(parts[i]);
        }
      }
    }
    for (int i = 0; i < masks.length; i++) {
      if (masks[i] != null) {
        addRows(start + i, masks[i]);
      }
    }
  }

  /** A given cell of a column that is a function of another one bounds that one. */
  private void addDependent(int learned, int[] codes) {
    Dependency dependency = layout.sourceOf(learned);
    if (dependency == null) {
      return;
    }
    float[][] masks = new float[rows][];
    boolean any = false;
    for (int row = 0; row < rows; row++) {
      int choice = codes[row] < 0 ? -1 : layout.columns.get(learned).choices()[codes[row]];
      if (choice < 0) {
        continue;
      }
      float[] mask = new float[dependency.table.length];
      boolean leads = false;
      for (int i = 0; i < mask.length; i++) {
        mask[i] = dependency.table[i] == choice ? 1 : 0;
        leads |= mask[i] > 0;
      }
      // Where no source leads there the given cell stays, and the source is drawn freely.
      masks[row] = leads ? mask : null;
      any |= leads;
    }
    if (any) {
      addRows(layout.start(dependency.source), masks);
    }
  }

  /**
   * Bounds the source of a column whose gaps are filled: where other choices are left, those that its missing values
   * follow from are not allowed.
   */
  private void addFilled(int learned, int[] codes) {
    Dependency dependency = layout.sourceOf(learned);
    ColumnTokens column = layout.columns.get(learned);
    double[] shares = column.masks(column.present())[0][0];
    int token = layout.start(dependency.source);
    float[] possible = new float[dependency.table.length];
    for (int i = 0; i < possible.length; i++) {
      possible[i] = shares[dependency.table[i]] > 0 ? 1 : 0;
    }
    float[][] masks = new float[rows][];
    for (int row = 0; row < rows; row++) {
      float[] before = bounds[token] == null ? null : bounds[token].maskOf(row);
      boolean left = false;
      for (int i = 0; i < possible.length; i++) {
        left |= possible[i] > 0 && (before == null || before[i] > 0);
      }
      masks[row] = codes[row] < 0 && left ? possible : null;
    }
    addRows(token, masks);
  }
}
