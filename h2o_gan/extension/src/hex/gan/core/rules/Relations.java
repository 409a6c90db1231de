package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All relations of a table, in an order in which they can be computed; mirrors Relations of
 * h2o_gan/engine/data/relations/relations.py.
 *
 * <p>Columns are told by their index in the model. A column has either one relation that always holds or any number of
 * others.
 */
public final class Relations {
  /** In the order in which they can be computed, unmodifiable. */
  public final List<Relation> relations;
  private final Relation[] always;
  private final List<List<Relation>> partial = new ArrayList<>();
  /** (relations,) the number of each among those of its column that do not always hold. */
  private final int[] numbers;

  private Relations(List<Relation> relations, int columns) throws DamagedException {
    this.relations = Collections.unmodifiableList(ordered(relations));
    always = new Relation[columns];
    for (int i = 0; i < columns; i++) {
      partial.add(Collections.emptyList());
    }
    numbers = new int[relations.size()];
    for (int i = 0; i < numbers.length; i++) {
      Relation relation = this.relations.get(i);
      int target = relation.target();
      if (always[target] != null || (relation.always && !partial.get(target).isEmpty())) {
        throw new DamagedException("a column has more than one relation that always holds");
      }
      if (relation.always) {
        always[target] = relation;
      } else {
        numbers[i] = partial.get(target).size();
        if (numbers[i] == 0) {
          partial.set(target, new ArrayList<>());
        }
        partial.get(target).add(relation);
      }
    }
  }

  /**
   * Reads relations.
   *
   * @param data the list {@code relations}; null for none
   * @throws DamagedException they are not relations over these columns, or do not go together
   */
  public static Relations restore(Json data, ColumnIndex table) throws DamagedException {
    List<Relation> relations = new ArrayList<>();
    if (data != null) {
      for (Json item : data.items()) {
        relations.add(Relation.restore(item, table));
      }
    }
    return new Relations(relations, table.columns.size());
  }

  /** The relation that gives a column's value in every row; null for none. */
  public Relation always(int column) {
    return always[column];
  }

  /** The number of relations that give a column's value in a part of the rows. */
  public int count(int column) {
    return partial.get(column).size();
  }

  /** One of the relations that give a column's value in a part of the rows. */
  public Relation partial(int column, int number) {
    return partial.get(column).get(number);
  }

  /** The smallest and the largest training value of a column that has relations; null for others. */
  public double[] range(int column) {
    List<Relation> some = partial.get(column);
    Relation last = some.isEmpty() ? always[column] : some.get(some.size() - 1);
    return last == null ? null : new double[] {last.low, last.high};
  }

  /**
   * Finds the rows in which relations hold that give a column's value in a part of the rows.
   *
   * @param values by column; null for those that are not known
   * @return (rows,) the first of the column's relations that holds, -1 for none; null where the column has none, or one
   *     of them refers to a column that is not known
   */
  public int[] indices(int column, Values[] values) {
    List<Relation> some = partial.get(column);
    for (Relation relation : some) {
      if (!relation.formula.isOver(values)) {
        return null;
      }
    }
    if (some.isEmpty()) {
      return null;
    }
    int[] indices = new int[values[column].size()];
    Arrays.fill(indices, -1);
    for (int number = some.size() - 1; number >= 0; number--) {
      boolean[] holds = some.get(number).holds(values);
      for (int i = 0; i < indices.length; i++) {
        indices[i] = holds[i] ? number : indices[i];
      }
    }
    return indices;
  }

  /** A relation that gives impossible values, and the rows in which it does. */
  public static final class Impossible {
    public final Relation relation;
    /** (rows,) */
    public final boolean[] rows;

    Impossible(Relation relation, boolean[] rows) {
      this.relation = relation;
      this.rows = rows;
    }
  }

  /**
   * Computes the values that relations give.
   *
   * @param values by column, replaced where relations give some; those of columns that are computed in every row may be
   *     null
   * @param rows their number
   * @param related by column, (rows,) the relation that gives a row's value, -1 for none; null for columns without
   * @param observed by computed column, values that rows have whatever the relation gives; null, or null for a column,
   *     where there are none
   * @param isObserved by computed column, (rows,) the rows that have them
   * @return relations that give values outside the training rows' range, of more than 64 bits, or, in a part of the
   *     rows, missing ones
   */
  public List<Impossible> complete(
      Values[] values, int rows, int[][] related, Values[] observed, boolean[][] isObserved) {
    List<Impossible> impossible = new ArrayList<>();
    for (int at = 0; at < numbers.length; at++) {
      Relation relation = relations.get(at);
      int target = relation.target();
      if (!relation.always && related[target] == null) {
        continue;
      }
      boolean[] wrong = new boolean[rows];
      Values computed = relation.formula.computed(values, wrong);
      boolean[] outside = relation.outside(computed);
      boolean any = false;
      if (relation.always) {
        for (int i = 0; i < rows; i++) {
          wrong[i] |= outside[i];
          any |= wrong[i];
        }
        boolean given = observed != null && observed[target] != null;
        values[target] = given ? Values.chosen(isObserved[target], observed[target], computed) : computed;
      } else {
        boolean[] mask = new boolean[rows];
        for (int i = 0; i < rows; i++) {
          mask[i] = related[target][i] == numbers[at];
          wrong[i] = mask[i] && (wrong[i] | outside[i] | computed.missing[i]);
          any |= wrong[i];
        }
        values[target] = Values.chosen(mask, computed, values[target]);
      }
      if (any) {
        impossible.add(new Impossible(relation, wrong));
      }
    }
    return impossible;
  }

  /** Puts each relation behind those that give its inputs, as Python's graphlib does. */
  private static List<Relation> ordered(List<Relation> relations) throws DamagedException {
    Map<Integer, List<Relation>> byTarget = new LinkedHashMap<>();
    for (Relation relation : relations) {
      byTarget.computeIfAbsent(relation.target(), target -> new ArrayList<>()).add(relation);
    }
    Map<Integer, int[]> pending = new LinkedHashMap<>();
    Map<Integer, List<Integer>> followers = new LinkedHashMap<>();
    for (Map.Entry<Integer, List<Relation>> entry : byTarget.entrySet()) {
      int[] count = pending.computeIfAbsent(entry.getKey(), target -> new int[1]);
      for (Relation relation : entry.getValue()) {
        for (int source : relation.formula.sources) {
          if (byTarget.containsKey(source)) {
            count[0]++;
            pending.computeIfAbsent(source, target -> new int[1]);
            followers.computeIfAbsent(source, target -> new ArrayList<>()).add(entry.getKey());
          }
        }
      }
    }
    Deque<Integer> ready = new ArrayDeque<>();
    for (Map.Entry<Integer, int[]> entry : pending.entrySet()) {
      if (entry.getValue()[0] == 0) {
        ready.add(entry.getKey());
      }
    }
    List<Relation> ordered = new ArrayList<>();
    while (!ready.isEmpty()) {
      int target = ready.remove();
      ordered.addAll(byTarget.get(target));
      for (int follower : followers.getOrDefault(target, Collections.emptyList())) {
        if (--pending.get(follower)[0] == 0) {
          ready.add(follower);
        }
      }
    }
    if (ordered.size() < relations.size()) {
      throw new DamagedException("relations follow from each other in a circle");
    }
    return ordered;
  }
}
