package hex.gan.core;

import hex.gan.core.data.Condition;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Rates, samples and completes rows for tests, through the public classes alone. */
public final class ModelProbe {
  private ModelProbe() {}

  public static void main(String[] arguments) throws IOException {
    Json request = ProbeIO.request();
    GanModel model = GanModel.load(Paths.get(request.get("model").text()));
    List<Object> answers = new ArrayList<>();
    for (Json task : request.get("tasks").items()) {
      try {
        answers.add(answer(model, task));
      } catch (IllegalArgumentException | UnreachableException e) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("error", e.getMessage());
        answers.add(error);
      }
    }
    ProbeIO.answer(answers);
  }

  private static Object answer(GanModel model, Json task) throws IOException {
    switch (task.get("do").text()) {
      case "rate":
        return rate(model, task);
      case "sample":
        return sample(model, task);
      case "impute":
        return impute(model, task);
      default:
        throw new IllegalStateException("unknown task");
    }
  }

  static Values[] table(Json columns) throws IOException {
    Values[] values = new Values[columns.items().size()];
    for (int i = 0; i < values.length; i++) {
      Json column = columns.items().get(i);
      values[i] = column.isNull() ? null : ProbeIO.values(column);
    }
    return values;
  }

  private static Object rate(GanModel model, Json task) throws IOException {
    Values[] all = table(task.get("columns"));
    int rows = all[0].size();
    double[] scores = new double[rows];
    double[] logs = new double[rows];
    double[][] shares = new double[all.length][rows];
    for (int start = 0; start < rows; start += GanModel.BLOCK_ROWS) {
      int n = Math.min(GanModel.BLOCK_ROWS, rows - start);
      Ratings found = model.rate(slice(all, start, n));
      System.arraycopy(found.scores, 0, scores, start, n);
      System.arraycopy(found.logDensity, 0, logs, start, n);
      for (int i = 0; i < shares.length; i++) {
        System.arraycopy(found.shares[i], 0, shares[i], start, n);
      }
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("scores", ProbeIO.array(scores));
    answer.put("logs", ProbeIO.array(logs));
    List<String> parts = new ArrayList<>();
    for (double[] share : shares) {
      parts.add(ProbeIO.array(share));
    }
    answer.put("shares", parts);
    answer.put("threshold", model.threshold(0.1));
    return answer;
  }

  private static Values[] slice(Values[] all, int start, int n) {
    int[] rows = new int[n];
    Arrays.setAll(rows, i -> start + i);
    Values[] part = new Values[all.length];
    for (int i = 0; i < part.length; i++) {
      part[i] = all[i] == null ? null : all[i].take(rows);
    }
    return part;
  }

  private static Object value(Json json) throws IOException {
    if (json.isNull()) {
      return null;
    }
    if (json.isText()) {
      return json.text();
    }
    return json.isWhole() ? (Object) json.whole(Long.MIN_VALUE, Long.MAX_VALUE) : (Object) json.number();
  }

  static Map<String, Condition> conditions(Json json) throws IOException {
    Map<String, Condition> found = new LinkedHashMap<>();
    for (Map.Entry<String, Json> entry : json.entries().entrySet()) {
      Json wanted = entry.getValue();
      Condition condition;
      if (wanted.isObject()) {
        condition = Condition.range(value(wanted.get("low")), value(wanted.get("high")));
      } else if (wanted.isList()) {
        List<Object> values = new ArrayList<>();
        for (Json item : wanted.items()) {
          values.add(value(item));
        }
        condition = Condition.anyOf(values);
      } else {
        condition = Condition.value(value(wanted));
      }
      found.put(entry.getKey(), condition);
    }
    return found;
  }

  private static Object sample(GanModel model, Json task) throws IOException {
    long rows = task.get("rows").whole(1, Long.MAX_VALUE);
    Json balance = task.find("balance");
    Json temperature = task.find("temperature");
    Rows sample = model.sample(
        rows, task.get("seed").whole(0, Long.MAX_VALUE), conditions(task.get("conditions")),
        balance == null ? null : balance.text(), temperature == null ? 1 : temperature.number());
    Json step = task.find("step");
    int size = step == null ? GanModel.BLOCK_ROWS : step.count(1, GanModel.BLOCK_ROWS);
    Json first = task.find("start");
    long from = first == null ? 0 : first.whole(0, Long.MAX_VALUE);
    List<Values[]> blocks = new ArrayList<>();
    for (long start = 0; start < rows; start += size) {
      blocks.add(sample.block(from + start, (int) Math.min(size, rows - start), null, 0));
    }
    return columns(blocks);
  }

  private static Object impute(GanModel model, Json task) throws IOException {
    Values[] all = table(task.get("columns"));
    Rows rows = model.imputation(task.get("seed").whole(0, Long.MAX_VALUE));
    int count = 0;
    for (Values values : all) {
      count = values == null ? count : values.size();
    }
    List<Values[]> blocks = new ArrayList<>();
    for (int start = 0; start < count; start += GanModel.BLOCK_ROWS) {
      int n = Math.min(GanModel.BLOCK_ROWS, count - start);
      blocks.add(rows.block(start, n, slice(all, start, n), 0));
    }
    return columns(blocks);
  }

  private static Object columns(List<Values[]> blocks) {
    List<Object> columns = new ArrayList<>();
    for (int column = 0; column < blocks.get(0).length; column++) {
      List<Object> parts = new ArrayList<>();
      for (Values[] block : blocks) {
        parts.add(ProbeIO.json(block[column]));
      }
      columns.add(parts);
    }
    return columns;
  }
}
