package hex.gan.generate;

import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.core.unique.LongSet;
import hex.gan.rows.NewFrame;
import hex.gan.rows.Stop;
import java.util.Arrays;
import java.util.List;
import water.Job;
import water.fvec.Chunk;

/**
 * Finds the rows of a new frame that repeat earlier ones in columns that have to be unique.
 *
 * <p>Rows are looked at in order, whatever the chunks: so the same rows are drawn again on any cluster.
 */
final class Repeats {
  private static final int ATTEMPTS = 32;

  private final NewFrame made;
  private final List<GanModel.UniqueRule> unique;
  private final int[] rules;
  private final LongSet[] seen;
  private final Job<?> job;
  private int attempts;
  /** Index of a rule that the last repeated row breaks. */
  private int broken;
  private long[] found = new long[16];
  private int count;

  /**
   * @param unique the rules of the model
   * @param rules indices of those that are checked
   * @param job which ends the work; null for none
   */
  Repeats(NewFrame made, List<GanModel.UniqueRule> unique, int[] rules, Job<?> job) {
    this.job = job;
    this.made = made;
    this.unique = unique;
    this.rules = rules;
    seen = new LongSet[rules.length];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = new LongSet(made.rows());
    }
    addGiven();
  }

  /** Adds the values that the user gave, which no draw changes. */
  private void addGiven() {
    for (int chunk = 0; chunk < made.chunks(); chunk++) {
      Stop.check(job);
      for (int rule = 0; rule < rules.length; rule++) {
        Chunk fixed = made.get(made.columns() + rules.length + rule, chunk);
        Chunk hashes = made.get(made.columns() + rule, chunk);
        for (int row = 0; row < made.rows(chunk); row++) {
          if (fixed.at8(row) == 1 && !hashes.isNA(row)) {
            seen[rule].add(hashes.at8(row));
          }
        }
      }
    }
  }

  /**
   * Accepts new rows among some, and finds the others.
   *
   * @param rows to look at, ascending; null for all
   * @return the rows that repeat others, ascending
   * @throws UnreachableException they were drawn often enough
   */
  long[] among(long[] rows) {
    if (rows != null) {
      attempts++;
    }
    count = 0;
    int next = 0;
    for (int chunk = 0; chunk < made.chunks(); chunk++) {
      long start = made.start(chunk);
      long end = start + made.rows(chunk);
      if (rows != null && (next == rows.length || rows[next] >= end)) {
        continue;
      }
      Stop.check(job);
      Hashes hashes = new Hashes(chunk);
      if (rows == null) {
        for (long row = start; row < end; row++) {
          look(hashes, row, start);
        }
      }
      while (rows != null && next < rows.length && rows[next] < end) {
        look(hashes, rows[next++], start);
      }
    }
    if (count > 0 && attempts == ATTEMPTS) {
      throw new UnreachableException(unique.get(rules[broken]).text
          + ": the model has too few different values for so many rows: generate fewer, or leave the rule out.");
    }
    return Arrays.copyOf(found, count);
  }

  private void look(Hashes hashes, long row, long start) {
    int at = (int) (row - start);
    for (int rule = 0; rule < rules.length; rule++) {
      if (hashes.counts(rule, at) && seen[rule].contains(hashes.of(rule, at))) {
        broken = rule;
        if (count == found.length) {
          found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = row;
        return;
      }
    }
    for (int rule = 0; rule < rules.length; rule++) {
      if (hashes.counts(rule, at)) {
        seen[rule].add(hashes.of(rule, at));
      }
    }
  }

  /** The hashes of one chunk's rows. */
  private final class Hashes {
    private final Chunk[] hashes = new Chunk[rules.length];
    private final Chunk[] fixed = new Chunk[rules.length];

    Hashes(int chunk) {
      for (int rule = 0; rule < rules.length; rule++) {
        hashes[rule] = made.get(made.columns() + rule, chunk);
        fixed[rule] = made.get(made.columns() + rules.length + rule, chunk);
      }
    }

    /** Whether a row's values are compared: none is missing, and not all are given. */
    boolean counts(int rule, int row) {
      return !hashes[rule].isNA(row) && fixed[rule].at8(row) == 0;
    }

    long of(int rule, int row) {
      return hashes[rule].at8(row);
    }
  }
}
