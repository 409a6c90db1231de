package hex.gan.core.rules;

import java.util.Arrays;

/** {@code days(x)} and the like: the length of a time difference, or a difference of that length. */
final class Duration extends Expression {
  /** A unit of time. */
  enum Unit {
    DAYS(86_400_000),
    HOURS(3_600_000),
    MINUTES(60_000),
    SECONDS(1_000);

    final long milliseconds;

    Unit(long milliseconds) {
      this.milliseconds = milliseconds;
    }

    /** The unit of a tag, or null. */
    static Unit of(String tag) {
      for (Unit unit : values()) {
        if (unit.name().toLowerCase(java.util.Locale.ROOT).equals(tag)) {
          return unit;
        }
      }
      return null;
    }
  }

  final Unit unit;
  private final Expression of;

  Duration(Unit unit, Expression of) {
    super(expect(of, Type.NUMBER, Type.DIFFERENCE).type == Type.DIFFERENCE ? Type.NUMBER : Type.DIFFERENCE);
    this.unit = unit;
    this.of = of;
  }

  @Override
  Expression[] parts() {
    return new Expression[] {of};
  }

  @Override
  Numbers numbers(TableValues table) {
    long[] length = new long[table.rows()];
    Arrays.fill(length, unit.milliseconds);
    Numbers one = Numbers.whole(length, new boolean[length.length], 0);
    Numbers values = of.numbers(table);
    return type == Type.NUMBER ? values.divided(one) : values.multiplied(one, table.overflow);
  }
}
