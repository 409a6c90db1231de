package hex.gan.core;

import hex.gan.core.codecs.Codec;
import hex.gan.core.codecs.Codecs;
import hex.gan.core.codecs.ComputedCodec;
import hex.gan.core.codecs.ConstantCodec;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.GeneratedCodec;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.LevelIndex;
import hex.gan.core.data.Values;
import hex.gan.core.file.FileArrays;
import hex.gan.core.file.FileSource;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.tokens.ColumnTokens;
import hex.gan.core.tokens.Dependency;
import hex.gan.core.tokens.RowLayout;
import hex.gan.core.tokens.Token;
import hex.gan.core.tokens.TokenKinds;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Codecs and tokens: "models", each with rows to encode, tokens to decode and conditions; and "changed", parts of
 * models of which some are not valid.
 */
public final class CodecProbe {
  private static final int CONDITION_ROWS = 60;

  private final Json request;
  private final Codec[] codecs;
  private final LearnedCodec[] learned;
  private final RowLayout layout;
  private final Map<String, Values> values = new LinkedHashMap<>();

  public static void main(String[] args) throws Exception {
    Json request = ProbeIO.request();
    List<Object> models = new ArrayList<>();
    for (Json model : request.get("models").items()) {
      models.add(new CodecProbe(model).answer());
    }
    List<Object> changed = new ArrayList<>();
    for (Json part : request.get("changed").items()) {
      changed.add(verdict(part));
    }
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("models", models);
    found.put("changed", changed);
    ProbeIO.answer(found);
  }

  private CodecProbe(Json request) throws IOException {
    this.request = request;
    try (FileSource source = new FileSource(Paths.get(request.get("path").text()))) {
      ModelFile file = new ModelFile(source);
      List<Json> items = file.json().get("encoder").get("columns").items();
      codecs = new Codec[items.size()];
      List<LearnedCodec> found = new ArrayList<>();
      for (int i = 0; i < codecs.length; i++) {
        codecs[i] = Codecs.restore(items.get(i), file.codec(i));
        if (codecs[i] instanceof LearnedCodec) {
          found.add((LearnedCodec) codecs[i]);
        }
      }
      learned = found.toArray(new LearnedCodec[0]);
      NamedArrays[] arrays = new NamedArrays[learned.length];
      boolean isTable = file.kind().equals("table");
      for (int i = 0; i < arrays.length && isTable; i++) {
        arrays[i] = file.tokens(i);
      }
      layout = isTable ? RowLayout.restore(file.json().get("model").get("layout"), learned, arrays) : null;
    }
    for (Map.Entry<String, Json> entry : request.get("values").entries().entrySet()) {
      values.put(entry.getKey(), ProbeIO.values(entry.getValue()));
    }
  }

  private Map<String, Object> answer() throws IOException {
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("codecs", ofCodecs());
    if (layout != null) {
      ofLayout(found);
      found.put("conditions", ofConditions());
    }
    return found;
  }

  private Values[] valuesOf(Codec codec) {
    Values[] found = new Values[codec.columns.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = values.get(codec.columns[i].name);
    }
    return found;
  }

  private List<Object> ofCodecs() throws IOException {
    List<Object> found = new ArrayList<>();
    for (Codec codec : codecs) {
      Map<String, Object> one = new LinkedHashMap<>();
      found.add(one);
      if (!values.containsKey(codec.columns[0].name)) {
        continue;
      }
      Json given = request.get("related").find(codec.columns[0].name);
      int[] related = given == null ? null : ProbeIO.ints(given);
      one.put("marginals", ProbeIO.array(codec.logMarginal(valuesOf(codec), request.get("rows").whole(1, 1L << 40),
          related)));
      if (codec instanceof ConstantCodec) {
        one.put("generated", ProbeIO.json(((ConstantCodec) codec).generate(5, 3, 1)));
      }
      if (codec instanceof LearnedCodec) {
        LearnedCodec own = (LearnedCodec) codec;
        one.put("codes", ProbeIO.array(own.encode(valuesOf(codec), related)));
        one.put("mapped", own.hasLevels() ? ProbeIO.array(own.encode(mapped(own.columns[0]), null)) : null);
        one.put("shares", ProbeIO.array(own.shares()));
        List<Object> decoded = new ArrayList<>();
        Json codes = request.get("codes").get(codec.columns[0].name);
        for (Values part : own.decode(ProbeIO.ints(codes), ProbeIO.doubles(request.get("row_uniforms")), null)) {
          decoded.add(ProbeIO.json(part));
        }
        one.put("decoded", decoded);
        one.put("possible", possible(own));
      }
    }
    return found;
  }

  /** The values of an enum as a reader of frames gives them: as indices in the model's own list. */
  private Values[] mapped(Column column) {
    Values given = values.get(column.name);
    int[] indices = new LevelIndex(column).indices(given.levels);
    long[] found = new long[given.size()];
    for (int i = 0; i < found.length; i++) {
      found[i] = given.missing[i] ? 0 : indices[(int) given.whole[i]];
    }
    return new Values[] {Values.levels(found, column.levels, given.missing)};
  }

  private List<Object> possible(LearnedCodec codec) {
    List<Object> found = new ArrayList<>();
    for (int row = 0; row < 12 && codec.columns.length > 1; row++) {
      boolean[] given = {(row & 1) == 0, row % 3 != 0};
      found.add(ProbeIO.array(codec.possible(valuesOf(codec), row, given)));
    }
    return found;
  }

  private void ofLayout(Map<String, Object> found) throws IOException {
    List<Object> tokens = new ArrayList<>();
    for (Token token : layout.tokens) {
      List<Object> shares = new ArrayList<>();
      for (double[] row : token.shares) {
        shares.add(ProbeIO.array(row));
      }
      List<Object> ranks = new ArrayList<>();
      for (double[] row : token.ranks == null ? new double[0][] : token.ranks) {
        ranks.add(ProbeIO.array(row));
      }
      tokens.add(Arrays.asList(token.column, token.size, shares, ranks, token.isSecond()));
    }
    found.put("tokens", tokens);
    List<Object> spans = new ArrayList<>();
    for (int i = 0; i < learned.length; i++) {
      Dependency dependency = layout.sourceOf(i);
      spans.add(Arrays.asList(layout.start(i), layout.end(i), dependency == null ? -1 : dependency.source,
          layout.indexOf(learned[i].columns[0].name)));
    }
    found.put("spans", spans);
    List<Object> orders = new ArrayList<>();
    for (Json order : request.get("orders").items()) {
      orders.add(ProbeIO.array(layout.order(
          order.get("first").counts(0, learned.length), order.get("last").counts(0, learned.length))));
    }
    found.put("orders", orders);
    int[][] codes = new int[learned.length][];
    for (int i = 0; i < codes.length; i++) {
      Json given = request.get("related").find(learned[i].columns[0].name);
      codes[i] = learned[i].encode(valuesOf(learned[i]), given == null ? null : ProbeIO.ints(given));
    }
    found.put("middle", expanded(codes, null));
    found.put("drawn", expanded(codes, floats("noise")));
    List<Object> decoded = new ArrayList<>();
    for (Values part : layout.decode(floats("tokens"), doubles("uniforms"), null)) {
      decoded.add(ProbeIO.json(part));
    }
    found.put("decoded", decoded);
    List<Object> related = new ArrayList<>();
    for (int[] part : layout.related(floats("tokens"))) {
      related.add(part == null ? null : ProbeIO.array(part));
    }
    found.put("related", related);
  }

  private List<Object> expanded(int[][] codes, float[][] noise) {
    int rows = codes[0].length;
    float[][] into = new float[layout.tokens.size()][rows];
    boolean[][] present = new boolean[into.length][rows];
    layout.tables.expand(codes, noise, into, present);
    List<Object> found = new ArrayList<>();
    for (int i = 0; i < into.length; i++) {
      found.add(Arrays.asList(ProbeIO.array(into[i]), ProbeIO.array(present[i])));
    }
    return found;
  }

  private float[][] floats(String name) throws IOException {
    List<Json> parts = request.get(name).items();
    float[][] found = new float[parts.size()][];
    for (int i = 0; i < found.length; i++) {
      found[i] = ProbeIO.floats(parts.get(i));
    }
    return found;
  }

  private double[][] doubles(String name) throws IOException {
    List<Json> parts = request.get(name).items();
    double[][] found = new double[parts.size()][];
    for (int i = 0; i < found.length; i++) {
      found[i] = ProbeIO.doubles(parts.get(i));
    }
    return found;
  }

  private List<Object> ofConditions() throws IOException {
    float[][] tokens = floats("tokens");
    double[][] uniforms = doubles("uniforms");
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = Arrays.copyOf(tokens[i], CONDITION_ROWS);
    }
    for (int i = 0; i < uniforms.length; i++) {
      uniforms[i] = Arrays.copyOf(uniforms[i], CONDITION_ROWS);
    }
    List<Object> found = new ArrayList<>();
    for (Json item : request.get("conditions").items()) {
      String name = item.get("column").text();
      Map<String, Object> one = new LinkedHashMap<>();
      found.add(one);
      try {
        ofCondition(name, condition(item), item, tokens, uniforms, one);
      } catch (IllegalArgumentException error) {
        one.put("error", error.getMessage());
      }
    }
    return found;
  }

  private static Condition condition(Json item) throws IOException {
    List<Object> values = new ArrayList<>();
    for (Json value : item.get("values").items()) {
      values.add(value.isNull() ? null : value.isObject() ? (Object) Double.valueOf(value.get("double").text())
          : value.isText() ? (Object) value.text() : (Object) value.whole(Long.MIN_VALUE, Long.MAX_VALUE));
    }
    switch (item.get("kind").text()) {
      case "range":
        return Condition.range(values.get(0), values.get(1));
      case "list":
        return Condition.anyOf(values);
      default:
        return Condition.value(values.get(0));
    }
  }

  private void ofCondition(
      String name, Condition wanted, Json item, float[][] tokens, double[][] uniforms, Map<String, Object> one)
      throws IOException {
    for (Codec codec : codecs) {
      for (Column column : codec.columns) {
        if (!column.name.equals(name)) {
          continue;
        }
        if (codec instanceof GeneratedCodec) {
          ((GeneratedCodec) codec).checkCondition(name, wanted);
          return;
        }
        if (codec instanceof ComputedCodec) {
          double[] limits = ProbeIO.doubles(item.get("limits"));
          Values cell = ((ComputedCodec) codec).given(wanted, limits[0], limits[1], item.get("decimals").count(-1, 8));
          one.put("cells", cell == null ? null : ProbeIO.json(cell));
          return;
        }
        if (column.kind.isNumber()) {
          one.put("meets", ProbeIO.array(ConditionValues.meets(column, wanted, values.get(name))));
        }
        int index = layout.indexOf(name);
        Constraint constraint = layout.columns.get(index).constraint(name, wanted);
        Json other = item.find("and");
        if (other != null) {
          Constraint second = layout.columns.get(index).constraint(other.get("column").text(), condition(other));
          constraint = ((LearnedCodec) codec).joined(constraint.combined(second));
        }
        show(index, constraint, tokens, uniforms, one);
      }
    }
  }

  private void show(
      int index, Constraint constraint, float[][] tokens, double[][] uniforms, Map<String, Object> one) {
    one.put("codes", constraint.codes == null ? null : ProbeIO.array(constraint.codes));
    one.put("shares", constraint.shares == null ? null : ProbeIO.array(constraint.shares));
    one.put("missing", constraint.missing);
    one.put("code", constraint.code);
    Map<String, Object> cells = new LinkedHashMap<>();
    constraint.cells.forEach((name, cell) -> cells.put(name, ProbeIO.json(cell)));
    one.put("cells", cells);
    Map<String, Object> ranges = new LinkedHashMap<>();
    constraint.ranges.forEach((name, ends) ->
        ranges.put(name, Arrays.asList(ProbeIO.json(ends[0]), ProbeIO.json(ends[1]))));
    one.put("ranges", ranges);
    one.put("masks", masks(layout.columns.get(index), constraint));
    Constraint[] constraints = new Constraint[learned.length];
    constraints[index] = constraint;
    Values[] all = layout.decode(tokens, uniforms, constraints);
    int first = 0;
    for (int i = 0; i < index; i++) {
      first += learned[i].columns.length;
    }
    List<Object> decoded = new ArrayList<>();
    for (int i = 0; i < learned[index].columns.length; i++) {
      Map<String, Object> part = ProbeIO.json(all[first + i]);
      part.remove("levels"); // those of the column
      decoded.add(part);
    }
    one.put("decoded", decoded);
    one.put("present", masks(layout.columns.get(index), layout.columns.get(index).present()));
  }

  private static List<Object> masks(ColumnTokens tokens, Constraint constraint) {
    List<Object> found = new ArrayList<>();
    for (double[][] mask : tokens.masks(constraint)) {
      List<Object> rows = new ArrayList<>();
      for (double[] row : mask == null ? new double[0][] : mask) {
        rows.add(ProbeIO.array(row));
      }
      found.add(mask == null ? null : rows);
    }
    return found;
  }

  /** Reads a part of a model, and uses it; whether it is damaged, or "read". */
  private static Object verdict(Json part) throws IOException {
    try {
      Codec codec = Codecs.restore(part.get("item"), FileArrays.of(part.get("arrays")));
      int rows = 3;
      if (codec instanceof LearnedCodec) {
        LearnedCodec own = (LearnedCodec) codec;
        Values[] decoded = own.decode(new int[] {0, own.width() - 1, own.width() / 2}, new double[rows], null);
        own.encode(decoded, null);
        own.logMarginal(decoded, 10, null);
        if (part.has("tokens")) {
          ColumnTokens tokens =
              TokenKinds.restore(0, own, part.get("tokens"), FileArrays.of(part.get("token_arrays")));
          float[][] values = new float[tokens.tokens().length][rows];
          tokens.decode(values, new double[rows], null);
          tokens.masks(tokens.present());
          tokens.tables();
        }
      } else if (codec instanceof ConstantCodec) {
        ((ConstantCodec) codec).generate(0, rows, 1);
      }
      return "read";
    } catch (DamagedException error) {
      return error.getMessage();
    }
  }
}
