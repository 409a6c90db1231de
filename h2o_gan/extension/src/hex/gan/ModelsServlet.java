package hex.gan;

import com.google.gson.JsonObject;
import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.DKV;
import water.Iced;
import water.Job;
import water.Key;
import water.Value;
import water.api.schemas3.JobV3;
import water.fvec.Frame;

/** {@code GET /3/GAN/models/{id}/artifact}: a model's file; {@code POST .../generate}: rows of it. */
public final class ModelsServlet extends HttpServlet {
  private static final long serialVersionUID = 1;
  private static final double PATIENCE_S = 300;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try {
      GANModel model = model(request, "/artifact");
      Answers.send(response, model.artifact());
    } catch (Requests.Refusal e) {
      Answers.refuse(response, e.status, e.getMessage());
    }
  }

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try {
      GANModel model = model(request, "/generate");
      JsonObject body = Requests.json(request);
      if (!body.has("rows")) {
        throw new Requests.Refusal(400, "rows is missing: say how many to generate, for example {\"rows\": 1000}");
      }
      double rows = Requests.number(body, "rows", 0, 1, 1e12);
      if (rows != Math.rint(rows)) {
        throw new Requests.Refusal(400, "rows must be a whole number");
      }
      double patience = Requests.number(body, "wait_for_worker_secs", PATIENCE_S, 0, 1e9);
      String frame = Requests.text(body, "destination_frame", "gan_frame_" + Key.rand());
      if (DKV.get(frame) != null) {
        throw new Requests.Refusal(409, "the cluster already has something under the key '" + frame + "'");
      }
      Job<Frame> job = Generation.start(model._key.toString(), frame, body.toString(), patience);
      Answers.send(response, 200, "{\"job\":" + new JobV3(job).toJsonString() + "}");
    } catch (Requests.Refusal e) {
      Answers.refuse(response, e.status, e.getMessage());
    }
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
