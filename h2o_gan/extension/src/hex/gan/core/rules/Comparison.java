package hex.gan.core.rules;

/**
 * Comparisons, each part with the next: true where all are.
 *
 * <p>Two numbers are equal if they are as soon as both are rounded to their decimals. A column also equals a calculated
 * number that is rounded to it: {@code share = part / whole}.
 */
final class Comparison extends Expression {
  private final Expression[] operands;
  private final Operator[] operators;

  /** How two values are compared. */
  enum Operator {
    EQUAL("="),
    UNEQUAL("!="),
    LESS("<"),
    AT_MOST("<="),
    MORE(">"),
    AT_LEAST(">=");

    private final String sign;

    Operator(String sign) {
      this.sign = sign;
    }

    static Operator of(String sign) {
      for (Operator operator : values()) {
        if (operator.sign.equals(sign)) {
          return operator;
        }
      }
      throw new IllegalArgumentException("no parts go with this operator of a comparison");
    }
  }

  Comparison(Expression[] operands, Operator... operators) {
    super(Type.CONDITION);
    if (operators.length == 0 || operands.length != operators.length + 1) {
      throw new IllegalArgumentException(
          operands.length + " parts do not go with " + operators.length + " comparisons");
    }
    for (Expression part : operands) {
      expect(part, Type.NUMBER, Type.TIME, Type.DIFFERENCE, Type.TEXT);
    }
    for (int i = 0; i < operators.length; i++) {
      checkComparable(operands[i], operands[i + 1]);
      if (operands[i].type == Type.TEXT && operators[i] != Operator.EQUAL && operators[i] != Operator.UNEQUAL) {
        throw new IllegalArgumentException("text has no order: use =, != or in");
      }
    }
    this.operands = operands;
    this.operators = operators;
  }

  /** Throws IllegalArgumentException unless two parts are of one type. */
  static void checkComparable(Expression left, Expression right) {
    if (left.type != right.type) {
      throw wrongPair(left.type, right.type, "compare");
    }
  }

  @Override
  Expression[] parts() {
    return operands;
  }

  @Override
  Truth truth(TableValues table) {
    Truth all = null;
    if (operands[0].type == Type.TEXT) {
      String[] left = operands[0].texts(table);
      for (int i = 0; i < operators.length; i++) {
        String[] right = operands[i + 1].texts(table);
        Truth truth = compared(operators[i], left, right);
        all = all == null ? truth : all.and(truth);
        left = right;
      }
      return all;
    }
    Numbers left = operands[0].numbers(table);
    for (int i = 0; i < operators.length; i++) {
      Numbers right = operands[i + 1].numbers(table);
      int roundedTo = roundedTo(operands[i], operands[i + 1], left, right);
      Truth truth = compared(operators[i], left, right, roundedTo);
      all = all == null ? truth : all.and(truth);
      left = right;
    }
    return all;
  }

  /** The decimals of a column that is compared with a calculated number. */
  private static int roundedTo(Expression left, Expression right, Numbers one, Numbers other) {
    if (left instanceof Reference && isCalculated(right)) {
      return one.decimals;
    }
    return right instanceof Reference && isCalculated(left) ? other.decimals : Numbers.UNKNOWN;
  }

  private static boolean isCalculated(Expression part) {
    return !(part instanceof Reference || part instanceof Literal);
  }

  static Truth compared(Operator operator, String[] left, String[] right) {
    boolean[] results = new boolean[left.length];
    for (int i = 0; i < results.length; i++) {
      results[i] = left[i] != null && left[i].equals(right[i]) == (operator == Operator.EQUAL);
    }
    return Truth.known(results, missing(left), missing(right));
  }

  static Truth compared(Operator operator, Numbers left, Numbers right, int roundedTo) {
    boolean[] results;
    switch (operator) {
      case EQUAL:
      case UNEQUAL:
        results = left.equal(right, roundedTo);
        break;
      case LESS:
      case AT_MOST:
        results = left.less(right);
        break;
      default:
        results = right.less(left);
    }
    boolean orEqual = operator == Operator.AT_MOST || operator == Operator.AT_LEAST;
    boolean[] equal = orEqual ? left.equal(right, Numbers.UNKNOWN) : null;
    for (int i = 0; i < results.length; i++) {
      results[i] = orEqual ? results[i] | equal[i] : results[i] ^ operator == Operator.UNEQUAL;
    }
    return Truth.known(results, left.missing, right.missing);
  }
}
