package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.DKV;
import water.Iced;
import water.Job;
import water.Key;
import water.Value;
import water.api.schemas3.JobV3;
import water.fvec.Frame;

/** {@code GET /3/GAN/models/{id}/artifact}: the model file; {@code POST .../generate}: a job that generates rows. */
public final class ModelsServlet extends GanServlet {
  private static final long serialVersionUID = 1;
  private static final double PATIENCE_S = 300;
  private static final long MOST_ROWS = 1L << 53;
  private static final int SHOWN = 10;
  private static final Set<String> KEYS = new LinkedHashSet<>(Arrays.asList(
      "rows", "seed", "conditions", "balance", "temperature", "destination_frame", "wait_for_worker_secs"));

  @Override
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    Answers.send(request, response, model(request, "/artifact").artifact());
  }

  @Override
  void post(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    GANModel model = model(request, "/generate");
    JsonObject body = Requests.json(request);
    Requests.only(body, KEYS);
    if (!body.has("rows") || body.get("rows").isJsonNull()) {
      throw new Requests.Refusal(400, "rows is missing: say how many to generate, for example {\"rows\": 1000}");
    }
    long rows = Requests.whole(body, "rows", 0, 1, MOST_ROWS);
    body.addProperty("rows", rows);
    if (body.has("seed") && !body.get("seed").isJsonNull()) {
      body.addProperty("seed", Requests.whole(body, "seed", 0, 0, MOST_ROWS));
    }
    Requests.number(body, "temperature", 1, Double.MIN_VALUE, Double.MAX_VALUE);
    double patience = Requests.number(body, "wait_for_worker_secs", PATIENCE_S, 0, 1e9);
    conditions(model, body.get("conditions"));
    String balance = Requests.text(body, "balance", null);
    if (balance != null) {
      column(model, balance, "balance");
    }
    String full = Memory.refusal(rows, model._row_bytes);
    if (full != null) {
      throw new Requests.Refusal(413, full);
    }
    String frame = destination(body);
    Job<Frame> job = Generation.start(model._key.toString(), frame, body.toString(), rows, patience);
    Answers.send(response, 200, "{\"job\":" + new JobV3(job).toJsonString() + "}");
  }

  private static String destination(JsonObject body) throws Requests.Refusal {
    String frame = FramesServlet.free(Requests.text(body, "destination_frame", "gan_frame_" + Key.rand()));
    if (frame.isEmpty()) {
      throw new Requests.Refusal(400, "destination_frame is empty");
    }
    if (DKV.get(frame) != null) {
      throw new Requests.Refusal(409, "the cluster already has something under the key '" + frame + "'");
    }
    return frame;
  }

  private static void conditions(GANModel model, JsonElement conditions) throws Requests.Refusal {
    if (conditions == null || conditions.isJsonNull()) {
      return;
    }
    if (!conditions.isJsonObject()) {
      throw new Requests.Refusal(400, "conditions must be an object, for example {\"colour\": \"red\"}");
    }
    for (Map.Entry<String, JsonElement> condition : conditions.getAsJsonObject().entrySet()) {
      String name = condition.getKey();
      int column = column(model, name, "conditions");
      JsonElement wanted = condition.getValue();
      if (wanted.isJsonObject()) {
        Requests.only(wanted.getAsJsonObject(), new LinkedHashSet<>(Arrays.asList("low", "high")));
      }
      String[] levels = model._output._domains[column];
      if (levels != null) {
        levels(name, levels, wanted);
      }
    }
  }

  private static void levels(String column, String[] levels, JsonElement wanted) throws Requests.Refusal {
    JsonArray all = new JsonArray();
    if (wanted.isJsonArray()) {
      all = wanted.getAsJsonArray();
    } else {
      all.add(wanted);
    }
    Set<String> there = new HashSet<>(Arrays.asList(levels));
    for (JsonElement level : all) {
      boolean known = level.isJsonNull() || level.isJsonPrimitive() && there.contains(level.getAsString());
      if (!known) {
        throw new Requests.Refusal(
            400, "conditions: column '" + column + "' has no level " + Requests.shortened(level.toString()) + "; it has "
                + some(levels));
      }
    }
  }

  private static int column(GANModel model, String name, String parameter) throws Requests.Refusal {
    int column = Arrays.asList(model._output._names).indexOf(name);
    if (column < 0) {
      throw new Requests.Refusal(
          400, parameter + ": the model has no column '" + name + "'; it has " + some(model._output._names));
    }
    return column;
  }

  private static String some(String[] names) {
    return String.join(", ", Arrays.copyOf(names, Math.min(SHOWN, names.length)))
        + (names.length > SHOWN ? ", ..." : "");
  }

  private static GANModel model(HttpServletRequest request, String end) throws Requests.Refusal {
    String path = request.getPathInfo();
    if (path == null || !path.endsWith(end) || path.length() <= 1 + end.length()) {
      throw new Requests.Refusal(404, "the address is /3/GAN/models/{model_id}" + end);
    }
    String id = path.substring(1, path.length() - end.length());
    Value value = DKV.get(id);
    Iced<?> found = value == null ? null : value.get();
    if (!(found instanceof GANModel)) {
      throw new Requests.Refusal(404, "there is no GAN '" + id + "' in the cluster");
    }
    if (((GANModel) found).artifact() == null) {
      throw new Requests.Refusal(409, "model '" + id + "' is still being trained");
    }
    return (GANModel) found;
  }
}
