package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Times;
import hex.gan.core.data.Values;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Makes values of text, as h2o_gan/table_files.py does. */
final class TextValues {
  private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{32}");
  private static final Pattern TIME = Pattern.compile("[+-]?\\d+-\\d\\d-\\d\\d.*");
  private static final Pattern NUMBER =
      Pattern.compile("-?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
  private static final double MAX_WHOLE = 0x1p63;

  private TextValues() {}

  /**
   * Values of a column.
   *
   * @param texts null for missing ones
   * @param fractions whether a column of whole numbers may have others, and is one of reals then
   * @throws IllegalArgumentException a text is not a value of the column
   */
  static Values of(Column column, String[] texts, boolean fractions) {
    switch (column.kind) {
      case STRING:
        return Values.text(Kind.STRING, texts, missing(texts));
      case UUID:
        return uuids(column, texts);
      case ENUM:
        return levels(texts);
      case TIME:
        return times(column, texts);
      default:
        return numbers(column, texts, fractions);
    }
  }

  private static boolean[] missing(String[] texts) {
    boolean[] missing = new boolean[texts.length];
    for (int i = 0; i < texts.length; i++) {
      missing[i] = texts[i] == null;
    }
    return missing;
  }

  private static IllegalArgumentException wrong(Column column, String text) {
    return new IllegalArgumentException(
        "column " + Messages.quoted(column.name) + " is not " + column.kind.word() + ": " + Messages.quoted(text, 50));
  }

  /** Levels in the order of their first occurrence. */
  static Values levels(String[] texts) {
    Map<String, Integer> places = new HashMap<>();
    List<String> levels = new ArrayList<>();
    long[] indices = new long[texts.length];
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] != null) {
        Integer place = places.get(texts[i]);
        if (place == null) {
          place = levels.size();
          places.put(texts[i], place);
          levels.add(texts[i]);
        }
        indices[i] = place;
      }
    }
    return Values.levels(indices, levels, missing(texts));
  }

  private static Values uuids(Column column, String[] texts) {
    String[] found = new String[texts.length];
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] != null) {
        String hex = texts[i].trim().replace("urn:", "").replace("uuid:", "").replaceAll("[{}-]", "");
        if (!UUID.matcher(hex).matches()) {
          throw wrong(column, texts[i]);
        }
        found[i] = uuid(hex.toLowerCase(Locale.ROOT));
      }
    }
    return Values.text(Kind.UUID, found, missing(found));
  }

  /** A UUID of 32 hex digits. */
  static String uuid(String hex) {
    return hex.substring(0, 8) + '-' + hex.substring(8, 12) + '-' + hex.substring(12, 16) + '-' + hex.substring(16, 20)
        + '-' + hex.substring(20);
  }

  private static Values times(Column column, String[] texts) {
    long[] times = new long[texts.length];
    boolean[] missing = new boolean[texts.length];
    for (int i = 0; i < texts.length; i++) {
      String text = texts[i] == null ? "" : texts[i].trim();
      missing[i] = text.isEmpty();
      if (!missing[i]) {
        Long time = isWhole(text) ? wholeOf(text) : TIME.matcher(text).matches() ? Times.parse(text) : null;
        if (time == null) {
          throw wrong(column, text);
        }
        times[i] = time;
      }
    }
    return Values.whole(Kind.TIME, times, missing);
  }

  private static boolean isWhole(String text) {
    int start = text.charAt(0) == '-' ? 1 : 0;
    for (int i = start; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return text.length() > start;
  }

  /** A whole number; null where it exceeds 64 bits. */
  private static Long wholeOf(String text) {
    try {
      return Long.valueOf(text);
    } catch (NumberFormatException error) {
      return null;
    }
  }

  private static Values numbers(Column column, String[] texts, boolean fractions) {
    double[] reals = new double[texts.length];
    long[] wholes = new long[texts.length];
    boolean[] missing = new boolean[texts.length];
    boolean allWhole = column.kind == Kind.INT;
    for (int i = 0; i < texts.length; i++) {
      String text = texts[i] == null ? "" : texts[i].trim();
      missing[i] = text.isEmpty();
      if (missing[i]) {
        continue;
      }
      Long whole = column.kind == Kind.INT && isWhole(text) ? wholeOf(text) : null;
      reals[i] = whole == null ? real(column, text) : whole;
      missing[i] = Double.isNaN(reals[i]);
      if (whole == null && !missing[i] && allWhole) {
        allWhole = isWhole(reals[i]);
        if (!allWhole && !fractions) {
          throw wrong(column, text);
        }
        whole = (long) reals[i];
      }
      wholes[i] = whole == null ? 0 : whole;
    }
    return allWhole ? Values.whole(Kind.INT, wholes, missing) : Values.real(reals, missing);
  }

  /** Whether a double is a whole number of 64 bits. */
  static boolean isWhole(double value) {
    return value == Math.rint(value) && value >= -MAX_WHOLE && value < MAX_WHOLE;
  }

  private static double real(Column column, String text) {
    if (NUMBER.matcher(text).matches()) {
      return Double.parseDouble(text);
    }
    switch (text.toLowerCase(Locale.ROOT)) {
      case "inf":
      case "infinity":
      case "+inf":
        return Double.POSITIVE_INFINITY;
      case "-inf":
      case "-infinity":
        return Double.NEGATIVE_INFINITY;
      case "nan":
      case "-nan":
        return Double.NaN;
      default:
        throw wrong(column, text);
    }
  }
}
