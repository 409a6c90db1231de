package hex.gan.core.rules;

import java.util.ArrayList;
import java.util.List;

/** Formulas solved for one of their inputs; mirrors h2o_gan/engine/data/relations/solving.py. */
public final class Solving {
  private Solving() {}

  /**
   * Solves a formula for one of its sources.
   *
   * @return a formula that gives this column from the formula's column and its other sources; null where there is none,
   *     or the column occurs more than once
   */
  public static Formula solved(Formula formula, int column, ColumnIndex table) {
    Expression value = formula.reference;
    Expression expression = formula.expression;
    try {
      while (!(expression instanceof Reference)) {
        Expression part = only(expression, column);
        if (part == null) {
          return null;
        }
        if (expression instanceof Negative) {
          value = new Negative(value);
        } else if (expression instanceof Duration) {
          value = new Duration(((Duration) expression).unit, value);
        } else if (expression instanceof Arithmetic) {
          value = outOf((Arithmetic) expression, part, value);
        } else {
          return null;
        }
        expression = part;
      }
      Reference reference = (Reference) expression;
      return reference.column == column
          ? new Formula(formula.text, reference, value, table) : null;
    } catch (IllegalArgumentException error) { // such as of the sum of two times
      return null;
    }
  }

  /** The one part that refers to a column; null where more do. */
  private static Expression only(Expression expression, int column) {
    Expression only = null;
    for (Expression part : expression.parts()) {
      if (part.refersTo(column)) {
        if (only != null) {
          return null;
        }
        only = part;
      }
    }
    return only;
  }

  private static Expression outOf(Arithmetic total, Expression part, Expression value) {
    boolean isSum = total instanceof Sum;
    char plain = isSum ? '+' : '*';
    char inverse = isSum ? '-' : '/';
    boolean isPlain = true;
    List<Expression> added = new ArrayList<>();
    List<Expression> removed = new ArrayList<>();
    List<Expression> inOrder = new ArrayList<>();
    StringBuilder opposite = new StringBuilder();
    for (int i = 0; i < total.operands.length; i++) {
      char operator = i == 0 ? plain : total.operators[i - 1];
      if (total.operands[i] == part) {
        isPlain = operator == plain;
        continue;
      }
      inOrder.add(total.operands[i]);
      opposite.append(operator == plain ? inverse : plain);
      (operator == plain ? added : removed).add(total.operands[i]);
    }
    List<Expression> operands = new ArrayList<>();
    char[] operators;
    if (isPlain) { // part = value - others, or value / others
      operands.add(value);
      operands.addAll(inOrder);
      operators = opposite.toString().toCharArray();
    } else { // part = others - value, or others / value, beginning with one that is added, or a factor
      operands.addAll(added);
      operands.addAll(removed);
      operands.add(value);
      operators = new char[operands.size() - 1];
      for (int i = 0; i < operators.length; i++) {
        operators[i] = i + 1 < added.size() ? plain : inverse;
      }
    }
    Expression[] parts = operands.toArray(new Expression[0]);
    return isSum ? new Sum(parts, operators) : new Product(parts, operators);
  }
}
