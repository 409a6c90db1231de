package hex.gan.core.tabular;

import hex.gan.core.codecs.Codec;
import hex.gan.core.codecs.ComputedCodec;
import hex.gan.core.codecs.ConstantCodec;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.GeneratedCodec;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.rules.Absence;
import hex.gan.core.rules.Relation;
import hex.gan.core.tokens.Dependency;
import hex.gan.core.tokens.RowLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Conditions on rows: constraints by column, rows with gaps, levels in equal numbers; mirrors
 * h2o_gan/engine/tabular/conditions.py.
 *
 * <p>Columns are told by their index in the table, learned codecs by theirs. Given cells are of some rows; after the
 * last of them comes the first again.
 */
final class Conditions {
  /** Code of a cell that is drawn. */
  static final int FREE = -1;

  final TableEncoder encoder;
  final RowLayout layout;
  /** By learned codec; null for none. */
  Constraint[] constraints;
  /** The constraints by token; null for none. */
  Bounds[] bounds;
  /** Learned codecs in the order in which they are drawn before all others. */
  int[] first = {};
  /** (learned, count) given codes, FREE where there are none; null where nothing is given. */
  int[][] codes;
  /** Number of rows of given cells. */
  int count = 1;
  /** Index in the sample of the first row of given cells. */
  long origin;
  /** By column, (count,) the given values; null for none. */
  Values[] cells;
  /** By column, (count,) which rows have them. */
  boolean[][] given;
  /** By learned codec with several columns, whether only some of them are given in some row. */
  boolean[] partial;
  /** Learned codecs that are functions of another one and whose gaps are filled with values. */
  final List<Integer> filled = new ArrayList<>();
  /** By column, conditions on values that relations give: rows are drawn until they meet them. */
  final Map<Integer, Condition> checks = new TreeMap<>();
  /** Whether the given cells are of rows to be completed, which may break rules among themselves. */
  boolean completes;

  private Conditions(TableEncoder encoder, RowLayout layout) {
    this.encoder = encoder;
    this.layout = layout;
    constraints = new Constraint[encoder.learned.length];
    bounds = new Bounds[layout.tokens.size()];
    int columns = encoder.table.columns.size();
    cells = new Values[columns];
    given = new boolean[columns][];
    partial = new boolean[encoder.learned.length];
  }

  /** Whether there is no condition. */
  boolean isEmpty() {
    boolean none = codes == null && checks.isEmpty();
    for (Bounds bound : bounds) {
      none &= bound == null;
    }
    return none;
  }

  /** Whether rows have different conditions. */
  boolean byRow() {
    return codes != null && count > 1;
  }

  /** The names of columns that have a condition, or a given cell in some row. */
  List<String> names() {
    List<String> names = new ArrayList<>();
    for (int column = 0; column < cells.length; column++) {
      int learned = learnedIndex(column);
      if (cells[column] != null || checks.containsKey(column) || learned >= 0 && constraints[learned] != null) {
        names.add(encoder.table.columns.get(column).name);
      }
    }
    return names;
  }

  /** The row of given cells that is for a row of the sample. */
  int cellsOf(long row) {
    return (int) ((row - origin) % count);
  }

  /** The index of the learned codec of a column; -1 where it has none. */
  int learnedIndex(int column) {
    return Arrays.binarySearch(encoder.learnedAt, encoder.codecOf[column]) < 0
        ? -1 : Arrays.binarySearch(encoder.learnedAt, encoder.codecOf[column]);
  }

  /**
   * The same conditions for every row.
   *
   * @throws IllegalArgumentException there is no such column, level or value, or no row meets all conditions
   */
  static Conditions byColumn(TableEncoder encoder, RowLayout layout, Map<String, Condition> wanted) {
    Conditions made = new Conditions(encoder, layout);
    Map<Integer, Condition> onRelations = new LinkedHashMap<>();
    boolean anyCells = false;
    for (Map.Entry<String, Condition> entry : wanted.entrySet()) {
      String name = entry.getKey();
      Condition condition = entry.getValue();
      int column = encoder.table.of(name);
      if (column < 0) {
        throw new IllegalArgumentException("conditions: the model has no column " + Messages.quoted(name)
            + "; it has " + Messages.listed(namesOf(encoder.table.columns)) + ".");
      }
      Codec codec = encoder.codecs[encoder.codecOf[column]];
      if (codec instanceof GeneratedCodec) {
        ((GeneratedCodec) codec).checkCondition(name, condition);
      } else if (codec instanceof ComputedCodec) {
        double[] range = encoder.rangeOf(column);
        int decimals = encoder.relations.always(column).formula.decimals();
        Values exact = ((ComputedCodec) codec).given(condition, range[0], range[1], decimals);
        if (exact == null) {
          made.checks.put(column, condition);
        } else {
          made.give(column, exact);
          anyCells = true;
        }
      } else {
        int learned = made.learnedIndex(column);
        if (((LearnedCodec) codec).related > 0 && !condition.isMissing()) {
          made.checks.put(column, condition);
          onRelations.put(column, condition);
        }
        made.constrain(learned, layout.columns.get(learned).constraint(name, condition), name);
      }
    }
    int[][] codes = new int[encoder.learned.length][1];
    Constraint[] free = new Constraint[codes.length];
    for (int i = 0; i < codes.length; i++) {
      Constraint constraint = made.constraints[i];
      codes[i][0] = constraint == null ? FREE : constraint.code;
      free[i] = constraint == null || constraint.code >= 0 ? null : constraint;
      if (constraint != null) {
        for (Map.Entry<String, Values> cell : constraint.cells.entrySet()) {
          made.give(encoder.table.of(cell.getKey()), cell.getValue());
          anyCells = true;
        }
      }
    }
    made.constraints = free.clone();
    made.setBounds(free);
    made.link(onRelations);
    made.codes = anyCells ? codes : null;
    return made;
  }

  private static List<String> namesOf(List<Column> columns) {
    List<String> names = new ArrayList<>();
    for (Column column : columns) {
      names.add(column.name);
    }
    return names;
  }

  private void give(int column, Values cell) {
    cells[column] = cell;
    given[column] = new boolean[] {true};
  }

  private void constrain(int learned, Constraint constraint, String name) {
    Constraint before = constraints[learned];
    Constraint both = before == null ? constraint : encoder.learned[learned].joined(before.combined(constraint));
    if (both.isEmpty()) {
      throw unmet(name);
    }
    constraints[learned] = both;
  }

  private static IllegalArgumentException unmet(String name) {
    return new IllegalArgumentException("conditions: no row meets the one on " + Messages.quoted(name)
        + " together with the others: leave one out.");
  }

  /** Bounds of conditions that hold for every row; those without a code. */
  private void setBounds(Constraint[] free) {
    Constraint[] onRoots = new Constraint[free.length];
    for (int i = 0; i < free.length; i++) {
      onRoots[i] = layout.sourceOf(i) == null ? free[i] : null;
    }
    for (int i = 0; i < free.length; i++) {
      Dependency dependency = layout.sourceOf(i);
      if (free[i] == null || dependency == null) {
        continue;
      }
      // A column that is a function of another bounds that one instead.
      double[][][] masks = layout.columns.get(i).masks(free[i]);
      int[] sourceChoices = layout.columns.get(dependency.source).choices();
      boolean[] reachable = new boolean[sourceChoices.length];
      for (int code = 0; code < reachable.length; code++) {
        int choice = sourceChoices[code];
        reachable[code] = choice < 0 || masks[0] == null || masks[0][0][dependency.table[choice]] > 0;
      }
      Constraint onSource = Constraint.ofCodes(reachable, null);
      Constraint before = onRoots[dependency.source];
      onSource = before == null ? onSource : before.combined(onSource);
      if (onSource.isEmpty()) {
        throw unmet(encoder.learned[i].columns[0].name);
      }
      onRoots[dependency.source] = onSource;
      constraints[dependency.source] = onSource;
    }
    // Columns with the fewest allowed codes first: what follows from a single one is then the same for all rows. Ranges
    // come last.
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < onRoots.length; i++) {
      if (onRoots[i] != null) {
        order.add(i);
      }
    }
    order.sort((one, other) -> Integer.compare(allowed(onRoots[one]), allowed(onRoots[other])));
    first = order.stream().mapToInt(Integer::intValue).toArray();
    for (int learned : first) {
      setBounds(learned, boundsOf(learned, onRoots[learned]));
    }
  }

  private static int allowed(Constraint constraint) {
    int count = constraint.codes == null ? Integer.MAX_VALUE : 0;
    for (int i = 0; constraint.codes != null && i < constraint.codes.length; i++) {
      count += constraint.codes[i] ? 1 : 0;
    }
    return count;
  }

  private void setBounds(int learned, Bounds[] own) {
    int start = layout.start(learned);
    for (int i = 0; i < own.length; i++) {
      bounds[start + i] = own[i] == null ? bounds[start + i] : own[i];
    }
  }

  /** A codec's constraint by token of the codec; null where everything is allowed. */
  private Bounds[] boundsOf(int learned, Constraint constraint) {
    double[][][] masks = layout.columns.get(learned).masks(constraint);
    int start = layout.start(learned);
    Bounds[] own = new Bounds[masks.length];
    for (int i = 0; i < masks.length; i++) {
      if (masks[i] == null) {
        continue;
      }
      if (!layout.tokens.get(start + i).isNumber()) {
        own[i] = Bounds.choices(flat(masks[i]));
      } else if (masks[i][0][0] <= masks[i][0][1]) {
        own[i] = Bounds.range((float) masks[i][0][0], (float) masks[i][0][1]);
      }
    }
    return own;
  }

  static float[] flat(double[][] mask) {
    float[] flat = new float[mask.length * mask[0].length];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = (float) mask[i / mask[0].length][i % mask[0].length];
    }
    return flat;
  }

  /**
   * Passes conditions on to columns that are equal in a part of the rows.
   *
   * <p>Where a row takes its value from another column, that column has to meet the condition.
   */
  private void link(Map<Integer, Condition> wanted) {
    for (Map.Entry<Integer, Condition> entry : wanted.entrySet()) {
      int learned = learnedIndex(entry.getKey());
      if (learned < 0 || layout.start(learned) == layout.end(learned)) {
        continue;
      }
      for (int number = 0; number < encoder.relations.count(entry.getKey()); number++) {
        Relation relation = encoder.relations.partial(entry.getKey(), number);
        int column = relation.formula.repeated();
        int source = column < 0 ? -1 : learnedIndex(column);
        if (source < 0 || layout.start(source) == layout.end(source) || isFirst(source)) {
          continue;
        }
        Constraint constraint;
        try {
          constraint = layout.columns.get(source).constraint(encoder.table.columns.get(column).name, entry.getValue());
        } catch (IllegalArgumentException e) { // no value of that column meets the condition
          continue;
        }
        int choice = layout.columns.get(learned).choiceOfRelation(number);
        Bounds[] own = boundsOf(source, constraint);
        for (int i = 0; i < own.length; i++) {
          int token = layout.start(source) + i;
          if (own[i] != null && bounds[token] == null) {
            bounds[token] = Bounds.linked(own[i], layout.start(learned), choice);
          }
        }
      }
    }
  }

  private boolean isFirst(int learned) {
    for (int own : first) {
      if (own == learned) {
        return true;
      }
    }
    return false;
  }

  /**
   * Cells as rows have them; other columns, and missing cells, are drawn.
   *
   * <p>Missing cells are drawn as anything but missing, without those that a rule leaves no value.
   *
   * @param columns by column, the rows' values; null for columns that are not there
   * @param start index of the first row in the frame
   * @param rows their number
   */
  static Conditions ofGaps(TableEncoder encoder, RowLayout layout, Values[] columns, long start, int rows) {
    Conditions made = new Conditions(encoder, layout);
    made.origin = start;
    made.completes = true;
    made.count = rows;
    boolean[][] lasting = made.lasting(columns, rows);
    for (int column = 0; column < columns.length; column++) {
      if (columns[column] != null) {
        made.cells[column] = columns[column];
        made.given[column] = new boolean[rows];
        for (int row = 0; row < rows; row++) {
          made.given[column][row] =
              !columns[column].missing[row] || lasting[column] != null && lasting[column][row];
        }
      }
    }
    made.codes = new int[encoder.learned.length][rows];
    for (int i = 0; i < encoder.learned.length; i++) {
      made.encode(i, columns, rows);
    }
    return made;
  }

  private void encode(int learned, Values[] columns, int rows) {
    Arrays.fill(codes[learned], FREE);
    LearnedCodec codec = encoder.learned[learned];
    int[] own = encoder.columnsOf[encoder.learnedAt[learned]];
    Values[] values = new Values[own.length];
    boolean any = false;
    for (int i = 0; i < own.length; i++) {
      any |= columns[own[i]] != null;
      values[i] = columns[own[i]] == null ? Values.none(codec.columns[i], rows) : columns[own[i]];
    }
    if (!any) {
      return;
    }
    int[] encoded = codec.encode(values, encoder.relations.indices(own[0], columns));
    for (int row = 0; row < rows; row++) {
      int known = 0;
      for (int column : own) {
        known += given[column] != null && given[column][row] ? 1 : 0;
      }
      codes[learned][row] = known == own.length ? encoded[row] : FREE;
      partial[learned] |= known > 0 && known < own.length;
    }
    if (!codec.hasMissing) {
      return;
    }
    if (layout.sourceOf(learned) != null) {
      filled.add(learned);
    } else {
      constraints[learned] = layout.columns.get(learned).present();
      setBounds(learned, boundsOf(learned, constraints[learned]));
    }
  }

  /** The missing cells of learned columns that stay missing, by column. */
  private boolean[][] lasting(Values[] columns, int rows) {
    List<Integer> either = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    boolean[] isLearned = new boolean[columns.length];
    for (int column = 0; column < columns.length; column++) {
      Codec codec = encoder.codecs[encoder.codecOf[column]];
      isLearned[column] = codec instanceof LearnedCodec && ((LearnedCodec) codec).hasMissing
          && encoder.columnsOf[encoder.codecOf[column]][0] == column;
      // Computed columns are missing where an input is: their gaps tell which others last.
      if (isLearned[column] || codec instanceof ComputedCodec) {
        either.add(column);
      } else if (!(codec instanceof ConstantCodec && ((ConstantCodec) codec).value == null)) {
        others.add(column);
      }
    }
    boolean[][] found = Absence.lastingGaps(encoder.rules, columns, rows, ints(either), ints(others));
    for (int column = 0; column < columns.length; column++) {
      found[column] = isLearned[column] ? found[column] : null;
    }
    return found;
  }

  private static int[] ints(List<Integer> list) {
    return list.stream().mapToInt(Integer::intValue).toArray();
  }

  /**
   * Adds that each level of a column is in equally many rows.
   *
   * @param rows number of rows of the sample
   * @throws IllegalArgumentException there is no such column, it has no levels, or it has a condition
   */
  void balance(String name, long rows) {
    int column = encoder.table.of(name);
    int learned = column < 0 ? -1 : learnedIndex(column);
    if (learned < 0 || !encoder.learned[learned].hasLevels()) {
      List<String> names = new ArrayList<>();
      for (LearnedCodec codec : encoder.learned) {
        if (codec.hasLevels()) {
          names.add(codec.columns[0].name);
        }
      }
      throw new IllegalArgumentException("balance=" + Messages.quoted(name)
          + " is not a categorical column of the model; these are: " + Messages.listed(names) + ".");
    }
    if (constraints[learned] != null || cells[column] != null) {
      throw new IllegalArgumentException("balance=" + Messages.quoted(name)
          + ": that column has a condition too. Give one of the two.");
    }
    LearnedCodec codec = encoder.learned[learned];
    int levels = codec.width() - (codec.hasMissing ? 1 : 0);
    int rowsGiven = (int) Math.min(rows, levels);
    int[][] repeated = new int[encoder.learned.length][rowsGiven];
    for (int i = 0; i < repeated.length; i++) {
      Arrays.fill(repeated[i], codes == null ? FREE : codes[i][0]);
    }
    int[] all = new int[rowsGiven];
    Arrays.setAll(all, row -> 0);
    for (int other = 0; other < cells.length; other++) {
      if (cells[other] != null) {
        cells[other] = cells[other].take(all);
        given[other] = trues(rowsGiven);
      }
    }
    Arrays.setAll(repeated[learned], row -> row);
    cells[column] = codec.decode(repeated[learned], new double[rowsGiven], null)[0];
    given[column] = trues(rowsGiven);
    codes = repeated;
    count = rowsGiven;
  }

  private static boolean[] trues(int size) {
    boolean[] all = new boolean[size];
    Arrays.fill(all, true);
    return all;
  }
}
