package hex.gan.core.cli;

import hex.gan.core.DamagedException;
import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.UnreachableException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.io.RowsReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The commands. Messages go to the standard error; the standard output carries rows only. */
public final class Commands {
  private static final int DONE = 0;
  private static final int FAILED = 1;
  private static final int WRONG_USAGE = 2;

  private static final String HELP = String.join("\n",
      "usage: java -jar h2o_gan.jar COMMAND MODEL [OPTION ...]",
      "",
      "  generate MODEL --rows N   write synthetic rows",
      "  predict MODEL --in FILE   score how odd the rows of a file are",
      "  impute MODEL --in FILE    fill the missing cells of a file",
      "  describe MODEL            print the model's columns",
      "",
      "  --out FILE           CSV or Arrow file to write, .csv or .arrow (CSV to stdout)",
      "  --in FILE            CSV or Arrow file with the model's columns",
      "  --seed S             random seed; the same one gives the same rows",
      "  --threads N          threads (one for each processor)",
      "  --where COLUMN=VALUE condition of every row: a level or number, or a range as 30..40; repeatable",
      "  --balance COLUMN     column whose levels occur in equal numbers",
      "  --temperature T      below 1 for more typical rows",
      "  --per-feature        write each column's share of the score",
      "  --contamination S    mark rows that score higher than all but this share of the training rows",
      "");

  private Commands() {}

  /**
   * Runs a command.
   *
   * @return the exit status: 0 done, 1 failed with a message, 2 wrong usage
   */
  public static int run(String[] arguments) {
    List<String> all = Arrays.asList(arguments);
    if (all.isEmpty() || all.contains("--help") || all.contains("-h")) {
      (all.isEmpty() ? System.err : System.out).print(HELP);
      return all.isEmpty() ? WRONG_USAGE : DONE;
    }
    try {
      run(all.get(0), all.subList(1, all.size()));
      return DONE;
    } catch (UsageException error) {
      return failed(WRONG_USAGE, error.getMessage());
    } catch (OutOfMemoryError error) {
      return failed(FAILED, "there is too little memory: start Java with a larger -Xmx, or with fewer --threads.");
    } catch (IllegalArgumentException | UnreachableException error) {
      return failed(FAILED, error.getMessage());
    } catch (IOException | UncheckedIOException error) {
      Throwable cause = error instanceof UncheckedIOException ? error.getCause() : error;
      // The reader of the standard output has left, as `head` does.
      boolean hasLeft = "Broken pipe".equals(cause.getMessage());
      boolean isOurs = cause instanceof DamagedException;
      return hasLeft ? FAILED : failed(FAILED, isOurs ? cause.getMessage() : cause.toString());
    } catch (RuntimeException error) {
      return failed(FAILED, error.toString());
    }
  }

  private static int failed(int status, String message) {
    PrintStream err = System.err;
    err.println("h2o-gan: error: " + String.valueOf(message).replaceAll("[\\r\\n]+", " "));
    return status;
  }

  private static void run(String command, List<String> arguments) throws IOException, UsageException {
    switch (command) {
      case "generate":
        generate(arguments);
        break;
      case "predict":
        predict(arguments);
        break;
      case "impute":
        impute(arguments);
        break;
      case "describe":
        describe(arguments);
        break;
      default:
        throw new UsageException("there is no command " + command + ": see --help.");
    }
  }

  private static Set<String> options(String... own) {
    Set<String> options = Arguments.set("--out", "--threads");
    options.addAll(Arrays.asList(own));
    return options;
  }

  private static int threads(Arguments arguments) throws UsageException {
    return (int) Math.min(arguments.whole("--threads", 1, Runtime.getRuntime().availableProcessors()), 1024);
  }

  private static long seed(Arguments arguments) throws UsageException {
    return arguments.whole("--seed", 0, new SecureRandom().nextLong() >>> 1);
  }

  private static void generate(List<String> given) throws IOException, UsageException {
    Arguments arguments = new Arguments(
        given, options("--rows", "--seed", "--where", "--balance", "--temperature"), Collections.emptySet());
    arguments.needed("--rows");
    long count = arguments.whole("--rows", 1, 0);
    long seed = seed(arguments);
    double temperature = arguments.real("--temperature", 1);
    String balance = arguments.text("--balance");
    String name = arguments.text("--out");
    int threads = threads(arguments);
    Output.isArrow(name);
    Conditions.check(arguments.all("--where"));
    GanModel model = GanModel.load(Input.file(arguments.model));
    Map<String, Condition> conditions = Conditions.of(arguments.all("--where"), model.columns());
    Rows rows = model.sample(count, seed, conditions, balance, temperature);
    try (Output out = new Output(name)) {
      new Blocks(threads, Output.writer(name, model.columns()), out)
          .generate(rows, count, model.uniqueRules(conditions));
      out.commit();
    }
  }

  private static void impute(List<String> given) throws IOException, UsageException {
    Arguments arguments = new Arguments(given, options("--in", "--seed"), Collections.emptySet());
    String name = arguments.text("--out");
    String file = arguments.needed("--in");
    int threads = threads(arguments);
    Output.isArrow(name);
    long seed = seed(arguments);
    Input.file(file);
    GanModel model = GanModel.load(Input.file(arguments.model));
    // The file may have levels that the model does not know.
    List<Column> columns = new ArrayList<>();
    for (Column column : model.columns()) {
      columns.add(new Column(column.name, column.kind, Collections.emptyList()));
    }
    try (RowsReader reader = Input.open(file, model.columns(), false); Output out = new Output(name)) {
      new Blocks(threads, Output.writer(name, columns), out).impute(model.imputation(seed), reader);
      out.commit();
    }
  }

  private static void predict(List<String> given) throws IOException, UsageException {
    Arguments arguments = new Arguments(given, options("--in", "--contamination"), Arguments.set("--per-feature"));
    boolean perFeature = arguments.has("--per-feature");
    if (perFeature && arguments.has("--contamination")) {
      throw new UsageException("--per-feature writes no predictions: leave --contamination out.");
    }
    double wanted = arguments.real("--contamination", -1);
    if (arguments.has("--contamination") && !(wanted >= 0 && wanted <= 1)) {
      throw new UsageException("--contamination must be from 0 to 1, not " + arguments.text("--contamination") + ".");
    }
    String name = arguments.text("--out");
    String file = arguments.needed("--in");
    int threads = threads(arguments);
    Output.isArrow(name);
    Input.file(file);
    GanModel model = GanModel.load(Input.file(arguments.model));
    double contamination = wanted < 0 ? model.contamination() : wanted;
    try (RowsReader reader = Input.open(file, model.scoredColumns(), true); Output out = new Output(name)) {
      List<Column> columns = Blocks.scores(model, perFeature, contamination);
      new Blocks(threads, Output.writer(name, columns), out).predict(model, reader, perFeature, contamination);
      out.commit();
    }
  }

  private static void describe(List<String> given) throws IOException, UsageException {
    Arguments arguments = new Arguments(given, Collections.emptySet(), Collections.emptySet());
    GanModel model = GanModel.load(Input.file(arguments.model));
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    out.println("column\tkind\tlevels");
    for (Column column : model.columns()) {
      String shown = column.levels.isEmpty() ? "" : Integer.toString(column.levels.size());
      out.println(column.name + "\t" + column.kind.word() + "\t" + shown);
    }
  }
}
