package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;

/** {@code start <= end}, or any other condition: broken where it is false. */
public final class Condition extends Rule {
  final Expression expression;
  /** Whether the condition asks what is missing. */
  final boolean asksForMissing;

  private Condition(String text, Expression expression) {
    super(text, expression.columns());
    this.expression = expression;
    this.asksForMissing = expression.asksForMissing();
  }

  static Condition restore(String text, Json data, ColumnIndex table) throws DamagedException {
    Json tree = data.get("expression");
    Condition condition = new Condition(text, StoredExpressions.restore(tree, table, decimals(data)));
    if (condition.expression.type != Type.CONDITION || condition.columns.length == 0) {
      throw tree.wrong("is not a condition over columns");
    }
    return condition;
  }

  @Override
  public boolean[] broken(Values[] values) {
    return broken(expression, values, values[columns[0]].size());
  }
}
