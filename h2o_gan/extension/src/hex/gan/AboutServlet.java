package hex.gan;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import hex.gan.work.Members;
import hex.gan.work.Task;
import hex.gan.work.TaskQueue;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import water.H2O;
import water.H2ONode;

/** {@code GET /3/GAN}: the version of the extension on each node, and the workers that have asked for jobs. */
public final class AboutServlet extends GanServlet {
  private static final long serialVersionUID = 1;

  @Override
  void get(HttpServletRequest request, HttpServletResponse response) throws IOException {
    JsonObject about = new JsonObject();
    about.addProperty("protocol", Version.PROTOCOL);
    about.addProperty("version", Version.TEXT);
    about.addProperty("cloud_name", H2O.ARGS.name);
    about.addProperty("cloud_size", H2O.CLOUD.size());
    about.addProperty("node", H2O.SELF.index());
    about.add("nodes", nodes());
    about.add("workers", workers());
    Answers.send(response, 200, about.toString());
  }

  private static JsonArray nodes() {
    JsonArray nodes = new JsonArray();
    for (H2ONode member : H2O.CLOUD.members()) {
      boolean here = member == H2O.SELF;
      Members record = here ? null : Members.of(member);
      JsonObject node = new JsonObject();
      node.addProperty("node", member.index());
      node.addProperty("name", member.getIpPortString());
      if (here || record != null) {
        node.addProperty("protocol", here ? Version.PROTOCOL : record.protocol);
        node.addProperty("version", here ? Version.TEXT : record.version);
      } else {
        node.add("protocol", JsonNull.INSTANCE);
        node.add("version", JsonNull.INSTANCE);
      }
      nodes.add(node);
    }
    return nodes;
  }

  private static JsonArray workers() {
    Map<String, String> holds = new HashMap<>();
    for (Task task : TaskQueue.tasks()) {
      if (task.state() == Task.State.WORKING) {
        holds.put(task.worker(), task.job);
      }
    }
    JsonArray workers = new JsonArray();
    long now = System.currentTimeMillis();
    for (Map.Entry<String, Long> seen : Members.workers().entrySet()) {
      JsonObject worker = new JsonObject();
      worker.addProperty("name", seen.getKey());
      worker.addProperty("last_seen_s", Math.max(0, now - seen.getValue()) / 1000.0);
      worker.addProperty("holds", holds.get(seen.getKey()));
      workers.add(worker);
    }
    return workers;
  }
}
