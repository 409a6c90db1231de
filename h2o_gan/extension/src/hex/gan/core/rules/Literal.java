package hex.gan.core.rules;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Arrays;

/** A value that is written out. */
final class Literal extends Expression {
  /** Most characters of a text or a name. */
  static final int MAX_TEXT = 10_000;

  /** Whole numbers up to here are exact in every program that reads JSON. */
  private static final long MAX_WHOLE = 1L << 53;
  /** The years 0 to 9999. */
  private static final long FIRST_MOMENT = -62_167_219_200_000L;
  private static final long LAST_MOMENT = 253_402_300_799_999L;

  private final boolean isWhole;
  private final long whole;
  private final double real;
  private final int decimals;
  private final String text;

  private Literal(Type type, boolean isWhole, long whole, double real, int decimals, String text) {
    super(type);
    this.isWhole = isWhole;
    this.whole = whole;
    this.real = real;
    this.decimals = decimals;
    this.text = text;
  }

  /** A whole number of a magnitude of at most 2**53. */
  static Literal whole(long value) {
    if (value < -MAX_WHOLE || value > MAX_WHOLE) {
      throw new IllegalArgumentException("the number " + value + " is too large to be exact");
    }
    return new Literal(Type.NUMBER, true, value, 0, 0, null);
  }

  /** A finite number; a whole one up to 2**53 becomes one. */
  static Literal number(double value) {
    if (Math.abs(value) <= MAX_WHOLE && Math.rint(value) == value) {
      return whole((long) value);
    }
    return new Literal(Type.NUMBER, false, 0, value, decimals(value), null);
  }

  /** A time, in milliseconds since 1970, UTC, of the years 0 to 9999. */
  static Literal moment(long value) {
    if (value < FIRST_MOMENT || value > LAST_MOMENT) {
      throw new IllegalArgumentException("the time " + value + " is outside the years 0 to 9999");
    }
    return new Literal(Type.TIME, true, value, 0, 0, null);
  }

  /** A text of Unicode. */
  static Literal text(String value) {
    int characters = value.codePointCount(0, value.length());
    if (characters > MAX_TEXT) {
      throw new IllegalArgumentException("a text has " + characters + " characters");
    }
    for (int at = 0; at < value.length(); at = value.offsetByCodePoints(at, 1)) {
      int point = value.codePointAt(at);
      if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
        throw new IllegalArgumentException("a text has half of a surrogate pair");
      }
    }
    return new Literal(Type.TEXT, false, 0, 0, 0, value);
  }

  /** The decimals of the shortest text that stands for a number. */
  static int decimals(double value) {
    // Java's text is sometimes a digit longer than the shortest one, on either side of which it lies.
    BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    BigDecimal shorter = shortest;
    while (shorter != null) {
      shortest = shorter.stripTrailingZeros();
      shorter = null;
      for (RoundingMode mode : new RoundingMode[] {RoundingMode.FLOOR, RoundingMode.CEILING}) {
        BigDecimal tried = shortest.precision() < 2
            ? shortest : shortest.round(new MathContext(shortest.precision() - 1, mode));
        if (tried != shortest && tried.doubleValue() == value) {
          shorter = tried;
        }
      }
    }
    return Math.max(shortest.scale(), 0);
  }

  @Override
  Numbers numbers(TableValues table) {
    boolean[] missing = new boolean[table.rows()];
    if (isWhole) {
      long[] values = new long[missing.length];
      Arrays.fill(values, whole);
      return Numbers.whole(values, missing, 0);
    }
    if (text != null) {
      return super.numbers(table);
    }
    double[] values = new double[missing.length];
    Arrays.fill(values, real);
    return Numbers.real(values, missing, decimals);
  }

  @Override
  String[] texts(TableValues table) {
    if (text == null) {
      return super.texts(table);
    }
    String[] values = new String[table.rows()];
    Arrays.fill(values, text);
    return values;
  }
}
