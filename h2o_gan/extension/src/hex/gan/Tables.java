package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import water.fvec.Frame;
import water.util.TwoDimTable;

/** A model's tables as its worker tells them, put where H2O shows them. */
final class Tables {
  private final GANModel.GANOutput output;
  private String last;

  Tables(GANModel.GANOutput output) {
    this.output = output;
  }

  /**
   * Takes the tables over if they are new.
   *
   * @param json the tables by name, each with {@code columns} of name and type, and {@code rows}; or null
   * @return whether there was something new
   */
  @SuppressWarnings("deprecation")
  boolean update(String json) {
    if (json == null || json.equals(last)) {
      return false;
    }
    last = json;
    JsonObject tables = new JsonParser().parse(json).getAsJsonObject();
    if (tables.has("scoring_history")) {
      output._scoring_history = table("Scoring History", tables.getAsJsonObject("scoring_history"));
    }
    if (tables.has("model_summary")) {
      output._model_summary = table("Model Summary", tables.getAsJsonObject("model_summary"));
    }
    if (tables.has("column_summary")) {
      output._column_summary = table("Column Summary", tables.getAsJsonObject("column_summary"));
    }
    return true;
  }

  /** Gives the model its metrics; where nothing was measured they are NaN, which ranks last. */
  void measure(GANModel model) {
    Frame train = model._parms.train();
    Frame valid = model._parms.valid();
    output._training_metrics = model.addMetrics(metrics(model, train, ""));
    if (valid != null) {
      output._validation_metrics = model.addMetrics(metrics(model, valid, "validation_"));
    }
  }

  private ModelMetricsGAN metrics(GANModel model, Frame frame, String prefix) {
    return new ModelMetricsGAN(
        model, frame, measured(prefix + "held_out_loss"), measured(prefix + "sliced_wasserstein"));
  }

  @SuppressWarnings("deprecation")
  private double measured(String name) {
    JsonElement tables = last == null ? null : new JsonParser().parse(last);
    JsonElement metrics = tables == null ? null : tables.getAsJsonObject().get("metrics");
    JsonElement value = metrics == null ? null : metrics.getAsJsonObject().get(name);
    return value == null || value.isJsonNull() ? Double.NaN : value.getAsDouble();
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
      formats[i] = "string".equals(types[i]) ? "%s" : "double".equals(types[i]) ? "%.5f" : "%d";
    }
    TwoDimTable table = new TwoDimTable(title, "", new String[rows.size()], names, types, formats, "");
    for (int row = 0; row < rows.size(); row++) {
      JsonArray cells = rows.get(row).getAsJsonArray();
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
