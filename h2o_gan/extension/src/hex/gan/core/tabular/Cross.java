package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.tokens.Token;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A combination of choices that the network sees as one; mirrors h2o_gan/engine/tabular/crosses.py. */
final class Cross {
  /** Indices of its tokens. */
  final int[] tokens;
  /** Number of cells. */
  final int count;
  /** (product of sizes,) the cell of each combination, from 1 on; 0 for those without one. */
  private final int[] cells;
  private final int[] sizes;

  Cross(Json json, Token[] all) throws DamagedException {
    tokens = json.get("tokens").counts(0, all.length - 1);
    if (tokens.length < 2) {
      throw json.wrong("a cross has at least two tokens");
    }
    Set<Integer> columns = new HashSet<>();
    sizes = new int[tokens.length];
    long product = 1;
    List<Json> items = json.get("cells").items();
    for (int i = 0; i < tokens.length; i++) {
      Token token = all[tokens[i]];
      if (token.isNumber() || !columns.add(tokens[i])) {
        throw json.wrong("a cross is of different choices");
      }
      sizes[i] = token.size;
      product *= token.size;
      if (product > items.size()) {
        break;
      }
    }
    if (product != items.size()) {
      throw json.wrong("a cross has one cell for each combination");
    }
    cells = json.get("cells").counts(0, items.size());
    int most = 0;
    for (int cell : cells) {
      most = Math.max(most, cell);
    }
    count = most;
  }

  /** Whether a token is one of the cross's. */
  boolean has(int token) {
    for (int own : tokens) {
      if (own == token) {
        return true;
      }
    }
    return false;
  }

  /** The cell of a row, from 1 on; 0 where it has none, or where a token is not known. */
  int cell(float[][] values, boolean[][] active, int row) {
    int index = 0;
    for (int i = 0; i < tokens.length; i++) {
      if (!active[tokens[i]][row]) {
        return 0;
      }
      index = index * sizes[i] + (int) values[tokens[i]][row];
    }
    return cells[index];
  }
}
