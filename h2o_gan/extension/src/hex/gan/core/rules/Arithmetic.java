package hex.gan.core.rules;

/** Calculations with two operators of the same precedence, from left to right. */
abstract class Arithmetic extends Expression {
  final Expression[] operands;
  /** One fewer, each before the operand after it: + and -, or * and /. */
  final char[] operators;

  Arithmetic(Type type, Expression[] operands, char[] operators) {
    super(type);
    this.operands = operands;
    this.operators = operators;
  }

  @Override
  final Expression[] parts() {
    return operands;
  }

  @Override
  final Numbers numbers(TableValues table) {
    Numbers total = operands[0].numbers(table);
    for (int i = 0; i < operators.length; i++) {
      total = calculated(operators[i], total, operands[i + 1].numbers(table), table.overflow);
    }
    return total;
  }

  abstract Numbers calculated(char operator, Numbers left, Numbers right, boolean[] overflow);

  /** Checks that operands and operators go together. */
  static void check(Expression[] operands, char[] operators, char first, char second) {
    boolean valid = operators.length > 0 && operands.length == operators.length + 1;
    for (char operator : operators) {
      valid &= operator == first || operator == second;
    }
    if (!valid) {
      throw new IllegalArgumentException(
          operands.length + " parts do not go with the operators " + String.valueOf(operators));
    }
  }
}
