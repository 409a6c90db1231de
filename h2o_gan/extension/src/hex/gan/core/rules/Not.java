package hex.gan.core.rules;

/** Where a condition is false. */
final class Not extends Expression {
  final Expression of;

  Not(Expression of) {
    super(expect(of, Type.CONDITION).type);
    this.of = of;
  }

  @Override
  Expression[] parts() {
    return new Expression[] {of};
  }

  @Override
  Truth truth(TableValues table) {
    return of.truth(table).not();
  }
}
