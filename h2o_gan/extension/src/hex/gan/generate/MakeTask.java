package hex.gan.generate;

import hex.gan.arrow.Chunks;
import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.data.Values;
import hex.gan.rows.ChunkReader;
import hex.gan.rows.ChunkWriter;
import hex.gan.rows.FrameColumns;
import hex.gan.rows.NewFrame;
import hex.gan.rows.RowsTask;
import hex.gan.work.Blob;
import java.util.Arrays;
import java.util.List;
import water.Futures;
import water.Job;
import water.fvec.Chunk;

/**
 * Makes rows, all or those that have to be drawn again.
 *
 * <p>Behind the columns of the frame, one for each unique rule has the hashes of the rule's values, missing where one of
 * the values is; a second one for each has 1 where all of them are given.
 */
final class MakeTask extends RowsTask<MakeTask> {
  private final Recipe recipe;
  /** The cells that are given by row; null where none are. */
  private final FrameColumns given;
  private final int[] rules;
  private final int attempt;
  /** The rows to draw again, ascending. */
  private final long[] repeats;

  private transient Rows source;
  private transient ChunkWriter.Columns columns;
  private transient List<GanModel.UniqueRule> unique;
  private transient ChunkReader reader;

  /**
   * @param rules indices of the unique rules whose hashes are wanted
   * @param attempt 0 to make all rows, else the number of the attempt
   * @param repeats the rows to draw again, ascending; null for all
   */
  MakeTask(
      Blob file, NewFrame made, Recipe recipe, FrameColumns given, int[] rules, int attempt, long[] repeats, Job<?> job,
      double units) {
    super(file, made, job, units);
    this.recipe = recipe;
    this.given = given;
    this.rules = rules;
    this.attempt = attempt;
    this.repeats = repeats;
  }

  @Override
  protected void prepare(GanModel model) {
    source = recipe.rows(model).cancellable(this::isStopped);
    columns = new ChunkWriter.Columns(made.columns(model.columns()));
    unique = model.uniqueRules();
    reader = given == null ? null : new ChunkReader(given, model.columns());
  }

  @Override
  protected void make(int chunk) {
    Part part = new Part(chunk);
    if (repeats == null) {
      inBlocks(chunk, (first, rows) -> part.draw(first, rows, null));
    } else {
      part.load();
      drawAgain(part);
    }
    if (!isStopped()) {
      part.store();
    }
  }

  private void drawAgain(Part part) {
    long start = made.start(part.chunk);
    long end = start + made.rows(part.chunk);
    int next = from(start);
    while (next < repeats.length && repeats[next] < end && !isStopped()) {
      long window = repeats[next] / GanModel.BLOCK_ROWS;
      int last = next;
      while (last + 1 < repeats.length && repeats[last + 1] < end
          && repeats[last + 1] / GanModel.BLOCK_ROWS == window) {
        last++;
      }
      int[] wanted = new int[last - next + 1];
      for (int i = 0; i < wanted.length; i++) {
        wanted[i] = (int) (repeats[next + i] - repeats[next]);
      }
      part.draw((int) (repeats[next] - start), wanted[wanted.length - 1] + 1, wanted);
      next = last + 1;
    }
  }

  private int from(long row) {
    int at = Arrays.binarySearch(repeats, row);
    return at < 0 ? -at - 1 : at;
  }

  /** The rows of one chunk. */
  private final class Part {
    final int chunk;
    private final int rows;
    private final ChunkWriter writer;
    private final ChunkReader.Rows cells;
    private final long[][] hashes;
    private final long[][] fixed;

    Part(int chunk) {
      this.chunk = chunk;
      rows = made.rows(chunk);
      writer = new ChunkWriter(columns, rows);
      cells = reader == null ? null : reader.open(chunk);
      hashes = new long[rules.length][rows];
      fixed = new long[rules.length][rows];
    }

    /**
     * Makes consecutive rows.
     *
     * @param wanted the rows to take of them, as indices among them; null for all
     */
    void draw(int first, int count, int[] wanted) {
      Values[] known = cells == null ? null : cells.read(first, count);
      Values[] values = source.block(made.start(chunk) + first, count, known, attempt);
      if (wanted == null) {
        writer.put(first, values, 0, count);
      } else {
        for (int row : wanted) {
          writer.put(first + row, values, row, 1);
        }
      }
      for (int rule = 0; rule < rules.length; rule++) {
        hash(rule, first, values, known, wanted);
      }
    }

    private void hash(int rule, int first, Values[] values, Values[] known, int[] wanted) {
      GanModel.UniqueRule of = unique.get(rules[rule]);
      boolean[] present = new boolean[values[0].size()];
      long[] found = of.hashes(values, present);
      int count = wanted == null ? found.length : wanted.length;
      for (int i = 0; i < count; i++) {
        int row = wanted == null ? i : wanted[i];
        hashes[rule][first + row] = present[row] ? found[row] : Chunks.NA;
        fixed[rule][first + row] = known != null && allGiven(of, known, row) ? 1 : 0;
      }
    }

    /** Takes the rows that are stored. */
    void load() {
      writer.load(made, chunk);
      for (int rule = 0; rule < rules.length; rule++) {
        hashes[rule] = longs(made.columns() + rule);
        fixed[rule] = longs(made.columns() + rules.length + rule);
      }
    }

    private long[] longs(int column) {
      Chunk stored = made.get(column, chunk);
      long[] values = new long[rows];
      for (int i = 0; i < rows; i++) {
        values[i] = stored.isNA(i) ? Chunks.NA : stored.at8(i);
      }
      return values;
    }

    void store() {
      Futures stored = new Futures();
      writer.store(made, chunk, stored);
      for (int rule = 0; rule < rules.length; rule++) {
        made.put(made.columns() + rule, chunk, Chunks.ofLongs(hashes[rule]), stored);
        made.put(made.columns() + rules.length + rule, chunk, Chunks.ofLongs(fixed[rule]), stored);
      }
      stored.blockForPending();
    }
  }

  private static boolean allGiven(GanModel.UniqueRule rule, Values[] known, int row) {
    for (int column : rule.columns) {
      if (known[column].missing[row]) {
        return false;
      }
    }
    return true;
  }
}
