package hex.gan.generate;

import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.unique.LongSet;
import hex.gan.rows.ChunkWriter;
import hex.gan.rows.Failure;
import hex.gan.rows.FrameColumns;
import hex.gan.rows.NewFrame;
import hex.gan.rows.Stop;
import hex.gan.work.Blob;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import water.H2O;
import water.Job;
import water.Key;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;

/** Makes the rows of a recipe as a frame, on all nodes; the caller waits. */
public final class Making {
  /** Bytes of a row's hash in the cluster, and whether it is given. */
  private static final int HASH_BYTES = 9;

  private static final double GB = 1 << 30;

  private final Blob file;
  private final GanModel model;
  private final Recipe recipe;
  /** The frame whose cells are given, and its columns; null for a sample. */
  private final Frame frame;
  private final FrameColumns given;

  private Making(Blob file, GanModel model, Recipe recipe, Frame frame, FrameColumns given) {
    this.file = file;
    this.model = model;
    this.recipe = recipe;
    this.frame = frame;
    this.given = given;
  }

  /**
   * A sample; checks its arguments.
   *
   * @throws IllegalArgumentException an argument does not fit the model
   * @throws UnreachableException no row can meet the conditions
   */
  public static Making sample(Blob file, GanModel model, Recipe recipe) {
    recipe.rows(model);
    return new Making(file, model, recipe, null, null);
  }

  /**
   * The rows of a frame with their missing cells filled.
   *
   * @throws IllegalArgumentException the frame does not fit the model
   */
  public static Making imputation(Blob file, GanModel model, Recipe recipe, Frame frame) {
    FrameColumns.checkKnown(model.columns(), frame);
    FrameColumns given = FrameColumns.of(model.columns(), frame);
    given.checkWhole(model.columns());
    recipe.rows(model);
    return new Making(file, model, recipe, frame, given);
  }

  /** Bytes that each node needs beside the frame: those of the model and of all threads. */
  public static long nodeBytes(GanModel model) {
    long[] bytes = model.bytes();
    return bytes[0] + bytes[1] * Runtime.getRuntime().availableProcessors();
  }

  /** Bytes that each row takes besides its values: those of unique rules, and of the levels of identifiers. */
  public static double rowBytes(GanModel model) {
    double bytes = (LongSet.BYTES + HASH_BYTES) * model.uniqueRules().size();
    for (int column = 0; column < model.columns().size(); column++) {
      bytes += model.hasNewLevels(column) ? NewLevels.BYTES * H2O.CLOUD.size() : 0;
    }
    return bytes;
  }

  /** The levels of an enum: those of the model, those that only the given cells have, and new ones of identifiers. */
  private List<String> levels(int index, Job<?> job) {
    Column column = model.columns().get(index);
    if (!model.hasNewLevels(index)) {
      return given == null ? column.levels : given.levels(index, column);
    }
    NewLevels made = new NewLevels(model, index, recipe.seed(), job);
    return given == null
        ? made.ofSample(recipe.rows()) : made.ofGaps(given.vecs()[index], given.levels(index, column));
  }

  /**
   * Makes the frame.
   *
   * @param key of the frame, which must be free; null for a frame without a key
   * @param job to report to, and to be cancelled by; null for none
   * @param units of the job's work for all rows
   * @throws H2OIllegalArgumentException no row can meet the conditions, or the key was taken meanwhile
   */
  public Frame make(Key<Frame> key, Job<?> job, long units) {
    int[] rules = rules();
    checkMemory(rules.length);
    NewFrame made = newFrame(2 * rules.length, job);
    boolean done = false;
    try {
      run(made, rules, 0, null, job, units);
      redraw(made, rules, job);
      Stop.check(job);
      Frame frame = key == null ? made.finish(null) : made.publish(key);
      done = true;
      return frame;
    } catch (UnreachableException e) {
      throw new H2OIllegalArgumentException(e.getMessage());
    } finally {
      if (!done) {
        made.discard();
      }
    }
  }

  /** Rows that have to be unique are compared on this node, once all of them are made. */
  private void checkMemory(int rules) {
    double wanted = (double) rules * LongSet.bytes(frame == null ? recipe.rows() : frame.numRows());
    double free = H2O.SELF._heartbeat.get_free_mem();
    if (wanted > free) {
      throw new H2OIllegalArgumentException(String.format(
          "rules of unique values take about %.1f GB on node %s, which has %.1f GB free: generate fewer rows",
          wanted / GB, H2O.SELF.getIpPortString(), free / GB));
    }
  }

  private NewFrame newFrame(int hidden, Job<?> job) {
    List<Column> columns = model.columns();
    String[] names = new String[columns.size()];
    String[][] domains = new String[names.length][];
    for (int i = 0; i < names.length; i++) {
      Column column = columns.get(i);
      names[i] = column.name;
      domains[i] = column.kind == Kind.ENUM ? levels(i, job).toArray(new String[0]) : null;
    }
    byte[] types = ChunkWriter.types(columns);
    return frame == null
        ? NewFrame.of(Layout.starts(recipe.rows(), names.length), names, types, domains, hidden)
        : NewFrame.beside(frame.anyVec(), names, types, domains, hidden);
  }

  /** Indices of the unique rules that draws can break. */
  private int[] rules() {
    List<GanModel.UniqueRule> unique = model.uniqueRules();
    return IntStream.range(0, unique.size())
        .filter(i -> frame != null || !recipe.fixes(model, unique.get(i))).toArray();
  }

  private void run(NewFrame made, int[] rules, int attempt, long[] repeats, Job<?> job, long units) {
    int[] chunks = IntStream.range(0, made.chunks())
        .filter(chunk -> repeats == null || any(repeats, made, chunk)).toArray();
    MakeTask task = new MakeTask(file, made, recipe, given, rules, attempt, repeats, job, units);
    task.on(chunks);
    Failure.check(task.failure(), job);
  }

  private static boolean any(long[] repeats, NewFrame made, int chunk) {
    int at = Arrays.binarySearch(repeats, made.start(chunk));
    at = at < 0 ? -at - 1 : at;
    return at < repeats.length && repeats[at] < made.start(chunk) + made.rows(chunk);
  }

  /** Draws rows again that repeat others in columns that have to be unique, until none is left. */
  private void redraw(NewFrame made, int[] rules, Job<?> job) {
    if (rules.length == 0) {
      return;
    }
    Repeats repeats = new Repeats(made, model.uniqueRules(), rules, job);
    long[] rows = repeats.among(null);
    for (int attempt = 1; rows.length > 0; attempt++) {
      run(made, rules, attempt, rows, job, 0);
      rows = repeats.among(rows);
    }
  }
}
