package hex.gan.core.rules;

/** Sums and differences. */
final class Sum extends Arithmetic {
  Sum(Expression[] operands, char[] operators) {
    super(typeOf(operands, operators), operands, operators);
  }

  private static Type typeOf(Expression[] operands, char[] operators) {
    check(operands, operators, '+', '-');
    for (Expression part : operands) {
      expect(part, Type.NUMBER, Type.TIME, Type.DIFFERENCE);
    }
    Type total = operands[0].type;
    for (int i = 0; i < operators.length; i++) {
      total = result(total, operators[i], operands[i + 1].type);
    }
    return total;
  }

  private static Type result(Type left, char operator, Type right) {
    if (left == right && left != Type.TIME) {
      return left;
    }
    if (left == Type.TIME && right == Type.TIME && operator == '-') {
      return Type.DIFFERENCE;
    }
    if (left == Type.TIME && right == Type.DIFFERENCE
        || left == Type.DIFFERENCE && right == Type.TIME && operator == '+') {
      return Type.TIME;
    }
    throw wrongPair(left, right, operator == '+' ? "add" : "subtract");
  }

  @Override
  Numbers calculated(char operator, Numbers left, Numbers right, boolean[] overflow) {
    return operator == '+' ? left.added(right, overflow) : left.subtracted(right, overflow);
  }
}
