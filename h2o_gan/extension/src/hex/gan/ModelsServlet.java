package hex.gan;

import java.io.IOException;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.DKV;
import water.Iced;
import water.Value;

/**
 * {@code GET /3/GAN/models/{id}/artifact}: the model file; {@code POST .../generate}, {@code .../impute} and
 * {@code .../anomaly}: jobs that make frames; {@code POST .../report}: tables that the model shows from then on.
 */
public final class ModelsServlet extends GanServlet {
  private static final long serialVersionUID = 1;

  @Override
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    Answers.send(request, response, model(request, "/artifact").artifact());
  }

  @Override
  void post(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    String path = String.valueOf(request.getPathInfo());
    if (path.endsWith("/report")) {
      ReportTables.store(model(request, "/report"), Requests.json(request));
      Answers.send(response, 200, "{}");
      return;
    }
    RowsRequest asked;
    if (path.endsWith("/impute")) {
      asked = new ImputeRequest(model(request, "/impute"), Requests.json(request));
    } else if (path.endsWith("/anomaly")) {
      asked = new AnomalyRequest(model(request, "/anomaly"), Requests.json(request));
    } else {
      asked = new GenerateRequest(model(request, "/generate"), Requests.json(request));
    }
    Answers.send(response, 200, asked.start());
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
