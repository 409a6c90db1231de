package hex.gan.core;

import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;
import hex.gan.core.file.FileSource;
import hex.gan.core.file.ModelFile;
import hex.gan.core.file.Source;
import hex.gan.core.rules.Unique;
import hex.gan.core.tabular.TableModel;
import hex.gan.core.unique.Uniqueness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/** A table model, read from its file. Immutable, and used by any number of threads. */
public final class GanModel {
  /** Most rows at a time. */
  public static final int BLOCK_ROWS = 256;

  private final TableModel table;
  private final List<Column> scored = new ArrayList<>();
  /** By scored column, its index among all. */
  private final int[] scoredAt;

  private GanModel(TableModel table) {
    this.table = table;
    int[] at = new int[table.columns().size()];
    for (int column = 0; column < at.length; column++) {
      if (table.isScored(column)) {
        at[scored.size()] = column;
        scored.add(table.columns().get(column));
      }
    }
    scoredAt = java.util.Arrays.copyOf(at, scored.size());
  }

  /**
   * Reads a model file.
   *
   * @throws DamagedException it is not a valid one
   * @throws IllegalArgumentException it is not one of a table, or of an older format
   */
  public static GanModel load(Path path) throws IOException {
    try (FileSource source = new FileSource(path)) {
      return read(source);
    }
  }

  /** Reads a model file from anywhere; see {@link #load}. */
  public static GanModel read(Source source) throws IOException {
    try {
      return new GanModel(new TableModel(new ModelFile(source)));
    } catch (UncheckedIOException error) {
      throw error.getCause();
    }
  }

  /** The columns in the order of rows. */
  public List<Column> columns() {
    return table.columns();
  }

  /** The columns that rate() reads, in the order of rows: all but identifiers. */
  public List<Column> scoredColumns() {
    return Collections.unmodifiableList(scored);
  }

  /**
   * Bytes of the loaded model, and of what one thread needs besides while it makes or rates a block.
   *
   * @return {model, thread}
   */
  public long[] bytes() {
    return table.bytes();
  }

  /**
   * Prepares a sample.
   *
   * @param rows number of rows of the sample
   * @param seed 0 or more
   * @param conditions by column, in the order in which the user gave them; may be empty
   * @param balance a column whose levels occur in equal numbers; null for none
   * @param temperature 1 for rows as the model knows them
   * @throws IllegalArgumentException an argument does not fit
   */
  public Rows sample(long rows, long seed, Map<String, Condition> conditions, String balance, double temperature) {
    if (rows < 1) {
      throw new IllegalArgumentException("rows must be at least 1, not " + rows + ".");
    }
    if (seed < 0) {
      throw new IllegalArgumentException("seed must be 0 or more, not " + seed + ".");
    }
    if (!(temperature > 0 && temperature <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("temperature must be above 0, not " + temperature + ".");
    }
    return table.sample(rows, seed, conditions, balance, temperature);
  }

  /**
   * Generates rows in this thread, block by block, as they are asked for.
   *
   * @param rows number of rows
   * @param seed 0 or more; the same seed gives the same rows
   * @param conditions by column; may be empty
   * @return blocks of up to {@link #BLOCK_ROWS} rows: the values of each of {@link #columns}. An iterator throws
   *     UnreachableException where no row can meet the conditions and rules
   * @throws IllegalArgumentException an argument does not fit
   */
  public Iterable<Values[]> generate(long rows, long seed, Map<String, Condition> conditions) {
    Rows sample = sample(rows, seed, conditions, null, 1);
    return () -> new Blocks(sample, rows, new Uniqueness(uniqueRules(conditions), sample));
  }

  private static final class Blocks implements Iterator<Values[]> {
    private final Rows sample;
    private final long rows;
    private final Uniqueness uniqueness;
    private long next;

    Blocks(Rows sample, long rows, Uniqueness uniqueness) {
      this.sample = sample;
      this.rows = rows;
      this.uniqueness = uniqueness;
    }

    @Override
    public boolean hasNext() {
      return next < rows;
    }

    @Override
    public Values[] next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      long start = next;
      next = Math.min(rows, start + BLOCK_ROWS);
      return uniqueness.checked(start, sample.block(start, (int) (next - start), null, 0));
    }
  }

  /** Prepares filling the missing cells of rows, which are the given cells of {@link Rows#block}. */
  public Rows imputation(long seed) {
    if (seed < 0) {
      throw new IllegalArgumentException("seed must be 0 or more, not " + seed + ".");
    }
    return table.imputation(seed);
  }

  /** Whether generated values of a column are levels that it did not have before: it is an identifier, and an enum. */
  public boolean hasNewLevels(int column) {
    return table.hasNewLevels(column);
  }

  /**
   * The values of such a column in consecutive rows of a sample, or in the missing cells of rows that are filled.
   *
   * @param start index of the first row
   * @param rows their number, at most {@link #BLOCK_ROWS}
   */
  public Values newLevels(int column, long start, int rows, long seed) {
    return table.newLevels(column, start, rows, seed);
  }

  /**
   * Rates rows.
   *
   * @param values of each of {@link #scoredColumns}, at most {@link #BLOCK_ROWS} rows
   */
  public Ratings rate(Values[] values) {
    Values[] all = new Values[table.columns().size()];
    for (int i = 0; i < scoredAt.length; i++) {
      all[scoredAt[i]] = values[i];
    }
    int rows = values[0].size();
    double[] scores = new double[rows];
    double[] logDensity = new double[rows];
    double[][] shares = table.rate(all, rows, scores, logDensity);
    double[][] ofScored = new double[scoredAt.length][];
    for (int i = 0; i < scoredAt.length; i++) {
      ofScored[i] = shares[scoredAt[i]];
    }
    return new Ratings(scores, logDensity, ofScored);
  }

  /** The score above which a share of the training rows lies; contamination within [0, 1]. */
  public double threshold(double contamination) {
    return table.threshold(contamination);
  }

  /** The parameter contamination of the training; negative where it was not given. */
  public double contamination() {
    return table.contamination();
  }

  /** The rules of unique values, each by its text and the indices of its columns that samples could repeat. */
  public List<UniqueRule> uniqueRules() {
    List<UniqueRule> rules = new ArrayList<>();
    for (Unique rule : table.uniqueRules()) {
      rules.add(new UniqueRule(rule, columns()));
    }
    return rules;
  }

  /** The rules of unique values that a sample with conditions has to keep: not those whose values these give. */
  public List<UniqueRule> uniqueRules(Map<String, Condition> conditions) {
    List<UniqueRule> rules = uniqueRules();
    rules.removeIf(rule -> rule.isGivenBy(conditions));
    return rules;
  }

  /** Columns whose values together occur once in a sample, unless one is missing. */
  public static final class UniqueRule {
    private final Unique rule;
    public final String text;
    /** Indices in {@link GanModel#columns}. */
    public final int[] columns;

    private final List<Column> table;

    UniqueRule(Unique rule, List<Column> table) {
      this.rule = rule;
      this.table = table;
      text = rule.text;
      columns = rule.columns.clone();
    }

    /** Whether conditions alone give the values of the columns, numbers all of them, in every row: these repeat then. */
    public boolean isGivenBy(Map<String, Condition> conditions) {
      for (int column : columns) {
        Condition condition = conditions.get(table.get(column).name);
        if (condition == null || condition.isList || condition.isRange || !table.get(column).kind.isNumber()) {
          return false;
        }
      }
      return true;
    }

    /**
     * Hashes of the rule's values.
     *
     * @param values of each of {@link GanModel#columns}
     * @param present (rows,) filled with whether none of the values is missing
     * @return (rows,) 64 bits
     */
    public long[] hashes(Values[] values, boolean[] present) {
      return rule.hashes(values, present);
    }
  }
}
