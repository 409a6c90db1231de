package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hex.gan.work.Blob;
import hex.gan.work.WorkBoard;
import hex.gan.work.WorkItem;
import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/**
 * {@code /3/GAN/jobs}: what workers take, tell and hand in.
 *
 * <p>{@code GET jobs} lists what there is to do. {@code POST jobs/claim} takes a job;
 * {@code jobs/{id}/heartbeat}, {@code checkpoint}, {@code finish}, {@code fail} and {@code release} are for whoever holds
 * it, and answer 409 to everyone else. {@code GET jobs/{id}/checkpoint} is where to go on from.
 */
public final class JobsServlet extends HttpServlet {
  private static final long serialVersionUID = 1;
  private static final double LEASE_S = 15;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try {
      String[] path = path(request);
      if (path.length == 0) {
        JsonArray all = new JsonArray();
        for (WorkItem item : WorkBoard.items()) {
          all.add(json(item));
        }
        JsonObject answer = new JsonObject();
        answer.add("jobs", all);
        Answers.send(response, 200, answer.toString());
      } else if (path.length == 2 && path[1].equals("checkpoint")) {
        Blob checkpoint = item(path[0]).checkpoint();
        if (checkpoint == null) {
          throw new Requests.Refusal(404, "the job has no checkpoint");
        }
        Answers.send(response, checkpoint);
      } else {
        throw unknown();
      }
    } catch (Requests.Refusal e) {
      Answers.refuse(response, e.status, e.getMessage());
    }
  }

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try {
      String[] path = path(request);
      if (path.length == 1 && path[0].equals("claim")) {
        claim(Requests.json(request), response);
      } else if (path.length == 2) {
        act(item(path[0]), path[1], request, response);
      } else {
        throw unknown();
      }
    } catch (Requests.Refusal e) {
      Answers.refuse(response, e.status, e.getMessage());
    }
  }

  private static void claim(JsonObject body, HttpServletResponse response) throws IOException, Requests.Refusal {
    String worker = Requests.text(body, "worker");
    double lease = Requests.number(body, "lease_s", LEASE_S, 2, 300);
    WorkItem item = WorkBoard.claim(worker, (long) (1000 * lease), Requests.text(body, "job", null));
    if (item == null) {
      response.setStatus(204);
    } else {
      Answers.send(response, 200, json(item).toString());
    }
  }

  private static void act(WorkItem item, String what, HttpServletRequest request, HttpServletResponse response)
      throws IOException, Requests.Refusal {
    boolean held;
    switch (what) {
      case "heartbeat": {
        JsonObject body = Requests.json(request);
        String tables = body.has("tables") ? body.get("tables").toString() : null;
        held = WorkBoard.heartbeat(
            item, Requests.text(body, "worker"), Requests.number(body, "progress", 0, 0, 1),
            Requests.text(body, "message", null), tables);
        break;
      }
      case "fail": {
        JsonObject body = Requests.json(request);
        held = WorkBoard.fail(item, Requests.text(body, "worker"), Requests.text(body, "message"));
        break;
      }
      case "release":
        held = WorkBoard.release(item, Requests.text(Requests.json(request), "worker"));
        break;
      case "checkpoint":
        held = WorkBoard.checkpoint(item, worker(request), Blob.store(request.getInputStream()));
        break;
      case "finish":
        held = WorkBoard.finish(item, worker(request), Blob.store(request.getInputStream()));
        break;
      default:
        throw unknown();
    }
    if (!held) {
      throw new Requests.Refusal(409, "the job is another worker's by now; leave it");
    }
    WorkItem now = WorkBoard.find(item.id);
    Answers.send(response, 200, "{\"cancel\":" + (now == null || now.cancelled()) + "}");
  }

  private static String worker(HttpServletRequest request) throws Requests.Refusal {
    String worker = request.getParameter("worker");
    if (worker == null || worker.isEmpty()) {
      throw new Requests.Refusal(400, "worker is missing");
    }
    return worker;
  }

  private static WorkItem item(String id) throws Requests.Refusal {
    WorkItem item = WorkBoard.find(id);
    if (item == null) {
      throw new Requests.Refusal(404, "there is no such job (any more)");
    }
    return item;
  }

  @SuppressWarnings("deprecation") // Newer parsers are missing in the older H2O's Gson.
  private static JsonObject json(WorkItem item) {
    JsonObject json = new JsonObject();
    json.addProperty("id", item.id);
    json.addProperty("kind", item.kind);
    json.addProperty("job", item.job);
    json.addProperty("model_id", item.model);
    json.addProperty("frame_id", item.frame);
    json.addProperty("state", item.state().name().toLowerCase());
    json.addProperty("worker", item.worker());
    json.addProperty("attempts", item.attempts());
    json.addProperty("progress", item.progress());
    json.addProperty("has_checkpoint", item.checkpoint() != null);
    json.add("parameters", new JsonParser().parse(item.parameters));
    return json;
  }

  private static String[] path(HttpServletRequest request) {
    String path = request.getPathInfo();
    return path == null || path.equals("/") ? new String[0] : path.substring(1).split("/");
  }

  private static Requests.Refusal unknown() {
    return new Requests.Refusal(404, "there is no such address below /3/GAN/jobs");
  }
}
