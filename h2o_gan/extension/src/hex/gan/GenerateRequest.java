package hex.gan;

import com.google.gson.JsonObject;
import hex.gan.core.DamagedException;
import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.generate.Making;
import hex.gan.generate.Recipe;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import water.Job;
import water.Key;
import water.fvec.Frame;

/** A request to generate rows: the nodes do so where the model is one of a table, else a worker. */
final class GenerateRequest extends RowsRequest {
  static final double PATIENCE_S = 300;
  private static final Set<String> KEYS = new LinkedHashSet<>(Arrays.asList(
      "rows", "seed", "conditions", "balance", "temperature", "destination_frame", "backend", "wait_for_worker_secs"));
  private static final List<String> BACKENDS = Arrays.asList("auto", "cluster", "worker");

  private long seed;
  private boolean byWorker;

  GenerateRequest(GANModel model, JsonObject body) {
    super(model, body);
  }

  @Override
  String start() throws IOException, Requests.Refusal {
    Job<Frame> job = job();
    return answer(job, seed, byWorker ? "worker" : "cluster");
  }

  /** Checks everything and starts the job. */
  Job<Frame> job() throws IOException, Requests.Refusal {
    Requests.only(body, KEYS);
    if (!body.has("rows") || body.get("rows").isJsonNull()) {
      throw new Requests.Refusal(400, "rows is missing: say how many to generate, for example {\"rows\": 1000}");
    }
    long rows = Requests.whole(body, "rows", 0, 1, MOST);
    seed = seed();
    double temperature = Requests.number(body, "temperature", 1, -Double.MAX_VALUE, Double.MAX_VALUE);
    if (!(temperature > 0 && temperature <= Float.MAX_VALUE)) {
      throw new Requests.Refusal(400, "temperature must be a number above 0, not " + temperature);
    }
    double patience = Requests.number(body, "wait_for_worker_secs", PATIENCE_S, 0, 1e9);
    ConditionsCheck check = new ConditionsCheck(model);
    JsonObject conditions = check.conditions(body.get("conditions"));
    String balance = Requests.text(body, "balance", null);
    if (balance != null) {
      check.column(balance, "balance");
    }
    GanModel loaded = loadedFor(Requests.choice(body, "backend", BACKENDS));
    Making making = null;
    if (loaded != null) {
      Recipe recipe = Recipe.sample(
          rows, seed, conditions == null ? null : conditions.toString(), balance, temperature);
      try {
        making = Making.sample(model.artifact(), loaded, recipe);
      } catch (IllegalArgumentException | UnreachableException e) {
        throw new Requests.Refusal(400, e.getMessage());
      }
    }
    String full = Memory.refusal(
        rows, model._row_bytes + (loaded == null ? 0 : Making.rowBytes(loaded)),
        loaded == null ? 0 : Making.nodeBytes(loaded));
    if (full != null) {
      throw new Requests.Refusal(413, full);
    }
    Key<Frame> frame = destination();
    if (making != null) {
      Making made = making;
      return RowsJob.start(frame, "gan generation", rows, its -> made.make(frame, its, rows));
    }
    byWorker = true;
    body.addProperty("rows", rows);
    body.addProperty("seed", seed);
    return Generation.start(model._key.toString(), frame.toString(), body.toString(), rows, patience);
  }

  /** The model where the nodes are to generate; null where a worker is. */
  private GanModel loadedFor(String backend) throws IOException, Requests.Refusal {
    if (backend.equals("worker")) {
      return null;
    }
    try {
      return loaded();
    } catch (DamagedException | IllegalArgumentException e) {
      if (backend.equals("cluster")) {
        throw new Requests.Refusal(400, "backend='cluster': " + e.getMessage());
      }
      return null;
    }
  }
}
