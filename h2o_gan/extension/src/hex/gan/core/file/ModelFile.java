package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.util.List;

/**
 * A model file of the present format: its JSON and arrays, whose meaning is checked by those who use them.
 *
 * <p>Mirrors h2o_gan/engine/storage/model_file.py. Arrays are read when they are asked for, while the source is open.
 */
public final class ModelFile {
  /** The format that is read here. */
  public static final int FORMAT_VERSION = 3;

  private static final String FORMAT = "h2o_gan model";
  /** The largest integer up to which doubles are exact. */
  private static final long MAX_WHOLE = 1L << 53;
  private static final int MAX_SCORES = 1 << 20;

  private final Json json;
  private final Tensors weights;
  private final List<NamedArrays> codecs;
  private final List<NamedArrays> tokens;
  private final List<NamedArrays> rules;

  /**
   * Reads a file but for its arrays.
   *
   * @throws DamagedException it is not a valid model file
   * @throws IllegalArgumentException it is of an older format
   */
  public ModelFile(Source source) throws IOException {
    Entries entries = new Entries(source);
    json = entries.manifest();
    checkFormat();
    checkHead();
    Tensors arrays = new Tensors(entries.open(Entries.COLUMNS), Entries.COLUMNS);
    weights = new Tensors(entries.open(Entries.WEIGHTS), Entries.WEIGHTS);
    Json model = json.get("model");
    Json encoder = json.get("encoder");
    Json layout = kind().equals("table") ? model.get("layout") : null;
    codecs = ColumnArrays.unpack(arrays, "codec.", encoder.get("columns").items().size());
    tokens = ColumnArrays.unpack(arrays, "tokens.", layout == null ? 0 : layout.get("columns").items().size());
    rules = ColumnArrays.ofRules(arrays, encoder.has("rules") ? encoder.get("rules").items().size() : 0);
    for (double score : realScores()) {
      if (Double.isNaN(score) || Double.isInfinite(score)) {
        throw new DamagedException("its scores of real rows are not valid");
      }
    }
  }

  private void checkFormat() throws DamagedException {
    Json format = json.isObject() ? json.find("format") : null;
    if (format == null || !format.isText() || !format.text().equals(FORMAT)) {
      throw new DamagedException("it is not an h2o_gan model");
    }
    Json version = json.find("format_version");
    if (version == null || !version.isWhole() || version.whole(Long.MIN_VALUE, Long.MAX_VALUE) < 1) {
      throw new DamagedException("it has no format version");
    }
    long number = version.whole(1, Long.MAX_VALUE);
    if (number > FORMAT_VERSION) {
      throw new DamagedException(
          "it is of format " + number + ", newer than the " + FORMAT_VERSION + " read here: upgrade h2o_gan");
    }
    if (number < FORMAT_VERSION) {
      throw new IllegalArgumentException(
          "the model file is of format " + number + ", which only the Python package reads: load the model there, and "
          + "save it again.");
    }
  }

  /** Checks what a file says of itself, as _MANIFEST of h2o_gan/engine/storage/manifest.py does. */
  private void checkHead() throws DamagedException {
    json.get("parameters").entries();
    String encoder = json.get("encoder").get("encoder").text();
    if (!encoder.equals("table") && !encoder.equals("pixels")) {
      throw json.get("encoder").get("encoder").wrong("is not one of encoders");
    }
    if (json.get("encoder").get("columns").items().isEmpty()) {
      throw json.get("encoder").get("columns").wrong("is empty");
    }
    String stoppedBy = json.get("stopped_by").text();
    List<Json> history = json.get("history").items();
    for (Json scoring : history) {
      for (Json value : scoring.entries().values()) {
        if (!value.isNull()) {
          value.number(-1e308, 1e308);
        }
      }
    }
    // Only a training that is not finished may have no scoring yet.
    if (history.isEmpty() && !stoppedBy.equals("running")) {
      throw new DamagedException("its history has no scoring");
    }
    json.get("epoch").whole(0, MAX_WHOLE);
    json.get("step").whole(0, MAX_WHOLE);
    json.get("seconds").number(0, 1e12);
    json.get("rows").whole(1, MAX_WHOLE);
    json.get("batch_size").whole(1, MAX_WHOLE);
    Json began = json.find("began_at");
    if (began != null) {
      if (began.items().size() != 3) {
        throw began.wrong("is not three numbers");
      }
      for (Json number : began.items()) {
        number.number(0, MAX_WHOLE);
      }
    }
    Json kind = json.get("model").get("kind");
    if (!kind.text().equals("table") && !kind.text().equals("latent") && !kind.text().equals("images")) {
      throw kind.wrong("is not a kind of models");
    }
  }

  /** The whole description. */
  public Json json() {
    return json;
  }

  /** The kind of the model: table, latent or images. */
  public String kind() throws DamagedException {
    return json.get("model").get("kind").text();
  }

  /** The arrays of the codec at an index of the encoder's columns. */
  public NamedArrays codec(int index) {
    return codecs.get(index);
  }

  /** The arrays of the tokens of a learned column, at an index of the layout's columns. */
  public NamedArrays tokens(int index) {
    return tokens.get(index);
  }

  /** The arrays of the rule at an index of the encoder's rules. */
  public NamedArrays rule(int index) {
    return rules.get(index);
  }

  /** The tensors of networks and scores. */
  public Tensors weights() {
    return weights;
  }

  /** (n,) scores of real rows, ascending. */
  public double[] realScores() throws IOException {
    int[] shape = weights.has("real_scores") ? weights.shape("real_scores") : new int[0];
    if (shape.length != 1 || shape[0] < 2 || shape[0] > MAX_SCORES) {
      throw new DamagedException("its scores of real rows are not valid");
    }
    return weights.doubles("real_scores", shape);
  }
}
