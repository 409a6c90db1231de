package hex.gan.core.tabular;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.rules.Formula;
import hex.gan.core.rules.Relation;
import hex.gan.core.rules.Relations;
import hex.gan.core.rules.Solving;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Changes inputs of computed columns so that these have the values that are given; mirrors
 * h2o_gan/engine/tabular/inversion.py.
 */
final class Inversion {
  private final TableEncoder encoder;
  private final Relations relations;
  /** Computed columns in the order in which they are solved: products first, as rounding leaves them little choice. */
  private final List<Integer> order = new ArrayList<>();
  /** By computed column, formulas that give an input from the column itself; the best first. */
  private final Formula[][] inverses;

  Inversion(TableEncoder encoder) {
    this.encoder = encoder;
    relations = encoder.relations;
    inverses = new Formula[encoder.table.columns.size()][];
    for (int sums = 0; sums < 2; sums++) {
      for (Relation relation : relations.relations) {
        if (relation.always && relation.formula.isProduct() == (sums == 0)) {
          order.add(relation.target());
          inverses[relation.target()] = inversesOf(relation.formula);
        }
      }
    }
  }

  private Formula[] inversesOf(Formula formula) {
    List<Formula> found = new ArrayList<>();
    for (int i = formula.sources.length - 1; i >= 0; i--) {
      Formula inverse = Solving.solved(formula, formula.sources[i], encoder.table);
      if (inverse != null) {
        found.add(inverse);
      }
    }
    // The finest values first: a price can be found that gives a total, but hardly a whole number of pieces. Columns
    // that are computed themselves are last.
    found.sort((one, other) -> {
      boolean computed = relations.always(one.target) != null;
      if (computed != (relations.always(other.target) != null)) {
        return computed ? 1 : -1;
      }
      return Double.compare(fineness(other), fineness(one));
    });
    return found.toArray(new Formula[0]);
  }

  private static double fineness(Formula inverse) {
    if (inverse.column.kind == Kind.REAL) {
      return inverse.decimals() < 0 ? Double.POSITIVE_INFINITY : inverse.decimals();
    }
    return inverse.column.kind == Kind.TIME ? 0.5 : 0;
  }

  /** What cannot be solved, and the rows in which it cannot. */
  static final class Unsolved {
    final String text;
    final boolean[] rows;

    Unsolved(String text, boolean[] rows) {
      this.text = text;
      this.rows = rows;
    }
  }

  /**
   * Changes inputs in place.
   *
   * <p>Of each computed column, one input changes that is neither given nor used for another one.
   *
   * @param values by column; those of computed columns may be null
   * @param n number of rows
   * @param related by column, (rows,) the relation that gives a row's value; null for columns without
   * @param cells by column, (n,) given cells; null for none
   * @param given by column, (n,) which rows have them
   */
  List<Unsolved> solve(Values[] values, int n, int[][] related, Values[] cells, boolean[][] given) {
    List<Unsolved> wrong = new ArrayList<>();
    int columns = values.length;
    Values[] wanted = new Values[columns];
    boolean[][] isWanted = new boolean[columns][];
    boolean[][] pending = new boolean[columns][];
    boolean[][] taken = new boolean[columns][];
    boolean any = false;
    for (int column = 0; column < columns; column++) {
      taken[column] = given[column] == null ? null : given[column].clone();
      if (relations.always(column) == null || cells[column] == null) {
        continue;
      }
      wanted[column] = cast(cells[column], encoder.table.columns.get(column));
      isWanted[column] = new boolean[n];
      boolean some = false;
      for (int b = 0; b < n; b++) {
        isWanted[column][b] = given[column][b] && !wanted[column].missing[b];
        some |= isWanted[column][b];
      }
      pending[column] = some ? isWanted[column].clone() : null;
      any |= some;
    }
    while (any) {
      int column = next(pending);
      if (column < 0) {
        break;
      }
      boolean[] left = pending[column];
      pending[column] = null;
      Values[] present = values.clone();
      relations.complete(present, n, related, wanted, filled(isWanted, n));
      for (Formula inverse : inverses[column]) {
        left = solve(column, inverse, values, present, left, taken, wanted, isWanted, pending, n, wrong);
      }
    }
    return wrong;
  }

  private static boolean[][] filled(boolean[][] isWanted, int n) {
    boolean[][] filled = isWanted.clone();
    for (int i = 0; i < filled.length; i++) {
      filled[i] = filled[i] == null ? new boolean[n] : filled[i];
    }
    return filled;
  }

  private int next(boolean[][] pending) {
    for (int column : order) {
      if (pending[column] != null) {
        return column;
      }
    }
    return -1;
  }

  /** Changes the input that one formula gives, in the rows that are left. Returns those that are left then. */
  private boolean[] solve(
      int column, Formula inverse, Values[] values, Values[] present, boolean[] left, boolean[][] taken,
      Values[] wanted, boolean[][] isWanted, boolean[][] pending, int n, List<Unsolved> wrong) {
    int target = inverse.target;
    boolean[] free = new boolean[n];
    boolean any = false;
    for (int b = 0; b < n; b++) {
      free[b] = left[b] && (taken[target] == null || !taken[target][b]);
      any |= free[b];
    }
    if (!any) {
      return left;
    }
    Values solved = inverse.computed(present, new boolean[n]);
    if (relations.always(target) != null) {
      wanted[target] = wanted[target] == null ? solved : Values.chosen(free, solved, wanted[target]);
      isWanted[target] = or(isWanted[target], free);
      pending[target] = or(pending[target], free);
    } else {
      values[target] = Values.chosen(free, solved, values[target]);
    }
    double[] range = encoder.rangeOf(target);
    boolean[] off = new boolean[n];
    boolean anyOff = false;
    boolean[] rest = left.clone();
    for (int b = 0; b < n; b++) {
      double value = solved.number(b);
      off[b] = free[b] && (solved.missing[b] || value < range[0] || value > range[1]);
      anyOff |= off[b];
      rest[b] &= !free[b];
    }
    if (anyOff) {
      List<Column> all = encoder.table.columns;
      wrong.add(new Unsolved(
          "the condition on " + Messages.quoted(all.get(column).name) + " (by "
              + Messages.quoted(all.get(target).name) + ")", off));
    }
    take(target, free, taken, isWanted);
    for (int source : inverse.sources) {
      if (source != column) {
        take(source, free, taken, isWanted);
      }
    }
    return rest;
  }

  /** Notes that a column, and what it is computed from, must not change any more. */
  private void take(int column, boolean[] rows, boolean[][] taken, boolean[][] isWanted) {
    taken[column] = or(taken[column], rows);
    Relation relation = relations.always(column);
    if (relation == null) {
      return;
    }
    // Inputs may still change where the value is given.
    boolean[] inner = rows.clone();
    boolean any = false;
    for (int b = 0; b < inner.length; b++) {
      inner[b] &= isWanted[column] == null || !isWanted[column][b];
      any |= inner[b];
    }
    for (int i = 0; any && i < relation.formula.sources.length; i++) {
      take(relation.formula.sources[i], inner, taken, isWanted);
    }
  }

  private static boolean[] or(boolean[] one, boolean[] other) {
    boolean[] either = other.clone();
    for (int b = 0; one != null && b < either.length; b++) {
      either[b] |= one[b];
    }
    return either;
  }

  /** Numbers as a column has them. */
  static Values cast(Values cells, Column column) {
    if (column.kind == Kind.REAL && cells.real == null) {
      double[] real = new double[cells.size()];
      Arrays.setAll(real, row -> cells.whole[row]);
      return Values.real(real, cells.missing);
    }
    if (column.kind.isWhole() && cells.whole == null) {
      long[] whole = new long[cells.size()];
      Arrays.setAll(whole, row -> (long) cells.real[row]);
      return Values.whole(column.kind, whole, cells.missing);
    }
    return cells;
  }
}
