package hex.gan.core.rules;

/** Where values are missing: always true or false. */
final class Missing extends Expression {
  final Expression of;

  Missing(Expression of) {
    super(Type.CONDITION);
    this.of = expect(of, Type.NUMBER, Type.TIME, Type.DIFFERENCE, Type.TEXT);
  }

  @Override
  Expression[] parts() {
    return new Expression[] {of};
  }

  @Override
  Truth truth(TableValues table) {
    boolean[] missing = of.missing(table);
    boolean[] present = new boolean[missing.length];
    for (int i = 0; i < present.length; i++) {
      present[i] = !missing[i];
    }
    return new Truth(missing, present);
  }
}
