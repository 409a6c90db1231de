package hex.gan.core.rules;

/** Where all ({@code and}) or some ({@code or}) of two or more conditions are true. */
final class Logic extends Expression {
  final boolean isAnd;
  private final Expression[] operands;

  Logic(boolean isAnd, Expression[] operands) {
    super(Type.CONDITION);
    if (operands.length < 2) {
      throw new IllegalArgumentException(operands.length + " conditions do not go with " + (isAnd ? "and" : "or"));
    }
    for (Expression operand : operands) {
      expect(operand, Type.CONDITION);
    }
    this.isAnd = isAnd;
    this.operands = operands;
  }

  @Override
  Expression[] parts() {
    return operands;
  }

  @Override
  Truth truth(TableValues table) {
    Truth result = operands[0].truth(table);
    for (int i = 1; i < operands.length; i++) {
      result = combined(result, operands[i].truth(table));
    }
    return result;
  }

  Truth combined(Truth left, Truth right) {
    return isAnd ? left.and(right) : left.or(right);
  }
}
