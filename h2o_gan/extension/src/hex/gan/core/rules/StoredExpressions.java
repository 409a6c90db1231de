package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import java.util.List;
import java.util.Map;

/** Expressions from the JSON of model files, which may be hostile. */
final class StoredExpressions {
  /** Largest depth of a tree; sums, products and chains of {@code and} are one node each. */
  static final int MAX_DEPTH = 32;
  /** Largest number of nodes of a tree. */
  static final int MAX_NODES = 4_096;

  private final ColumnIndex table;
  private final Map<String, Integer> decimals;
  private int nodes;

  private StoredExpressions(ColumnIndex table, Map<String, Integer> decimals) {
    this.table = table;
    this.decimals = decimals;
  }

  /**
   * Reads an expression.
   *
   * @param decimals of real columns by name; absent for one whose values are not rounded
   * @throws DamagedException it is not the JSON of an expression over these columns
   */
  static Expression restore(Json data, ColumnIndex table, Map<String, Integer> decimals) throws DamagedException {
    try {
      return new StoredExpressions(table, decimals).node(data, 1);
    } catch (IllegalArgumentException error) {
      throw invalid(error);
    }
  }

  /** The error of an expression that no constructor takes. */
  static DamagedException invalid(IllegalArgumentException error) {
    return new DamagedException("an expression is invalid: " + error.getMessage());
  }

  private Expression node(Json data, int depth) throws DamagedException {
    nodes++;
    if (nodes > MAX_NODES || depth > MAX_DEPTH) {
      throw new IllegalArgumentException("it is too large");
    }
    List<Json> items = data.items();
    if (items.size() < 2) {
      throw data.wrong("is not an expression");
    }
    String tag = items.get(0).text();
    switch (tag) {
      case "and":
      case "or":
        return new Logic(tag.equals("and"), every(items, 1, 1, depth));
      case "sum":
        return new Sum(every(items, 1, 2, depth), signs(items));
      case "product":
        return new Product(every(items, 1, 2, depth), signs(items));
      case "compare":
        return new Comparison(every(items, 1, 2, depth), comparisons(items));
      case "in":
        return new Membership(node(items.get(1), depth + 1), literals(items, depth));
      default:
    }
    if (items.size() > 2) {
      throw data.wrong("is not an expression");
    }
    Json item = items.get(1);
    switch (tag) {
      case "negative":
        return new Negative(node(item, depth + 1));
      case "missing":
        return new Missing(node(item, depth + 1));
      case "not":
        return new Not(node(item, depth + 1));
      case "number":
        return item.isWhole()
            ? Literal.whole(item.whole(Long.MIN_VALUE, Long.MAX_VALUE)) : Literal.number(item.number());
      case "text":
        return Literal.text(item.text());
      case "time":
        return Literal.moment(item.whole(Long.MIN_VALUE, Long.MAX_VALUE));
      case "column":
        return reference(item);
      default:
    }
    Duration.Unit unit = Duration.Unit.of(tag);
    if (unit == null) {
      throw data.wrong("is not an expression");
    }
    return new Duration(unit, node(item, depth + 1));
  }

  private Expression[] every(List<Json> items, int from, int step, int depth) throws DamagedException {
    Expression[] nodes = new Expression[(items.size() - from + step - 1) / step];
    for (int i = 0; i < nodes.length; i++) {
      nodes[i] = node(items.get(from + step * i), depth + 1);
    }
    return nodes;
  }

  private Literal[] literals(List<Json> items, int depth) throws DamagedException {
    Literal[] literals = new Literal[items.size() - 2];
    for (int i = 0; i < literals.length; i++) {
      Json item = items.get(i + 2);
      Expression option = node(item, depth + 1);
      if (!(option instanceof Literal)) {
        throw item.wrong("is not a value");
      }
      literals[i] = (Literal) option;
    }
    return literals;
  }

  private static char[] signs(List<Json> items) throws DamagedException {
    char[] signs = new char[(items.size() - 1) / 2];
    for (int i = 0; i < signs.length; i++) {
      String sign = items.get(2 * i + 2).text();
      signs[i] = sign.length() == 1 ? sign.charAt(0) : '?';
    }
    return signs;
  }

  private static Comparison.Operator[] comparisons(List<Json> items) throws DamagedException {
    Comparison.Operator[] operators = new Comparison.Operator[(items.size() - 1) / 2];
    for (int i = 0; i < operators.length; i++) {
      operators[i] = Comparison.Operator.of(items.get(2 * i + 2).text());
    }
    return operators;
  }

  private Reference reference(Json item) throws DamagedException {
    String name = item.text();
    int index = table.of(name);
    if (index < 0) {
      throw item.wrong("refers to a column that does not exist");
    }
    return reference(index);
  }

  private Reference reference(int index) {
    return reference(table, index, decimals);
  }

  /** The values of a column, with its decimals. */
  static Reference reference(ColumnIndex table, int index, Map<String, Integer> decimals) {
    Integer places = decimals.get(table.columns.get(index).name);
    return new Reference(index, table.columns.get(index), places == null ? Numbers.UNKNOWN : places);
  }
}
