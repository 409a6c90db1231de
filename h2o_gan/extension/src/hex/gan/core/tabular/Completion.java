package hex.gan.core.tabular;

import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.rules.Relation;
import hex.gan.core.rules.Relations;
import hex.gan.core.rules.Rule;
import hex.gan.core.rules.Unique;
import hex.gan.core.tokens.Dependency;
import hex.gan.core.tokens.RowLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Completes drawn rows: given cells are put back, relations give values, and rules are checked; mirrors
 * h2o_gan/engine/tabular/completion.py.
 */
final class Completion {
  private final TableEncoder encoder;
  private final RowLayout layout;
  private final Conditions conditions;
  private final Inversion inversion;
  private final boolean isInverted;
  private final boolean isPlain;

  Completion(TableEncoder encoder, RowLayout layout, Conditions conditions) {
    this.encoder = encoder;
    this.layout = layout;
    this.conditions = conditions;
    boolean inverted = false;
    boolean anyCells = false;
    for (int column = 0; column < conditions.cells.length; column++) {
      anyCells |= conditions.cells[column] != null;
      inverted |= conditions.cells[column] != null && encoder.relations.always(column) != null;
    }
    isInverted = inverted;
    inversion = inverted ? new Inversion(encoder) : null;
    isPlain = !anyCells && encoder.relations.relations.isEmpty() && encoder.rules.isEmpty()
        && conditions.checks.isEmpty();
  }

  /**
   * Completes candidates.
   *
   * @param values by column, of all but computed ones; replaced
   * @param related by column, (n,) the relation that gives a row's value, -1 for none; null for columns without
   * @param picked (n,) the row of given cells of each candidate
   */
  Drawn completed(Values[] values, int[][] related, int[] picked, int n) {
    Drawn drawn = new Drawn(values);
    if (isPlain) {
      return drawn;
    }
    int columns = values.length;
    Values[] cells = new Values[columns];
    boolean[][] given = new boolean[columns][];
    for (int column = 0; column < columns; column++) {
      if (conditions.cells[column] != null) {
        cells[column] = conditions.cells[column].take(picked);
        given[column] = new boolean[n];
        for (int b = 0; b < n; b++) {
          given[column][b] = conditions.given[column][picked[b]];
        }
        if (values[column] != null) {
          values[column] = merged(values[column], cells[column], given[column]);
        }
      } else if (encoder.isGenerated(column)) {
        given[column] = new boolean[n];
        Arrays.fill(given[column], true);
      }
    }
    boolean[][] fixed = fixed(given, n);
    Values[] before = values.clone();
    if (isInverted) {
      for (Inversion.Unsolved unsolved : inversion.solve(values, n, related, cells, given)) {
        drawn.wrong.add(new Reason(unsolved.text, unsolved.rows, null));
      }
      addMisfits(drawn, before, related, given, n);
    }
    addImpossible(drawn, related, cells, given, fixed, n);
    for (Map.Entry<Integer, Condition> check : conditions.checks.entrySet()) {
      Column column = encoder.table.columns.get(check.getKey());
      boolean[] meets = ConditionValues.meets(column, check.getValue(), values[check.getKey()]);
      add(drawn.wrong, "the condition on " + Messages.quoted(column.name), not(meets), null, n);
    }
    addUnmet(drawn, cells, given, fixed, n);
    addBrokenRules(drawn, given, fixed, n);
    return drawn;
  }

  private static void add(List<Reason> list, String text, boolean[] rows, int[] columns, int n) {
    Reason reason = new Reason(text, rows, columns);
    if (reason.isAny(n)) {
      list.add(reason);
    }
  }

  private static boolean[] not(boolean[] mask) {
    boolean[] other = new boolean[mask.length];
    for (int b = 0; b < other.length; b++) {
      other[b] = !mask[b];
    }
    return other;
  }

  /** Where a is true and b is, or is not. */
  private static boolean[] and(boolean[] a, boolean[] b, boolean wanted) {
    boolean[] both = new boolean[a.length];
    for (int i = 0; i < both.length; i++) {
      both[i] = a[i] && (b != null && b[i]) == wanted;
    }
    return both;
  }

  /** Given cells in place of drawn ones. */
  private static Values merged(Values drawn, Values cells, boolean[] given) {
    Values found = Values.space(drawn.kind, cells.levels, given.length);
    for (int b = 0; b < given.length; b++) {
      found.set(b, given[b] ? cells : drawn, b);
    }
    return found;
  }

  /** The rows in which all inputs of a relation are given, or follow from given ones; by column, null for none. */
  private boolean[][] fixed(boolean[][] given, int n) {
    boolean[][] fixed = new boolean[given.length][];
    for (Relation relation : encoder.relations.relations) {
      boolean[] inputs = new boolean[n];
      Arrays.fill(inputs, relation.always);
      for (int source : relation.formula.sources) {
        for (int b = 0; b < n; b++) {
          inputs[b] &= given[source] != null && given[source][b] || fixed[source] != null && fixed[source][b];
        }
      }
      fixed[relation.target()] = inputs;
    }
    return fixed;
  }

  /** Adds columns that are functions of others, where the inversion changed either of the two. */
  private void addMisfits(Drawn drawn, Values[] before, int[][] related, boolean[][] given, int n) {
    for (Dependency dependency : layout.dependencies) {
      int[] pair = {dependency.source, dependency.token};
      int[] column = new int[2];
      int[][] codes = new int[2][];
      boolean[] changed = new boolean[n];
      boolean[] settled = new boolean[n];
      boolean any = false;
      for (int i = 0; i < 2; i++) {
        column[i] = encoder.columnsOf[encoder.learnedAt[pair[i]]][0];
      }
      for (int i = 0; i < 2; i++) {
        if (drawn.values[column[i]] != before[column[i]]) {
          boolean[] differs = differs(drawn.values[column[i]], before[column[i]]);
          boolean[] decided = settled(column[i], column[1 - i], given, n);
          for (int b = 0; b < n; b++) {
            changed[b] |= differs[b];
            settled[b] |= differs[b] && decided[b];
            any |= differs[b];
          }
        }
      }
      if (!any) {
        continue;
      }
      for (int i = 0; i < 2; i++) {
        LearnedCodec codec = encoder.learned[pair[i]];
        codes[i] = codec.encode(new Values[] {drawn.values[column[i]]}, related[column[i]]);
        int[] choices = layout.columns.get(pair[i]).choices();
        for (int b = 0; b < n; b++) {
          codes[i][b] = codes[i][b] < 0 ? -1 : choices[codes[i][b]];
        }
      }
      boolean[] off = new boolean[n];
      for (int b = 0; b < n; b++) {
        off[b] = changed[b] && codes[0][b] >= 0 && codes[1][b] >= 0
            && dependency.table[codes[0][b]] != codes[1][b] && !(conditions.completes && settled[b]);
      }
      List<Column> all = encoder.table.columns;
      add(drawn.wrong, Messages.quoted(all.get(column[1]).name) + " as a function of "
          + Messages.quoted(all.get(column[0]).name), off, null, n);
    }
  }

  /** Where a column and all else in a formula with this input are given. */
  private boolean[] settled(int column, int other, boolean[][] given, int n) {
    boolean[] settled = new boolean[n];
    for (Relation relation : encoder.relations.relations) {
      boolean isInput = false;
      for (int source : relation.formula.sources) {
        isInput |= source == column;
      }
      if (!relation.always || !isInput) {
        continue;
      }
      for (int b = 0; b < n; b++) {
        boolean known = isGiven(given, other, b) && isGiven(given, relation.target(), b);
        for (int source : relation.formula.sources) {
          known &= source == column || isGiven(given, source, b);
        }
        settled[b] |= known;
      }
    }
    return settled;
  }

  private static boolean isGiven(boolean[][] given, int column, int row) {
    return given[column] != null && given[column][row];
  }

  private void addImpossible(
      Drawn drawn, int[][] related, Values[] cells, boolean[][] given, boolean[][] fixed, int n) {
    Values[] observed = null;
    boolean[][] isObserved = null;
    if (conditions.completes) {
      observed = new Values[cells.length];
      isObserved = new boolean[cells.length][];
      for (int column = 0; column < cells.length; column++) {
        if (cells[column] != null && encoder.relations.always(column) != null) {
          observed[column] = Inversion.cast(cells[column], encoder.table.columns.get(column));
          isObserved[column] = and(given[column], fixed[column], true);
        }
      }
    }
    for (Relations.Impossible found :
        encoder.relations.complete(drawn.values, n, related, observed, isObserved)) {
      Relation relation = found.relation;
      Column column = relation.formula.column;
      String limits = ConditionValues.valueText(column, relation.low) + " to "
          + ConditionValues.valueText(column, relation.high);
      add(drawn.wrong, relation.formula.text + " (only values from " + limits + " occur)",
          and(found.rows, fixed[relation.target()], false), null, n);
    }
  }

  /** Adds computed columns that lack their given values. */
  private void addUnmet(Drawn drawn, Values[] cells, boolean[][] given, boolean[][] fixed, int n) {
    for (int column = 0; column < cells.length; column++) {
      Relation relation = encoder.relations.always(column);
      if (relation == null || cells[column] == null) {
        continue;
      }
      Column own = encoder.table.columns.get(column);
      boolean[] unmet = and(differs(drawn.values[column], Inversion.cast(cells[column], own)), given[column], true);
      add(drawn.wrong, "the condition on " + Messages.quoted(own.name), unmet, null, n);
      add(drawn.hopeless, relation.formula.text, and(unmet, fixed[column], true), null, n);
    }
  }

  private void addBrokenRules(Drawn drawn, boolean[][] given, boolean[][] fixed, int n) {
    for (Rule rule : encoder.rules) {
      if (rule instanceof Unique) { // a matter of all rows
        continue;
      }
      boolean[] broken = rule.broken(drawn.values);
      boolean any = false;
      for (int b = 0; b < n; b++) {
        any |= broken[b];
      }
      if (!any) {
        continue;
      }
      boolean[] settled = new boolean[n];
      Arrays.fill(settled, true);
      for (int column : rule.columns) {
        for (int b = 0; b < n; b++) {
          settled[b] &= isGiven(given, column, b) || isGiven(fixed, column, b);
        }
      }
      add(drawn.wrong, rule.text, conditions.completes ? and(broken, settled, false) : broken, rule.columns, n);
      if (!conditions.completes) {
        add(drawn.hopeless, rule.text, and(broken, settled, true), rule.columns, n);
      }
    }
  }

  /** Where two columns of numbers differ. */
  private static boolean[] differs(Values one, Values other) {
    boolean[] differs = new boolean[one.size()];
    for (int b = 0; b < differs.length; b++) {
      boolean same = one.whole != null && other.whole != null
          ? one.whole[b] == other.whole[b] : one.number(b) == other.number(b);
      differs[b] = one.missing[b] != other.missing[b] || !one.missing[b] && !same;
    }
    return differs;
  }
}
