package hex.gan.core.cli;

import hex.gan.core.GanModel;
import hex.gan.core.Ratings;
import hex.gan.core.Rows;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.io.RowsReader;
import hex.gan.core.io.RowsWriter;
import hex.gan.core.unique.Uniqueness;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;

/** Makes, fills and scores rows in threads, in groups of blocks, and writes them in order. */
final class Blocks {
  /** Blocks of a group: of a record batch. */
  private static final int GROUP = 32;
  private static final List<String> ANSWERS = Collections.unmodifiableList(Arrays.asList("0", "1"));

  private final int threads;
  private final RowsWriter writer;
  private final Output out;

  Blocks(int threads, RowsWriter writer, Output out) {
    this.threads = threads;
    this.writer = writer;
    this.out = out;
  }

  /** Blocks, and the index of their first row. */
  private static final class Group {
    final long start;
    final List<Values[]> blocks = new ArrayList<>();

    Group(long start) {
      this.start = start;
    }
  }

  /**
   * Writes a sample.
   *
   * @param rules of unique values that the rows have to keep
   */
  void generate(Rows rows, long count, List<GanModel.UniqueRule> rules) throws IOException {
    Uniqueness uniqueness = rules.isEmpty() ? null : new Uniqueness(rules, rows);
    long[] next = {0};
    InOrder.Parts<Group> parts = () -> {
      long start = next[0];
      next[0] = Math.min(count, start + GROUP * GanModel.BLOCK_ROWS);
      long end = next[0];
      return start == end ? null : () -> made(rows, start, end);
    };
    out.write(writer.head());
    InOrder.run(threads, parts, group -> {
      if (uniqueness != null) {
        for (int i = 0; i < group.blocks.size(); i++) {
          long start = group.start + (long) i * GanModel.BLOCK_ROWS;
          group.blocks.set(i, uniqueness.checked(start, group.blocks.get(i)));
        }
      }
      out.write(writer.encode(group.blocks));
    });
    out.write(writer.end());
  }

  private static Group made(Rows rows, long start, long end) {
    Group group = new Group(start);
    for (long at = start; at < end; at += GanModel.BLOCK_ROWS) {
      group.blocks.add(rows.block(at, (int) Math.min(GanModel.BLOCK_ROWS, end - at), null, 0));
    }
    return group;
  }

  /** What is made of a block of rows that were read. */
  private interface Work {
    Values[] of(long start, Values[] block);
  }

  private void each(RowsReader reader, Work work) throws IOException {
    long[] next = {0};
    InOrder.Parts<byte[]> parts = () -> {
      Group group = new Group(next[0]);
      while (group.blocks.size() < GROUP) {
        Values[] block = reader.next(GanModel.BLOCK_ROWS);
        if (block == null) {
          break;
        }
        group.blocks.add(block);
        next[0] += block[0].size();
      }
      return group.blocks.isEmpty() ? null : encoded(group, work);
    };
    out.write(writer.head());
    InOrder.run(threads, parts, out::write);
    out.write(writer.end());
  }

  private Callable<byte[]> encoded(Group group, Work work) {
    return () -> {
      List<Values[]> made = new ArrayList<>();
      long start = group.start;
      for (Values[] block : group.blocks) {
        made.add(work.of(start, block));
        start += block[0].size();
      }
      return writer.encode(made);
    };
  }

  /** Writes rows with their missing cells filled. */
  void impute(Rows rows, RowsReader reader) throws IOException {
    each(reader, (start, block) -> rows.block(start, block[0].size(), block, 0));
  }

  /** The columns that {@link #predict} writes. */
  static List<Column> scores(GanModel model, boolean perFeature, double contamination) {
    List<Column> columns = new ArrayList<>();
    if (perFeature) {
      for (Column column : model.scoredColumns()) {
        columns.add(new Column(column.name, Kind.REAL, Collections.emptyList()));
      }
      return columns;
    }
    if (contamination >= 0) {
      columns.add(new Column("predict", Kind.ENUM, ANSWERS));
    }
    columns.add(new Column("anomaly_score", Kind.REAL, Collections.emptyList()));
    columns.add(new Column("log_density", Kind.REAL, Collections.emptyList()));
    return columns;
  }

  /** Writes the scores of rows, or each column's share of them. */
  void predict(GanModel model, RowsReader reader, boolean perFeature, double contamination) throws IOException {
    double threshold = contamination < 0 ? 0 : model.threshold(contamination);
    each(reader, (start, block) -> {
      Ratings ratings = model.rate(block);
      boolean[] present = new boolean[block[0].size()];
      List<Values> found = new ArrayList<>();
      if (perFeature) {
        for (double[] share : ratings.shares) {
          found.add(Values.real(share, present));
        }
        return found.toArray(new Values[0]);
      }
      if (contamination >= 0) {
        long[] answers = new long[present.length];
        for (int i = 0; i < answers.length; i++) {
          answers[i] = ratings.scores[i] > threshold ? 1 : 0;
        }
        found.add(Values.levels(answers, ANSWERS, present));
      }
      found.add(Values.real(ratings.scores, present));
      found.add(Values.real(ratings.logDensity, present));
      return found.toArray(new Values[0]);
    });
  }
}
