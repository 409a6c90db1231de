package hex.gan.core.rules;

/** A number or time difference with the other sign. */
final class Negative extends Expression {
  private final Expression of;

  Negative(Expression of) {
    super(expect(of, Type.NUMBER, Type.DIFFERENCE).type);
    this.of = of;
  }

  @Override
  Expression[] parts() {
    return new Expression[] {of};
  }

  @Override
  Numbers numbers(TableValues table) {
    return of.numbers(table).negated(table.overflow);
  }
}
