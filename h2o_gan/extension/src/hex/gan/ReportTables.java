package hex.gan;

import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import water.TAtomic;

/** Gives a model of the cluster the tables of a report on its rows; earlier ones are replaced. */
final class ReportTables extends TAtomic<GANModel> {
  private static final List<String> NAMES = Arrays.asList("report", "report_columns", "report_attacks");

  private final String json;
  /** Whether the model was there. */
  private boolean done;

  private ReportTables(String json) {
    this.json = json;
  }

  /**
   * Stores tables.
   *
   * @param tables by name
   */
  static void store(GANModel model, JsonObject tables) throws Requests.Refusal {
    for (Map.Entry<String, ?> entry : tables.entrySet()) {
      if (!NAMES.contains(entry.getKey())) {
        throw new Requests.Refusal(
            400, "a report has no table '" + Requests.shortened(entry.getKey()) + "'; it has " + NAMES);
      }
    }
    String wrong = Tables.wrong(tables);
    if (wrong != null) {
      throw new Requests.Refusal(400, wrong);
    }
    ReportTables change = new ReportTables(tables.toString());
    change.invoke(model._key);
    if (!change.done) {
      throw new Requests.Refusal(404, "model '" + model._key + "' was removed meanwhile");
    }
  }

  @Override
  protected GANModel atomic(GANModel now) {
    done = now != null;
    if (done) {
      // A copy: the node's other threads may be reading the output.
      now._output = (GANModel.GANOutput) (Object) now._output.clone();
      now._output.clearReport();
      new Tables(now._output).update(json);
    }
    return now;
  }
}
