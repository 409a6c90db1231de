package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import water.DKV;
import water.Key;
import water.fvec.Frame;
import water.util.TwoDimTable;

/** The tables and metrics of a model, which its worker sends, in the fields where H2O shows them. */
final class Tables {
  private static final List<String> TYPES = Arrays.asList("string", "double", "int", "long");

  /** Names of metrics, and what they mean. */
  private static final String[][] METRICS = {
    {"detection_auc", "AUC of a classifier of real against generated rows; 0.5 is ideal"},
    {"held_out_loss", "mean negative log likelihood of rows held out from training; lower is better"},
    {"sliced_wasserstein", "sliced Wasserstein distance of generated from real rows; lower is better"},
  };

  private final GANModel.GANOutput output;
  private String last;
  private JsonObject metrics = new JsonObject();

  Tables(GANModel.GANOutput output) {
    this.output = output;
  }

  /**
   * Takes over the tables if they have changed.
   *
   * @param json the tables by name, each with {@code columns} of name and type, and {@code rows}; or null
   * @return whether they have changed
   */
  boolean update(String json) {
    if (json == null || json.equals(last)) {
      return false;
    }
    last = json;
    JsonObject tables = Requests.parse(json).getAsJsonObject();
    metrics = tables.has("metrics") ? tables.getAsJsonObject("metrics") : metrics;
    if (tables.has("scoring_history")) {
      output._scoring_history = table("Scoring History", tables.getAsJsonObject("scoring_history"));
    }
    if (tables.has("model_summary")) {
      output._model_summary = table("Model Summary", tables.getAsJsonObject("model_summary"));
    }
    if (tables.has("column_summary")) {
      output._column_summary = table("Column Summary", tables.getAsJsonObject("column_summary"));
    }
    if (tables.has("relation_summary")) {
      output._relation_summary = table("Relations", tables.getAsJsonObject("relation_summary"));
    }
    if (tables.has("report")) {
      output._report = table("Report", tables.getAsJsonObject("report"));
    }
    if (tables.has("report_columns")) {
      output._report_columns = table("Report: Columns", tables.getAsJsonObject("report_columns"));
    }
    if (tables.has("report_attacks")) {
      output._report_attacks = table("Report: Attacks", tables.getAsJsonObject("report_attacks"));
    }
    return true;
  }

  /** Stores the metrics with the model. Missing metrics are NaN, which ranks last. */
  void measure(GANModel model) {
    Frame train = standing(model._parms._train);
    Frame valid = standing(model._parms._valid);
    ModelMetricsGAN metrics = metrics(model, train, "");
    // The key of metrics contains the key of the frame.
    output._training_metrics = train == null ? metrics : model.addMetrics(metrics);
    if (valid != null) {
      output._validation_metrics = model.addMetrics(metrics(model, valid, "validation_"));
    }
    output._quality = quality(valid != null);
  }

  /** The metrics that were measured, with what they mean. */
  private TwoDimTable quality(boolean validated) {
    List<String[]> measured = new ArrayList<>();
    for (String[] metric : METRICS) {
      if (!Double.isNaN(measured(metric[0]))) {
        measured.add(metric);
      }
    }
    if (measured.isEmpty()) {
      return null;
    }
    List<String> names = new ArrayList<>(Arrays.asList("metric", "value"));
    if (validated) {
      names.add("validation_frame");
    }
    names.add("meaning");
    int width = names.size();
    String[] types = new String[width];
    String[] formats = new String[width];
    Arrays.fill(types, "double");
    Arrays.fill(formats, "%.5f");
    types[0] = types[width - 1] = "string";
    formats[0] = formats[width - 1] = "%s";
    TwoDimTable table = new TwoDimTable(
        "Quality", "", new String[measured.size()], names.toArray(new String[0]), types, formats, "");
    for (int row = 0; row < measured.size(); row++) {
      String[] metric = measured.get(row);
      table.set(row, 0, metric[0]);
      table.set(row, 1, measured(metric[0]));
      if (validated) {
        table.set(row, 2, measured("validation_" + metric[0]));
      }
      table.set(row, width - 1, metric[1]);
    }
    return table;
  }

  /** The frame, or null where it was removed during training; the model is kept then. */
  private static Frame standing(Key<Frame> key) {
    Object value = key == null ? null : DKV.getGet(key);
    return value instanceof Frame ? (Frame) value : null;
  }

  private ModelMetricsGAN metrics(GANModel model, Frame frame, String prefix) {
    return new ModelMetricsGAN(
        model,
        frame,
        measured(prefix + "detection_auc"),
        measured(prefix + "held_out_loss"),
        measured(prefix + "sliced_wasserstein"));
  }

  private double measured(String name) {
    JsonElement value = metrics.get(name);
    return value == null || value.isJsonNull() ? Double.NaN : value.getAsDouble();
  }

  /** The error in tables that a worker sent; null where there is none. */
  static String wrong(JsonElement tables) {
    if (!tables.isJsonObject()) {
      return "tables must be an object";
    }
    for (Map.Entry<String, JsonElement> entry : tables.getAsJsonObject().entrySet()) {
      String name = entry.getKey();
      boolean fit = name.equals("metrics") ? areMetrics(entry.getValue()) : isTable(entry.getValue());
      if (!fit) {
        return name.equals("metrics")
            ? "metrics must be an object of numbers"
            : "table '" + Requests.shortened(name) + "' must have columns, each with a name and a type (string, double, "
                + "int or long), and rows, each with a cell of that type or null for each column";
      }
    }
    return null;
  }

  private static boolean areMetrics(JsonElement metrics) {
    boolean fit = metrics.isJsonObject();
    if (fit) {
      for (Map.Entry<String, JsonElement> metric : metrics.getAsJsonObject().entrySet()) {
        fit &= metric.getValue().isJsonNull() || isNumber(metric.getValue());
      }
    }
    return fit;
  }

  private static boolean isNumber(JsonElement value) {
    try {
      return value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber() && !Double.isNaN(value.getAsDouble());
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static boolean isTable(JsonElement value) {
    try {
      table("", value.getAsJsonObject());
      return true;
    } catch (RuntimeException e) { // Gson throws several classes for values of another type.
      return false;
    }
  }

  private static TwoDimTable table(String title, JsonObject json) {
    JsonArray columns = json.getAsJsonArray("columns");
    JsonArray rows = json.getAsJsonArray("rows");
    String[] names = new String[columns.size()];
    String[] types = new String[names.length];
    String[] formats = new String[names.length];
    for (int i = 0; i < names.length; i++) {
      JsonObject column = columns.get(i).getAsJsonObject();
      names[i] = column.get("name").getAsString();
      // H2O's table compares types by reference.
      types[i] = column.get("type").getAsString().intern();
      if (!TYPES.contains(types[i])) {
        throw new IllegalArgumentException("a column of type " + types[i]);
      }
      formats[i] = "string".equals(types[i]) ? "%s" : "double".equals(types[i]) ? "%.5f" : "%d";
    }
    TwoDimTable table = new TwoDimTable(title, "", new String[rows.size()], names, types, formats, "");
    for (int row = 0; row < rows.size(); row++) {
      JsonArray cells = rows.get(row).getAsJsonArray();
      if (cells.size() != names.length) {
        throw new IllegalArgumentException("a row of " + cells.size() + " cells for " + names.length + " columns");
      }
      for (int i = 0; i < names.length; i++) {
        table.set(row, i, cell(cells.get(i), types[i]));
      }
    }
    return table;
  }

  private static Object cell(JsonElement cell, String type) {
    if (cell.isJsonNull()) {
      return "string".equals(type) ? "" : (Object) Double.NaN;
    }
    JsonPrimitive value = cell.getAsJsonPrimitive();
    switch (type) {
      case "string":
        return value.getAsString();
      case "double":
        return value.getAsDouble();
      case "int":
        return value.getAsInt();
      default:
        return value.getAsLong();
    }
  }
}
