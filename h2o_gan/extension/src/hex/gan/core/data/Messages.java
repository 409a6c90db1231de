package hex.gan.core.data;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** Values as messages show them: as Python writes them, so that both sides have the same messages. */
public final class Messages {
  private static final int MOST_LISTED = 10;
  private static final int MOST_DIGITS = 17;

  private Messages() {}

  /** A text in quotes, with escapes where it does not print; Python's repr. */
  public static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder(text.length() + 2).append(quote);
    for (int at = 0; at < text.length(); at += Character.charCount(text.codePointAt(at))) {
      appendEscaped(out, text.codePointAt(at), quote);
    }
    return out.append(quote).toString();
  }

  /** The first characters of a text in quotes. */
  public static String quoted(String text, int most) {
    String all = quoted(text);
    return all.codePointCount(0, all.length()) <= most ? all : all.substring(0, all.offsetByCodePoints(0, most));
  }

  private static void appendEscaped(StringBuilder out, int point, char quote) {
    int simple = "\n\r\t\\".indexOf(point);
    if (simple >= 0) {
      out.append('\\').append("nrt\\".charAt(simple));
    } else if (point == quote) {
      out.append('\\').append(quote);
    } else if (isPrintable(point)) {
      out.appendCodePoint(point);
    } else {
      out.append(String.format(point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x", point));
    }
  }

  private static boolean isPrintable(int point) {
    switch (Character.getType(point)) {
      case Character.CONTROL:
      case Character.FORMAT:
      case Character.SURROGATE:
      case Character.PRIVATE_USE:
      case Character.UNASSIGNED:
      case Character.LINE_SEPARATOR:
      case Character.PARAGRAPH_SEPARATOR:
        return false;
      case Character.SPACE_SEPARATOR:
        return point == ' ';
      default:
        return true;
    }
  }

  /** A String, Long, Double or null; Python's repr. */
  public static String shown(Object value) {
    if (value == null) {
      return "None";
    }
    return value instanceof String ? quoted((String) value) : plain(value);
  }

  /** A String, Long or Double without quotes; Python's str. */
  public static String plain(Object value) {
    return value instanceof Double ? number((Double) value) : value.toString();
  }

  /** A condition: a value, a list in brackets, or a range in parentheses. */
  public static String shown(Condition wanted) {
    List<String> parts = new ArrayList<>();
    for (Object value : wanted.values) {
      parts.add(shown(value));
    }
    String all = String.join(", ", parts);
    return wanted.isRange ? "(" + all + ")" : wanted.isList ? "[" + all + "]" : all;
  }

  /** The first items of a list in quotes, with their number where not all are shown. */
  public static String listed(List<String> items) {
    List<String> parts = new ArrayList<>();
    for (String item : items.subList(0, Math.min(items.size(), MOST_LISTED))) {
      parts.add(quoted(item));
    }
    String all = String.join(", ", parts);
    return items.size() <= MOST_LISTED ? all : all + ", ... (" + items.size() + " in all)";
  }

  /** The shortest text of a double that is read as the same double. */
  public static String number(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value > 0 ? "0.0" : "-0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal found = exact;
    for (int digits = 1; digits <= MOST_DIGITS; digits++) {
      found = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (found.doubleValue() == value) {
        break;
      }
    }
    String text = written(found, 16);
    return text.indexOf('.') < 0 && text.indexOf('e') < 0 ? text + ".0" : text;
  }

  /** A double with at most ten digits; C's %.10g. */
  public static String rounded(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return number(value);
    }
    if (value == 0) {
      return 1 / value > 0 ? "0" : "-0";
    }
    return written(new BigDecimal(value).round(new MathContext(10, RoundingMode.HALF_EVEN)), 10);
  }

  /** Digits with an exponent where it is below -4, or this large. */
  private static String written(BigDecimal number, int large) {
    BigDecimal short_ = number.stripTrailingZeros();
    int exponent = short_.precision() - short_.scale() - 1;
    if (exponent >= -4 && exponent < large) {
      return short_.toPlainString();
    }
    String digits = short_.unscaledValue().abs().toString();
    String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
    return (short_.signum() < 0 ? "-" : "") + digits.charAt(0) + fraction
        + String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
