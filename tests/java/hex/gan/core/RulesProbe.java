package hex.gan.core;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.FileArrays;
import hex.gan.core.file.Json;
import hex.gan.core.rules.Absence;
import hex.gan.core.rules.ColumnIndex;
import hex.gan.core.rules.Formula;
import hex.gan.core.rules.Relation;
import hex.gan.core.rules.Relations;
import hex.gan.core.rules.Rule;
import hex.gan.core.rules.Solving;
import hex.gan.core.rules.StoredRules;
import hex.gan.core.rules.Unique;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Evaluates the rules and relations of tables, and answers with what comes out or why they are refused. */
public final class RulesProbe {
  private final ColumnIndex table;
  private final Values[] values;
  private final int rows;

  private RulesProbe(Json request) throws IOException {
    List<Column> columns = new ArrayList<>();
    for (Json column : request.get("columns").items()) {
      Kind kind = Kind.valueOf(column.get("kind").text().toUpperCase(Locale.ROOT));
      columns.add(new Column(column.get("name").text(), kind, column.get("levels").texts()));
    }
    table = new ColumnIndex(columns);
    values = new Values[columns.size()];
    for (int i = 0; i < values.length; i++) {
      Json json = request.get("values").items().get(i);
      values[i] = json.isNull() ? null : ProbeIO.values(json);
      for (int row = 0; values[i] != null && row < values[i].size(); row++) {
        spoil(values[i], row);
      }
    }
    rows = request.get("rows").count(0, 1 << 20);
  }

  /** Puts a number where a value is missing, which nothing may read. */
  private static void spoil(Values values, int row) {
    if (values.missing[row] && values.whole != null) {
      values.whole[row] = Long.MIN_VALUE + row;
    } else if (values.missing[row] && values.real != null) {
      values.real[row] = 1e300;
    }
  }

  public static void main(String[] args) throws Exception {
    List<Object> answers = new ArrayList<>();
    for (Json request : ProbeIO.request().get("tables").items()) {
      RulesProbe probe = new RulesProbe(request);
      Map<String, Object> answer = new LinkedHashMap<>();
      for (String part : Arrays.asList("rules", "relations", "gaps", "solved")) {
        List<Object> found = new ArrayList<>();
        for (Json item : request.get(part).items()) {
          try {
            found.add(probe.answer(part, item));
          } catch (DamagedException error) {
            found.add(error.getMessage());
          }
        }
        answer.put(part, found);
      }
      answers.add(answer);
    }
    ProbeIO.answer(answers);
  }

  private Object answer(String part, Json item) throws IOException {
    switch (part) {
      case "rules":
        return evaluated(rule(item));
      case "relations":
        return completed(item);
      case "gaps":
        return gaps(item);
      case "solved":
        Formula solved = Solving.solved((Formula) rule(item), item.get("for").count(0, values.length), table);
        return solved == null ? null : computed(solved);
      default:
        throw new IllegalArgumentException(part);
    }
  }

  private static Json parsed(Json text) throws IOException {
    return Json.parse(text.text().getBytes(StandardCharsets.UTF_8));
  }

  private Rule rule(Json item) throws IOException {
    Json arrays = item.find("arrays");
    return StoredRules.restore(parsed(item.get("json")), arrays == null ? null : FileArrays.ofRule(arrays), table);
  }

  private Map<String, Object> evaluated(Rule rule) {
    Map<String, Object> answer = rule instanceof Formula ? computed((Formula) rule) : new LinkedHashMap<>();
    answer.put("text", rule.text);
    answer.put("columns", ProbeIO.array(rule.columns));
    answer.put("broken", ProbeIO.array(rule.broken(values)));
    if (rule instanceof Unique) {
      boolean[] present = new boolean[rows];
      answer.put("hashes", ProbeIO.array(((Unique) rule).hashes(values, present)));
      answer.put("present", ProbeIO.array(present));
    }
    return answer;
  }

  private Map<String, Object> computed(Formula formula) {
    Map<String, Object> answer = new LinkedHashMap<>();
    boolean[] overflow = new boolean[rows];
    answer.put("computed", ProbeIO.json(formula.computed(values, overflow)));
    answer.put("overflow", ProbeIO.array(overflow));
    return answer;
  }

  private Map<String, Object> completed(Json item) throws IOException {
    Relations relations = Relations.restore(parsed(item.get("json")), table);
    Map<String, Object> answer = new LinkedHashMap<>();
    List<Object> targets = new ArrayList<>();
    for (Relation relation : relations.relations) {
      targets.add(relation.target());
    }
    answer.put("targets", targets);
    Map<String, Object> indices = new LinkedHashMap<>();
    int[][] related = new int[values.length][];
    Values[] completed = values.clone();
    for (int column = 0; column < values.length; column++) {
      related[column] = relations.indices(column, values);
      if (related[column] != null) {
        indices.put(table.columns.get(column).name, ProbeIO.array(related[column]));
      }
      if (relations.always(column) != null) {
        completed[column] = null;
      }
    }
    answer.put("indices", indices);
    Values[] observed = null;
    boolean[][] isObserved = null;
    if (!item.get("observed").isNull()) {
      observed = new Values[values.length];
      isObserved = new boolean[values.length][];
      int column = item.get("observed").count(0, values.length);
      observed[column] = values[column];
      isObserved[column] = ProbeIO.flags(item.get("rows"));
    }
    List<Object> impossible = new ArrayList<>();
    for (Relations.Impossible found : relations.complete(completed, rows, related, observed, isObserved)) {
      impossible.add(Arrays.<Object>asList(found.relation.formula.text, ProbeIO.array(found.rows)));
    }
    answer.put("impossible", impossible);
    List<Object> all = new ArrayList<>();
    for (Values one : completed) {
      all.add(ProbeIO.json(one));
    }
    answer.put("values", all);
    return answer;
  }

  private Map<String, Object> gaps(Json item) throws IOException {
    List<Rule> rules = new ArrayList<>();
    for (Json rule : item.get("rules").items()) {
      rules.add(rule(rule));
    }
    boolean[][] found = Absence.lastingGaps(
        rules, values, rows, item.get("names").counts(0, values.length), item.get("filled").counts(0, values.length));
    Map<String, Object> answer = new LinkedHashMap<>();
    for (int column = 0; column < found.length; column++) {
      if (found[column] != null) {
        answer.put(table.columns.get(column).name, ProbeIO.array(found[column]));
      }
    }
    return answer;
  }
}
