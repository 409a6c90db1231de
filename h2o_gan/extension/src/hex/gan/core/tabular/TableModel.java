package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.GanModel;
import hex.gan.core.codecs.ConstantCodec;
import hex.gan.core.codecs.GeneratedCodec;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.rules.Unique;
import hex.gan.core.tokens.RowLayout;
import hex.gan.core.tokens.Token;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A trained GAN of a table; mirrors h2o_gan/engine/tabular/model.py. Immutable, and used by any number of threads. */
public final class TableModel {
  private static final int REFERENCE_ROWS = 2048;

  final TableEncoder encoder;
  final RowLayout layout;
  final Token[] tokens;
  final Generator generator;
  /** Null where there was no time for one. */
  final Critic critic;
  /** The tokens in the order of training, those of the response last. */
  final int[] usualOrder;
  private final int[] response;
  /** Of files of older versions, null until it is needed. */
  private volatile Surprise surprise;
  private final boolean missingIsUnknown;
  private final double contamination;
  private final Pool<TableDensity> densities = new Pool<>(this::density);

  /**
   * @throws DamagedException the file is not a valid model
   * @throws IllegalArgumentException it is not one of a table
   */
  public TableModel(ModelFile file) throws IOException {
    if (!file.kind().equals("table")) {
      throw new IllegalArgumentException(
          "the model is one of images, or of one-pass networks, which only the Python package runs.");
    }
    Json model = file.json().get("model");
    Json parameters = file.json().get("parameters");
    encoder = new TableEncoder(file);
    int columns = model.get("layout").get("columns").items().size();
    NamedArrays[] arrays = new NamedArrays[columns];
    for (int i = 0; i < columns; i++) {
      arrays[i] = file.tokens(i);
    }
    layout = RowLayout.restore(model.get("layout"), encoder.learned, arrays);
    tokens = layout.tokens.toArray(new Token[0]);
    generator = new Generator(tokens, model, file.weights());
    critic = Critic.of(tokens, model, file.weights());
    surprise = Surprise.of(model, file.weights(), encoder.codecs.length);
    Json name = parameters.find("response_column");
    int index = name == null || name.isNull() ? -1 : layout.indexOf(name.text());
    response = index < 0 || layout.sourceOf(index) != null ? new int[0] : new int[] {index};
    usualOrder = order(new int[0]);
    Json handling = parameters.find("missing_values_handling");
    missingIsUnknown = handling != null && handling.isText() && handling.text().equals("unknown");
    Json share = parameters.find("contamination");
    contamination = share == null || share.isNull() ? -1 : share.number(-1, 1);
  }

  /** The tokens as they are drawn: those of some learned columns first, the response's last. */
  int[] order(int[] first) {
    return layout.order(first, response);
  }

  private TableDensity density() {
    Workspace space = new Workspace(generator, critic, GanModel.BLOCK_ROWS);
    return new TableDensity(encoder, layout, generator, critic, usualOrder, missingIsUnknown, space);
  }

  /** The columns in the order of rows. */
  public List<Column> columns() {
    return encoder.table.columns;
  }

  /** Whether scores depend on a column: not on identifiers. */
  public boolean isScored(int column) {
    return !encoder.isGenerated(column) || encoder.codecs[encoder.codecOf[column]] instanceof ConstantCodec;
  }

  /** See {@link GanModel#hasNewLevels}. */
  public boolean hasNewLevels(int column) {
    return columns().get(column).kind == Kind.ENUM && !isScored(column);
  }

  /** See {@link GanModel#newLevels}. */
  public Values newLevels(int column, long start, int rows, long seed) {
    return ((GeneratedCodec) encoder.codecs[encoder.codecOf[column]]).generate(start, rows, seed);
  }

  /** Bytes of the model, and of what a thread needs besides. */
  public long[] bytes() {
    long weights = generator.weights() + (critic == null ? 0 : critic.weights());
    long thread = Workspace.bytes(generator, critic, GanModel.BLOCK_ROWS);
    thread += (long) tokens.length * GanModel.BLOCK_ROWS * 48;
    return new long[] {4 * weights, thread};
  }

  /** See {@link GanModel#contamination}. */
  public double contamination() {
    return contamination;
  }

  /** See {@link GanModel#threshold}. */
  public double threshold(double share) {
    return usual().threshold(share);
  }

  /** What is usual; for models of older files by a sample, which stands for training rows. */
  private Surprise usual() {
    Surprise found = surprise;
    if (found == null) {
      found = Surprise.fit(ofSample(), encoder.learnedAt);
      surprise = found;
    }
    return found;
  }

  private RowDensities ofSample() {
    Sample sample = sample(REFERENCE_ROWS, 0, Collections.emptyMap(), null, 1);
    RowDensities all = new RowDensities(encoder.codecs.length, REFERENCE_ROWS);
    TableDensity density = densities.take();
    for (int start = 0; start < REFERENCE_ROWS; start += GanModel.BLOCK_ROWS) {
      all.set(start, density.of(sample.block(start, GanModel.BLOCK_ROWS, null, 0), GanModel.BLOCK_ROWS));
    }
    densities.give(density);
    return all;
  }

  /** The rules of unique values that samples could break. */
  public List<Unique> uniqueRules() {
    return Collections.unmodifiableList(encoder.uniqueRules());
  }

  /**
   * Rates rows.
   *
   * @param columns by column; null for identifiers that are not there
   * @param n number of rows, at most {@link GanModel#BLOCK_ROWS}
   * @param scores (n,) filled with anomaly scores
   * @param logDensity (n,) filled with log densities, in nats
   * @return by column, (n,) its share in the score; those of columns that share a codec are equal
   */
  public double[][] rate(Values[] columns, int n, double[] scores, double[] logDensity) {
    Surprise usual = usual();
    TableDensity density = densities.take();
    RowDensities found;
    try {
      found = density.of(columns, n);
    } finally {
      densities.give(density);
    }
    System.arraycopy(found.logDensity(), 0, logDensity, 0, n);
    double[][] shares = usual.shares(found, encoder.learnedAt);
    double[][] byColumn = new double[columns.length][n];
    for (double[] own : shares) {
      for (int b = 0; b < n; b++) {
        scores[b] += own[b];
      }
    }
    for (int column = 0; column < columns.length; column++) {
      int codec = encoder.codecOf[column];
      for (int b = 0; b < n; b++) {
        byColumn[column][b] = shares[codec][b] / encoder.columnsOf[codec].length;
      }
    }
    return byColumn;
  }

  /** See {@link GanModel#sample}. */
  public Sample sample(long rows, long seed, Map<String, Condition> wanted, String balance, double temperature) {
    Conditions conditions = Conditions.byColumn(encoder, layout, wanted);
    if (balance != null) {
      conditions.balance(balance, rows);
    }
    return new Sample(this, conditions, seed, (float) temperature);
  }

  /** See {@link GanModel#imputation}. */
  public Imputation imputation(long seed) {
    return new Imputation(this, seed);
  }
}
