package hex.gan.core.tokens;

import hex.gan.core.math.Normal;

/**
 * Codes to tokens, for all columns at once; mirrors h2o_gan/engine/tabular/token_tables.py.
 *
 * <p>The number of a code at the middle of its ranks, which rows to be rated have, is computed once.
 */
public final class TokenTables {
  private static final float LEAST_RANK = 1e-6f;
  private static final float LARGEST_RANK = (float) (1 - 1e-6);

  /** (tokens,) the column of each token. */
  private final int[] columns;
  /** (tokens, 1 + codes) of a choice, or a number in the middle; the first entry is for UNKNOWN. */
  private final float[][] values;
  private final boolean[][] active;
  /** (tokens, 1 + codes) of a number its ranks; null for choices. */
  private final float[][] starts;
  private final float[][] lengths;

  /** Tables of the tokens of columns that have any, in order. */
  TokenTables(ColumnTokens[] parts) {
    int count = 0;
    for (ColumnTokens part : parts) {
      count += part.tokens().length;
    }
    columns = new int[count];
    values = new float[count][];
    active = new boolean[count][];
    starts = new float[count][];
    lengths = new float[count][];
    int at = 0;
    for (ColumnTokens part : parts) {
      TokenTable[] tables = part.tables();
      Token[] tokens = part.tokens();
      for (int i = 0; i < tokens.length; i++) {
        columns[at] = tokens[i].column;
        fill(at++, tables[i], tokens[i].isNumber());
      }
    }
  }

  private void fill(int token, TokenTable table, boolean isNumber) {
    int codes = table.start.length;
    values[token] = new float[1 + codes];
    active[token] = new boolean[1 + codes];
    System.arraycopy(table.active, 0, active[token], 1, codes);
    starts[token] = isNumber ? new float[1 + codes] : null;
    lengths[token] = isNumber ? new float[1 + codes] : null;
    if (isNumber) {
      starts[token][0] = 0.5f;
    }
    for (int code = 0; code < codes; code++) {
      if (isNumber) {
        starts[token][1 + code] = (float) table.start[code];
        lengths[token][1 + code] = (float) table.length[code];
      } else {
        values[token][1 + code] = (float) table.start[code];
      }
    }
    for (int entry = 0; isNumber && entry <= codes; entry++) {
      values[token][entry] = score(starts[token][entry] + lengths[token][entry] * 0.5f);
    }
  }

  private static float score(float rank) {
    return (float) Normal.quantile(Math.min(Math.max(rank, LEAST_RANK), LARGEST_RANK));
  }

  /**
   * Expands codes to tokens.
   *
   * @param codes (columns, rows); UNKNOWN where there is none
   * @param uniforms (tokens, rows) in [0, 1), the rank of a number among its ties; of choices not read, and may be
   *     null; null for the middle
   * @param into (tokens, rows or more) filled with the values
   * @param present (tokens, rows or more) filled with whether the row has the token
   */
  public void expand(int[][] codes, float[][] uniforms, float[][] into, boolean[][] present) {
    for (int token = 0; token < columns.length; token++) {
      int[] ofColumn = codes[columns[token]];
      boolean isDrawn = uniforms != null && starts[token] != null;
      for (int i = 0; i < ofColumn.length; i++) {
        int entry = ofColumn[i] + 1;
        present[token][i] = active[token][entry];
        into[token][i] = isDrawn
            ? score(starts[token][entry] + lengths[token][entry] * uniforms[token][i])
            : values[token][entry];
      }
    }
  }
}
