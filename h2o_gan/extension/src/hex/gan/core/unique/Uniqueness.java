package hex.gan.core.unique;

import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.UnreachableException;
import hex.gan.core.data.Values;
import java.util.Arrays;
import java.util.List;

/**
 * Replaces rows of a sample that repeat earlier ones in columns that have to be unique.
 *
 * <p>Mirrors h2o_gan/engine/tabular/uniqueness.py. Memory grows by about 30 bytes for each row and rule.
 */
public final class Uniqueness {
  private static final int ATTEMPTS = 32;

  private final List<GanModel.UniqueRule> rules;
  private final Rows rows;
  private final LongSet[] seen;

  public Uniqueness(List<GanModel.UniqueRule> rules, Rows rows) {
    this.rules = rules;
    this.rows = rows;
    seen = new LongSet[rules.size()];
    Arrays.setAll(seen, i -> new LongSet(GanModel.BLOCK_ROWS));
  }

  /**
   * A block in which no row repeats an earlier one; blocks come in order.
   *
   * @throws UnreachableException there are no values left that are new
   */
  public Values[] checked(long start, Values[] block) {
    Values[] found = block;
    int count = block[0].size();
    for (int attempt = 0; ; attempt++) {
      boolean[] repeats = new boolean[count];
      String broken = null;
      long[][] hashes = new long[seen.length][];
      boolean[][] present = new boolean[seen.length][count];
      for (int i = 0; i < seen.length; i++) {
        hashes[i] = rules.get(i).hashes(found, present[i]);
        LongSet inBlock = new LongSet(count);
        for (int row = 0; row < count; row++) {
          if (present[i][row] && (seen[i].contains(hashes[i][row]) || !inBlock.add(hashes[i][row]))) {
            repeats[row] = true;
            broken = broken == null ? rules.get(i).text : broken;
          }
        }
      }
      if (broken == null) {
        for (int i = 0; i < seen.length; i++) {
          for (int row = 0; row < count; row++) {
            if (present[i][row]) {
              seen[i].add(hashes[i][row]);
            }
          }
        }
        return found;
      }
      if (attempt == ATTEMPTS) {
        throw new UnreachableException(broken + ": the model has too few different values for so many rows: "
            + "generate fewer, or leave the rule out.");
      }
      Values[] other = rows.block(start, count, null, attempt + 1);
      Values[] merged = new Values[found.length];
      for (int i = 0; i < merged.length; i++) {
        merged[i] = merged(found[i], other[i], repeats);
      }
      found = merged;
    }
  }

  /** The values of one block, but in some rows those of another one. */
  private static Values merged(Values one, Values other, boolean[] replaced) {
    if (!one.levels.equals(other.levels)) {
      throw new IllegalStateException("two attempts of the same rows have different levels");
    }
    Values merged = Values.space(one.kind, one.levels, replaced.length);
    for (int row = 0; row < replaced.length; row++) {
      merged.set(row, replaced[row] ? other : one, row);
    }
    return merged;
  }
}
