package hex.gan.core.rules;

/** Products and quotients; missing where a divisor is zero. */
final class Product extends Arithmetic {
  Product(Expression[] operands, char[] operators) {
    super(typeOf(operands, operators), operands, operators);
  }

  private static Type typeOf(Expression[] operands, char[] operators) {
    check(operands, operators, '*', '/');
    for (Expression part : operands) {
      expect(part, Type.NUMBER, Type.DIFFERENCE);
    }
    Type total = operands[0].type;
    for (int i = 0; i < operators.length; i++) {
      total = result(total, operators[i], operands[i + 1].type);
    }
    return total;
  }

  private static Type result(Type left, char operator, Type right) {
    if (right == Type.NUMBER) {
      return left;
    }
    if (operator == '/' && left == Type.DIFFERENCE) {
      return Type.NUMBER;
    }
    if (operator == '*' && left == Type.NUMBER) {
      return Type.DIFFERENCE;
    }
    throw wrongPair(left, right, operator == '*' ? "multiply" : "divide");
  }

  @Override
  Numbers calculated(char operator, Numbers left, Numbers right, boolean[] overflow) {
    return operator == '*' ? left.multiplied(right, overflow) : left.divided(right);
  }
}
