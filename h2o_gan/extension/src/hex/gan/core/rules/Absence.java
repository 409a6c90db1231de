package hex.gan.core.rules;

import hex.gan.core.data.Values;
import java.util.ArrayList;
import java.util.List;

/**
 * Missing cells that have to stay missing, by rules and the cells that are there; mirrors
 * h2o_gan/engine/data/relations/absence.py.
 */
public final class Absence {
  private final TableValues table;
  /** By column, (rows,) what is still to be filled, and so neither known nor missing; null for none. */
  private final boolean[][] free;

  private Absence(Values[] values, int rows) {
    table = new TableValues(values, new boolean[rows]);
    free = new boolean[values.length][];
  }

  /**
   * Finds the missing cells that no value can fill without breaking a rule.
   *
   * <p>With {@code end is missing or status != 'open'}, the end of an open order is one. Where the status is missing as
   * well, it is not. Rows in which a whole number does not fit into 64 bits have none by that rule.
   *
   * @param rules of the model; conditions count
   * @param values by column; null for those that are not there
   * @param rows their number
   * @param names indices of columns whose missing cells may be filled
   * @param filled indices of columns whose missing cells get values whatever the rules say
   * @return by column, (rows,); null for columns without such cells
   */
  public static boolean[][] lastingGaps(
      List<? extends Rule> rules, Values[] values, int rows, int[] names, int[] filled) {
    Absence absence = new Absence(values, rows);
    boolean[] isFilled = new boolean[values.length];
    for (int column : filled) {
      isFilled[column] = true;
      absence.open(column);
    }
    for (int column : names) {
      absence.open(column);
    }
    List<Condition> conditions = new ArrayList<>();
    for (Rule rule : rules) {
      if (rule instanceof Condition && rule.isOver(values) && ((Condition) rule).asksForMissing) {
        conditions.add((Condition) rule);
      }
    }
    boolean[][] lasting = new boolean[values.length][];
    for (boolean changed = true; changed; ) {
      changed = false;
      for (Condition rule : conditions) {
        for (int column : rule.columns) {
          if (!isFilled[column] && absence.free[column] != null) {
            changed |= absence.closed(rule.expression, column, lasting);
          }
        }
      }
    }
    return lasting;
  }

  private void open(int column) {
    if (table.columns[column] == null) {
      return;
    }
    boolean[] missing = table.columns[column].absent();
    for (boolean is : missing) {
      if (is) {
        free[column] = missing.clone();
      }
    }
  }

  /** Takes cells of a column that no value can fill from the free ones; whether there are any. */
  private boolean closed(Expression condition, int column, boolean[][] lasting) {
    boolean[] open = free[column];
    boolean[] found = isFalse(condition, column);
    // Given cells that break the rule anyhow are none of the gap's business.
    free[column] = null;
    boolean[] anyhow = isFalse(condition, -1);
    free[column] = open;
    boolean changed = false;
    for (int row = 0; row < open.length; row++) {
      if (open[row] && found[row] && !anyhow[row]) {
        lasting[column] = lasting[column] == null ? new boolean[open.length] : lasting[column];
        lasting[column][row] = true;
        open[row] = false;
        changed = true;
      }
    }
    return changed;
  }

  /** Where a condition is false whatever the free cells are, those of one column (-1 for none) being filled. */
  private boolean[] isFalse(Expression condition, int filled) {
    java.util.Arrays.fill(table.overflow, false);
    boolean[] isFalse = truth(condition, filled).isFalse.clone();
    for (int row = 0; row < isFalse.length; row++) {
      isFalse[row] &= !table.overflow[row];
    }
    return isFalse;
  }

  private Truth truth(Expression part, int filled) {
    if (part instanceof Logic) {
      Truth all = null;
      for (Expression operand : part.parts()) {
        Truth truth = truth(operand, filled);
        all = all == null ? truth : ((Logic) part).combined(all, truth);
      }
      return all;
    }
    if (part instanceof Not) {
      return truth(((Not) part).of, filled).not();
    }
    Truth found = part.truth(table);
    return part instanceof Missing ? guarded((Missing) part, found, filled) : found;
  }

  /** What is surely missing, and what is there or filled. */
  private Truth guarded(Missing part, Truth found, int filled) {
    boolean[] isTrue = found.isTrue.clone();
    boolean[] isFalse = found.isFalse.clone();
    boolean[] unknown = new boolean[isTrue.length];
    boolean[] surely = new boolean[isTrue.length];
    for (int column : part.columns()) {
      boolean[] missing = table.columns[column].absent();
      for (int row = 0; row < unknown.length; row++) {
        boolean open = free[column] != null && free[column][row];
        unknown[row] |= open;
        surely[row] |= missing[row] && !open;
      }
    }
    boolean isOfFilled = part.of instanceof Reference && ((Reference) part.of).column == filled;
    for (int row = 0; row < unknown.length; row++) {
      isTrue[row] &= surely[row] || !unknown[row];
      isFalse[row] |= isOfFilled && free[filled][row];
    }
    return new Truth(isTrue, isFalse);
  }
}
