package hex.gan.core;

import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;
import hex.gan.core.file.Source;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A table model, read from its file. Immutable, and used by any number of threads. */
public final class GanModel {
  /** Most rows at a time. */
  public static final int BLOCK_ROWS = 256;

  private GanModel() {}

  /**
   * Reads a model file.
   *
   * @throws DamagedException it is not a valid one, or not one of a table
   */
  public static GanModel load(Path path) throws IOException {
    throw new UnsupportedOperationException();
  }

  /** Reads a model file from anywhere; see {@link #load}. */
  public static GanModel read(Source source) throws IOException {
    throw new UnsupportedOperationException();
  }

  /** The columns in the order of rows. */
  public List<Column> columns() {
    throw new UnsupportedOperationException();
  }

  /** The columns that rate() reads, in the order of rows: all but identifiers. */
  public List<Column> scoredColumns() {
    throw new UnsupportedOperationException();
  }

  /**
   * Bytes of the loaded model, and of what one thread needs besides while it makes or rates a block.
   *
   * @return {model, thread}
   */
  public long[] bytes() {
    throw new UnsupportedOperationException();
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
    throw new UnsupportedOperationException();
  }

  /** Prepares filling the missing cells of rows, which are the given cells of {@link Rows#block}. */
  public Rows imputation(long seed) {
    throw new UnsupportedOperationException();
  }

  /**
   * Rates rows.
   *
   * @param values of each of {@link #scoredColumns}, at most {@link #BLOCK_ROWS} rows
   */
  public Ratings rate(Values[] values) {
    throw new UnsupportedOperationException();
  }

  /** The score above which a share of the training rows lies; contamination within [0, 1]. */
  public double threshold(double contamination) {
    throw new UnsupportedOperationException();
  }

  /** The parameter contamination of the training; negative where it was not given. */
  public double contamination() {
    throw new UnsupportedOperationException();
  }

  /** The rules of unique values, each by its text and the indices of its columns that samples could repeat. */
  public List<UniqueRule> uniqueRules() {
    throw new UnsupportedOperationException();
  }

  /** Columns whose values together occur once in a sample, unless one is missing. */
  public static final class UniqueRule {
    public final String text;
    /** Indices in {@link GanModel#columns}. */
    public final int[] columns;

    public UniqueRule(String text, int[] columns) {
      this.text = text;
      this.columns = columns;
    }

    /**
     * Hashes of the rule's values.
     *
     * @param values of each of {@link GanModel#columns}
     * @param present (rows,) filled with whether none of the values is missing
     * @return (rows,) 64 bits
     */
    public long[] hashes(Values[] values, boolean[] present) {
      throw new UnsupportedOperationException();
    }
  }
}
