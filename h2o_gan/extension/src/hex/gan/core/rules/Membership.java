package hex.gan.core.rules;

/** Where values are among those of a list. */
final class Membership extends Expression {
  private final Expression of;
  private final Literal[] options;

  Membership(Expression of, Literal[] options) {
    super(Type.CONDITION);
    if (options.length == 0) {
      throw new IllegalArgumentException("the list of values is empty");
    }
    expect(of, Type.NUMBER, Type.TIME, Type.DIFFERENCE, Type.TEXT);
    for (Literal option : options) {
      Comparison.checkComparable(of, option);
    }
    this.of = of;
    this.options = options;
  }

  @Override
  Expression[] parts() {
    Expression[] parts = new Expression[options.length + 1];
    parts[0] = of;
    System.arraycopy(options, 0, parts, 1, options.length);
    return parts;
  }

  @Override
  Truth truth(TableValues table) {
    boolean ofText = of.type == Type.TEXT;
    String[] texts = ofText ? of.texts(table) : null;
    Numbers numbers = ofText ? null : of.numbers(table);
    Truth any = null;
    for (Literal option : options) {
      Truth truth = ofText
          ? Comparison.compared(Comparison.Operator.EQUAL, texts, option.texts(table))
          : Comparison.compared(Comparison.Operator.EQUAL, numbers, option.numbers(table), Numbers.UNKNOWN);
      any = any == null ? truth : any.or(truth);
    }
    return any;
  }
}
