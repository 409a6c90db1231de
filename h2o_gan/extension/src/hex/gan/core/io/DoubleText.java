package hex.gan.core.io;

import hex.gan.core.math.Powers;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Writes doubles as Arrow's CSV does: the shortest digits that are read as the same double. */
final class DoubleText {
  /** Numbers up to here are written without an exponent, as are those from 1e-6 on. */
  private static final int MAX_PLAIN = 10;
  private static final int MIN_PLAIN = -6;
  /** Decimals that are tried. */
  private static final int MOST_DECIMALS = 15;

  private DoubleText() {}

  static void append(ByteBuilder out, double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      out.append(Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");
      return;
    }
    if (value < 0 || (value == 0 && 1 / value < 0)) {
      out.append('-');
    }
    double size = Math.abs(value);
    if (size == 0) {
      out.append('0');
      return;
    }
    // Of few digits: below 1e15 a quotient by a power of ten is the double of its decimal text.
    for (int decimals = 0; decimals <= MOST_DECIMALS && size * Powers.of(decimals) < 1e15; decimals++) {
      double scaled = Math.rint(size * Powers.of(decimals));
      if (scaled / Powers.of(decimals) == size) {
        write(out, (long) scaled, decimals);
        return;
      }
    }
    BigDecimal shortest = shortest(size);
    write(out, shortest.unscaledValue().longValueExact(), shortest.scale());
  }

  private static BigDecimal shortest(double size) {
    BigDecimal found = new BigDecimal(Double.toString(size)).stripTrailingZeros();
    boolean isTiny = size < Double.MIN_NORMAL;
    if (found.precision() > 15 || isTiny) {
      // toString() is not always the shortest: up to Java 18, and of 4.9e-324 in all.
      BigDecimal exact = new BigDecimal(size);
      for (int digits = isTiny ? 1 : 15; digits <= 17; digits++) {
        BigDecimal shorter = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
        if (shorter.doubleValue() == size) {
          return shorter.stripTrailingZeros();
        }
      }
    }
    return found;
  }

  /** Writes digits * 10^-scale. */
  private static void write(ByteBuilder out, long digits, int scale) {
    long number = digits;
    int decimals = scale;
    while (number % 10 == 0) {
      number /= 10;
      decimals--;
    }
    int length = Long.toString(number).length();
    int exponent = length - 1 - decimals;
    if (exponent < MIN_PLAIN || exponent >= MAX_PLAIN) {
      writeFraction(out, number, length - 1);
      out.append('e');
      out.append(exponent < 0 ? '-' : '+');
      out.appendDigits(Math.abs(exponent), 1);
    } else if (decimals > 0) {
      writeFraction(out, number, decimals);
    } else {
      out.appendDigits(number, 1);
      for (int i = decimals; i < 0; i++) {
        out.append('0');
      }
    }
  }

  private static void writeFraction(ByteBuilder out, long number, int decimals) {
    long power = 1;
    for (int i = 0; i < decimals && power <= number; i++) {
      power *= 10;
    }
    if (power > number) {
      // No digit stands before the point; a number has at most 17 digits, and a power 18.
      out.appendDigits(0, 1);
    } else {
      out.appendDigits(number / power, 1);
    }
    if (decimals > 0) {
      out.append('.');
      out.appendDigits(power > number ? number : number % power, decimals);
    }
  }
}
