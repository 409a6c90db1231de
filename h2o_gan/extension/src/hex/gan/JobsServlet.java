package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hex.gan.work.Blob;
import hex.gan.work.Members;
import hex.gan.work.Task;
import hex.gan.work.TaskQueue;
import java.io.IOException;
import java.util.UUID;
import java.util.regex.Pattern;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/**
 * {@code /3/GAN/jobs}: the requests of workers.
 *
 * <p>{@code GET jobs} lists the open jobs. {@code POST jobs/claim} takes one. {@code jobs/{id}/heartbeat},
 * {@code checkpoint}, {@code finish}, {@code fail} and {@code release} need the token that the claim returned,
 * and answer 409 to other workers. {@code GET jobs/{id}/checkpoint} returns the checkpoint to continue from.
 */
public final class JobsServlet extends GanServlet {
  private static final long serialVersionUID = 1;
  private static final double LEASE_S = 15;
  private static final int TABLES_BYTES = 8 << 20;
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_-]{16,128}");

  @Override
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    String[] path = path(request);
    if (path.length == 0) {
      JsonArray all = new JsonArray();
      for (Task task : TaskQueue.tasks()) {
        all.add(json(task));
      }
      JsonObject answer = new JsonObject();
      answer.add("jobs", all);
      Answers.send(response, 200, answer.toString());
    } else if (path.length == 2 && path[1].equals("checkpoint")) {
      Blob checkpoint = task(path[0]).checkpoint();
      if (checkpoint == null) {
        throw new Requests.Refusal(404, "the job has no checkpoint");
      }
      Answers.send(request, response, checkpoint);
    } else {
      throw unknown();
    }
  }

  @Override
  void post(HttpServletRequest request, HttpServletResponse response) throws IOException, Requests.Refusal {
    String[] path = path(request);
    if (path.length == 1 && path[0].equals("claim")) {
      claim(Requests.json(request), response);
    } else if (path.length == 2) {
      act(task(path[0]), path[1], request, response);
    } else {
      throw unknown();
    }
  }

  private static void claim(JsonObject body, HttpServletResponse response) throws IOException, Requests.Refusal {
    String worker = Requests.text(body, "worker");
    String token = Requests.text(body, "token", null);
    if (token == null) {
      token = UUID.randomUUID().toString();
    } else if (!TOKEN.matcher(token).matches()) {
      throw new Requests.Refusal(400, "token must be 16 to 128 letters, digits, - and _, chosen at random");
    }
    double lease = Requests.number(body, "lease_s", LEASE_S, 2, 300);
    long mostRows = Requests.whole(body, "max_rows", Long.MAX_VALUE, 1, 1L << 53);
    String job = Requests.text(body, "job", null);
    if (job == null) { // A process that asks for one job only does not take others.
      Members.saw(worker);
    }
    Task task = TaskQueue.claim(worker, token, (long) (1000 * lease), job, mostRows);
    if (task == null) {
      response.setStatus(204);
      return;
    }
    JsonObject answer = json(task);
    answer.addProperty("token", token);
    if (task.rows > 0) {
      answer.addProperty("attempt_frame_id", task.attemptFrame(task.attempts()));
    }
    Answers.send(response, 200, answer.toString());
  }

  private static void act(Task task, String what, HttpServletRequest request, HttpServletResponse response)
      throws IOException, Requests.Refusal {
    switch (what) {
      case "heartbeat":
        heartbeat(task, Requests.json(request, TABLES_BYTES));
        break;
      case "fail": {
        JsonObject body = Requests.json(request);
        held(TaskQueue.fail(task, token(body), Requests.text(body, "message")));
        break;
      }
      case "release":
        held(TaskQueue.release(task, token(Requests.json(request))));
        break;
      case "checkpoint":
      case "finish":
        try (Streams.Ticket place = Streams.enter(request, response)) {
          if (place == null) {
            return;
          }
          handIn(task, what, token(request), request);
        }
        break;
      default:
        throw unknown();
    }
    Task now = Task.named(task.id);
    Answers.send(response, 200, "{\"cancel\":" + (now == null || now.cancelled()) + "}");
  }

  private static void heartbeat(Task task, JsonObject body) throws Requests.Refusal {
    JsonElement tables = body.get("tables");
    if (tables != null && !tables.isJsonNull()) {
      String wrong = Tables.wrong(tables);
      if (wrong != null) {
        throw new Requests.Refusal(400, wrong);
      }
    }
    String token = token(body);
    if (token.equals(task.token())) {
      Members.saw(task.worker());
    }
    held(TaskQueue.heartbeat(
        task, token, Requests.number(body, "progress", 0, 0, 1), Requests.text(body, "message", null),
        tables == null || tables.isJsonNull() ? null : tables.toString()));
  }

  private static void handIn(Task task, String what, String token, HttpServletRequest request)
      throws IOException, Requests.Refusal {
    if (what.equals("finish") && task.rows > 0) {
      held(TaskQueue.finish(task, token, null));
      return;
    }
    if (task.rows > 0) {
      throw new Requests.Refusal(400, "a generation has no checkpoints");
    }
    int number = upload(task, token);
    Blob blob = stored(request);
    if (blob.size == 0) {
      throw new Requests.Refusal(400, "the body is empty: " + what + " takes the model's file");
    }
    held(what.equals("checkpoint")
        ? TaskQueue.checkpoint(task, token, number, blob) : TaskQueue.finish(task, token, blob));
  }

  /** Checks the sender before anything is stored; returns the number of the upload. */
  private static int upload(Task task, String token) throws Requests.Refusal {
    int number = TaskQueue.upload(task, token);
    held(number > 0 || task.state() == Task.State.DONE && token.equals(task.token()));
    return number;
  }

  private static Blob stored(HttpServletRequest request) throws IOException, Requests.Refusal {
    try {
      return Blob.store(request.getInputStream(), Memory.forModel());
    } catch (Blob.TooLargeException e) {
      throw new Requests.Refusal(413, "the file has " + e.getMessage());
    }
  }

  private static void held(boolean held) throws Requests.Refusal {
    if (!held) {
      throw new Requests.Refusal(409, "this worker no longer holds the job; stop working on it");
    }
  }

  private static String token(JsonObject body) throws Requests.Refusal {
    return Requests.text(body, "token");
  }

  private static String token(HttpServletRequest request) throws Requests.Refusal {
    String token = request.getHeader("X-GAN-Token");
    token = token == null ? Requests.query(request, "token") : token;
    if (token == null || token.isEmpty()) {
      throw new Requests.Refusal(400, "token is missing: the one that the claim of the job gave");
    }
    return token;
  }

  private static Task task(String id) throws Requests.Refusal {
    Task task = Task.named(id);
    if (task == null) {
      throw new Requests.Refusal(404, "there is no such job (any more)");
    }
    return task;
  }

  private static JsonObject json(Task task) {
    JsonObject json = new JsonObject();
    json.addProperty("id", task.id);
    json.addProperty("kind", task.kind);
    json.addProperty("job", task.job);
    json.addProperty("model_id", task.model);
    json.addProperty("frame_id", task.frame);
    json.addProperty("state", task.state().name().toLowerCase());
    json.addProperty("worker", task.worker());
    json.addProperty("attempts", task.attempts());
    json.addProperty("progress", task.progress());
    json.addProperty("has_checkpoint", task.checkpoint() != null);
    json.add("parameters", Requests.parse(task.parameters));
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
