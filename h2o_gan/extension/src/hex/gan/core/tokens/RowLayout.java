package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Column;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which tokens represent which columns, and which columns are functions of others.
 *
 * <p>A "column" here is what one learned codec encodes, by its index among the learned codecs. Mirrors RowLayout of
 * h2o_gan/engine/tabular/layout.py, but for crosses and anchors, which are the networks'.
 */
public final class RowLayout {
  private static final long MOST_ROWS = 1L << 53;

  /** The learned codecs, unmodifiable. */
  public final List<LearnedCodec> codecs;
  /** Their tokens, unmodifiable. */
  public final List<ColumnTokens> columns;
  /** Number of training rows. */
  public final long rows;
  /** Unmodifiable. */
  public final List<Dependency> dependencies;
  /** Tokens of a row: those of all columns that are not functions of others, in order; unmodifiable. */
  public final List<Token> tokens;
  /** Codes to tokens. */
  public final TokenTables tables;
  /** (columns,) how a column follows from another one; null where it does not. */
  private final Dependency[] derived;
  /** (columns + 1,) where the tokens of each column begin; those of a function of another are none. */
  private final int[] starts;

  private RowLayout(LearnedCodec[] codecs, ColumnTokens[] columns, long rows, List<Dependency> dependencies)
      throws DamagedException {
    this.codecs = Collections.unmodifiableList(Arrays.asList(codecs));
    this.columns = Collections.unmodifiableList(Arrays.asList(columns));
    this.rows = rows;
    this.dependencies = Collections.unmodifiableList(dependencies);
    derived = new Dependency[columns.length];
    for (Dependency dependency : dependencies) {
      if (dependency.token >= columns.length || dependency.source >= columns.length) {
        throw new DamagedException("there is no column " + dependency.token + " or " + dependency.source);
      }
      derived[dependency.token] = dependency;
    }
    check();
    List<Token> all = new ArrayList<>();
    List<ColumnTokens> roots = new ArrayList<>();
    starts = new int[columns.length + 1];
    for (int column = 0; column < columns.length; column++) {
      if (derived[column] == null) {
        all.addAll(Arrays.asList(columns[column].tokens()));
        roots.add(columns[column]);
      }
      starts[column + 1] = all.size();
    }
    tokens = Collections.unmodifiableList(all);
    tables = new TokenTables(roots.toArray(new ColumnTokens[0]));
  }

  /**
   * Reads a layout.
   *
   * @param json the layout in the file
   * @param codecs the learned ones
   * @param arrays of each column's tokens
   */
  public static RowLayout restore(Json json, LearnedCodec[] codecs, NamedArrays[] arrays) throws DamagedException {
    long rows = json.get("rows").whole(1, MOST_ROWS);
    List<Dependency> dependencies = new ArrayList<>();
    for (Json item : json.get("dependencies").items()) {
      dependencies.add(Dependency.restore(item));
    }
    List<Json> items = json.get("columns").items();
    if (items.size() != codecs.length || arrays.length != codecs.length) {
      throw new DamagedException("the tokens do not match the columns");
    }
    ColumnTokens[] columns = new ColumnTokens[codecs.length];
    for (int index = 0; index < columns.length; index++) {
      columns[index] = TokenKinds.restore(index, codecs[index], items.get(index), arrays[index]);
    }
    return new RowLayout(codecs.clone(), columns, rows, dependencies);
  }

  /** Throws unless every dependency is between two columns of one choice each. */
  private void check() throws DamagedException {
    for (Dependency dependency : derived) {
      if (dependency == null) {
        continue;
      }
      ColumnTokens column = columns.get(dependency.token);
      ColumnTokens other = columns.get(dependency.source);
      boolean isValid = derived[dependency.source] == null && column.choices() != null && other.choices() != null
          && dependency.table.length == other.tokens()[0].size;
      for (int i = 0; isValid && i < dependency.table.length; i++) {
        isValid = dependency.table[i] < column.tokens()[0].size;
      }
      if (!isValid) {
        throw new DamagedException(
            "column " + dependency.token + " is not a function of column " + dependency.source);
      }
    }
  }

  /** The index of the codec that encodes the column of this name; -1 where it is not learned. */
  public int indexOf(String name) {
    for (int index = 0; index < codecs.size(); index++) {
      for (Column column : codecs.get(index).columns) {
        if (column.name.equals(name)) {
          return index;
        }
      }
    }
    return -1;
  }

  /** The dependency by which a column is a function of another one, or null. */
  public Dependency sourceOf(int column) {
    return derived[column];
  }

  /** The index of a column's first token, and the one behind its last; equal for a function of another column. */
  public int start(int column) {
    return starts[column];
  }

  /** See {@link #start}. */
  public int end(int column) {
    return starts[column + 1];
  }

  /** The tokens in order, those of some columns first or last; a column that is both is first. */
  public int[] order(int[] first, int[] last) {
    Set<Integer> order = new LinkedHashSet<>();
    Set<Integer> late = new LinkedHashSet<>();
    for (int column : first) {
      order.add(column);
    }
    for (int column : last) {
      late.add(column);
    }
    for (int column = 0; column < derived.length; column++) {
      if (!late.contains(column)) {
        order.add(column);
      }
    }
    order.addAll(late);
    int[] found = new int[tokens.size()];
    int count = 0;
    for (int column : order) {
      for (int token = starts[column]; token < starts[column + 1]; token++) {
        found[count++] = token;
      }
    }
    return found;
  }

  /**
   * Decodes tokens.
   *
   * @param values (tokens, rows)
   * @param uniforms (columns, rows) in [0, 1), which decide what tokens leave open
   * @param constraints (columns,) what values may be, null for anything; null for no constraints
   * @return the values of each column of each learned codec, in order
   */
  public Values[] decode(float[][] values, double[][] uniforms, Constraint[] constraints) {
    List<Values> found = new ArrayList<>();
    for (int index = 0; index < derived.length; index++) {
      Constraint constraint = constraints == null ? null : constraints[index];
      found.addAll(Arrays.asList(
          columns.get(index).decode(valuesOf(index, values), uniforms[index], constraint)));
    }
    return found.toArray(new Values[0]);
  }

  /**
   * The relations that give values of rows.
   *
   * @param values (tokens, rows)
   * @return (columns, rows) the relation, -1 for none; null for a column without relations
   */
  public int[][] related(float[][] values) {
    int[][] found = new int[derived.length][];
    for (int index = 0; index < found.length; index++) {
      if (codecs.get(index).related > 0) {
        found[index] = columns.get(index).related(valuesOf(index, values));
      }
    }
    return found;
  }

  /** The tokens of one column, (its tokens, rows), those of functions of others too. */
  private float[][] valuesOf(int index, float[][] values) {
    Dependency dependency = derived[index];
    if (dependency == null) {
      return Arrays.copyOfRange(values, starts[index], starts[index + 1]);
    }
    float[] source = values[starts[dependency.source]];
    float[] found = new float[source.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = dependency.table[(int) source[i]];
    }
    return new float[][] {found};
  }
}
